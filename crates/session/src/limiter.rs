//! How many initiations a node works on: 50 a second in all, and from one IPv4 address, IPv6
//! /64 or channel 20 a second with bursts of 5. Those that prove by a cookie, a stream or a channel
//! that they receive at their address have limits of their own, in all and for each source, so that
//! a flood from addresses that are not its own does not shut them out.
//!
//! Callers charge it once for each message 1 whose fragments are complete, before they open
//! it, because opening is what costs. The reassembly in front is bounded by itself.
//!
//! Limit: 256 sources, a source once for what is proven and once for what is not. When the table is full, the source that was idle longest gives way;
//! the limit in all still holds then.

use crate::constants::{
    INITIATIONS_PER_S, INITIATIONS_PER_SOURCE_BURST, INITIATIONS_PER_SOURCE_S,
    INITIATIONS_PROVEN_PER_S, LIMITER_SOURCES_MAX,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The token buckets.
#[derive(Debug, Default)]
pub struct Limiter {
    total: Option<Bucket>,
    proven: Option<Bucket>,
    /// By source, and whether it was proven.
    sources: BTreeMap<(Source, bool), Bucket>,
}

/// Where initiations come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An IPv4 address, or the first address of an IPv6 /64.
    Ip(IpAddr),
    /// A channel of a Bridge.
    Channel(u32),
}

impl From<SocketAddr> for Source {
    fn from(at: SocketAddr) -> Self {
        Self::Ip(match at.ip().to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        })
    }
}

/// Why an initiation is not worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overload {
    /// Too many in all: a Bridge asks for cookies now.
    #[error("too many initiations in all")]
    Total,
    /// Too many from this source.
    #[error("too many initiations from one source")]
    Source,
}

impl Limiter {
    /// A limiter with full buckets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Charges one initiation from `source`, `proven` by a cookie or by a path that needs none.
    /// The source is charged first, so that one noisy source does not use up what the others
    /// may send.
    ///
    /// # Errors
    /// Which limit it exceeds; then neither bucket is charged.
    pub fn admit(
        &mut self,
        now: Duration,
        source: impl Into<Source>,
        proven: bool,
    ) -> Result<(), Overload> {
        let source = (source.into(), proven);
        let mut own = self
            .sources
            .get(&source)
            .copied()
            .unwrap_or_else(|| Bucket::full(now, INITIATIONS_PER_SOURCE_BURST));
        own.refill(now, INITIATIONS_PER_SOURCE_S, INITIATIONS_PER_SOURCE_BURST);
        if !own.take() {
            return Err(Overload::Source);
        }
        let (total, per_s) = if proven {
            (&mut self.proven, INITIATIONS_PROVEN_PER_S)
        } else {
            (&mut self.total, INITIATIONS_PER_S)
        };
        let total = total.get_or_insert_with(|| Bucket::full(now, per_s));
        total.refill(now, per_s, per_s);
        if !total.take() {
            return Err(Overload::Total);
        }
        self.make_room(&source);
        self.sources.insert(source, own);
        Ok(())
    }

    /// Sources remembered.
    #[must_use]
    pub fn sources_len(&self) -> usize {
        self.sources.len()
    }

    fn make_room(&mut self, wanted: &(Source, bool)) {
        if self.sources.len() < LIMITER_SOURCES_MAX || self.sources.contains_key(wanted) {
            return;
        }
        let idle = self
            .sources
            .iter()
            .min_by_key(|(_, bucket)| bucket.at)
            .map(|(source, _)| *source);
        if let Some(idle) = idle {
            self.sources.remove(&idle);
        }
    }
}

/// Memory of one source, in bytes, with room for what the map adds.
#[cfg(test)]
pub(crate) const SOURCE_LEN: usize =
    2 * (std::mem::size_of::<(Source, bool)>() + std::mem::size_of::<Bucket>());

/// A token bucket in thousandths of a token.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    at: Duration,
    milli: u64,
}

