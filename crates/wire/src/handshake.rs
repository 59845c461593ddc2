//! The two handshake messages and their payloads (protocol section 3).
//!
//! Both messages are exactly [`MESSAGE_LEN`] bytes; [`Message1View`] and [`Message2View`] cut
//! them into their encrypted fields. A payload is a padded list of TLVs:
//!
//! | type | in message | value | |
//! |---|---|---|---|
//! | 1 | 1 | number (16) | required |
//! | 2 | 1 | inception record (74 or 106) | required |
//! | 3 | 1, 2 | rotation entries (0 to 2 of 133) | absent means none |
//! | 4 | 1, 2 | node certificate (161) | required |
//! | 5 | 1 | group slots (16 of 8) | required |
//! | 6 | 1, 2 | AEADs (1 to 8; in message 2 one) | required |
//! | 7 | 1, 2 | instance (8) | required |
//! | 8 | 1, 2 | inner MTU (2; 1,280 or more) | required |
//! | 9 | 1, 2 | control stream (8; zeros for none) | absent means not said |
//! | 10 | 2 | memberships of the responder (at most [`SHOWN_LEN_MAX`]) | absent means none |
//!
//! Unknown types are ignored. Statements are handed out as bytes of the right length;
//! `identity` decides what they are worth.

use crate::codec::{Malformed, Reader, Tlvs, Unencodable, Writer, exactly};
use crate::datagram::TAG_LEN;
use crate::statement::{self, CERTIFICATE_LEN, ROTATIONS_HANDSHAKE_MAX, Rotations};

/// Length of each message in bytes.
pub const MESSAGE_LEN: usize = 2_304;
/// Length of a padded payload 1 in bytes.
pub const PAYLOAD1_LEN: usize = 1_008;
/// Length of a padded payload 2 in bytes.
pub const PAYLOAD2_LEN: usize = 1_134;
/// Length of an X25519 public key in bytes.
pub const DH_LEN: usize = 32;
/// Length of an ML-KEM-768 encapsulation key in bytes.
pub const KEM_KEY_LEN: usize = 1_184;
/// Length of an ML-KEM-768 ciphertext in bytes.
pub const KEM_CIPHERTEXT_LEN: usize = 1_088;
/// Number of group slots in message 1.
pub const GROUP_SLOTS: usize = 16;
/// Length of one group slot in bytes.
pub const SLOT_LEN: usize = 8;
/// Length of the matched mask in bytes.
pub const MATCHED_LEN: usize = 2;
/// Largest number of AEADs that message 1 offers.
pub const AEADS_MAX: usize = 8;
/// Length of an instance in bytes.
pub const INSTANCE_LEN: usize = 8;
/// Length of the name of a control stream in bytes.
pub const STREAM_ID_LEN: usize = 8;
/// Largest length of the memberships in message 2: what fits beside everything else.
pub const SHOWN_LEN_MAX: usize = 640;
/// Smallest inner MTU, in bytes.
pub const INNER_MTU_MIN: u16 = 1_280;

const TLV_NUMBER: u16 = 1;
pub(crate) const TLV_INCEPTION: u16 = 2;
pub(crate) const TLV_ROTATIONS: u16 = 3;
pub(crate) const TLV_CERTIFICATE: u16 = 4;
const TLV_SLOTS: u16 = 5;
const TLV_AEADS: u16 = 6;
pub(crate) const TLV_INSTANCE: u16 = 7;
const TLV_MTU: u16 = 8;
const TLV_STREAM: u16 = 9;
const TLV_SHOWN: u16 = 10;

/// Message 1, cut into its fields; those called `sealed` end in an AEAD tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message1View<'a> {
    /// Ephemeral X25519 key, in the clear.
    pub ephemeral: &'a [u8; DH_LEN],
    /// Ephemeral ML-KEM-768 encapsulation key.
    pub kem_key_sealed: &'a [u8; KEM_KEY_LEN + TAG_LEN],
    /// Static X25519 key of the initiator.
    pub static_sealed: &'a [u8; DH_LEN + TAG_LEN],
    /// Payload 1.
    pub payload_sealed: &'a [u8; PAYLOAD1_LEN + TAG_LEN],
}

impl<'a> Message1View<'a> {
    /// Cuts message 1. Errors: not exactly [`MESSAGE_LEN`] bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Message1View<'a>, Malformed> {
        let mut reader = Reader::new(bytes, "handshake message 1");
        let view = Message1View {
            ephemeral: reader.array()?,
            kem_key_sealed: reader.array()?,
            static_sealed: reader.array()?,
            payload_sealed: reader.array()?,
        };
        reader.finish()?;
        Ok(view)
    }
}

