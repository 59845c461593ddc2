//! The forwards on disk: a small JSON file in the state directory, replaced as a whole.

use api::{FORWARDS_MAX, Forward, Listen, Target};
use os::files::{self, FileError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file's name in the state directory.
pub const FORWARDS: &str = "forwards";
/// The version of the format.
const FORMAT: u32 = 1;
/// The longest file that is read, in bytes.
const FILE_LEN_MAX: u64 = 64 * 1024;

/// Why the forwards cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// The file is missing rights, or the disk failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not what this version writes. It is left as it is.
    #[error("{}: {detail}; move it away to start without forwards", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Saved {
    format: u32,
    forwards: Vec<Forward>,
}

/// Reads the forwards; none when there is no file.
pub(super) fn load(path: &Path) -> Result<BTreeMap<Listen, Target>, SavedError> {
    let damaged = |detail: String| SavedError::Damaged {
        path: path.to_owned(),
        detail,
    };
    let bytes = match files::read_private(path, FILE_LEN_MAX) {
        Ok(bytes) => bytes,
        Err(FileError::Missing(_)) => return Ok(BTreeMap::new()),
        Err(error) => return Err(error.into()),
    };
    let saved: Saved =
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if saved.format != FORMAT || saved.forwards.len() > FORWARDS_MAX {
        let (format, count) = (saved.format, saved.forwards.len());
        return Err(damaged(format!("format {format}, {count} forwards")));
    }
    let pairs = saved.forwards.into_iter();
    Ok(pairs.map(|one| (one.listen, one.target)).collect())
}

/// Writes the forwards.
pub(super) fn store(path: &Path, forwards: &BTreeMap<Listen, Target>) -> Result<(), SavedError> {
    let forwards = forwards.iter().map(|(listen, target)| Forward {
        listen: *listen,
        target: *target,
    });
    let saved = Saved {
        format: FORMAT,
        forwards: forwards.collect(),
    };
    let bytes = serde_json::to_vec(&saved).map_err(|error| SavedError::Damaged {
        path: path.to_owned(),
        detail: error.to_string(),
    })?;
    Ok(files::write_private(path, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwards_are_read_as_they_were_written_and_damage_is_named() {
        let name = format!("kumi-forwards-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        files::private_directory(&directory).unwrap();
        let path = directory.join(FORWARDS);
        assert_eq!(load(&path).unwrap(), BTreeMap::new());
        let pair = |port: u16| {
            let listen = Listen::Inside(port);
            (listen, "127.0.0.1:22".parse::<Target>().unwrap())
        };
        let most: BTreeMap<_, _> = (1..=64).map(pair).collect();
        store(&path, &most).unwrap();
        assert_eq!(load(&path).unwrap(), most);
        let over: BTreeMap<_, _> = (1..=65).map(pair).collect();
        store(&path, &over).unwrap();
        assert!(matches!(load(&path), Err(SavedError::Damaged { .. })));
        for wrong in ["", "{}", r#"{"format":2,"forwards":[]}"#] {
            files::write_private(&path, wrong.as_bytes()).unwrap();
            let error = load(&path).unwrap_err().to_string();
            assert!(error.contains("move it away"), "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), wrong.as_bytes());
        }
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
