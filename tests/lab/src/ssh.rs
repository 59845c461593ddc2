//! A real `sshd`, inside the overlay or beside it, for one login by key.

use std::time::Duration;

use crate::host::Host;
use crate::ns::{Running, eventually};
use crate::sh;

/// The port of the lab's `sshd`.
pub const PORT: u16 = 2222;

/// A running server and the key that opens it.
#[derive(Debug)]
pub struct Sshd {
    _server: Running,
    key: String,
    user: &'static str,
    address: String,
    port: u16,
}

impl Sshd {
    /// Starts `sshd` on `server` at its address `f`; `client` gets the key.
    pub fn start(server: &Host<'_>, client: &Host<'_>, f: &str) -> Self {
        let (key, config) = configure(server, client, f);
        let running = server.spawn_inside(&["/usr/sbin/sshd", "-D", "-e", "-f", &config]);
        let sshd = Self {
            _server: running,
            key,
            user: server.account.name(),
            address: f.to_owned(),
            port: PORT,
        };
        eventually(Duration::from_secs(15), "sshd to accept a login", || {
            let argv = sshd.ssh(&["true"]);
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            let argv = client.inside(&argv);
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            let out = client.ns.output(
                client.account,
                &client.home(),
                &argv,
                Duration::from_secs(10),
            );
            out.status.success().then_some(())
        });
        sshd
    }

    /// Starts `sshd` on `server` outside the overlay, on the loopback interface of the host;
    /// `client` gets the key. Log in through whatever leads there: [`Sshd::reached_at`].
    pub fn start_outside(server: &Host<'_>, client: &Host<'_>) -> Self {
        let (key, config) = configure(server, client, "127.0.0.1");
        let argv = ["/usr/sbin/sshd", "-D", "-e", "-f", &config];
        Self {
            _server: server.ns.spawn(server.account, &server.home(), &argv),
            key,
            user: server.account.name(),
            address: "127.0.0.1".to_owned(),
            port: PORT,
        }
    }

    /// From now on clients log in at this address and port.
    pub fn reached_at(&mut self, address: &str, port: u16) {
        address.clone_into(&mut self.address);
        self.port = port;
    }

    fn options(&self) -> Vec<String> {
        [
            "UserKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=no",
            "LogLevel=ERROR",
            "BatchMode=yes",
            "ConnectTimeout=5",
        ]
        .iter()
        .flat_map(|o| ["-o".to_owned(), (*o).to_owned()])
        .chain(["-i".to_owned(), self.key.clone()])
        .collect()
    }

    /// `ssh … command`.
    pub fn ssh(&self, command: &[&str]) -> Vec<String> {
        let mut argv = vec!["ssh".to_owned()];
        argv.extend(self.options());
        argv.extend([
            "-p".into(),
            self.port.to_string(),
            format!("{}@{}", self.user, self.address),
        ]);
        argv.extend(command.iter().map(|s| (*s).to_owned()));
        argv
    }

    /// `scp from server:to`.
    pub fn scp_to(&self, from: &str, to: &str) -> Vec<String> {
        let mut argv = vec!["scp".to_owned(), "-q".to_owned()];
        argv.extend(self.options());
        argv.extend(["-P".into(), self.port.to_string(), from.into()]);
        argv.push(format!("{}@[{}]:{to}", self.user, self.address));
        argv
    }
}

/// Keys and the configuration of a server that listens at `address`: the client's key and the
/// path of the configuration.
fn configure(server: &Host<'_>, client: &Host<'_>, address: &str) -> (String, String) {
    let (host_key, auth) = (
        server.dir.join("ssh_host_key"),
        server.dir.join("authorized_keys"),
    );
    let key = client.dir.join("id_lab");
    for (path, owner) in [(&host_key, server), (&key, client)] {
        // A server that was here before has ended with its keys.
        let _ = std::fs::remove_file(path);
        sh("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", path]);
        own(owner, path);
    }
    std::fs::copy(format!("{key}.pub"), &auth).expect("a public key");
    own(server, &auth);
    let config = server.dir.join("sshd_config");
    let text = format!(
        "ListenAddress [{address}]:{PORT}\nHostKey {host_key}\nAuthorizedKeysFile {auth}\nPidFile none\n\
         PasswordAuthentication no\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\n\
         Subsystem sftp internal-sftp\n"
    );
    std::fs::write(&config, text).expect("a config");
    own(server, &config);
    std::fs::create_dir_all("/run/sshd").expect("/run/sshd");
    (key, config)
}

/// Gives a file to the account of `host`, private.
pub fn own(host: &Host<'_>, path: &str) {
    let name = host.account.name();
    sh("chown", &[&format!("{name}:{name}"), path]);
    sh("chmod", &["600", path]);
}