/// Message 2, cut into its fields; those called `sealed` end in an AEAD tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message2View<'a> {
    /// Ephemeral X25519 key, in the clear.
    pub ephemeral: &'a [u8; DH_LEN],
    /// ML-KEM-768 ciphertext.
    pub kem_ciphertext_sealed: &'a [u8; KEM_CIPHERTEXT_LEN + TAG_LEN],
    /// Mask of the matched group slots.
    pub matched_sealed: &'a [u8; MATCHED_LEN + TAG_LEN],
    /// Payload 2.
    pub payload_sealed: &'a [u8; PAYLOAD2_LEN + TAG_LEN],
}

impl<'a> Message2View<'a> {
    /// Cuts message 2. Errors: not exactly [`MESSAGE_LEN`] bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Message2View<'a>, Malformed> {
        let mut reader = Reader::new(bytes, "handshake message 2");
        let view = Message2View {
            ephemeral: reader.array()?,
            kem_ciphertext_sealed: reader.array()?,
            matched_sealed: reader.array()?,
            payload_sealed: reader.array()?,
        };
        reader.finish()?;
        Ok(view)
    }
}

/// Orders the initiations of one F, the certificate counter first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Number {
    /// Counter of the initiator's certificate.
    pub certificate_counter: u64,
    /// Counts initiations; never repeats under one certificate counter.
    pub handshake_count: u64,
}

/// An AEAD for transport packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AeadAlg {
    /// AES-256-GCM.
    Aes256Gcm = 1,
    /// ChaCha20-Poly1305.
    ChaCha20Poly1305 = 2,
}

impl AeadAlg {
    /// The AEAD of a byte, if it is one that this version knows.
    pub fn from_byte(byte: u8) -> Option<AeadAlg> {
        match byte {
            1 => Some(AeadAlg::Aes256Gcm),
            2 => Some(AeadAlg::ChaCha20Poly1305),
            _ => None,
        }
    }

    /// Its byte on the wire.
    pub fn to_byte(self) -> u8 {
        self as u8
    }
}

/// The AEADs that message 1 offers, best first; those that this version does not know too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AeadOffer<'a> {
    bytes: &'a [u8],
}

impl<'a> AeadOffer<'a> {
    /// An offer of raw bytes. Errors: none, or more than [`AEADS_MAX`].
    pub fn parse(bytes: &'a [u8]) -> Result<AeadOffer<'a>, Malformed> {
        if bytes.is_empty() || bytes.len() > AEADS_MAX {
            return Err(Malformed { what: "AEADs" });
        }
        Ok(AeadOffer { bytes })
    }

    /// The known ones, best first.
    pub fn iter(&self) -> impl Iterator<Item = AeadAlg> + use<'a> {
        self.bytes
            .iter()
            .filter_map(|byte| AeadAlg::from_byte(*byte))
    }

    /// All bytes of the offer.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// What message 1 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload1<'a> {
    /// Orders the initiations of this F.
    pub number: Number,
    /// Inception record of the initiator.
    pub inception: &'a [u8],
    /// The last rotation entries of its log, at most 2.
    pub rotations: Rotations<'a>,
    /// Its node certificate.
    pub certificate: &'a [u8; CERTIFICATE_LEN],
    /// Group slots.
    pub slots: [[u8; SLOT_LEN]; GROUP_SLOTS],
    /// AEADs offered.
    pub aeads: AeadOffer<'a>,
    /// Random at each start of the node.
    pub instance: [u8; INSTANCE_LEN],
    /// Largest inner packet that the initiator accepts, in bytes.
    pub inner_mtu: u16,
    /// The control stream that the initiator would continue, zeros for none; absent if it
    /// does not say.
    pub stream: Option<[u8; STREAM_ID_LEN]>,
}

