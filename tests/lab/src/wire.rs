//! The topology of most tests: two hosts and a cable.
//!
//! ```text
//!   ns A                        ns B
//!   eth0 192.0.2.1/24 ───────── eth0 192.0.2.2/24
//!        2001:db8::1/64              2001:db8::2/64
//! ```

use crate::ns::Ns;
use crate::sh;

/// Two namespaces joined by a veth pair, MTU 1500.
#[derive(Debug)]
pub struct Cable {
    /// Left end.
    pub a: Ns,
    /// Right end.
    pub b: Ns,
}

impl Cable {
    /// Lays it.
    pub fn new() -> Self {
        let (a, b) = (Ns::new("a"), Ns::new("b"));
        join(&a, "eth0", &b, "eth0");
        for (ns, n) in [(&a, 1), (&b, 2)] {
            address(ns, "eth0", &format!("192.0.2.{n}/24"));
            address(ns, "eth0", &format!("2001:db8::{n}/64"));
        }
        Self { a, b }
    }

    /// Takes the cable out or puts it back.
    pub fn plug(&self, up: bool) {
        self.a
            .ip(&["link", "set", "eth0", if up { "up" } else { "down" }]);
        if up {
            // Taking a link down removes its IPv6 address.
            let out = self.a.ip(&["-6", "addr", "show", "dev", "eth0"]);
            if !out.contains("2001:db8::1") {
                address(&self.a, "eth0", "2001:db8::1/64");
            }
        }
    }
}

impl Default for Cable {
    fn default() -> Self {
        Self::new()
    }
}

/// A veth pair between two namespaces, both ends up, MTU 1500.
pub fn join(a: &Ns, a_name: &str, b: &Ns, b_name: &str) {
    sh(
        "ip",
        &[
            "link",
            "add",
            a_name,
            "netns",
            a.name(),
            "type",
            "veth",
            "peer",
            "name",
            b_name,
            "netns",
            b.name(),
        ],
    );
    a.ip(&["link", "set", a_name, "up"]);
    b.ip(&["link", "set", b_name, "up"]);
}

/// Gives an interface an address, without waiting for duplicate address detection.
pub fn address(ns: &Ns, interface: &str, address: &str) {
    let mut args = vec!["addr", "add", address, "dev", interface];
    if address.contains(':') {
        args.push("nodad");
    }
    ns.ip(&args);
}
