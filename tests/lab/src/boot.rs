//! A machine that has just started: a mount and process namespace in which `/run`, the crontabs,
//! `/var/lib` and the directories of systemd are empty, so that a real `cron` and a real `systemd` can run
//! in it. Nothing that the host would start is started, and the host's files stay as they are.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::account::{self, Account, Dir};
use crate::ns::{Ns, Running, eventually};
use crate::{need_root, sh};

static NEXT: AtomicU32 = AtomicU32::new(0);
const LIMIT: Duration = Duration::from_secs(30);

/// Its files. `$HOME` is the home directory in `/tmp`, `$REAL` where /etc/passwd has it, `$CGROUP` a
/// name.
const FILES: &str = "set -e
    for folder in /run /var/lib /var/spool/cron /etc/cron.d /etc/systemd/system \
        /usr/lib/systemd/system /usr/lib/systemd/system-generators
    do mount -t tmpfs tmpfs $folder; done
    mkdir /var/spool/cron/crontabs
    chgrp crontab /var/spool/cron/crontabs
    chmod 1730 /var/spool/cron/crontabs
    mount --bind /dev/null /etc/crontab
    mount --bind \"$HOME\" \"$REAL\"
    mount -t cgroup2 none /sys/fs/cgroup
    mkdir /sys/fs/cgroup/$CGROUP
    echo $$ > /sys/fs/cgroup/$CGROUP/cgroup.procs\n";

/// The few targets that a unit needs, and no unit of the host. The kernel's settings are not this
/// machine's to change.
const TARGETS: &str = "
    for unit in sysinit basic network multi-user shutdown
    do printf '[Unit]\\nDefaultDependencies=no\\n' > /usr/lib/systemd/system/$unit.target; done
    mount --bind /proc/sys /proc/sys
    mount -o remount,ro,bind /proc/sys
    export container=lab
    exec unshare -C -m /usr/lib/systemd/systemd --unit=multi-user.target\n";

/// What runs the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// Nothing: a process that sleeps.
    Sleep,
    /// systemd.
    Systemd,
}

/// The machine, gone with everything in it when the value goes.
#[derive(Debug)]
pub struct Machine<'a> {
    ns: &'a Ns,
    pid: String,
    /// The home directory of the account, as seen from outside; inside it is [`Machine::home`].
    pub dir: Dir,
    account: Account,
    cgroup: String,
    init: Option<Running>,
}

impl<'a> Machine<'a> {
    /// Starts one whose user is `account`.
    ///
    /// # Panics
    /// When its init does not come up.
    pub fn start(ns: &'a Ns, account: Account, init: Init) -> Self {
        need_root();
        account::prepare();
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let cgroup = format!("kml{}-{n}", std::process::id());
        let dir = Dir::new(account, "boot");
        let real = home(account);
        let (name, end) = match init {
            Init::Sleep => ("sleep", "exec sleep 600\n"),
            Init::Systemd => ("systemd", TARGETS),
        };
        let script = format!("REAL={real}\nCGROUP={cgroup}\n{FILES}{end}");
        let argv = [
            "unshare",
            "-m",
            "-p",
            "-u",
            "-i",
            "-f",
            "--kill-child",
            "--mount-proc",
            "--propagation",
            "private",
            "sh",
            "-c",
            &script,
        ];
        let running = ns.spawn(Account::Root, &dir.join(""), &argv);
        let pid = eventually(LIMIT, "the machine to start", || {
            let comm = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm"));
            let is_init = |pid: &u32| comm(pid).is_ok_and(|found| found.trim() == name);
            ns.pids().into_iter().find(is_init)
        });
        let machine = Self {
            ns,
            pid: pid.to_string(),
            dir,
            account,
            cgroup,
            init: Some(running),
        };
        if init == Init::Systemd {
            eventually(LIMIT, "systemd to have started everything", || {
                let state = ["systemctl", "is-system-running"];
                let out = machine.output(Account::Root, &state);
                (out.stdout == b"running\n").then_some(())
            });
        }
        machine
    }

    /// The home directory of the account, as seen from inside.
    pub fn home(&self) -> String {
        home(self.account)
    }

    fn argv<'b>(&'b self, account: Account, argv: &[&'b str]) -> Vec<&'b str> {
        let mut all = vec!["nsenter", "-t", &self.pid, "-m", "-p", "-u", "-i", "-C"];
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
        all
    }

    /// Runs a program to its end, as root or as an account without any capability. `crontab` is a
    /// set-group-ID program, so new privileges are not forbidden here.
    pub fn output(&self, account: Account, argv: &[&str]) -> Output {
        let argv = self.argv(account, argv);
        self.ns.output(Account::Root, &self.home(), &argv, LIMIT)
    }

    /// The same; returns standard output.
    ///
    /// # Panics
    /// When it fails; with everything it printed.
    pub fn run(&self, account: Account, argv: &[&str]) -> String {
        let argv = self.argv(account, argv);
        self.ns.run(Account::Root, &self.home(), &argv, LIMIT)
    }

    /// Runs a program that has to fail, and returns what it said about it.
    ///
    /// # Panics
    /// When it does not fail.
    pub fn fails(&self, account: Account, argv: &[&str]) -> String {
        let out = self.output(account, argv);
        assert!(!out.status.success(), "{argv:?} did not fail");
        String::from_utf8_lossy(&out.stderr).into_owned()
    }

    /// Starts a program.
    pub fn spawn(&self, account: Account, argv: &[&str]) -> Running {
        let argv = self.argv(account, argv);
        self.ns.spawn(Account::Root, &self.home(), &argv)
    }

    /// Runs systemd for the account's services, as after a login. The variable by which its programs
    /// find it is returned too.
    pub fn start_user_systemd(&self) -> (Running, String) {
        let name = self.account.name();
        let runtime = format!("/run/user/{}", sh("id", &["-u", name]).trim());
        let variable = format!("XDG_RUNTIME_DIR={runtime}");
        let cgroup = format!("/sys/fs/cgroup/{}/user", self.cgroup);
        let script = format!(
            "set -e\nmkdir -p {runtime} /run/systemd/system {cgroup}\nchown {name} {runtime}\n\
             chmod 700 {runtime}\nchown -R {name} {cgroup}\necho $$ > {cgroup}/cgroup.procs\n\
             exec setpriv --reuid {name} --regid {name} --init-groups env {variable} \
             /usr/lib/systemd/systemd --user\n"
        );
        let manager = self.spawn(Account::Root, &["sh", "-c", &script]);
        eventually(LIMIT, "the user manager to answer", || {
            let ask = [
                "env",
                &variable,
                "systemctl",
                "--user",
                "show",
                "--property=Version",
            ];
            self.output(self.account, &ask)
                .status
                .success()
                .then_some(())
        });
        (manager, variable)
    }
}

fn home(account: Account) -> String {
    match account {
        Account::Root => "/root".to_owned(),
        _ => format!("/home/{}", account.name()),
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        // Its first process takes all others with it; then their groups are empty.
        let _ = Command::new("kill").args(["-9", &self.pid]).output();
        drop(self.init.take());
        let script = format!(
            "mount -t cgroup2 none /mnt && for try in $(seq 100)
             do find /mnt/{0} -depth -type d -exec rmdir {{}} + ; [ -e /mnt/{0} ] || exit 0; sleep 0.05
             done",
            self.cgroup
        );
        let _ = Command::new("unshare")
            .args(["-m", "--propagation", "private", "sh", "-c", &script])
            .output();
    }
}
