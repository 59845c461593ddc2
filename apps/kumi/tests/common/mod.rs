//! A place for a node of its own: a state directory and a `kumi.toml` without an interface and
//! with any free port, so that no privilege and no network is needed.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A directory with a state directory and a `kumi.toml` in it.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("kumi-program-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        let config = "discovery = false\nlisten = \"[::]:0\"\n[tun]\nmode = \"none\"\n";
        std::fs::write(path.join("kumi.toml"), config).unwrap();
        Place(path)
    }

    pub(crate) fn kumi(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kumi"));
        command.arg("--state").arg(self.0.join("state"));
        command.arg("--config").arg(self.0.join("kumi.toml"));
        command
            .args(args)
            .env("LC_ALL", "C.UTF-8")
            .env_remove("KUMI_PASSPHRASE_FILE");
        command.stdin(std::process::Stdio::null()).output().unwrap()
    }

    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.kumi(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn fails(&self, args: &[&str], code: i32) -> String {
        let output = self.kumi(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        said
    }

    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(&[args, &["--json"]].concat())).unwrap()
    }

    pub(crate) fn passphrase(&self, words: &str) -> String {
        let path = self.0.join("passphrase");
        std::fs::write(&path, format!("{words}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.kumi(&["down"]);
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
