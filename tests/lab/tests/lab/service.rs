//! The node starts at boot: by the units that real `systemd` programs read, and by a real `cron`.
//!
//! Everything happens in a mount and process namespace of its own, where `/run`, the crontabs and
//! `/etc/systemd/system` are empty and the machine's own cron jobs do not exist.

use std::process::Output;
use std::time::Duration;

use lab::account::{self, Account, Dir};
use lab::ns::{Ns, Running, eventually};
use lab::{kumi, need_root, sh};

const LIMIT: Duration = Duration::from_secs(30);

/// What a machine that has just started looks like, beside its network.
const BOOT: &str = "
    mount -t tmpfs tmpfs /run
    mount -t tmpfs tmpfs /var/spool/cron
    mkdir /var/spool/cron/crontabs
    chgrp crontab /var/spool/cron/crontabs
    chmod 1730 /var/spool/cron/crontabs
    mount -t tmpfs tmpfs /etc/cron.d
    mount --bind /dev/null /etc/crontab
    mount -t tmpfs tmpfs /etc/systemd/system
    mount --bind \"$HOME\" \"$USER_HOME\"
    exec sleep 600";

/// A machine with files of its own.
struct Machine<'a> {
    ns: &'a Ns,
    pid: String,
    /// The account's home directory as seen from outside, and where it is inside.
    home: Dir,
    real: String,
    _boot: Running,
}

impl<'a> Machine<'a> {
    fn new(ns: &'a Ns, account: Account) -> Self {
        need_root();
        account::prepare();
        let home = Dir::new(account, "boot");
        // cron takes the home directory from /etc/passwd.
        let real = match account {
            Account::Root => "/root".to_owned(),
            _ => format!("/home/{}", account.name()),
        };
        let script = format!("set -e\nUSER_HOME={real}\n{BOOT}");
        let argv = [
            "unshare",
            "-m",
            "-p",
            "-f",
            "--kill-child",
            "--mount-proc",
            "--propagation",
            "private",
            "sh",
            "-c",
            &script,
        ];
        let boot = ns.spawn(Account::Root, &home.join(""), &argv);
        let pid = eventually(LIMIT, "the machine to have files of its own", || {
            let mut pids = ns.pids().into_iter();
            pids.find(|pid| {
                std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c == "sleep\n")
            })
        });
        Self {
            ns,
            pid: pid.to_string(),
            home,
            real,
            _boot: boot,
        }
    }

    fn argv<'b>(&'b self, argv: &[&'b str]) -> Vec<&'b str> {
        [&["nsenter", "-t", &self.pid, "-m", "-p"], argv].concat()
    }

    /// Runs a program as root, or as `account` without any capability. `crontab` is a
    /// set-group-ID program, so new privileges are not forbidden here.
    fn output(&self, account: Account, argv: &[&str]) -> Output {
        let mut all = vec![];
        if account != Account::Root {
            all.extend([
                "setpriv",
                "--reuid",
                account.name(),
                "--regid",
                account.name(),
            ]);
            all.extend(["--init-groups", "--inh-caps=-all", "--bounding-set=-all"]);
        }
        all.extend(argv);
        self.ns
            .output(Account::Root, &self.real, &self.argv(&all), LIMIT)
    }

    fn run(&self, account: Account, argv: &[&str]) -> String {
        let out = self.output(account, argv);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{argv:?}: {text}{said}");
        text
    }

    fn fails(&self, account: Account, argv: &[&str]) -> String {
        let out = self.output(account, argv);
        assert!(!out.status.success(), "{argv:?} did not fail");
        String::from_utf8_lossy(&out.stderr).into_owned()
    }

    fn spawn(&self, argv: &[&str]) -> Running {
        self.ns.spawn(Account::Root, "/root", &self.argv(argv))
    }
}

fn program() -> String {
    kumi().to_string_lossy().into_owned()
}