impl Bucket {
    fn full(now: Duration, burst: u32) -> Self {
        Self {
            at: now,
            milli: u64::from(burst) * 1000,
        }
    }

    fn refill(&mut self, now: Duration, per_s: u32, burst: u32) {
        let elapsed_ms = now.saturating_sub(self.at).as_millis();
        let elapsed_ms = u64::try_from(elapsed_ms).unwrap_or(u64::MAX);
        self.milli = self
            .milli
            .saturating_add(elapsed_ms.saturating_mul(u64::from(per_s)))
            .min(u64::from(burst) * 1000);
        // Only whole milliseconds were paid in; the rest of one stays due.
        self.at = self.at.saturating_add(Duration::from_millis(elapsed_ms));
    }

    fn take(&mut self) -> bool {
        match self.milli.checked_sub(1000) {
            Some(rest) => {
                self.milli = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn source(n: u32) -> SocketAddr {
        SocketAddr::from((std::net::Ipv4Addr::from(n), 1))
    }

    #[test]
    fn a_source_may_burst_5_and_then_20_a_second() {
        let mut limiter = Limiter::new();
        let admitted = |limiter: &mut Limiter, ms| {
            (0..100)
                .filter(|_| limiter.admit(at(ms), source(7), false).is_ok())
                .count()
        };
        assert_eq!(admitted(&mut limiter, 1000), 5);
        assert_eq!(
            limiter.admit(at(1049), source(7), false),
            Err(Overload::Source)
        );
        assert_eq!(admitted(&mut limiter, 1050), 1);
        assert_eq!(admitted(&mut limiter, 1150), 2);
        assert_eq!(admitted(&mut limiter, 9000), 5);
    }

    #[test]
    fn all_sources_together_get_50_a_second() {
        let mut limiter = Limiter::new();
        let admitted = (0..500)
            .filter(|n| limiter.admit(at(0), source(*n), false).is_ok())
            .count();
        assert_eq!(admitted, 50);
        assert_eq!(
            limiter.admit(at(0), source(900), false),
            Err(Overload::Total)
        );
        limiter.admit(at(20), source(900), false).unwrap();
    }

    #[test]
    fn a_flood_does_not_shut_out_who_proves_its_address() {
        let mut limiter = Limiter::new();
        for n in 0..10_000 {
            let _ = limiter.admit(at(u64::from(n) / 10), source(n), false);
        }
        let proven =
            (20_000..20_300).filter(|n| limiter.admit(at(1_000), source(*n), true).is_ok());
        assert_eq!(proven.count(), 300);
        assert_eq!(limiter.admit(at(1_000), Source::Channel(1), true), Ok(()));
    }

    #[test]
    fn who_uses_anothers_address_takes_nothing_from_who_proves_it() {
        let mut limiter = Limiter::new();
        for _ in 0..100 {
            let _ = limiter.admit(at(1_000), source(7), false);
        }
        let admit = |limiter: &mut Limiter, proven| limiter.admit(at(1_000), source(7), proven);
        assert_eq!(admit(&mut limiter, false), Err(Overload::Source));
        assert_eq!(admit(&mut limiter, true), Ok(()));
    }

    #[test]
    fn an_ipv6_network_is_one_source_and_the_table_is_bounded() {
        let mut limiter = Limiter::new();
        let six =
            |net: u16, host: u16| SocketAddr::from(([0x2001, 0xdb8, 0, net, 0, 0, 0, host], 1));
        for host in 0..5 {
            limiter.admit(at(0), six(1, host), false).unwrap();
        }
        assert_eq!(
            limiter.admit(at(0), six(1, 99), false),
            Err(Overload::Source)
        );
        limiter.admit(at(0), six(2, 99), false).unwrap();
        let mut limiter = Limiter::new();
        for n in 0..3000 {
            limiter
                .admit(at(u64::from(n) * 20), source(n), false)
                .unwrap();
        }
        assert_eq!(limiter.sources_len(), LIMITER_SOURCES_MAX);
    }
}
