//! RGI of an element in between: I am on the path of this flow, and relay it
//! (docs/protocol/dprp.md, section 2; seed 004: RGI collects the settings of the elements on a path).
//!
//! It says nothing that leads to a session: no identity and no token. It cannot be taken for the RGI
//! of the end, nor that for it: the high bit of the slot byte, which the tag covers, and the label of
//! the key differ.
//!
//! | limit | value |
//! |---|---|
//! | length | [`RELAYED_LEN`], a tenth of the DDE |

use identity::crypto::{AEAD_NONCE_LEN, AEAD_TAG_LEN, AeadAlg, Crypto};
use wire::handshake::GROUP_SLOTS;
use wire::{Malformed, NodeAddr, Reader, Writer};

use super::{Dde, Ends, NONCE_LEN, TYPE_RGI, key, read_ends, read_type, write_ends};
use crate::element::{Kind, Mode};
use crate::keyring::Proof;

/// Length of one, in bytes.
pub const RELAYED_LEN: usize = 4 + 32 + NONCE_LEN + 1 + AEAD_NONCE_LEN + SEALED_LEN;

const SEALED_LEN: usize = 3 + 16 + AEAD_TAG_LEN;
const LABEL: &[u8] = b"kumihimo rgi relay v1";
/// In the slot byte: this form.
const FORM: u8 = 0x80;

/// What an element in between says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relay {
    /// What it is.
    pub kind: Kind,
    /// Its mode.
    pub mode: Mode,
    /// The hop limit that the DDE had there: of two, the one that saw more is nearer to the asker.
    pub hops: u8,
    /// Its address F. Nothing proves it.
    pub f: NodeAddr,
}

/// RGI of an element in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// The flow, as the asking element sees it.
    pub ends: Ends,
    /// Of the DDE.
    pub nonce: [u8; NONCE_LEN],
    /// The slot that matched.
    pub slot: u8,
    /// Random: one DDE may be answered more than once.
    pub aead_nonce: [u8; AEAD_NONCE_LEN],
    /// What it says about itself, sealed for members of the group.
    pub sealed: [u8; SEALED_LEN],
}

impl Relayed {
    /// Answers a DDE in which `proof` matched at a slot; `aead_nonce` is random.
    #[must_use]
    pub fn answer(
        crypto: &dyn Crypto,
        dde: &Dde,
        (slot, proof): (u8, &Proof),
        relay: &Relay,
        aead_nonce: [u8; AEAD_NONCE_LEN],
    ) -> Self {
        let mut sealed = [0; SEALED_LEN];
        let (plain, tag) = sealed.split_at_mut(SEALED_LEN - AEAD_TAG_LEN);
        let (own, f) = plain.split_at_mut(3);
        own.copy_from_slice(&[relay.kind.byte(), relay.mode.byte(), relay.hops]);
        f.copy_from_slice(relay.f.as_bytes());
        let key = key(crypto, LABEL, proof, (dde.ends, &dde.nonce));
        let aead = crypto.aead(AeadAlg::ChaCha20Poly1305, &key);
        tag.copy_from_slice(&aead.seal_in_place(&aead_nonce, &[FORM | slot], plain));
        Self {
            ends: dde.ends,
            nonce: dde.nonce,
            slot,
            aead_nonce,
            sealed,
        }
    }

    /// Opens what it says with the proof that stood in its slot.
    #[must_use]
    pub fn open(&self, crypto: &dyn Crypto, proof: &Proof) -> Option<Relay> {
        let (sealed, tag) = self.sealed.split_last_chunk::<AEAD_TAG_LEN>()?;
        let mut plain = sealed.to_vec();
        let key = key(crypto, LABEL, proof, (self.ends, &self.nonce));
        let aead = crypto.aead(AeadAlg::ChaCha20Poly1305, &key);
        if !aead.open_in_place(&self.aead_nonce, &[FORM | self.slot], &mut plain, tag) {
            return None;
        }
        let mut reader = Reader::new(&plain, "RGI of a relay");
        Some(Relay {
            kind: Kind::read(&mut reader).ok()?,
            mode: Mode::read(&mut reader).ok()?,
            hops: reader.u8().ok()?,
            f: NodeAddr(*reader.array().ok()?),
        })
    }

