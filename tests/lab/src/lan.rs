//! Several hosts on one LAN, and an ear on its switch.
//!
//! ```text
//!   ns host 1        ns host 2        ns host n
//!   eth0 192.0.2.1   eth0 192.0.2.2   eth0 192.0.2.n       MTU 1500
//!          └────────────── switch ──────────┘
//! ```

use crate::ns::Ns;
use crate::wire::{address, join};

/// A switch and its hosts.
#[derive(Debug)]
pub struct Lan {
    /// The switch: its bridge is called `br`, its ports `p1`, `p2` …
    pub switch: Ns,
    /// The hosts, the first with 192.0.2.1 and 2001:db8::1.
    pub hosts: Vec<Ns>,
}

impl Lan {
    /// Lays the cables of `count` hosts.
    pub fn new(count: u8) -> Self {
        let switch = Ns::new("sw");
        switch.ip(&["link", "add", "name", "br", "type", "bridge"]);
        switch.ip(&["link", "set", "dev", "br", "up"]);
        let mut lan = Self {
            switch,
            hosts: Vec::new(),
        };
        for number in 1..=count {
            let host = Ns::new("h");
            let port = format!("p{number}");
            join(&lan.switch, &port, &host, "eth0");
            lan.switch
                .ip(&["link", "set", "dev", &port, "master", "br"]);
            address(&host, "eth0", &format!("192.0.2.{number}/24"));
            address(&host, "eth0", &format!("2001:db8::{number}/64"));
            lan.hosts.push(host);
        }
        lan
    }
}
