//! A real systemd-resolved in a namespace, with a message bus of its own. The machine's own, if it has one, is
//! left alone; the package is unpacked beside the build, never installed: installing it changes the machine's
//! `/etc/resolv.conf`.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use crate::account::{Account, Dir};
use crate::host::Host;
use crate::ns::{Running, eventually};
use crate::{kumi, sh};

const LIMIT: Duration = Duration::from_secs(60);

/// A copy of `/etc` without settings of kumi, and an empty `/run`, for whatever runs in this mount
/// namespace; a bus and the resolver. Every program there asks the resolver at 127.0.0.53, as on a
/// machine where it is installed.
const SCRIPT: &str = r#"set -e
d=$1 r=$2
mount -t overlay -o lowerdir=/etc,upperdir=$d/etc,workdir=$d/work names /etc
rm -rf /etc/kumihimo
mount -t tmpfs names /run
mkdir -p /run/dbus /run/systemd/resolve
echo 'systemd-resolve:x:991:991::/:/usr/sbin/nologin' >>/etc/passwd
echo 'systemd-resolve:x:991:' >>/etc/group
chown 991:991 /run/systemd/resolve
cp $r/usr/share/dbus-1/system.d/org.freedesktop.resolve1.conf /etc/dbus-1/system.d/
rm -f /etc/resolv.conf
echo 'nameserver 127.0.0.53' >/etc/resolv.conf
dbus-daemon --system --nofork --nopidfile &
while [ ! -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
$r/lib/systemd/systemd-resolved &
echo $$ >$d/pid
wait
"#;

/// A host on which systemd-resolved runs.
#[derive(Debug)]
pub struct Resolved<'a> {
    host: &'a Host<'a>,
    programs: PathBuf,
    pid: String,
    _dir: Dir,
    _running: Running,
}

impl<'a> Resolved<'a> {
    /// Starts it on `host`.
    ///
    /// # Panics
    /// The package cannot be had, or it does not start.
    pub fn start(host: &'a Host<'a>, label: &str) -> Self {
        let root = unpacked();
        let dir = Dir::new(Account::Root, label);
        for name in ["etc", "work"] {
            std::fs::create_dir(dir.path().join(name)).expect("a directory");
        }
        // The resolver is another user.
        sh("chmod", &["755", &dir.join("")]);
        let (at, unpacked) = (dir.join(""), root.to_str().expect("plain path").to_owned());
        let argv = [
            "sh",
            "-c",
            SCRIPT,
            "sh",
            at.trim_end_matches('/'),
            &unpacked,
        ];
        let running = host.ns.spawn(Account::Root, &host.home(), &argv);
        let pid = eventually(LIMIT, "the message bus", || {
            let text = std::fs::read_to_string(dir.join("pid")).ok()?;
            text.ends_with('\n').then(|| text.trim().to_owned())
        });
        let resolved = Self {
            host,
            programs: root.join("usr/bin"),
            pid,
            _dir: dir,
            _running: running,
        };
        eventually(LIMIT, "systemd-resolved", || {
            let status = resolved.output(&["resolvectl", "status"]);
            status.status.success().then_some(())
        });
        resolved
    }

    /// Runs a program there.
    pub fn output(&self, argv: &[&str]) -> Output {
        let path = format!(
            "PATH={}:/usr/sbin:/usr/bin:/sbin:/bin",
            self.programs.display()
        );
        let start = ["nsenter", "-m", "-t", &self.pid, "env", &path];
        let argv = [&start[..], argv].concat();
        let ns = self.host.ns;
        ns.output(Account::Root, &self.host.home(), &argv, LIMIT)
    }

    /// The same; what it printed, if it succeeded.
    pub fn run(&self, argv: &[&str]) -> Option<String> {
        let output = self.output(argv);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    }
}

/// The package of Debian, unpacked.
fn unpacked() -> PathBuf {
    let program = kumi();
    let tools = program.parent().and_then(|it| it.parent()).expect("target");
    let tools = tools.join("tools");
    let root = tools.join("systemd-resolved");
    if root.join("lib/systemd/systemd-resolved").is_file() {
        return root;
    }
    std::fs::create_dir_all(&tools).expect("target/tools");
    let loaded = Command::new("apt-get")
        .args(["download", "-q", "systemd-resolved"])
        .current_dir(&tools)
        .output();
    let loaded = loaded.expect("apt-get");
    assert!(
        loaded.status.success(),
        "the package systemd-resolved cannot be downloaded: {}",
        String::from_utf8_lossy(&loaded.stderr)
    );
    let files = std::fs::read_dir(&tools).expect("target/tools").flatten();
    let package = files.map(|it| it.path()).find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("systemd-resolved_") && name.ends_with(".deb")
    });
    let package = package.expect("the package");
    let whole = tools.join(format!("systemd-resolved.{}", std::process::id()));
    let text = |path: &PathBuf| path.to_str().expect("plain path").to_owned();
    sh("dpkg", &["-x", &text(&package), &text(&whole)]);
    std::fs::rename(&whole, &root).expect("target/tools/systemd-resolved");
    root
}
