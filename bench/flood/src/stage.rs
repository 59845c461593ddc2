//! The namespaces, the wires and the real nodes.
//!
//! ```text
//!   A 10.0.0.2 ─┐
//!   B 10.0.0.3 ─┼─ switch ── eth0 10.0.0.1  Bridge  att0 ── att0 10.9.0.2 attacker
//!   N 10.0.0.4 ─┘
//! ```
//!
//! The ports of A, B and N are isolated: each reaches the Bridge and nobody else.

use std::net::Ipv6Addr;
use std::path::Path;
use std::time::Duration;

use api::{BridgeRequest, Invite, Join, Request, Response};
use lab::account::{Account, Dir};
use lab::ns::Ns;
use lab::wire::{address, join};

use crate::control::ask;

/// Where the Bridge is.
pub const BRIDGE: &str = "10.0.0.1";
/// The core of the Bridge, and that of everything else.
const CORES: [&str; 2] = ["0", "1"];
const LIMIT: Duration = Duration::from_secs(60);
const DAY_S: u64 = 86_400;

/// Everything that runs.
pub struct Stage {
    /// The Bridge's namespace.
    pub bridge_ns: Ns,
    /// Where new nodes come from.
    pub newcomers: Ns,
    /// The attacker's namespace.
    pub attacker: Ns,
    /// The client that listens.
    pub a: Ns,
    /// The client that sends.
    pub b: Ns,
    _switch: Ns,
    /// Files of the Bridge, of A and of B.
    pub dirs: [Dir; 3],
}

impl Stage {
    /// Lays the wires.
    pub fn new(softirq: bool) -> Self {
        let ns = ["bridge", "new", "att", "a", "b", "sw"].map(Ns::new);
        let [bridge_ns, newcomers, attacker, a, b, switch] = ns;
        switch.ip(&["link", "add", "sw", "type", "bridge"]);
        switch.ip(&["link", "set", "sw", "up"]);
        for (n, host) in (1..).zip([&bridge_ns, &a, &b, &newcomers]) {
            let port = format!("port{n}");
            join(host, "eth0", &switch, &port);
            switch.ip(&["link", "set", &port, "master", "sw"]);
            if n > 1 {
                let isolated = ["type", "bridge_slave", "isolated", "on"];
                switch.ip(&[&["link", "set", "dev", &port][..], &isolated].concat());
            }
            address(host, "eth0", &format!("10.0.0.{n}/24"));
        }
        join(&bridge_ns, "att0", &attacker, "att0");
        address(&attacker, "att0", "10.9.0.2/32");
        let macs = ["02:00:00:00:09:01", "02:00:00:00:09:02"];
        for (ns, mac) in [&bridge_ns, &attacker].into_iter().zip(macs) {
            ns.ip(&["link", "set", "att0", "address", mac]);
        }
        let neighbour = |ns: &Ns, ip, mac| {
            ns.ip(&[
                "neigh",
                "replace",
                ip,
                "lladdr",
                mac,
                "dev",
                "att0",
                "nud",
                "permanent",
            ]);
        };
        attacker.ip(&["route", "add", BRIDGE, "dev", "att0"]);
        neighbour(&attacker, BRIDGE, macs[0]);
        let via = ["via", "10.9.0.2", "dev", "att0", "onlink"];
        bridge_ns.ip(&[&["route", "add", "default"][..], &via].concat());
        neighbour(&bridge_ns, "10.9.0.2", macs[1]);
        // What comes to addresses that are nobody's ends there at once.
        let end = "table netdev sink { chain every { \
             type filter hook ingress device att0 priority 0; policy drop; }; }";
        attacker.run(Account::Root, "/root", &["nft", end], LIMIT);
        if softirq {
            sh(
                &bridge_ns,
                "echo 1 > /sys/class/net/att0/queues/rx-0/rps_cpus",
            );
        }
        let dirs = ["bridge", "a", "b"].map(|label| Dir::new(Account::Root, label));
        Self {
            bridge_ns,
            newcomers,
            attacker,
            a,
            b,
            _switch: switch,
            dirs,
        }
    }

    /// Starts the Bridge with A and B as clients that know each other; F of the Bridge and of A,
    /// and `lines` lines of the Bridge for others.
    ///
    /// # Panics
    /// When any of it does not work.
    pub fn start(&self, lines: usize) -> (Ipv6Addr, Ipv6Addr, Vec<String>) {
        let [bridge, a, b] = self.dirs.each_ref().map(|dir| dir.path().join("state"));
        for (ns, state, core) in [
            (&self.bridge_ns, &bridge, CORES[0]),
            (&self.a, &a, CORES[1]),
            (&self.b, &b, CORES[1]),
        ] {
            let (kumi, state) = (lab::kumi(), state.to_string_lossy());
            let argv = [&kumi.to_string_lossy(), "--state", &state, "up"];
            ns.run(Account::Root, "/root", &pinned(core, &argv), LIMIT);
            hurry(&status(std::path::Path::new(&*state)).pid.to_string());
        }
        let serve = BridgeRequest::Serve {
            customer: String::new(),
            password: None,
        };
        ask(&bridge, &Request::Bridge(serve)).expect("a Bridge");
        let lines: Vec<String> = (0..lines + 2).map(|_| line(&bridge)).collect();
        for (state, line) in [&a, &b].into_iter().zip(&lines) {
            let (line, wait_ms) = (line.clone(), 10_000);
            let password = None;
            let attach = BridgeRequest::Use {
                line,
                password,
                wait_ms,
            };
            ask(state, &Request::Bridge(attach)).expect("a client");
        }
        let invite = Request::Invite(Invite { expires_s: DAY_S });
        let Ok(Response::Invited(invited)) = ask(&a, &invite) else {
            panic!("no invite");
        };
        let (line, label, wait_ms) = (invited.line, None, 20_000);
        let joined = Request::Join(Join {
            line,
            label,
            wait_ms,
        });
        ask(&b, &joined).expect("A and B meet");
        (
            status(&bridge).address,
            status(&a).address,
            lines[2..].to_vec(),
        )
    }
}

/// An argv on one core, before everything else on this machine.
pub fn pinned<'a>(core: &'a str, argv: &[&'a str]) -> Vec<&'a str> {
    [&["nice", "-n", "-20", "taskset", "-c", core], argv].concat()
}

/// An argv on the core that is not the Bridge's.
pub fn elsewhere<'a>(argv: &[&'a str]) -> Vec<&'a str> {
    pinned(CORES[1], argv)
}

/// The same in the time that the clients and their programs leave.
pub fn behind<'a>(argv: &[&'a str]) -> Vec<&'a str> {
    [&["taskset", "-c", CORES[1]], argv].concat()
}

fn sh(ns: &Ns, script: &str) {
    ns.run(Account::Root, "/root", &["sh", "-c", script], LIMIT);
}

fn line(bridge: &Path) -> String {
    let request = BridgeRequest::Line {
        customer: String::new(),
        expires_s: DAY_S,
        password: false,
    };
    match ask(bridge, &Request::Bridge(request)) {
        Ok(Response::BridgeLine(line)) => line.line,
        other => panic!("no line: {other:?}"),
    }
}

/// How a node stands.
///
/// # Panics
/// When it does not say.
pub fn status(state: &Path) -> api::Status {
    match ask(state, &Request::Status) {
        Ok(Response::Status(status)) => *status,
        other => panic!("no status: {other:?}"),
    }
}

/// Puts the session of a process before all others: where the kernel groups processes by session,
/// their own nice values count within it only.
pub fn hurry(pid: &str) {
    let _ = std::fs::write(format!("/proc/{pid}/autogroup"), "-20");
}
