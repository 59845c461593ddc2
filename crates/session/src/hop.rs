//! One hop of a relayed datagram: between a node and its Bridge (specification, section 6).
//!
//! Each channel has a key on each of its two hops, derived from the session between that node
//! and the Bridge. Its MAC covers the channel's number and the head of the sealed datagram: it
//! says that the datagram belongs on this channel, not that its content is authentic; the two
//! ends of the channel see to that. A Bridge keeps a replay window over the counter of the
//! transport packets that it relays, so that nobody can make it send a recorded packet again.
//! A counter belongs to the receiver index beside it, and both change with each rekey of the two
//! ends, so there is a window for each of the last [`INDICES_MAX`] indices; of the [`PAST_MAX`]
//! before them nothing goes on any more.

use crate::replay::{ReplayError, Window};
use identity::crypto::{Crypto, constant_time_eq};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use wire::datagram::{Datagram, RELAY_HEADER_LEN, RelayedView};
use zeroize::Zeroizing;

/// Which way a datagram goes over a hop. What a Bridge sent to a client is of no use when somebody
/// sends it back to the Bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Way {
    /// From a client to its Bridge.
    ToBridge = 0,
    /// From a Bridge to its client.
    ToClient = 1,
}

/// The key of one channel on one hop.
pub struct HopKey {
    channel: u32,
    key: Zeroizing<[u8; 16]>,
}

impl fmt::Debug for HopKey {
    /// The channel only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HopKey")
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

impl HopKey {
    /// The key of `channel` over a session; `stream_binding` is
    /// [`crate::Session::stream_binding`], which rekeys do not change.
    #[must_use]
    pub fn new(crypto: &dyn Crypto, stream_binding: &[u8; 32], channel: u32) -> Self {
        let info: [&[u8]; 2] = [b"kumihimo hop v2", &channel.to_be_bytes()];
        let key = Zeroizing::new(crypto.hkdf(&[0; 32], stream_binding, &info));
        Self { channel, key }
    }

    /// The channel's number on this hop.
    #[must_use]
    pub const fn channel(&self) -> u32 {
        self.channel
    }

    /// The header to put in front of a sealed datagram of 16 bytes or more that goes `way`.
    #[must_use]
    pub fn header(&self, crypto: &dyn Crypto, way: Way, sealed: &[u8]) -> [u8; RELAY_HEADER_LEN] {
        let covered = sealed.get(..RELAY_HEADER_LEN).unwrap_or(sealed);
        RelayedView::header(self.channel, &self.mac(crypto, way, covered))
    }

    /// Whether a relayed datagram that came `way` on this channel has the right MAC.
    #[must_use]
    pub fn verify(&self, crypto: &dyn Crypto, way: Way, relayed: &RelayedView<'_>) -> bool {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::SkipHopMac) {
            return true;
        }
        relayed.channel == self.channel
            && constant_time_eq(&self.mac(crypto, way, relayed.covered()), relayed.mac)
    }

    fn mac(&self, crypto: &dyn Crypto, way: Way, covered: &[u8]) -> [u8; 8] {
        let mut bytes = [0; 1 + 4 + RELAY_HEADER_LEN];
        let all = [way as u8].into_iter().chain(self.channel.to_be_bytes());
        let all = all.chain(covered.iter().copied());
        for (to, from) in bytes.iter_mut().zip(all) {
            *to = from;
        }
        crypto.short_mac(&self.key, &bytes)
    }
}

/// Receiver indices that one direction of a channel has a window for: those of the keys in use,
/// the keys before and the keys after.
pub const INDICES_MAX: usize = 3;
/// Receiver indices before those that are remembered: 8 hours of rekeys every 2 minutes.
pub const PAST_MAX: usize = 256;

/// What one direction of a channel has carried.
#[derive(Debug, Default)]
pub struct HopWindow(Mutex<Carried>);

#[derive(Debug, Default)]
struct Carried {
    /// Windows by receiver index, the newest last.
    windows: Vec<(u32, Window)>,
    /// Receiver indices whose windows are gone, the newest last. Without these a recorded packet
    /// would pass for the first one of new keys.
    past: VecDeque<u32>,
}

/// Why a relayed datagram does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HopError {
    /// Not a datagram that two ends of a channel exchange.
    #[error("not a datagram of two nodes")]
    Malformed,
    /// Its counter was relayed before, or is too old.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