#[test]
fn cron_starts_the_node_of_an_ordinary_account_at_boot() {
    let ns = Ns::new("cron");
    let machine = Machine::new(&ns, Account::A);
    let kumi = program();
    // Lines of its own, with what editors and scripts tend to break.
    let mine = "# mine\nMAILTO=\"\"\n0 3 * * *\techo 100\\% \\\\ 'x'   \n\n#@reboot off # kumi service install\n";
    let file = machine.home.join("tab");
    std::fs::write(&file, mine).expect("a file");
    machine.run(Account::A, &["crontab", &file]);
    let installed: serde_json::Value =
        serde_json::from_str(&machine.run(Account::A, &[&kumi, "--json", "service", "install"]))
            .expect("JSON");
    assert_eq!(installed["way"], "cron", "{installed:#}");
    machine.run(Account::A, &[&kumi, "service", "install"]);
    let line = format!("@reboot {kumi} up --no-invite >/dev/null # kumi service install\n");
    let tab = machine.run(Account::A, &["crontab", "-l"]);
    assert_eq!(tab, format!("{mine}{line}"), "twice is once");
    assert!(
        machine
            .fails(Account::A, &[&kumi, "status"])
            .contains("not running")
    );

    let _cron = machine.spawn(&["cron", "-f"]);
    eventually(LIMIT, "the node to run", || {
        let out = machine.output(Account::A, &[&kumi, "status"]);
        out.status.success().then_some(())
    });
    // Also from a login, where the socket would be elsewhere.
    let runtime = machine.home.join("runtime");
    let variable = format!("XDG_RUNTIME_DIR={runtime}");
    machine.run(Account::A, &["env", &variable, &kumi, "status"]);

    let said = machine.run(Account::A, &[&kumi, "service", "remove"]);
    assert!(said.contains("crontab"), "{said}");
    assert_eq!(machine.run(Account::A, &["crontab", "-l"]), mine);
    machine.run(Account::A, &[&kumi, "down"]);
    let said = machine.run(Account::A, &[&kumi, "service", "remove"]);
    assert!(said.contains("Nothing"), "{said}");
}

#[test]
fn a_crontab_that_was_not_there_is_not_there_afterwards() {
    let ns = Ns::new("cron");
    let machine = Machine::new(&ns, Account::A);
    let kumi = program();
    let state = machine.home.join("two words");
    // What cron cannot do for it, --now does.
    machine.run(
        Account::A,
        &[&kumi, "--state", &state, "service", "install", "--now"],
    );
    machine.run(Account::A, &[&kumi, "--state", &state, "status"]);
    let tab = machine.run(Account::A, &["crontab", "-l"]);
    assert!(
        tab.contains(&format!("--state '{state}' up --no-invite")),
        "{tab}"
    );
    machine.run(Account::A, &[&kumi, "--state", &state, "down"]);
    machine.run(Account::A, &[&kumi, "service", "remove"]);
    assert!(
        machine
            .fails(Account::A, &["crontab", "-l"])
            .contains("no crontab")
    );
}

#[test]
fn refusals_name_the_cause_and_change_nothing() {
    let ns = Ns::new("cron");
    let machine = Machine::new(&ns, Account::A);
    let kumi = program();
    // No crontab command.
    let bare = ["env", "PATH=/nowhere", &kumi, "service", "install"];
    let said = machine.fails(Account::A, &bare);
    assert!(
        said.contains("crontab command") && said.contains("apt-get install cron"),
        "{said}"
    );
    // A program in a place that is emptied.
    let copy = machine.home.join("kumi");
    std::fs::copy(&kumi, &copy).expect("a copy");
    let said = machine.fails(Account::A, &[&copy, "service", "install"]);
    assert!(said.contains("/usr/local/bin"), "{said}");
    // A program that another account may change, for root.
    sh(
        "install",
        &["-d", "-o", Account::A.name(), "/var/lib/kumi-lab"],
    );
    let copy = "/var/lib/kumi-lab/kumi";
    std::fs::copy(&kumi, copy).expect("a copy");
    let said = machine.fails(Account::Root, &[copy, "service", "install"]);
    std::fs::remove_dir_all("/var/lib/kumi-lab").expect("to remove it");
    assert!(said.contains("install -m 755"), "{said}");
    // A unit that somebody else wrote.
    machine.run(Account::Root, &["mkdir", "-p", "/run/systemd/system"]);
    let unit = "/etc/systemd/system/kumi.service";
    machine.run(
        Account::Root,
        &["sh", "-c", &format!("echo '[Service]' > {unit}")],
    );
    for verb in ["install", "remove"] {
        let said = machine.fails(Account::Root, &[&kumi, "service", verb]);
        assert!(said.contains("was not written by kumi"), "{said}");
    }
    assert_eq!(machine.run(Account::Root, &["cat", unit]), "[Service]\n");
}