    /// Its bytes, [`RELAYED_LEN`] of them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(RELAYED_LEN);
        out.bytes(&[TYPE_RGI, 0, 0, 0]);
        write_ends(&mut out, self.ends);
        out.bytes(&self.nonce).u8(FORM | self.slot);
        out.bytes(&self.aead_nonce).bytes(&self.sealed);
        out.finish()
    }

    /// Reads one. Errors: another type, form or length, or a slot that there is not.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "RGI of a relay");
        read_type(&mut reader, TYPE_RGI)?;
        let ends = read_ends(&mut reader)?;
        let nonce = *reader.array()?;
        let slot = reader.u8()?.checked_sub(FORM);
        let slot = slot.filter(|slot| usize::from(*slot) < GROUP_SLOTS);
        let relayed = Self {
            ends,
            nonce,
            slot: slot.ok_or_else(|| reader.malformed())?,
            aead_nonce: *reader.array()?,
            sealed: *reader.array()?,
        };
        reader.finish()?;
        Ok(relayed)
    }
}

#[cfg(test)]
mod tests {
    use identity::crypto::AwsLc;

    use super::super::tests::{asked, ends, proof};
    use super::super::{DDE_LEN, Report, Rgi, TOKEN_LEN};
    use super::*;

    fn relay() -> Relay {
        Relay {
            kind: Kind::Gen,
            mode: Mode::Closed,
            hops: 63,
            f: NodeAddr([0xfc; 16]),
        }
    }

    fn relayed() -> Relayed {
        let (dde, own) = (asked(&[1, 2]), [proof(2)]);
        let matched = dde.matched(&AwsLc, &own).unwrap();
        Relayed::answer(&AwsLc, &dde, matched, &relay(), [6; 12])
    }

    #[test]
    fn it_comes_back_to_who_has_the_group_and_to_nobody_else() {
        const { assert!(RELAYED_LEN == 116 && RELAYED_LEN * 10 < DDE_LEN) };
        let relayed = relayed();
        let bytes = relayed.encode();
        assert_eq!(bytes.len(), RELAYED_LEN);
        let read = Relayed::decode(&bytes).unwrap();
        assert_eq!(read, relayed);
        assert_eq!(read.open(&AwsLc, &proof(2)), Some(relay()));
        assert_eq!(read.open(&AwsLc, &proof(1)), None, "another group");
        // Of another negotiation, or of another flow.
        let nonce = [8; NONCE_LEN];
        let other = Relayed {
            nonce,
            ..relayed.clone()
        };
        assert_eq!(other.open(&AwsLc, &proof(2)), None);
        let ends = ends().reversed();
        let other = Relayed { ends, ..relayed };
        assert_eq!(other.open(&AwsLc, &proof(2)), None);
    }

    #[test]
    fn no_other_length_and_no_flipped_bit_is_taken_for_it() {
        let bytes = relayed().encode();
        for len in (0..bytes.len()).chain([bytes.len() + 1, DDE_LEN]) {
            let mut cut = bytes.clone();
            cut.resize(len, 0);
            assert!(Relayed::decode(&cut).is_err(), "{len}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let read = Relayed::decode(&flipped).ok();
            let opened = read.and_then(|it| it.open(&AwsLc, &proof(2)));
            assert_eq!(opened, None, "{bit}");
        }
    }

    #[test]
    fn neither_form_of_an_rgi_is_taken_for_the_other() {
        const SLOT_AT: usize = 68;
        let (dde, own) = (asked(&[1, 2]), [proof(2)]);
        let matched = dde.matched(&AwsLc, &own).unwrap();
        // As long as the other form: 18 bytes before the identity, and one in it.
        let report = Report {
            kind: Kind::Gen,
            mode: Mode::Closed,
            token: [3; TOKEN_LEN],
            identity: vec![5],
        };
        let rgi = Rgi::answer(&AwsLc, &dde, matched, &report, [6; 12]).unwrap();
        let (mut of_end, mut of_relay) = (rgi.encode(), relayed().encode());
        assert_eq!(of_end.len(), of_relay.len());
        assert!(Relayed::decode(&of_end).is_err() && Rgi::decode(&of_relay).is_err());
        of_end[SLOT_AT] ^= FORM;
        of_relay[SLOT_AT] ^= FORM;
        let read = Relayed::decode(&of_end).unwrap();
        assert_eq!(read.open(&AwsLc, &proof(2)), None);
        let read = Rgi::decode(&of_relay).unwrap();
        assert_eq!(read.open(&AwsLc, &proof(2)), None);
    }
}
