//! Both ends and the pipe between them.

use crate::node::{self, Node, UNIX_S};
use crate::python::{Python, hex, unhex};
use identity::crypto::AwsLc;
use wire::Path;

/// More exchanges than any conversation here needs: the ends must come to rest.
const ROUNDS_MAX: usize = 100;

pub(crate) struct Link {
    pub(crate) python: Python,
    pub(crate) rust: Node,
    /// Everything that went over the pipe since the start, in order.
    pub(crate) from_python: Vec<Vec<u8>>,
    pub(crate) from_rust: Vec<(Path, Vec<u8>)>,
}

impl Link {
    /// Two nodes that have not met; `log` is the rotation log of both (see peer.py).
    pub(crate) fn new(log: &str) -> Self {
        let mut python = Python::start();
        let made = python.words(&format!("identity {UNIX_S} {log} 1"));
        let peer = node::statements(&unhex(&made[2]), &unhex(&made[3]), &unhex(&made[4]));
        peer.verify(&AwsLc, UNIX_S, None).unwrap();
        assert_eq!(hex(peer.address().as_bytes()), made[1]);
        let rust = Node::new(node::identity(log), peer);
        Self {
            python,
            rust,
            from_python: Vec::new(),
            from_rust: Vec::new(),
        }
    }

    /// The F of the Rust end.
    pub(crate) fn rust_f(&self) -> String {
        hex(self.rust.local.public.address().as_bytes())
    }

    /// Gives Python a command, and lets both ends talk until they are silent. What Python
    /// noted meanwhile, without the first word of `event` lines.
    pub(crate) fn tell(&mut self, command: &str) -> Vec<String> {
        let lines = self.python.ask(command);
        self.deliver(lines)
    }

    /// Lets both ends talk until they are silent, the Rust end first.
    pub(crate) fn settle(&mut self) -> Vec<String> {
        self.deliver(Vec::new())
    }

    fn deliver(&mut self, mut lines: Vec<String>) -> Vec<String> {
        let mut notes = Vec::new();
        for _ in 0..ROUNDS_MAX {
            for line in std::mem::take(&mut lines) {
                if let Some(datagram) = line.strip_prefix("tx ") {
                    let datagram = unhex(datagram);
                    self.from_python.push(datagram.clone());
                    self.rust.receive(datagram);
                } else {
                    notes.push(line.trim_start_matches("event ").to_owned());
                }
            }
            let sent = self.rust.drain();
            if sent.is_empty() {
                return notes;
            }
            for (to, datagram) in sent {
                lines.extend(self.python.ask(&format!("rx {}", hex(&datagram))));
                self.from_rust.push((to, datagram));
            }
        }
        panic!("the ends never came to rest: {notes:?}");
    }
}
