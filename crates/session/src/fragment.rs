//! Fragments of handshake messages: cut, authenticated lightly, put together
//! (specification, section 3.4).
//!
//! MAC1 proves only that the sender knows the receiver's F; it keeps scanners silent. MAC2
//! proves that the sender receives at its address. Neither says who it is.
//!
//! Limits: 64 messages in reassembly, 1 s each, the oldest evicted; at most 4 fragments and
//! 4,608 bytes each.

use crate::constants::{REASSEMBLY_LIFE, REASSEMBLY_MAX};
use identity::crypto::{Crypto, constant_time_eq};
use std::collections::VecDeque;
use std::time::Duration;
use wire::datagram::{
    FRAGMENT_BODY_MAX, FRAGMENTS_MAX, FragmentHeader, FragmentView, MAC_LEN, Message,
};
use wire::{NodeAddr, Path, Unencodable};

/// A cookie, as MAC2 is keyed with it.
pub type Cookie = [u8; 16];

/// The key of MAC1 for datagrams to one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac1Key([u8; 32]);

impl Mac1Key {
    /// The key for datagrams to `receiver`.
    #[must_use]
    pub fn new(crypto: &dyn Crypto, receiver: NodeAddr) -> Self {
        Self(crypto.sha256(&[b"kumihimo mac1 v1", receiver.as_bytes()]))
    }

    /// Whether MAC1 of a fragment is right.
    #[must_use]
    pub fn verify(&self, crypto: &dyn Crypto, fragment: &FragmentView<'_>) -> bool {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::SkipMac1) {
            return true;
        }
        constant_time_eq(&mac(crypto, &self.0, fragment.mac1_covers), fragment.mac1)
    }
}

/// Whether MAC2 of a fragment is right for `cookie`.
#[must_use]
pub fn verify_mac2(crypto: &dyn Crypto, cookie: &Cookie, fragment: &FragmentView<'_>) -> bool {
    constant_time_eq(&mac(crypto, cookie, fragment.mac2_covers), fragment.mac2)
}

/// Cuts a handshake message into datagrams.
///
/// # Errors
/// If it needs more than 4 fragments, or an index is not one that its message may have.
pub fn cut(
    crypto: &dyn Crypto,
    key: &Mac1Key,
    cookie: Option<&Cookie>,
    message: Message,
    sender: u32,
    receiver: u32,
    bytes: &[u8],
) -> Result<Vec<Vec<u8>>, Unencodable> {
    let too_long = Unencodable {
        what: "handshake message",
    };
    let count = u8::try_from(bytes.len().div_ceil(FRAGMENT_BODY_MAX)).map_err(|_| too_long)?;
    bytes
        .chunks(FRAGMENT_BODY_MAX)
        .zip(0..count)
        .map(|(body, number)| {
            let header = FragmentHeader {
                message,
                sender,
                receiver,
                number,
                count,
            };
            header.encode(
                body,
                |covered| mac(crypto, &key.0, covered),
                |covered| cookie.map_or([0; MAC_LEN], |c| mac(crypto, c, covered)),
            )
        })
        .collect()
}

/// A handshake message whose fragments have all come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Which message.
    pub message: Message,
    /// The index that its sender chose.
    pub sender: u32,
    /// 0 in message 1.
    pub receiver: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Handshake messages whose fragments have come in part.
#[derive(Debug, Default)]
pub struct Reassembly {
    /// Oldest first.
    unfinished: VecDeque<Unfinished>,
}

#[derive(Debug)]
struct Unfinished {
    from: Path,
    message: Message,
    sender: u32,
    receiver: u32,
    expires: Duration,
    count: u8,
    bodies: [Option<Vec<u8>>; FRAGMENTS_MAX as usize],
}

impl Reassembly {
    /// Nothing unfinished.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a fragment whose MAC1 is right; the whole message, when this was what it lacked.
    pub fn insert(
        &mut self,
        now: Duration,
        from: Path,
        fragment: &FragmentView<'_>,
    ) -> Option<Whole> {
        self.expire(now);
        let header = &fragment.header;
        let position = match self.position(from, header) {
            Some(position) => position,
            None => self.push(now, from, header)?,
        };
        let entry = self.unfinished.get_mut(position)?;
        let slot = entry.bodies.get_mut(usize::from(header.number))?;
        if entry.count != header.count {
            return None;
        }
        if slot.is_none() {
            *slot = Some(fragment.body.to_vec());
        }
        let have = entry.bodies.iter().flatten().count();
        if have < usize::from(entry.count) {
            return None;
        }
        let entry = self.unfinished.remove(position)?;
        let bodies: Vec<Vec<u8>> = entry.bodies.into_iter().flatten().collect();
        Some(Whole {
            message: entry.message,
            sender: entry.sender,
            receiver: entry.receiver,
            bytes: bodies.concat(),
        })
    }

    /// Forgets what is older than a second.
    pub fn expire(&mut self, now: Duration) {
        while self.unfinished.front().is_some_and(|u| u.expires <= now) {
            self.unfinished.pop_front();
        }
    }

