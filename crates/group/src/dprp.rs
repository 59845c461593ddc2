//! DPRP: what elements say to each other before the first packet of a flow between ordinary IP
//! addresses (docs/protocol/dprp.md; seeds 002 and 004).
//!
//! ```text
//!   element A                                     element B, at X or in front of it
//!     ── DDE (to X): slots of A's groups ──▶
//!     ◀── RGI: which matched; B's identity, sealed ──      or silence: no element, or no group
//!     ══ session (session.md), memberships ══
//!     ── MPIT: the pair of addresses, and the first packet ──▶
//!     ◀── CDN: it is in force ──
//! ```
//!
//! An element between the two that only relays says so in an RGI of its own ([`relayed`]).
//! A DDE makes no state at the element that answers it, and is never shorter than the answer.
//!
//! | limit | value |
//! |---|---|
//! | length of a DDE; of an RGI at most | [`DDE_LEN`] |
//! | length of an RGI of an element in between | [`RELAYED_LEN`] |

use identity::crypto::{AEAD_NONCE_LEN, AEAD_TAG_LEN, AeadAlg, Crypto, constant_time_eq};
use wire::handshake::{GROUP_SLOTS, SLOT_LEN};
use wire::{Malformed, NodeAddr, Reader, Writer};

use crate::element::{Kind, Mode};
use crate::keyring::Proof;

pub mod relayed;

pub use relayed::{RELAYED_LEN, Relay, Relayed};

/// The type of a DDE.
pub const TYPE_DDE: u8 = 6;
/// The type of an RGI.
pub const TYPE_RGI: u8 = 7;
/// Length of a DDE, and the most that an RGI has, in bytes.
pub const DDE_LEN: usize = 1_200;
/// Length of the nonce of a negotiation.
pub const NONCE_LEN: usize = 32;
/// Length of a token in bytes.
pub const TOKEN_LEN: usize = 16;
/// The type of MPIT and CDN in the control stream.
pub const SITE: u16 = 0x1f;
/// Longest packet in an MPIT, in bytes.
pub const PACKET_MAX: usize = 9_000;

const LABEL: &[u8] = b"kumihimo rgi v1";
const MPIT: u8 = 1;
const CDN: u8 = 2;
const REFUSAL: u8 = 3;

/// The two addresses of a flow: here and there. IPv4 addresses are mapped (RFC 4291).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ends {
    /// The address at, or behind, the element that speaks.
    pub here: NodeAddr,
    /// The address at, or behind, the other.
    pub there: NodeAddr,
}

impl Ends {
    /// The same from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self {
            here: self.there,
            there: self.here,
        }
    }
}

/// DDE: who is at the destination, and is it in one of my groups?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dde {
    /// The flow, as the asking element sees it.
    pub ends: Ends,
    /// Random, of this negotiation.
    pub nonce: [u8; NONCE_LEN],
    /// One value for each group and epoch of the asking element; the rest is random.
    pub slots: [[u8; SLOT_LEN]; GROUP_SLOTS],
}

/// RGI: here is an element of one of your groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rgi {
    /// The flow, as the asking element sees it.
    pub ends: Ends,
    /// Of the DDE.
    pub nonce: [u8; NONCE_LEN],
    /// The slot that matched.
    pub slot: u8,
    /// Random: one DDE may be answered more than once.
    pub aead_nonce: [u8; AEAD_NONCE_LEN],
    /// What it says about itself, sealed for members of the group.
    pub sealed: Vec<u8>,
}

/// What an element says about itself in an RGI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What it is.
    pub kind: Kind,
    /// Its mode.
    pub mode: Mode,
    /// Comes back in the MPIT: whoever has it received the RGI where it was sent to.
    pub token: [u8; TOKEN_LEN],
    /// Its identity, as in message 2 of session.md, section 5. Not verified.
    pub identity: Vec<u8>,
}

