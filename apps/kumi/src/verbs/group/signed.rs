//! What the groups are called that an admin has signed for: a server calls them as it likes, so that it could show one
//! for another. Their ids and names are remembered in the state directory, and what differs is said.

use crate::context::Context;
use crate::failure::Failure;
use crate::keys::file_failure;
use os::files::FileError;
use std::collections::BTreeMap;
use std::path::PathBuf;

const FILE: &str = "admin-groups.json";
const FILE_LEN_MAX: u64 = 1 << 20;

/// The groups by id, and what each was called.
pub(super) type Signed = BTreeMap<String, String>;

/// What is strange about a group's name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Strange {
    /// This other group was called so.
    OtherGroup(String),
    /// It was called this.
    OtherName(String),
}

/// What was signed for so far. A file that cannot be read is as none: it only warns.
pub(super) fn load(context: &Context) -> Result<Signed, Failure> {
    match os::files::read_private(&path(context), FILE_LEN_MAX) {
        Err(FileError::Missing(_)) => Ok(Signed::new()),
        Err(error) => Err(file_failure(error)),
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
    }
}

/// Remembers a group.
pub(super) fn remember(
    context: &Context,
    mut signed: Signed,
    id: String,
    name: &str,
) -> Result<(), Failure> {
    if signed.insert(id, name.to_owned()).as_deref() == Some(name) {
        return Ok(());
    }
    os::files::private_directory(&context.directories.state).map_err(file_failure)?;
    // Texts: this cannot fail.
    let bytes = serde_json::to_vec(&signed).unwrap_or_default();
    os::files::write_private(&path(context), &bytes).map_err(file_failure)
}

/// Compares with what is known.
pub(super) fn strange(signed: &Signed, id: &str, name: &str) -> Option<Strange> {
    match signed.get(id) {
        Some(known) if known == name => None,
        Some(known) => Some(Strange::OtherName(known.clone())),
        None => {
            let mut others = signed.iter();
            let other = others.find(|(_, known)| known.as_str() == name);
            other.map(|(id, _)| Strange::OtherGroup(id.clone()))
        }
    }
}

fn path(context: &Context) -> PathBuf {
    context.directories.state.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_was_another_groups_is_noticed_and_so_is_another_name() {
        let directory = std::env::temp_dir().join(format!("kumi-signed-{}", std::process::id()));
        let context = Context::for_test(&directory);
        let none = load(&context).unwrap();
        assert_eq!(strange(&none, "aa", "vault"), None);
        remember(&context, none, "aa".to_owned(), "vault").unwrap();
        let known = load(&context).unwrap();
        assert_eq!(strange(&known, "aa", "vault"), None);
        assert_eq!(strange(&known, "bb", "sales"), None);
        let other = strange(&known, "bb", "vault");
        assert_eq!(other, Some(Strange::OtherGroup("aa".to_owned())));
        let renamed = strange(&known, "aa", "sales");
        assert_eq!(renamed, Some(Strange::OtherName("vault".to_owned())));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
