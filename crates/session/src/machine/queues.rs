//! What waits inside a session: packets and messages parked for the handshake, and pings
//! without a reply. All are bounded and keep their order.

use crate::constants::{
    ECHO_LOST, ECHOES_MAX, PARKED_BYTES_MAX, PARKED_PACKETS_MAX, STREAM_MESSAGE_MAX,
};
use crate::stream::SendMessageError;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use wire::payload::Kind;

/// A bounded queue of byte strings with a tag each.
#[derive(Debug)]
pub(super) struct Parked<T> {
    items: VecDeque<(T, Vec<u8>)>,
    bytes: usize,
}

impl<T> Default for Parked<T> {
    fn default() -> Self {
        Self {
            items: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<T> Parked<T> {
    /// Whether it was taken. The newest gives way, so that the first packet is never lost.
    pub(super) fn push(&mut self, tag: T, bytes: &[u8]) -> bool {
        let fits =
            self.items.len() < PARKED_PACKETS_MAX && self.bytes + bytes.len() <= PARKED_BYTES_MAX;
        if fits {
            self.bytes += bytes.len();
            self.items.push_back((tag, bytes.to_vec()));
        }
        fits
    }

    pub(super) fn take(&mut self) -> VecDeque<(T, Vec<u8>)> {
        self.bytes = 0;
        std::mem::take(&mut self.items)
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn bytes_len(&self) -> usize {
        self.bytes
    }
}

/// Packets that wait for the handshake.
pub(super) type ParkedPackets = Parked<Kind>;
/// Messages of the control stream that wait for the handshake.
pub(super) type ParkedMessages = Parked<u16>;

impl ParkedMessages {
    pub(super) fn push_message(&mut self, kind: u16, value: &[u8]) -> Result<(), SendMessageError> {
        if value.len() > STREAM_MESSAGE_MAX {
            return Err(SendMessageError::TooLong);
        }
        if self.push(kind, value) {
            Ok(())
        } else {
            Err(SendMessageError::Full)
        }
    }
}

/// One ping.
#[derive(Debug)]
struct Echo {
    opaque: [u8; 8],
    /// `None` until the handshake is over and the request was sent.
    sent: Option<Duration>,
    expires: Duration,
}

/// Pings without a reply.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    waiting: BTreeMap<u32, Echo>,
}

impl Echoes {
    /// Whether it was taken: false if 64 wait already, or one with this id.
    pub(super) fn push(&mut self, now: Duration, id: u32, opaque: [u8; 8]) -> bool {
        if self.waiting.len() >= ECHOES_MAX || self.waiting.contains_key(&id) {
            return false;
        }
        let echo = Echo {
            opaque,
            sent: None,
            expires: now.saturating_add(ECHO_LOST),
        };
        self.waiting.insert(id, echo);
        true
    }

    /// The requests to send now; they count as sent.
    pub(super) fn take_unsent(&mut self, now: Duration) -> Vec<(u32, [u8; 8])> {
        self.waiting
            .iter_mut()
            .filter(|(_, echo)| echo.sent.is_none())
            .map(|(id, echo)| {
                echo.sent = Some(now);
                (*id, echo.opaque)
            })
            .collect()
    }

    /// The round-trip time, if this is the reply to a request.
    pub(super) fn reply(&mut self, now: Duration, id: u32, opaque: [u8; 8]) -> Option<Duration> {
        let echo = self.waiting.get(&id).filter(|echo| echo.opaque == opaque)?;
        let rtt = now.saturating_sub(echo.sent?);
        self.waiting.remove(&id);
        Some(rtt)
    }

    /// The ids that are lost by `now`.
    pub(super) fn expire(&mut self, now: Duration) -> Vec<u32> {
        let lost: Vec<u32> = self
            .waiting
            .iter()
            .filter(|(_, echo)| echo.expires <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in &lost {
            self.waiting.remove(id);
        }
        lost
    }

    /// All ids: the session is over.
    pub(super) fn clear(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.waiting).into_keys().collect()
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.waiting.values().map(|echo| echo.expires).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parking_ends_at_128_packets_or_256_kib() {
        let mut parked = ParkedPackets::default();
        for n in 0..PARKED_PACKETS_MAX {
            assert!(parked.push(Kind::Ip, &[n as u8]));
        }
        assert!(!parked.push(Kind::Ip, &[0]));
        let order: Vec<u8> = parked.take().iter().map(|(_, bytes)| bytes[0]).collect();
        assert!(order.iter().copied().eq(0..128));

        assert!(parked.push(Kind::Ip, &vec![0; PARKED_BYTES_MAX]));
        assert!(!parked.push(Kind::Ip, &[0]));
        assert_eq!((parked.len(), parked.bytes_len()), (1, PARKED_BYTES_MAX));
    }

    #[test]
    fn the_65th_ping_is_refused_and_each_is_answered_or_lost() {
        let (mut echoes, t) = (Echoes::default(), Duration::from_secs);
        for id in 0..64 {
            assert!(echoes.push(t(1), id, [id as u8; 8]));
        }
        assert!(!echoes.push(t(1), 64, [0; 8]));
        assert_eq!(echoes.reply(t(1), 5, [5; 8]), None, "not sent yet");
        assert_eq!(echoes.take_unsent(t(2)).len(), 64);
        assert!(echoes.take_unsent(t(2)).is_empty());
        assert_eq!(echoes.reply(t(3), 5, [6; 8]), None);
        assert_eq!(echoes.reply(t(3), 5, [5; 8]), Some(t(1)));
        assert_eq!(echoes.reply(t(3), 5, [5; 8]), None);
        assert_eq!(echoes.poll_timeout(), Some(t(6)));
        assert_eq!(echoes.expire(t(6)).len(), 63);
        assert_eq!(echoes.poll_timeout(), None);
    }
}