impl<'a> Payload1<'a> {
    /// Reads a payload 1. Errors: not [`PAYLOAD1_LEN`] bytes, not a TLV list, a required TLV
    /// is missing, or a value has the wrong length or range.
    pub fn decode(bytes: &'a [u8]) -> Result<Payload1<'a>, Malformed> {
        let fields = Fields::read(bytes, PAYLOAD1_LEN, "payload 1")?;
        let slots = exactly::<{ GROUP_SLOTS * SLOT_LEN }>(fields.slots()?, "group slots")?;
        let mut payload = Payload1 {
            number: fields.number()?,
            inception: statement::inception(required(fields.inception, "inception record")?)?,
            rotations: fields.rotations()?,
            certificate: fields.certificate()?,
            slots: [[0; SLOT_LEN]; GROUP_SLOTS],
            aeads: AeadOffer::parse(required(fields.aeads, "AEADs")?)?,
            instance: fields.instance()?,
            inner_mtu: fields.inner_mtu()?,
            stream: fields.stream()?,
        };
        for (slot, bytes) in payload.slots.iter_mut().zip(slots.as_chunks().0) {
            *slot = *bytes;
        }
        Ok(payload)
    }

    /// Writes the payload with its padding, [`PAYLOAD1_LEN`] bytes. Errors: an inception record
    /// of the wrong length, more than 2 entries, or an MTU below [`INNER_MTU_MIN`].
    pub fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        check_inception(self.inception)?;
        let mut out = Writer::with_capacity(PAYLOAD1_LEN);
        let mut number = Writer::with_capacity(16);
        number
            .u64(self.number.certificate_counter)
            .u64(self.number.handshake_count);
        out.tlv(TLV_NUMBER, number.as_slice())?;
        out.tlv(TLV_INCEPTION, self.inception)?;
        write_rotations(&mut out, self.rotations)?;
        out.tlv(TLV_CERTIFICATE, self.certificate)?;
        out.tlv(TLV_SLOTS, self.slots.as_flattened())?;
        out.tlv(TLV_AEADS, self.aeads.as_bytes())?;
        out.tlv(TLV_INSTANCE, &self.instance)?;
        write_mtu(&mut out, self.inner_mtu)?;
        write_stream(&mut out, self.stream)?;
        out.pad_to(PAYLOAD1_LEN, "payload 1")?;
        Ok(out.finish())
    }
}

/// What message 2 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload2<'a> {
    /// The last rotation entries of the responder's log, at most 2.
    pub rotations: Rotations<'a>,
    /// Its node certificate.
    pub certificate: &'a [u8; CERTIFICATE_LEN],
    /// The AEAD chosen.
    pub aead: AeadAlg,
    /// Random at each start of the node.
    pub instance: [u8; INSTANCE_LEN],
    /// Largest inner packet that the responder accepts, in bytes.
    pub inner_mtu: u16,
    /// The control stream that goes on, zeros for none; absent if the responder does not say.
    pub stream: Option<[u8; STREAM_ID_LEN]>,
    /// Memberships of the responder in the groups that matched (docs/protocol/group.md, section 5),
    /// at most [`SHOWN_LEN_MAX`] bytes; empty if it shows none here.
    pub shown: &'a [u8],
}

impl<'a> Payload2<'a> {
    /// Reads a payload 2. Errors: not [`PAYLOAD2_LEN`] bytes, not a TLV list, a required TLV
    /// is missing, an AEAD that this version does not know, or a value has the wrong length or
    /// range.
    pub fn decode(bytes: &'a [u8]) -> Result<Payload2<'a>, Malformed> {
        let fields = Fields::read(bytes, PAYLOAD2_LEN, "payload 2")?;
        let [aead] = *exactly(required(fields.aeads, "AEADs")?, "AEADs")?;
        Ok(Payload2 {
            rotations: fields.rotations()?,
            certificate: fields.certificate()?,
            aead: AeadAlg::from_byte(aead).ok_or(Malformed { what: "AEADs" })?,
            instance: fields.instance()?,
            inner_mtu: fields.inner_mtu()?,
            stream: fields.stream()?,
            shown: fields.shown.unwrap_or_default(),
        })
    }

    /// Writes the payload with its padding, [`PAYLOAD2_LEN`] bytes. Errors: more than 2
    /// entries, an MTU below [`INNER_MTU_MIN`], or more than [`SHOWN_LEN_MAX`] bytes shown.
    pub fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        let mut out = Writer::with_capacity(PAYLOAD2_LEN);
        write_rotations(&mut out, self.rotations)?;
        out.tlv(TLV_CERTIFICATE, self.certificate)?;
        out.tlv(TLV_AEADS, &[self.aead.to_byte()])?;
        out.tlv(TLV_INSTANCE, &self.instance)?;
        write_mtu(&mut out, self.inner_mtu)?;
        write_stream(&mut out, self.stream)?;
        if self.shown.len() > SHOWN_LEN_MAX {
            return Err(Unencodable {
                what: "memberships",
            });
        }
        if !self.shown.is_empty() {
            out.tlv(TLV_SHOWN, self.shown)?;
        }
        out.pad_to(PAYLOAD2_LEN, "payload 2")?;
        Ok(out.finish())
    }
}

