//! A machine of the lab: a namespace, an account, a state directory, `kumi`.

use std::time::Duration;

use crate::account::{self, Account, Dir};
use crate::kumi;
use crate::ns::Ns;

/// Time for one `kumi` command.
pub const COMMAND: Duration = Duration::from_secs(20);

/// A machine.
#[derive(Debug)]
pub struct Host<'a> {
    /// Where its network is.
    pub ns: &'a Ns,
    /// Who runs `kumi`.
    pub account: Account,
    /// Home and state.
    pub dir: Dir,
}

impl<'a> Host<'a> {
    /// A machine that has never run `kumi`.
    pub fn new(ns: &'a Ns, account: Account, label: &str) -> Self {
        account::prepare();
        Self {
            ns,
            account,
            dir: Dir::new(account, label),
        }
    }

    /// Home directory.
    pub fn home(&self) -> String {
        self.dir.join("")
    }

    /// The argv of a `kumi` command of this machine.
    pub fn argv(&self, args: &[&str]) -> Vec<String> {
        let mut argv = vec![
            kumi().to_string_lossy().into_owned(),
            "--state".into(),
            self.dir.join("state"),
        ];
        argv.extend(args.iter().map(|s| (*s).to_owned()));
        argv
    }

    /// Runs a `kumi` command to its end and returns what it printed.
    pub fn kumi(&self, args: &[&str]) -> String {
        self.run(&self.refs(args), COMMAND)
    }

    /// The same, whatever its exit code.
    pub fn kumi_output(&self, args: &[&str]) -> std::process::Output {
        let argv = self.argv(args);
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        self.ns.output(self.account, &self.home(), &argv, COMMAND)
    }

    /// A `kumi … --json` command.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let text = self.kumi(&[args, &["--json"]].concat());
        serde_json::from_str(&text)
            .unwrap_or_else(|e| panic!("{args:?} printed no JSON ({e}):\n{text}"))
    }

    fn refs(&self, args: &[&str]) -> Vec<String> {
        self.argv(args)
    }

    fn run(&self, argv: &[String], limit: Duration) -> String {
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        self.ns.run(self.account, &self.home(), &argv, limit)
    }

    /// The argv that runs a program inside the overlay: as it is with a TUN of the machine, through
    /// `kumi run` without.
    pub fn inside(&self, argv: &[&str]) -> Vec<String> {
        if self.account == Account::Root {
            return argv.iter().map(|s| (*s).to_owned()).collect();
        }
        self.argv(&[&["run", "--"], argv].concat())
    }

    /// Runs a program inside the overlay to its end.
    pub fn run_inside(&self, argv: &[&str], limit: Duration) -> String {
        self.run(&self.inside(argv), limit)
    }

    /// Starts a program inside the overlay.
    pub fn spawn_inside(&self, argv: &[&str]) -> crate::ns::Running {
        let argv = self.inside(argv);
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        self.ns.spawn(self.account, &self.home(), &argv)
    }

    /// `kumi up`; returns the invite line.
    pub fn up(&self) -> String {
        let text = self.kumi(&["up"]);
        text.split_whitespace()
            .find(|w| w.starts_with("kumi1:"))
            .unwrap_or_else(|| panic!("`kumi up` printed no invite:\n{text}"))
            .to_owned()
    }

    /// This machine's address F.
    pub fn f(&self) -> String {
        let id = self.json(&["id", "show"]);
        id["address"]
            .as_str()
            .unwrap_or_else(|| panic!("no address in {id}"))
            .to_owned()
    }
}

/// The first hour: up, join. Returns both addresses F.
pub fn connect(a: &Host<'_>, b: &Host<'_>) -> (String, String) {
    let line = a.up();
    b.kumi(&["join", &line]);
    (a.f(), b.f())
}
