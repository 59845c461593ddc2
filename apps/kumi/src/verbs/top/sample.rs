//! Two samples of a node and what happened between them. Counters are only compared when they
//! are of the same run of the node and went forward; otherwise there is no rate, rather than a
//! wrong one.

use api::{Offloads, Peer, Status, Traffic, Work};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the node said at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// When, on a clock that only goes forward.
    pub(crate) at: Duration,
    /// When, Unix milliseconds.
    pub(crate) unix_ms: u64,
    /// How the node stands.
    pub(crate) status: Status,
    /// Its peers.
    pub(crate) peers: Vec<Peer>,
}

/// How long counters have been compared for, or why they were not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Span {
    /// There was no sample before.
    First,
    /// The sample before was of another run of the node.
    Restarted,
    /// So many seconds.
    Seconds(f64),
}

/// What went each way in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub(crate) struct Rates {
    /// Bits received.
    pub(crate) rx_bits_per_s: f64,
    /// Bits sent.
    pub(crate) tx_bits_per_s: f64,
    /// Packets received.
    pub(crate) rx_packets_per_s: f64,
    /// Packets sent.
    pub(crate) tx_packets_per_s: f64,
}

impl Rates {
    /// From counters that went forward, else `None`.
    fn between(before: Traffic, now: Traffic, seconds: f64) -> Option<Rates> {
        let of = |before: u64, now: u64| Some(now.checked_sub(before)? as f64 / seconds);
        Some(Rates {
            rx_bits_per_s: of(before.rx_bytes, now.rx_bytes)? * 8.0,
            tx_bits_per_s: of(before.tx_bytes, now.tx_bytes)? * 8.0,
            rx_packets_per_s: of(before.rx_packets, now.rx_packets)?,
            tx_packets_per_s: of(before.tx_packets, now.tx_packets)?,
        })
    }

    fn plus(self, other: Rates) -> Rates {
        Rates {
            rx_bits_per_s: self.rx_bits_per_s + other.rx_bits_per_s,
            tx_bits_per_s: self.tx_bits_per_s + other.tx_bits_per_s,
            rx_packets_per_s: self.rx_packets_per_s + other.rx_packets_per_s,
            tx_packets_per_s: self.tx_packets_per_s + other.tx_packets_per_s,
        }
    }

    fn bits_per_s(self) -> f64 {
        self.rx_bits_per_s + self.tx_bits_per_s
    }
}

/// What is known of a peer's traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Measured {
    /// Nothing yet: the node itself has not been compared.
    NotYet,
    /// It was not there before.
    Appeared,
    /// It counts anew, e.g. because it was denied and allowed again.
    Reset,
    /// Its rates.
    Rates(Rates),
}

impl Measured {
    /// The rates, if there are any.
    pub(crate) fn rates(self) -> Option<Rates> {
        match self {
            Measured::Rates(rates) => Some(rates),
            _ => None,
        }
    }
}

/// A node between two samples.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    /// The newer sample.
    pub(crate) now: &'a Sample,
    /// What it was compared with.
    pub(crate) span: Span,
    /// All measured peers together.
    pub(crate) total: Option<Rates>,
    /// The peers, those with the most traffic first.
    pub(crate) peers: Vec<(&'a Peer, Measured)>,
    /// What was dropped in between, by reason.
    pub(crate) drops: BTreeMap<&'a str, u64>,
    /// What the data threads did in between.
    pub(crate) work: Option<Work>,
}

impl View<'_> {
    /// Which offloads are in use.
    pub(crate) fn offloads(&self) -> Offloads {
        self.now.status.offloads
    }

    /// Datagrams that one call sent, on average; `None` without a call.
    pub(crate) fn datagrams_per_send(&self) -> Option<f64> {
        ratio(self.work?.datagrams_out, self.work?.sends)
    }

    /// Datagrams that one call received, on average; `None` without a call.
    pub(crate) fn datagrams_per_receive(&self) -> Option<f64> {
        ratio(self.work?.datagrams_in, self.work?.receives)
    }
}