/// A message in the control stream of two members: MPIT, and the two answers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteMessage {
    /// MPIT: this is what we do with the flow; and its first packet.
    Mpit {
        /// The flow, as the sender sees it.
        ends: Ends,
        /// Of the DDE.
        nonce: [u8; NONCE_LEN],
        /// Of the RGI.
        token: [u8; TOKEN_LEN],
        /// The packet, at most [`PACKET_MAX`] bytes; may be empty.
        packet: Vec<u8>,
    },
    /// CDN: so do I.
    Cdn {
        /// The flow, as the sender sees it.
        ends: Ends,
    },
    /// I do not: the flow does not end here, or you did not show that it begins with you.
    Refusal {
        /// The flow, as the sender sees it.
        ends: Ends,
    },
}

/// The value of a credential in the slot of a DDE.
fn slot(crypto: &dyn Crypto, tag: &[u8; 32], dde: (&[u8; NONCE_LEN], Ends)) -> [u8; SLOT_LEN] {
    let (nonce, ends) = dde;
    let parts: [&[u8]; 3] = [nonce, ends.here.as_bytes(), ends.there.as_bytes()];
    let mac = crypto.hmac(tag, &parts);
    let mut slot = [0; SLOT_LEN];
    slot.copy_from_slice(mac.split_at(SLOT_LEN).0);
    slot
}

impl Dde {
    /// Asks with these proofs, as far as there is room; `random` fills the other slots.
    #[must_use]
    pub fn new(
        crypto: &dyn Crypto,
        ends: Ends,
        nonce: [u8; NONCE_LEN],
        proofs: &[Proof],
        random: [[u8; SLOT_LEN]; GROUP_SLOTS],
    ) -> Self {
        let mut slots = random;
        for (to, proof) in slots.iter_mut().zip(proofs) {
            *to = slot(crypto, &proof.tag, (&nonce, ends));
        }
        Self { ends, nonce, slots }
    }

    /// The first of these proofs that the asking element holds as well, and its slot.
    #[must_use]
    pub fn matched<'a>(&self, crypto: &dyn Crypto, proofs: &'a [Proof]) -> Option<(u8, &'a Proof)> {
        proofs.iter().find_map(|proof| {
            let own = slot(crypto, &proof.tag, (&self.nonce, self.ends));
            let same = |it: &[u8; SLOT_LEN]| constant_time_eq(it, &own);
            let at = self.slots.iter().position(same)?;
            Some((u8::try_from(at).ok()?, proof))
        })
    }

    /// Its bytes, [`DDE_LEN`] of them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(DDE_LEN);
        out.bytes(&[TYPE_DDE, 0, 0, 0]);
        write_ends(&mut out, self.ends);
        out.bytes(&self.nonce).bytes(self.slots.as_flattened());
        let mut bytes = out.finish();
        bytes.resize(DDE_LEN, 0);
        bytes
    }

    /// Reads a DDE. Errors: another type or length.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "DDE");
        read_type(&mut reader, TYPE_DDE)?;
        let ends = read_ends(&mut reader)?;
        let nonce = *reader.array()?;
        let mut slots = [[0; SLOT_LEN]; GROUP_SLOTS];
        for slot in &mut slots {
            *slot = *reader.array()?;
        }
        if bytes.len() != DDE_LEN {
            return Err(reader.malformed());
        }
        Ok(Self { ends, nonce, slots })
    }
}

impl Rgi {
    /// Answers a DDE in which `proof` matched at a slot; `aead_nonce` is random. `None`: the report
    /// does not fit.
    #[must_use]
    pub fn answer(
        crypto: &dyn Crypto,
        dde: &Dde,
        (slot, proof): (u8, &Proof),
        report: &Report,
        aead_nonce: [u8; AEAD_NONCE_LEN],
    ) -> Option<Self> {
        let mut sealed = vec![report.kind.byte(), report.mode.byte()];
        sealed.extend_from_slice(&report.token);
        sealed.extend_from_slice(&report.identity);
        let key = key(crypto, LABEL, proof, (dde.ends, &dde.nonce));
        let aead = crypto.aead(AeadAlg::ChaCha20Poly1305, &key);
        let tag = aead.seal_in_place(&aead_nonce, &[slot], &mut sealed);
        sealed.extend_from_slice(&tag);
        let rgi = Self {
            ends: dde.ends,
            nonce: dde.nonce,
            slot,
            aead_nonce,
            sealed,
        };
        (rgi.encode().len() <= DDE_LEN).then_some(rgi)
    }

