//! The trace hash: everything that happened, in order, in 128 bits.
//!
//! Two runs of one seed must give the same hash (invariant I9). With the real crypto provider the
//! bytes of datagrams are left out, because ML-KEM draws its own randomness (ADR 0002).

use std::fmt;
use std::time::Duration;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A datagram left a node.
    Sent = 1,
    /// A datagram arrived at a node.
    Arrived,
    /// A packet reached the inside of a node.
    Delivered,
    /// A node asked for something to be stored.
    Persisted,
    /// A node told an event.
    Event,
    /// The script did something.
    Action,
}

/// The running hash.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Trace {
    a: u64,
    b: u64,
    /// How many things were noted.
    pub events: u64,
}

impl Trace {
    /// Adds one event.
    pub fn note(&mut self, at: Duration, kind: Kind, host: usize, what: u64, bytes: &[u8]) {
        self.events += 1;
        self.word(at.as_micros() as u64);
        self.word(kind as u64 | (host as u64) << 8);
        self.word(what);
        for chunk in bytes.chunks(8) {
            let mut w = [0; 8];
            w[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_be_bytes(w));
        }
    }

    fn word(&mut self, w: u64) {
        self.a = (self.a ^ w)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
        self.b = self
            .b
            .wrapping_add(self.a ^ 0x51_7cc1_b727_220a)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        self.b ^= self.b >> 31;
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.a, self.b)
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({} events)", self.events)
    }
}