    /// Messages held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.unfinished.len()
    }

    /// Whether nothing is unfinished.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unfinished.is_empty()
    }

    fn position(&self, from: Path, header: &FragmentHeader) -> Option<usize> {
        self.unfinished.iter().position(|u| {
            u.from == from
                && u.message == header.message
                && u.sender == header.sender
                && u.receiver == header.receiver
        })
    }

    fn push(&mut self, now: Duration, from: Path, header: &FragmentHeader) -> Option<usize> {
        if self.unfinished.len() >= REASSEMBLY_MAX {
            self.unfinished.pop_front();
        }
        self.unfinished.push_back(Unfinished {
            from,
            message: header.message,
            sender: header.sender,
            receiver: header.receiver,
            expires: now.saturating_add(REASSEMBLY_LIFE),
            count: header.count,
            bodies: Default::default(),
        });
        self.unfinished.len().checked_sub(1)
    }
}

pub(crate) fn mac(crypto: &dyn Crypto, key: &[u8], covered: &[u8]) -> [u8; MAC_LEN] {
    let full = crypto.hmac(key, &[covered]);
    let mut cut = [0; MAC_LEN];
    for (to, from) in cut.iter_mut().zip(full) {
        *to = from;
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::crypto::AwsLc;
    use wire::datagram::Datagram;

    const F: NodeAddr = NodeAddr([0xfc; 16]);

    fn from(port: u16) -> Path {
        std::net::SocketAddr::from(([192, 0, 2, 1], port)).into()
    }

    fn view(datagram: &[u8]) -> FragmentView<'_> {
        match Datagram::parse(datagram) {
            Ok(Datagram::Fragment(view)) => view,
            other => panic!("{other:?}"),
        }
    }

    fn fragments(sender: u32, cookie: Option<&Cookie>) -> (Vec<u8>, Vec<Vec<u8>>) {
        let bytes: Vec<u8> = (0..2304_u32).map(|i| (i * 3) as u8).collect();
        let key = Mac1Key::new(&AwsLc, F);
        let cut = cut(&AwsLc, &key, cookie, Message::One, sender, 0, &bytes).unwrap();
        (bytes, cut)
    }

    /// What strangers can make a node hold, both tables full, is at most 256 KiB.
    #[test]
    fn admission_state_is_at_most_256_kib() {
        let bodies = (FRAGMENTS_MAX as usize - 1) * FRAGMENT_BODY_MAX;
        let unfinished = REASSEMBLY_MAX * (std::mem::size_of::<Unfinished>() + bodies);
        let sources = crate::constants::LIMITER_SOURCES_MAX * crate::limiter::SOURCE_LEN;
        assert!(
            unfinished + sources <= 256 * 1024,
            "{unfinished} + {sources}"
        );
    }

    #[test]
    fn a_message_goes_in_two_fragments_of_1200_bytes() {
        let (bytes, cut) = fragments(7, None);
        assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [1200, 1200]);
        for order in [[0, 1], [1, 0]] {
            let mut reassembly = Reassembly::new();
            let first = view(&cut[order[0]]);
            assert_eq!(reassembly.insert(Duration::ZERO, from(1), &first), None);
            assert_eq!(reassembly.insert(Duration::ZERO, from(1), &first), None);
            let last = view(&cut[order[1]]);
            assert_eq!(reassembly.insert(Duration::ZERO, from(2), &last), None);
            let whole = reassembly.insert(Duration::ZERO, from(1), &last).unwrap();
            assert_eq!((whole.sender, whole.bytes), (7, bytes.clone()));
            assert_eq!(reassembly.len(), 1);
        }
    }

    #[test]
    fn macs_are_those_of_the_specification() {
        let cookie = [9; 16];
        let (_, cut) = fragments(7, Some(&cookie));
        for datagram in &cut {
            let key = AwsLc.sha256(&[b"kumihimo mac1 v1", &[0xfc; 16]]);
            let end = datagram.len() - 32;
            assert_eq!(
                AwsLc.hmac(&key, &[&datagram[..end]])[..16],
                datagram[end..end + 16]
            );
            assert_eq!(
                AwsLc.hmac(&cookie, &[&datagram[..end + 16]])[..16],
                datagram[end + 16..]
            );
            let key = Mac1Key::new(&AwsLc, F);
            assert!(key.verify(&AwsLc, &view(datagram)));
            assert!(verify_mac2(&AwsLc, &cookie, &view(datagram)));
            assert!(!verify_mac2(&AwsLc, &[8; 16], &view(datagram)));
            let other = Mac1Key::new(&AwsLc, NodeAddr([0xfd; 16]));
            assert!(!other.verify(&AwsLc, &view(datagram)));
        }
        let (_, bare) = fragments(7, None);
        assert_eq!(bare[0][1184..], [0; 16]);
    }

    #[test]
    fn the_65th_message_evicts_the_oldest_and_a_second_ends_all() {
        let mut reassembly = Reassembly::new();
        let cut: Vec<_> = (1..=65).map(|n| fragments(n, None).1).collect();
        for datagrams in &cut {
            reassembly.insert(Duration::ZERO, from(1), &view(&datagrams[0]));
        }
        assert_eq!(reassembly.len(), REASSEMBLY_MAX);
        let finish = |r: &mut Reassembly, n: usize, now| r.insert(now, from(1), &view(&cut[n][1]));
        assert!(finish(&mut reassembly, 1, Duration::ZERO).is_some());
        assert!(finish(&mut reassembly, 0, Duration::ZERO).is_none());
        assert!(finish(&mut reassembly, 2, REASSEMBLY_LIFE).is_none());
        assert_eq!(reassembly.len(), 1);
    }
}
