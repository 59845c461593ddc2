//! Tests of [`super`]: on a real directory of their own.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU32, Ordering};

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "kumi-files-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        private_directory(&path).unwrap();
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_write_replaces_the_whole_and_is_private() {
    let scratch = Scratch::new();
    let path = scratch.at("key");
    write_private(&path, b"first, longer").unwrap();
    write_private(&path, b"second").unwrap();
    assert_eq!(read_private(&path, 100).unwrap(), b"second");
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    assert_eq!(
        std::fs::read_dir(&scratch.0).unwrap().count(),
        1,
        "no temporary file stays"
    );
}

#[test]
fn what_a_crash_left_is_replaced_by_the_next_write() {
    let scratch = Scratch::new();
    let path = scratch.at("key");
    std::fs::write(scratch.at(".key.new"), b"half of a se").unwrap();
    write_private(&path, b"whole").unwrap();
    assert_eq!(read_private(&path, 100).unwrap(), b"whole");
    assert!(!scratch.at(".key.new").exists());
}

#[test]
fn create_never_overwrites() {
    let scratch = Scratch::new();
    let path = scratch.at("root.key");
    create_private(&path, b"mine").unwrap();
    assert!(matches!(
        create_private(&path, b"other"),
        Err(FileError::Exists(_))
    ));
    assert_eq!(read_private(&path, 100).unwrap(), b"mine");
    assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 1);
}

#[test]
fn each_defect_of_a_file_has_its_own_error() {
    let scratch = Scratch::new();
    let path = scratch.at("key");
    assert!(matches!(
        read_private(&path, 10),
        Err(FileError::Missing(_))
    ));
    write_private(&path, &[7; 11]).unwrap();
    assert!(matches!(
        read_private(&path, 10),
        Err(FileError::TooLong { len_max: 10, .. })
    ));
    assert_eq!(read_private(&path, 11).unwrap().len(), 11);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(matches!(
        read_private(&path, 20),
        Err(FileError::TooOpen { mode: 0o640, .. })
    ));
    assert!(matches!(
        append_private(&path),
        Err(FileError::TooOpen { .. })
    ));
    assert!(matches!(
        read_private(&scratch.0, 20),
        Err(FileError::WrongType(_))
    ));
    if crate::process::user_id() == 0 {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        assert!(matches!(
            read_private(&path, 20),
            Err(FileError::ForeignOwner { owner: 65_534, .. })
        ));
    }
}

#[test]
fn a_directory_that_others_may_enter_is_refused() {
    let scratch = Scratch::new();
    std::fs::set_permissions(&scratch.0, PermissionsExt::from_mode(0o755)).unwrap();
    assert!(matches!(
        private_directory(&scratch.0),
        Err(FileError::TooOpen { mode: 0o755, .. })
    ));
}

#[test]
fn the_lock_is_had_once_and_outlives_nobody() {
    let scratch = Scratch::new();
    let path = scratch.at("lock");
    assert_eq!(Lock::holder(&path), None);
    std::fs::write(&path, "4000000000\n").unwrap(); // what a killed process leaves
    assert_eq!(Lock::holder(&path), None);
    let lock = Lock::acquire(&path).unwrap();
    let own = std::process::id();
    assert_eq!(Lock::holder(&path), Some(own));
    assert!(matches!(Lock::acquire(&path), Err(LockError::Held { pid: Some(pid) }) if pid == own));
    drop(lock);
    assert_eq!(Lock::holder(&path), None);
    Lock::acquire(&path).unwrap();
}

#[test]
fn state_lives_where_the_standards_say() {
    let variables = |set: &'static [(&'static str, &'static str)]| {
        move |name: &str| {
            set.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, v)| OsString::from(v))
        }
    };
    let root = Directories::for_user(0, variables(&[("HOME", "/root")])).unwrap();
    assert_eq!(root.state, Path::new("/var/lib/kumihimo"));
    assert_eq!(root.runtime, Path::new("/run/kumihimo"));
    let plain = Directories::for_user(1000, variables(&[("HOME", "/home/a")])).unwrap();
    assert_eq!(
        plain,
        Directories::under(Path::new("/home/a/.local/state/kumihimo"))
    );
    let xdg = [
        ("HOME", "/h"),
        ("XDG_STATE_HOME", "/s"),
        ("XDG_RUNTIME_DIR", "/run/user/1000"),
    ];
    let xdg: &'static [_] = Box::leak(Box::new(xdg));
    let directories = Directories::for_user(1000, variables(xdg)).unwrap();
    assert_eq!(directories.state, Path::new("/s/kumihimo"));
    assert_eq!(directories.runtime, Path::new("/run/user/1000/kumihimo"));
    assert_eq!(
        Directories::for_user(1000, variables(&[("HOME", "relative")])),
        None
    );
}

#[test]
fn a_file_of_the_machine_is_replaced_whole_with_its_mode_and_owner() {
    let scratch = Scratch::new();
    let path = scratch.at("nsswitch.conf");
    std::fs::write(&path, b"before").unwrap();
    let owner = (
        crate::process::user_id(),
        std::fs::metadata(&path).unwrap().gid(),
    );
    replace(&path, b"after", 0o644, owner).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"after");
    let found = std::fs::metadata(&path).unwrap();
    assert_eq!(found.permissions().mode() & 0o7777, 0o644);
    assert_eq!((found.uid(), found.gid()), owner);
    // What cannot be replaced stays, and nothing is left beside it.
    std::fs::create_dir(scratch.at("directory")).unwrap();
    assert!(replace(&scratch.at("directory"), b"x", 0o644, owner).is_err());
    assert!(scratch.at("directory").is_dir());
    assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 2);
}
