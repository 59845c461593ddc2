//! The flows that this end started towards peers with port rules.
//!
//! Two generations instead of a timer per flow: a flow is noted in the young one; when the
//! young one is full or its period is over it becomes the old one and what was old is
//! forgotten. So a flow is remembered for one to two periods after this end last sent on it,
//! and under pressure the longest idle go first. Only what this end sends keeps a flow: a
//! peer cannot hold one open. Shared by both speeds; locks are held for one lookup.
//!
//! | class | forgotten after | flows |
//! |---|---|---|
//! | TCP | [`TCP_IDLE_MAX`] | half of [`FLOWS_MAX`] |
//! | other | [`OTHER_IDLE_MAX`] | half of [`FLOWS_MAX`] |

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most flows remembered.
pub const FLOWS_MAX: usize = 65_536;
/// A TCP flow is forgotten at the latest this long after this end last sent on it
/// (RFC 5382: not before 2 h 4 min; half of it is the least).
pub const TCP_IDLE_MAX: Duration = Duration::from_secs(4 * 3_720);
/// Any other flow is forgotten at the latest this long after this end last sent on it
/// (RFC 4787: not before 2 min).
pub const OTHER_IDLE_MAX: Duration = Duration::from_secs(2 * 150);

const GENERATION_MAX: usize = FLOWS_MAX / 4;
const TCP: u8 = 6;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;
const UDP: u8 = 17;

/// A flow as this end sees it: the same key whichever way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    /// Inner address of this end (IPv4 mapped as in RFC 4291).
    pub local: [u8; 16],
    /// Inner address of the peer.
    pub remote: [u8; 16],
    /// IP protocol number of the upper layer.
    pub proto: u8,
    /// Port of this end; for ICMP the message type.
    pub local_port: u16,
    /// Port of the peer; for ICMP 0.
    pub remote_port: u16,
    /// Whether the packet carries ports (no: ICMP, fragments after the first, others).
    pub has_ports: bool,
}

impl FlowKey {
    /// Whether this is an ICMP echo request (RFC 792, RFC 4443), seen whole.
    #[must_use]
    pub const fn is_echo_request(&self) -> bool {
        matches!((self.proto, self.local_port), (ICMP, 8) | (ICMP6, 128))
    }

    /// Whether this is an ICMP echo reply or an ICMP error (RFC 792, RFC 4443), seen whole.
    #[must_use]
    pub const fn is_icmp_answer(&self) -> bool {
        match self.proto {
            ICMP => matches!(self.local_port, 0 | 3 | 11 | 12),
            ICMP6 => matches!(self.local_port, 1..=4 | 129),
            _ => false,
        }
    }

    /// Whether this is a piece of a packet that says its ports in another one.
    #[must_use]
    pub const fn is_fragment(&self) -> bool {
        !self.has_ports && matches!(self.proto, TCP | UDP)
    }
}

#[derive(Debug, Default)]
struct Generations {
    young: BTreeSet<FlowKey>,
    old: BTreeSet<FlowKey>,
    turned: Duration,
}

impl Generations {
    fn turn(&mut self, now: Duration, period: Duration) {
        let age = now.saturating_sub(self.turned);
        if age < period && self.young.len() < GENERATION_MAX {
            return;
        }
        self.old = std::mem::take(&mut self.young);
        if age >= period * 2 {
            self.old.clear();
        }
        self.turned = now;
    }
}

/// The flows that this end started. Bounded by [`FLOWS_MAX`]; `Sync`.
#[derive(Debug, Default)]
pub struct FlowTable {
    tcp: Mutex<Generations>,
    other: Mutex<Generations>,
}

impl FlowTable {
    /// Notes that this end sends on the flow. Flows without ports are not kept.
    pub fn note(&self, now: Duration, flow: &FlowKey) {
        if !flow.has_ports {
            return;
        }
        let (mut class, period) = self.class(flow);
        class.turn(now, period);
        class.young.insert(*flow);
    }

    /// Whether this end sent on the flow lately.
    #[must_use]
    pub fn contains(&self, now: Duration, flow: &FlowKey) -> bool {
        let (mut class, period) = self.class(flow);
        let age = now.saturating_sub(class.turned);
        if age >= period {
            class.turn(now, period);
        }
        class.young.contains(flow) || class.old.contains(flow)
    }

    /// Number of flows remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        let of = |class: &Mutex<Generations>| {
            let class = lock(class);
            class.young.len() + class.old.difference(&class.young).count()
        };
        of(&self.tcp) + of(&self.other)
    }

    /// Whether no flow is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn class(&self, flow: &FlowKey) -> (MutexGuard<'_, Generations>, Duration) {
        if flow.proto == TCP {
            (lock(&self.tcp), TCP_IDLE_MAX / 2)
        } else {
            (lock(&self.other), OTHER_IDLE_MAX / 2)
        }
    }
}

/// A set of flows is valid whatever a panicking holder did: take it as it is.
fn lock(class: &Mutex<Generations>) -> MutexGuard<'_, Generations> {
    class.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(proto: u8, n: u32) -> FlowKey {
        let mut remote = [0; 16];
        remote[..4].copy_from_slice(&n.to_be_bytes());
        FlowKey {
            local: [1; 16],
            remote,
            proto,
            local_port: 1,
            remote_port: 2,
            has_ports: true,
        }
    }

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn remembered_for_one_to_two_periods_after_the_last_packet_out() {
        let table = FlowTable::default();
        table.note(S, &flow(17, 1));
        assert!(table.contains(S, &flow(17, 1)));
        assert!(!table.contains(S, &flow(17, 2)));
        assert!(table.contains(S + OTHER_IDLE_MAX / 2, &flow(17, 1)));
        assert!(!table.contains(S + OTHER_IDLE_MAX, &flow(17, 1)));
        table.note(S * 1_000, &flow(6, 1));
        assert!(table.contains(S * 1_000 + TCP_IDLE_MAX / 2, &flow(6, 1)));
        assert!(!table.contains(S * 1_000 + TCP_IDLE_MAX * 2, &flow(6, 1)));
    }

    #[test]
    fn asking_does_not_keep_a_flow() {
        let table = FlowTable::default();
        table.note(S, &flow(17, 1));
        let mut now = S;
        while now < OTHER_IDLE_MAX * 2 {
            let _ = table.contains(now, &flow(17, 1));
            now += S;
        }
        assert!(!table.contains(now, &flow(17, 1)));
    }

    #[test]
    fn full_forgets_the_oldest_half_not_the_newest() {
        let table = FlowTable::default();
        for n in 0..FLOWS_MAX as u32 {
            table.note(S, &flow(6, n));
            table.note(S, &flow(17, n));
        }
        assert!(table.len() <= FLOWS_MAX);
        assert!(table.len() >= FLOWS_MAX / 2);
        assert!(table.contains(S, &flow(6, FLOWS_MAX as u32 - 1)));
        assert!(!table.contains(S, &flow(6, 0)));
    }

    #[test]
    fn without_ports_nothing_is_kept() {
        let table = FlowTable::default();
        table.note(
            S,
            &FlowKey {
                has_ports: false,
                ..flow(58, 1)
            },
        );
        assert!(table.is_empty());
    }
}
