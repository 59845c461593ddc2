//! Ordinary accounts: no capabilities, own home, own keys.

use std::path::{Path, PathBuf};
use std::sync::Once;

use crate::sh;

/// Who runs a program in the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// root with everything.
    Root,
    /// `kumi-lab-a`, without any capability.
    A,
    /// `kumi-lab-b`, without any capability.
    B,
}

impl Account {
    /// Its login name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::A => "kumi-lab-a",
            Self::B => "kumi-lab-b",
        }
    }

    /// The argv prefix that becomes this account and gives up everything else.
    pub fn prefix(self) -> Vec<String> {
        if self == Self::Root {
            return Vec::new();
        }
        [
            "setpriv",
            "--reuid",
            self.name(),
            "--regid",
            self.name(),
            "--init-groups",
        ]
        .iter()
        .chain(&["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"])
        .map(|s| (*s).to_owned())
        .collect()
    }
}

/// Makes both accounts. Where `/dev/net/tun` is closed to them, their nodes use the other kind of
/// interface; `crates/os` tests both kinds on every machine.
pub fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for account in [Account::A, Account::B] {
            let exists = std::fs::read_to_string("/etc/passwd").is_ok_and(|p| {
                p.lines()
                    .any(|l| l.starts_with(&format!("{}:", account.name())))
            });
            if !exists {
                sh(
                    "useradd",
                    &["--create-home", "--shell", "/bin/bash", account.name()],
                );
                // An account without a password is locked, and a locked account gets no login by key.
                sh("usermod", &["-p", "*", account.name()]);
            }
        }
    });
}

/// A fresh directory that belongs to `account`, gone with the value.
#[derive(Debug)]
pub struct Dir(PathBuf);

impl Dir {
    /// Makes it under `/tmp`.
    pub fn new(account: Account, label: &str) -> Self {
        let path = PathBuf::from(format!("/tmp/kml{}-{label}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory under /tmp");
        let text = path.to_str().expect("plain path").to_owned();
        sh("chown", &[&format!("{0}:{0}", account.name()), &text]);
        sh("chmod", &["700", &text]);
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path inside.
    pub fn join(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("plain path").to_owned()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