/// Installs, has systemd judge the unit, removes. There is no manager here that could start it,
/// so `systemctl` is told to work on files alone.
fn unit_is_right(machine: &Machine<'_>, account: Account, folder: &str, target: &str) -> String {
    let kumi = program();
    let runtime = format!("XDG_RUNTIME_DIR={}", machine.home.join("runtime"));
    let offline = |argv: &[&str]| {
        let argv = [&["env", "SYSTEMD_OFFLINE=1", &runtime, &kumi], argv].concat();
        machine.run(account, &argv)
    };
    let said = offline(&["--json", "service", "install"]);
    assert!(said.contains("-unit\""), "{said}");
    let unit = format!("{folder}/kumi.service");
    let link = format!("{folder}/{target}.wants/kumi.service");
    assert_eq!(machine.run(account, &["readlink", &link]).trim(), unit);
    let verify: &[&str] = match account {
        Account::Root => &["systemd-analyze", "verify", &unit],
        _ => &[
            "env",
            &runtime,
            "systemd-analyze",
            "--user",
            "verify",
            &unit,
        ],
    };
    let verified = machine.output(account, verify);
    let remarks = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success(), "{remarks}");
    assert!(!remarks.contains("kumi"), "systemd has remarks: {remarks}");
    let text = machine.run(account, &["cat", &unit]);
    offline(&["service", "remove"]);
    for gone in [&unit, &link] {
        machine.fails(account, &["ls", gone]);
    }
    text
}

#[test]
fn systemd_takes_the_unit_of_an_account() {
    let ns = Ns::new("unit");
    let machine = Machine::new(&ns, Account::A);
    // Where a user manager listens.
    let private = machine.home.join("runtime/systemd/private");
    let listen = format!(
        "import os,socket,time\nos.makedirs(os.path.dirname('{private}'))\n\
         s=socket.socket(socket.AF_UNIX)\ns.bind('{private}')\ns.listen()\nos.chmod('{private}',0o777)\n\
         time.sleep(600)"
    );
    let _manager = ns.spawn(Account::A, "/", &["python3", "-c", &listen]);
    eventually(LIMIT, "the manager's socket", || {
        std::path::Path::new(&private).exists().then_some(())
    });
    let folder = format!("{}/.config/systemd/user", machine.real);
    let text = unit_is_right(&machine, Account::A, &folder, "default.target");
    assert!(text.contains("up --foreground --no-invite"), "{text}");
}

#[test]
fn systemd_takes_the_unit_of_the_machine_and_the_node_needs_no_other_capability() {
    let ns = Ns::new("unit");
    let machine = Machine::new(&ns, Account::Root);
    machine.run(Account::Root, &["mkdir", "-p", "/run/systemd/system"]);
    let folder = "/etc/systemd/system";
    let text = unit_is_right(&machine, Account::Root, folder, "multi-user.target");

    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_else(|| panic!("no {key} in {text}"))
            .to_owned()
    };
    let capability = value("CapabilityBoundingSet=CAP_").to_lowercase();
    let set = format!("--bounding-set=-all,+{capability}");
    let kumi = program();
    let state = machine.home.join("state");
    let node = [
        "setpriv",
        &set,
        "--inh-caps=-all",
        "--no-new-privs",
        &kumi,
        "--state",
        &state,
    ];
    machine.run(Account::Root, &[&node[..], &["up", "--no-invite"]].concat());
    let status = machine.run(
        Account::Root,
        &[&kumi, "--state", &state, "--json", "status"],
    );
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["network"]["mode"], "kernel", "{status:#}");
    machine.run(Account::Root, &[&kumi, "--state", &state, "down"]);
}