impl HopWindow {
    /// Notes a datagram whose MAC is right; whether it is the newest transport packet so far.
    ///
    /// # Errors
    /// See [`HopError`]; then nothing changed.
    pub fn accept(&self, sealed: &[u8]) -> Result<bool, HopError> {
        match Datagram::parse(sealed) {
            Ok(Datagram::Transport(header)) => {
                let mut carried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let Carried { windows, past } = &mut *carried;
                let known = windows.iter_mut().find(|(i, _)| *i == header.receiver);
                if let Some((_, window)) = known {
                    return Ok(window.accept(header.counter)?);
                }
                if past.contains(&header.receiver) {
                    return Err(HopError::Replay(ReplayError::TooOld));
                }
                let mut window = Window::new();
                window.accept(header.counter)?;
                if windows.len() >= INDICES_MAX {
                    let (index, _) = windows.remove(0);
                    if past.len() >= PAST_MAX {
                        past.pop_front();
                    }
                    past.push_back(index);
                }
                windows.push((header.receiver, window));
                Ok(true)
            }
            Ok(Datagram::Fragment(_)) => Ok(false),
            // Cookies are between a node and its Bridge, and nothing is relayed twice.
            // So is DPRP: between those who are on the path.
            Ok(Datagram::Cookie(_) | Datagram::Relayed(_) | Datagram::Dprp) | Err(_) => {
                Err(HopError::Malformed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::crypto::AwsLc;
    use wire::datagram::TransportHeader;

    fn sealed(counter: u64) -> Vec<u8> {
        sealed_for(5, counter)
    }

    fn sealed_for(receiver: u32, counter: u64) -> Vec<u8> {
        let mut bytes = TransportHeader { receiver, counter }.encode().to_vec();
        bytes.extend([7; 40]);
        bytes
    }

    fn relayed(key: &HopKey, sealed: &[u8]) -> Vec<u8> {
        [&key.header(&AwsLc, Way::ToBridge, sealed), sealed].concat()
    }

    fn view(bytes: &[u8]) -> RelayedView<'_> {
        match Datagram::parse(bytes) {
            Ok(Datagram::Relayed(view)) => view,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_mac_is_right_for_its_channel_its_session_and_its_head() {
        let key = HopKey::new(&AwsLc, &[1; 32], 9);
        let bytes = relayed(&key, &sealed(3));
        let verify = |key: &HopKey, bytes: &[u8]| key.verify(&AwsLc, Way::ToBridge, &view(bytes));
        assert!(verify(&key, &bytes));
        assert!(
            !key.verify(&AwsLc, Way::ToClient, &view(&bytes)),
            "sent back"
        );
        let others = [
            HopKey::new(&AwsLc, &[2; 32], 9),
            HopKey::new(&AwsLc, &[1; 32], 10),
        ];
        assert!(others.iter().all(|key| !verify(key, &bytes)));
        for at in 4..32 {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            assert!(!verify(&key, &forged), "{at}");
        }
        assert!(!format!("{key:?}").contains("key"));
    }

    #[test]
    fn a_packet_goes_on_once_and_nothing_is_relayed_twice_over() {
        let window = HopWindow::default();
        assert_eq!(window.accept(&sealed(3)), Ok(true));
        assert_eq!(window.accept(&sealed(2)), Ok(false));
        assert!(window.accept(&sealed(3)).is_err());
        let key = HopKey::new(&AwsLc, &[1; 32], 9);
        let nested = relayed(&key, &sealed(4));
        assert_eq!(window.accept(&nested), Err(HopError::Malformed));
        assert_eq!(window.accept(&[9; 60]), Err(HopError::Malformed));
        assert_eq!(window.accept(&sealed(4)), Ok(true), "unchanged");
    }

    #[test]
    fn each_pair_of_keys_counts_anew_and_the_windows_are_bounded() {
        let window = HopWindow::default();
        for index in 1..=4 {
            assert_eq!(window.accept(&sealed_for(index, 0)), Ok(true));
            assert!(window.accept(&sealed_for(index, 0)).is_err());
        }
        assert!(window.accept(&sealed_for(2, 0)).is_err());
        // Nor does what was carried under keys before those.
        assert!(window.accept(&sealed_for(1, 0)).is_err());
        assert!(window.accept(&sealed_for(1, 9)).is_err());
        assert_eq!(window.accept(&sealed_for(4, 1)), Ok(true), "unchanged");
        for index in 5..1_000 {
            assert_eq!(window.accept(&sealed_for(index, 0)), Ok(true));
        }
        let carried = window.0.lock().unwrap();
        assert_eq!(carried.windows.len(), INDICES_MAX);
        assert_eq!(carried.past.len(), PAST_MAX);
    }
}