/// The TLVs of either payload, as found.
#[derive(Default)]
struct Fields<'a> {
    number: Option<&'a [u8]>,
    inception: Option<&'a [u8]>,
    rotations: Option<&'a [u8]>,
    certificate: Option<&'a [u8]>,
    slots: Option<&'a [u8]>,
    aeads: Option<&'a [u8]>,
    instance: Option<&'a [u8]>,
    inner_mtu: Option<&'a [u8]>,
    stream: Option<&'a [u8]>,
    shown: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn read(bytes: &'a [u8], len: usize, what: &'static str) -> Result<Fields<'a>, Malformed> {
        if bytes.len() != len {
            return Err(Malformed { what });
        }
        let mut fields = Fields::default();
        for tlv in Tlvs::new(bytes, what) {
            let (kind, value) = tlv?;
            let field = match kind {
                TLV_NUMBER => &mut fields.number,
                TLV_INCEPTION => &mut fields.inception,
                TLV_ROTATIONS => &mut fields.rotations,
                TLV_CERTIFICATE => &mut fields.certificate,
                TLV_SLOTS => &mut fields.slots,
                TLV_AEADS => &mut fields.aeads,
                TLV_INSTANCE => &mut fields.instance,
                TLV_MTU => &mut fields.inner_mtu,
                TLV_STREAM => &mut fields.stream,
                TLV_SHOWN => &mut fields.shown,
                _ => continue,
            };
            *field = Some(value);
        }
        Ok(fields)
    }

    fn number(&self) -> Result<Number, Malformed> {
        let mut reader = Reader::new(required(self.number, "number")?, "number");
        let number = Number {
            certificate_counter: reader.u64()?,
            handshake_count: reader.u64()?,
        };
        reader.finish()?;
        Ok(number)
    }

    fn slots(&self) -> Result<&'a [u8], Malformed> {
        required(self.slots, "group slots")
    }

    fn rotations(&self) -> Result<Rotations<'a>, Malformed> {
        Rotations::parse(self.rotations.unwrap_or_default(), ROTATIONS_HANDSHAKE_MAX)
    }

    fn certificate(&self) -> Result<&'a [u8; CERTIFICATE_LEN], Malformed> {
        exactly(
            required(self.certificate, "node certificate")?,
            "node certificate",
        )
    }

    fn instance(&self) -> Result<[u8; INSTANCE_LEN], Malformed> {
        exactly(required(self.instance, "instance")?, "instance").copied()
    }

    fn stream(&self) -> Result<Option<[u8; STREAM_ID_LEN]>, Malformed> {
        let stream = self.stream.map(|value| exactly(value, "control stream"));
        Ok(stream.transpose()?.copied())
    }

    fn inner_mtu(&self) -> Result<u16, Malformed> {
        let mtu = exactly(required(self.inner_mtu, "inner MTU")?, "inner MTU")?;
        let mtu = u16::from_be_bytes(*mtu);
        if mtu < INNER_MTU_MIN {
            Err(Malformed { what: "inner MTU" })
        } else {
            Ok(mtu)
        }
    }
}

fn required<'a>(value: Option<&'a [u8]>, what: &'static str) -> Result<&'a [u8], Malformed> {
    value.ok_or(Malformed { what })
}

pub(crate) fn check_inception(bytes: &[u8]) -> Result<(), Unencodable> {
    statement::inception(bytes)
        .map(|_| ())
        .map_err(|error| Unencodable { what: error.what })
}

/// Writes the entries as a TLV; nothing when there are none.
pub(crate) fn write_rotations(out: &mut Writer, list: Rotations<'_>) -> Result<(), Unencodable> {
    if list.len() > ROTATIONS_HANDSHAKE_MAX {
        return Err(Unencodable {
            what: "rotation entries",
        });
    }
    if !list.is_empty() {
        out.tlv(TLV_ROTATIONS, list.as_bytes())?;
    }
    Ok(())
}

fn write_stream(out: &mut Writer, stream: Option<[u8; STREAM_ID_LEN]>) -> Result<(), Unencodable> {
    if let Some(stream) = stream {
        out.tlv(TLV_STREAM, &stream)?;
    }
    Ok(())
}

fn write_mtu(out: &mut Writer, inner_mtu: u16) -> Result<(), Unencodable> {
    if inner_mtu < INNER_MTU_MIN {
        return Err(Unencodable { what: "inner MTU" });
    }
    out.tlv(TLV_MTU, &inner_mtu.to_be_bytes())?;
    Ok(())
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
