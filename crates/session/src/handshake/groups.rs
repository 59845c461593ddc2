//! Group slots: how two ends find the credentials they share without naming them
//! (specification, section 3.2).
//!
//! An outsider sees 16 values that look random. The initiator learns in message 2 which of
//! its slots matched. Limit: 16 credentials in a handshake; the caller chooses which.

use identity::crypto::{Crypto, Rng, constant_time_eq, random};
use std::fmt;
use wire::NodeAddr;
use wire::handshake::{GROUP_SLOTS, SLOT_LEN};
use zeroize::Zeroize;

/// A secret that both ends may hold: of a group and epoch, or of an invite.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Names it to its holders.
    pub id: [u8; 16],
    /// 0 for an invite.
    pub epoch: u32,
    /// The key of its slots.
    pub tag: [u8; 32],
    /// What it adds to the handshake; a generated secret of at least 128 bits.
    pub psk: [u8; 32],
}

impl Credential {
    /// The credential that an invite line's secret makes.
    #[must_use]
    pub fn of_invite(crypto: &dyn Crypto, secret: &[u8; 16]) -> Self {
        Self {
            id: crypto.invite_id(secret),
            epoch: 0,
            tag: crypto.hmac(secret, &[b"kumihimo invite tag v1"]),
            psk: crypto.hmac(secret, &[b"kumihimo invite psk v1"]),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> CredentialName {
        CredentialName {
            id: self.id,
            epoch: self.epoch,
        }
    }

    fn slot(&self, crypto: &dyn Crypto, e: &[u8; 32], responder: NodeAddr) -> Slot {
        let mac = crypto.hmac(&self.tag, &[e, responder.as_bytes()]);
        let mut slot = [0; SLOT_LEN];
        for (to, from) in slot.iter_mut().zip(mac) {
            *to = from;
        }
        slot
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        self.tag.zeroize();
        self.psk.zeroize();
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("id", &self.id)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// Names a credential without its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CredentialName {
    /// See [`Credential::id`].
    pub id: [u8; 16],
    /// See [`Credential::epoch`].
    pub epoch: u32,
}

pub(crate) type Slot = [u8; SLOT_LEN];
pub(crate) type Slots = [Slot; GROUP_SLOTS];

/// The slots of message 1, and which of `credentials` stands in each.
pub(crate) fn fill(
    crypto: &dyn Crypto,
    rng: &mut dyn Rng,
    credentials: &[Credential],
    e: &[u8; 32],
    responder: NodeAddr,
) -> (Slots, Vec<Option<Credential>>) {
    let mut held: Vec<Option<Credential>> = credentials
        .iter()
        .take(GROUP_SLOTS)
        .cloned()
        .map(Some)
        .collect();
    held.resize(GROUP_SLOTS, None);
    shuffle(rng, &mut held);
    let mut slots = [[0; SLOT_LEN]; GROUP_SLOTS];
    for (slot, credential) in slots.iter_mut().zip(&held) {
        *slot = match credential {
            Some(credential) => credential.slot(crypto, e, responder),
            None => random(rng),
        };
    }
    (slots, held)
}

/// Which slots `credentials` match: the mask, and the credentials.
pub(crate) fn find(
    crypto: &dyn Crypto,
    credentials: &[Credential],
    slots: &Slots,
    e: &[u8; 32],
    responder: NodeAddr,
) -> Vec<(usize, Credential)> {
    let mut found: Vec<(usize, Credential)> = Vec::new();
    for credential in credentials {
        let own = credential.slot(crypto, e, responder);
        let place = place_of(slots, &own);
        if let Some(place) = place.filter(|p| found.iter().all(|(taken, _)| taken != p)) {
            found.push((place, credential.clone()));
        }
    }
    found
}

/// The first slot that is `own`, found without telling by the time taken how much of which
/// slot is right.
fn place_of(slots: &Slots, own: &Slot) -> Option<usize> {
    slots.iter().enumerate().fold(None, |found, (place, slot)| {
        let equal = constant_time_eq(slot, own);
        found.or(equal.then_some(place))
    })
}

/// The bit mask over the slots.
pub(crate) fn mask(found: &[(usize, Credential)]) -> u16 {
    found
        .iter()
        .fold(0, |mask, (place, _)| mask | 1 << (place % GROUP_SLOTS))
}

/// The credentials of a mask; `None` if it has a bit for a slot that was random.
pub(crate) fn of_mask(held: &[Option<Credential>], mask: u16) -> Option<Vec<Credential>> {
    held.iter()
        .enumerate()
        .filter(|(place, _)| mask >> place & 1 == 1)
        .map(|(_, credential)| credential.clone())
        .collect()
}

/// The psk of the matches: zeros if there are none.
pub(crate) fn psk(crypto: &dyn Crypto, matched: &mut [Credential]) -> [u8; 32] {
    if matched.is_empty() {
        return [0; 32];
    }
    matched.sort_by_key(Credential::name);
    let mut ikm: Vec<u8> = Vec::with_capacity(matched.len() * 52);
    for credential in matched.iter() {
        ikm.extend_from_slice(&credential.id);
        ikm.extend_from_slice(&credential.epoch.to_be_bytes());
        ikm.extend_from_slice(&credential.psk);
    }
    let psk = crypto.hkdf(&[0; 32], &ikm, &[b"kumihimo psk v1"]);
    ikm.zeroize();
    psk
}

/// Fisher and Yates; the bias of 64 bits modulo at most 16 is below 2^-60.
fn shuffle<T>(rng: &mut dyn Rng, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let drawn = u64::from_be_bytes(random(rng)) % (last as u64 + 1);
        items.swap(last, usize::try_from(drawn).unwrap_or(last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::crypto::{AwsLc, HashRng};

    const F: NodeAddr = NodeAddr([0xfc; 16]);
    const E: [u8; 32] = [5; 32];

    fn credential(n: u8) -> Credential {
        Credential {
            id: [n; 16],
            epoch: 3,
            tag: [n ^ 0x55; 32],
            psk: [n; 32],
        }
    }

    fn filled(seed: u8, mine: &[Credential]) -> (Slots, Vec<Option<Credential>>) {
        fill(&AwsLc, &mut HashRng::new([seed; 32]), mine, &E, F)
    }

    #[test]
    fn the_ends_find_what_they_share_and_only_that() {
        let (slots, held) = filled(1, &[1, 2, 3].map(credential));
        let found = find(&AwsLc, &[9, 3, 1].map(credential), &slots, &E, F);
        let mut theirs = of_mask(&held, mask(&found)).unwrap();
        let mut ours: Vec<_> = found.into_iter().map(|(_, c)| c).collect();
        assert_eq!(psk(&AwsLc, &mut ours), psk(&AwsLc, &mut theirs));
        assert_eq!(ours, [credential(1), credential(3)]);
        assert_eq!(ours, theirs);
    }

    #[test]
    fn slots_are_bound_to_the_ephemeral_key_and_the_responder() {
        let (slots, _) = filled(1, &[credential(1)]);
        assert!(find(&AwsLc, &[credential(1)], &slots, &[6; 32], F).is_empty());
        assert!(find(&AwsLc, &[credential(1)], &slots, &E, NodeAddr([1; 16])).is_empty());
    }

    #[test]
    fn a_bit_for_a_random_slot_is_refused() {
        let (_, held) = filled(1, &[credential(1)]);
        assert_eq!(of_mask(&held, 0), Some(Vec::new()));
        assert_eq!(of_mask(&held, u16::MAX), None);
    }

    #[test]
    fn every_place_is_used_and_the_17th_credential_is_left_out() {
        let mut places = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let (slots, _) = filled(seed, &[credential(1)]);
            places.insert(find(&AwsLc, &[credential(1)], &slots, &E, F)[0].0);
        }
        assert_eq!(places.len(), GROUP_SLOTS);
        let many: Vec<_> = (0..20).map(credential).collect();
        let (slots, held) = filled(1, &many);
        assert_eq!(held.iter().flatten().count(), 16);
        assert_eq!(mask(&find(&AwsLc, &many, &slots, &E, F)), u16::MAX);
    }

    #[test]
    fn the_psk_is_that_of_the_specification() {
        assert_eq!(psk(&AwsLc, &mut []), [0; 32]);
        let one = Credential {
            id: [1; 16],
            epoch: 2,
            tag: [0; 32],
            psk: [3; 32],
        };
        let ikm = [&[1; 16][..], &[0, 0, 0, 2], &[3; 32]].concat();
        let prk = AwsLc.hmac(&[0; 32], &[&ikm]);
        assert_eq!(
            psk(&AwsLc, &mut [one]),
            AwsLc.hmac(&prk, &[b"kumihimo psk v1", &[1]])
        );
    }

    #[test]
    fn an_invite_is_a_credential() {
        let invite = Credential::of_invite(&AwsLc, &[7; 16]);
        assert_eq!(invite.epoch, 0);
        assert_eq!(
            invite.id,
            AwsLc.sha256(&[b"kumihimo invite id v1", &[7; 16]])[..16]
        );
        assert_eq!(
            invite.psk,
            AwsLc.hmac(&[7; 16], &[b"kumihimo invite psk v1"])
        );
        assert_eq!(
            invite.tag,
            AwsLc.hmac(&[7; 16], &[b"kumihimo invite tag v1"])
        );
        assert!(!format!("{invite:?}").contains("psk"));
    }
}