fn ratio(count: u64, calls: u64) -> Option<f64> {
    (calls > 0).then(|| count as f64 / calls as f64)
}

/// Compares a sample with the one before.
pub(crate) fn compare<'a>(before: Option<&'a Sample>, now: &'a Sample) -> View<'a> {
    let span = span(before, now);
    let (Span::Seconds(seconds), Some(before)) = (span, before) else {
        let mut peers: Vec<_> = now
            .peers
            .iter()
            .map(|peer| (peer, Measured::NotYet))
            .collect();
        order(&mut peers);
        return View {
            now,
            span,
            total: None,
            peers,
            drops: BTreeMap::new(),
            work: None,
        };
    };
    let known: BTreeMap<_, _> = before
        .peers
        .iter()
        .map(|peer| (peer.address, peer.traffic))
        .collect();
    let measure = |peer: &Peer| match known.get(&peer.address) {
        None => Measured::Appeared,
        Some(traffic) => {
            Rates::between(*traffic, peer.traffic, seconds).map_or(Measured::Reset, Measured::Rates)
        }
    };
    let mut peers: Vec<_> = now.peers.iter().map(|peer| (peer, measure(peer))).collect();
    order(&mut peers);
    let rates = peers.iter().filter_map(|(_, measured)| measured.rates());
    View {
        now,
        span,
        total: Some(rates.fold(Rates::default(), Rates::plus)),
        drops: grown(&before.status.drops, &now.status.drops),
        work: worked(before.status.work, now.status.work),
        peers,
    }
}

fn span(before: Option<&Sample>, now: &Sample) -> Span {
    let Some(before) = before else {
        return Span::First;
    };
    // A process id may come again, hence the start as well.
    let run = |sample: &Sample| (sample.status.pid, sample.status.started_unix_s);
    if run(before) != run(now) {
        return Span::Restarted;
    }
    match now.at.saturating_sub(before.at).as_secs_f64() {
        seconds if seconds > 0.0 => Span::Seconds(seconds),
        _ => Span::First,
    }
}

/// The most traffic now first, then the most so far, then by address: what does not change
/// keeps its place.
fn order(peers: &mut [(&Peer, Measured)]) {
    let bits = |measured: Measured| measured.rates().map_or(0.0, Rates::bits_per_s);
    let so_far = |peer: &Peer| {
        let traffic = peer.traffic;
        Reverse(traffic.rx_bytes.saturating_add(traffic.tx_bytes))
    };
    peers.sort_by(|(a, measured_a), (b, measured_b)| {
        let now = bits(*measured_b).total_cmp(&bits(*measured_a));
        now.then_with(|| so_far(a).cmp(&so_far(b)))
            .then_with(|| a.address.cmp(&b.address))
    });
}

/// By how much each count grew, where it did.
fn grown<'a>(
    before: &BTreeMap<String, u64>,
    now: &'a BTreeMap<String, u64>,
) -> BTreeMap<&'a str, u64> {
    let more = now.iter().map(|(reason, count)| {
        let before = before.get(reason).copied().unwrap_or_default();
        (reason.as_str(), count.saturating_sub(before))
    });
    more.filter(|(_, count)| *count > 0).collect()
}

fn worked(before: Work, now: Work) -> Option<Work> {
    Some(Work {
        interface_reads: now.interface_reads.checked_sub(before.interface_reads)?,
        interface_writes: now.interface_writes.checked_sub(before.interface_writes)?,
        sends: now.sends.checked_sub(before.sends)?,
        receives: now.receives.checked_sub(before.receives)?,
        datagrams_out: now.datagrams_out.checked_sub(before.datagrams_out)?,
        datagrams_in: now.datagrams_in.checked_sub(before.datagrams_in)?,
    })
}

#[cfg(test)]
#[path = "sample_tests.rs"]
pub(crate) mod tests;
