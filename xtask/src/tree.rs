//! The project's files as a value: relative path → text.
//!
//! Build output, version control and corpora are left out of the text (corpora are still listed), so a check that
//! scans "all files" sees what a person wrote. Tests make a [`Tree`] from literals and never touch the disk.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Folders that hold nothing a person wrote.
const SKIPPED_FOLDERS: &[&str] = &["target", ".git", "node_modules"];
/// Folders whose files are listed but not read.
const UNREAD_FOLDERS: &[&str] = &["corpus", "results"];
/// Larger files are listed but not read; ours stay far below this.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// All files of the project, by path relative to its root with `/` between the parts.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Reads the tree under `root`.
    ///
    /// # Errors
    /// A folder or file cannot be read.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Tree::default();
        tree.read_folder(root, "", true)?;
        Ok(tree)
    }

    /// A tree from literals, for tests.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned())))
            .collect();
        Tree { files }
    }

    /// The text of one file, if it exists and is text.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).and_then(Option::as_deref)
    }

    /// Whether a file, or a folder with at least one file in it, has this path.
    pub(crate) fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files.contains_key(path) || self.folder(path).next().is_some()
    }

    /// The paths of all files under a folder, in order.
    pub(crate) fn folder<'a>(&'a self, path: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{}/", path.trim_end_matches('/'))
        };
        self.files
            .range(prefix.clone()..)
            .map(|(path, _)| path.as_str())
            .take_while(move |path| path.starts_with(&prefix))
    }

    /// All text files whose name ends with `suffix`, as (path, text).
    pub(crate) fn texts<'a>(&'a self, suffix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.ends_with(suffix))
            .filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str, readable: bool) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            // A linked folder is not entered: it would be seen twice, or without end.
            let is_link = entry.file_type()?.is_symlink();
            match fs::metadata(entry.path()) {
                Ok(kind) if kind.is_dir() => {
                    if is_link || SKIPPED_FOLDERS.contains(&name.as_str()) {
                        continue;
                    }
                    let readable = readable && !UNREAD_FOLDERS.contains(&name.as_str());
                    self.read_folder(&entry.path(), &format!("{path}/"), readable)?;
                }
                Ok(kind) => {
                    let text = if readable && kind.len() <= FILE_BYTES_MAX {
                        String::from_utf8(fs::read(entry.path())?).ok()
                    } else {
                        None
                    };
                    self.files.insert(path, text);
                }
                // A dangling link is a file nobody can read; a check that needs it will say so.
                Err(_) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_exists_when_a_file_is_in_it() {
        let tree = Tree::of(&[("docs/a.md", ""), ("docs2/b.md", "")]);
        assert!(tree.exists("docs"));
        assert!(tree.exists("docs/"));
        assert!(tree.exists("docs/a.md"));
        assert!(!tree.exists("doc"));
        assert_eq!(tree.folder("docs").collect::<Vec<_>>(), ["docs/a.md"]);
    }
}