    /// Opens what it says with the proof that stood in its slot.
    #[must_use]
    pub fn open(&self, crypto: &dyn Crypto, proof: &Proof) -> Option<Report> {
        let (sealed, tag) = self.sealed.split_last_chunk::<AEAD_TAG_LEN>()?;
        let mut plain = sealed.to_vec();
        let key = key(crypto, LABEL, proof, (self.ends, &self.nonce));
        let aead = crypto.aead(AeadAlg::ChaCha20Poly1305, &key);
        if !aead.open_in_place(&self.aead_nonce, &[self.slot], &mut plain, tag) {
            return None;
        }
        let mut reader = Reader::new(&plain, "RGI");
        Some(Report {
            kind: Kind::read(&mut reader).ok()?,
            mode: Mode::read(&mut reader).ok()?,
            token: *reader.array().ok()?,
            identity: reader.rest().to_vec(),
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.bytes(&[TYPE_RGI, 0, 0, 0]);
        write_ends(&mut out, self.ends);
        out.bytes(&self.nonce).u8(self.slot);
        out.bytes(&self.aead_nonce).bytes(&self.sealed);
        out.finish()
    }

    /// Reads an RGI. Errors: another type, too long, or a slot that there is not.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "RGI");
        read_type(&mut reader, TYPE_RGI)?;
        let rgi = Self {
            ends: read_ends(&mut reader)?,
            nonce: *reader.array()?,
            slot: reader.u8()?,
            aead_nonce: *reader.array()?,
            sealed: reader.rest().to_vec(),
        };
        let fits = bytes.len() <= DDE_LEN && usize::from(rgi.slot) < GROUP_SLOTS;
        fits.then_some(rgi).ok_or(Malformed { what: "RGI" })
    }
}

impl SiteMessage {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Self::Mpit {
                ends,
                nonce,
                token,
                packet,
            } => {
                out.u8(MPIT);
                write_ends(&mut out, *ends);
                out.bytes(nonce).bytes(token).bytes(packet);
            }
            Self::Cdn { ends } => {
                out.u8(CDN);
                write_ends(&mut out, *ends);
            }
            Self::Refusal { ends } => {
                out.u8(REFUSAL);
                write_ends(&mut out, *ends);
            }
        }
        out.finish()
    }

    /// Reads a message. Errors: of no kind that there is, or a packet that is too long.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "MPIT or CDN");
        let kind = reader.u8()?;
        let ends = read_ends(&mut reader)?;
        let message = match kind {
            MPIT if reader.remaining() <= NONCE_LEN + TOKEN_LEN + PACKET_MAX => Self::Mpit {
                ends,
                nonce: *reader.array()?,
                token: *reader.array()?,
                packet: reader.rest().to_vec(),
            },
            CDN => Self::Cdn { ends },
            REFUSAL => Self::Refusal { ends },
            _ => return Err(reader.malformed()),
        };
        reader.finish()?;
        Ok(message)
    }
}

/// The key of the RGIs of one form in a negotiation: only members of the group have it.
fn key(
    crypto: &dyn Crypto,
    label: &[u8],
    proof: &Proof,
    (ends, nonce): (Ends, &[u8; NONCE_LEN]),
) -> [u8; 32] {
    let parts: [&[u8]; 4] = [label, nonce, ends.here.as_bytes(), ends.there.as_bytes()];
    crypto.hmac(&proof.psk, &parts)
}

fn write_ends(out: &mut Writer, ends: Ends) {
    out.bytes(ends.here.as_bytes()).bytes(ends.there.as_bytes());
}

fn read_ends(reader: &mut Reader<'_>) -> Result<Ends, Malformed> {
    Ok(Ends {
        here: NodeAddr(*reader.array()?),
        there: NodeAddr(*reader.array()?),
    })
}

fn read_type(reader: &mut Reader<'_>, kind: u8) -> Result<(), Malformed> {
    let found = *reader.array::<4>()?;
    if found == [kind, 0, 0, 0] {
        Ok(())
    } else {
        Err(reader.malformed())
    }
}

#[cfg(test)]
mod tests {
    use identity::crypto::AwsLc;

    use super::*;
    use crate::epochs::{EpochName, EpochSecret, Use};
    use crate::statement::GroupId;

    pub(super) fn proof(number: u8) -> Proof {
        let secret = EpochSecret::new([number; 32]);
        let name = EpochName {
            index: 0,
            number: 1,
        };
        Proof {
            group: GroupId([number; 16]),
            epoch: name,
            what: Use::Current,
            tag: secret.tag(&AwsLc),
            psk: secret.psk(&AwsLc),
        }
    }

    pub(super) fn ends() -> Ends {
        Ends {
            here: NodeAddr([1; 16]),
            there: NodeAddr([2; 16]),
        }
    }

    pub(super) fn asked(numbers: &[u8]) -> Dde {
        let proofs: Vec<Proof> = numbers.iter().map(|number| proof(*number)).collect();
        Dde::new(&AwsLc, ends(), [7; 32], &proofs, [[9; 8]; 16])
    }

    fn report() -> Report {
        Report {
            kind: Kind::Gen,
            mode: Mode::Closed,
            token: [3; TOKEN_LEN],
            identity: vec![5; 500],
        }
    }

    #[test]
    fn whoever_shares_a_group_is_answered_and_reads_the_answer() {
        let dde = asked(&[1, 2, 3]);
        assert_eq!(Dde::decode(&dde.encode()), Ok(dde.clone()));
        let own = [proof(9), proof(2)];
        let matched = dde.matched(&AwsLc, &own).unwrap();
        assert_eq!((matched.0, matched.1), (1, &own[1]));
        let rgi = Rgi::answer(&AwsLc, &dde, matched, &report(), [6; 12]).unwrap();
        let read = Rgi::decode(&rgi.encode()).unwrap();
        assert_eq!(read, rgi);
        assert_eq!(read.open(&AwsLc, &proof(2)), Some(report()));
        assert_eq!(read.open(&AwsLc, &proof(1)), None, "another group");
        assert!(rgi.encode().len() <= dde.encode().len(), "no amplifier");
        let mut bytes = rgi.encode();
        *bytes.last_mut().unwrap() ^= 1;
        let changed = Rgi::decode(&bytes).unwrap();
        assert_eq!(changed.open(&AwsLc, &proof(2)), None);
    }

    #[test]
    fn whoever_shares_none_learns_nothing() {
        let dde = asked(&[1]);
        assert_eq!(dde.matched(&AwsLc, &[proof(2)]), None);
        // The slots of two negotiations have nothing in common.
        let proofs = [proof(1)];
        let other = Dde::new(&AwsLc, ends(), [8; 32], &proofs, [[9; 8]; 16]);
        assert_ne!(dde.slots[0], other.slots[0]);
        let elsewhere = Dde::new(&AwsLc, ends().reversed(), [7; 32], &proofs, [[9; 8]; 16]);
        assert_ne!(dde.slots[0], elsewhere.slots[0]);
    }

    #[test]
    fn a_report_that_does_not_fit_is_not_sent() {
        let dde = asked(&[1]);
        let own = [proof(1)];
        let matched = dde.matched(&AwsLc, &own).unwrap();
        let long = Report {
            identity: vec![5; 2_000],
            ..report()
        };
        assert_eq!(Rgi::answer(&AwsLc, &dde, matched, &long, [6; 12]), None);
    }

    #[test]
    fn every_message_comes_back_and_no_part_of_it_is_taken_for_it() {
        let ends = ends();
        let mpit = SiteMessage::Mpit {
            ends,
            nonce: [4; NONCE_LEN],
            token: [5; TOKEN_LEN],
            packet: vec![0x45; 60],
        };
        for message in [
            mpit,
            SiteMessage::Cdn { ends },
            SiteMessage::Refusal { ends },
        ] {
            let bytes = message.encode();
            assert_eq!(SiteMessage::decode(&bytes), Ok(message.clone()));
            for len in 0..bytes.len() {
                assert_ne!(SiteMessage::decode(&bytes[..len]), Ok(message.clone()));
            }
        }
        let dde = asked(&[1]).encode();
        assert!((0..dde.len()).all(|len| Dde::decode(&dde[..len]).is_err()));
        assert!(SiteMessage::decode(&[4; 33]).is_err());
        let long = NONCE_LEN + TOKEN_LEN + PACKET_MAX + 1;
        assert!(SiteMessage::decode(&[vec![1; 33], vec![0; long]].concat()).is_err());
    }
}
