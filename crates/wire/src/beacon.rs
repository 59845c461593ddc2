//! LAN beacon (protocol section 7).
//!
//! `"KMB1"` ‖ TLVs, at most [`BEACON_LEN_MAX`] bytes:
//!
//! | type | value | |
//! |---|---|---|
//! | 2, 3, 4, 7 | inception record, rotation entries, certificate, instance | as in a handshake |
//! | 16 | port (2), not 0 | required |
//! | 17 | sequence (8) | required |
//! | 18 | wanted: nonce (8) ‖ n of tag (8), n ≤ 16 | absent means none |
//! | 19 | signature (64) | required, last |
//!
//! The signature covers [`SIGNED_LABEL`] ‖ all bytes before TLV 19; [`Beacon::signed`] hands
//! those bytes out, `identity` verifies. A beacon comes from anyone on the LAN: until then
//! nothing in it may be believed.

use crate::codec::{Malformed, Tlvs, Unencodable, Writer, exactly};
use crate::handshake::{
    INSTANCE_LEN, TLV_CERTIFICATE, TLV_INCEPTION, TLV_INSTANCE, TLV_ROTATIONS, check_inception,
    write_rotations,
};
use crate::statement::{self, CERTIFICATE_LEN, ROTATIONS_HANDSHAKE_MAX, Rotations};

/// Largest beacon in bytes.
pub const BEACON_LEN_MAX: usize = 1_200;
/// The first bytes of a beacon.
pub const MAGIC: [u8; 4] = *b"KMB1";
/// What is signed before the beacon's bytes.
pub const SIGNED_LABEL: &[u8] = b"kumihimo beacon v1";
/// UDP port of beacons.
pub const BEACON_PORT: u16 = 4650;
/// Largest number of wanted tags.
pub const WANTED_MAX: usize = 16;
/// Length of a wanted tag in bytes.
pub const WANTED_TAG_LEN: usize = 8;
/// Length of an Ed25519 signature in bytes.
pub const SIGNATURE_LEN: usize = 64;

const TLV_PORT: u16 = 16;
const TLV_SEQUENCE: u16 = 17;
const TLV_WANTED: u16 = 18;
const TLV_SIGNATURE: u16 = 19;
const SIGNATURE_TLV_LEN: usize = 4 + SIGNATURE_LEN;
const NONCE_LEN: usize = 8;

/// A beacon, not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beacon<'a> {
    /// Inception record of the sender.
    pub inception: &'a [u8],
    /// The last rotation entries of its log, at most 2.
    pub rotations: Rotations<'a>,
    /// Its node certificate.
    pub certificate: &'a [u8; CERTIFICATE_LEN],
    /// Its instance.
    pub instance: [u8; INSTANCE_LEN],
    /// The UDP port where it takes handshakes; the address is the beacon's source.
    pub port: u16,
    /// Grows with every beacon of one instance.
    pub sequence: u64,
    /// The peers that it wants.
    pub wanted: Wanted<'a>,
    /// The bytes that the signature covers, after [`SIGNED_LABEL`].
    pub signed: &'a [u8],
    /// Signature by the certificate's signing key.
    pub signature: &'a [u8; SIGNATURE_LEN],
}

/// Which peers a beacon asks for: `HMAC(F wanted, nonce)[..8]` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Wanted<'a> {
    /// Makes the tags of two beacons differ.
    pub nonce: [u8; NONCE_LEN],
    tags: &'a [u8],
}

impl<'a> Wanted<'a> {
    fn parse(value: &'a [u8]) -> Result<Wanted<'a>, Malformed> {
        let malformed = Malformed {
            what: "beacon wanted",
        };
        let (nonce, tags) = value.split_first_chunk().ok_or(malformed)?;
        if !tags.len().is_multiple_of(WANTED_TAG_LEN) || tags.len() > WANTED_MAX * WANTED_TAG_LEN {
            return Err(malformed);
        }
        Ok(Wanted {
            nonce: *nonce,
            tags,
        })
    }

    /// The tags.
    pub fn iter(&self) -> impl Iterator<Item = [u8; WANTED_TAG_LEN]> + use<'a> {
        self.tags.as_chunks::<WANTED_TAG_LEN>().0.iter().copied()
    }
}

impl<'a> Beacon<'a> {
    /// Reads a beacon. Errors: longer than [`BEACON_LEN_MAX`], wrong magic, no TLV list, a
    /// required TLV is missing, a value of the wrong length or range, TLV 19 not the last.
    pub fn decode(bytes: &'a [u8]) -> Result<Beacon<'a>, Malformed> {
        let malformed = Malformed { what: "beacon" };
        let list = bytes.strip_prefix(&MAGIC).ok_or(malformed)?;
        if bytes.len() > BEACON_LEN_MAX {
            return Err(malformed);
        }
        let (signed, _) = bytes
            .split_last_chunk::<SIGNATURE_TLV_LEN>()
            .ok_or(malformed)?;
        let mut fields = Fields::default();
        let mut tlvs = Tlvs::new(list, "beacon");
        while let Some(tlv) = tlvs.next() {
            let (kind, value) = tlv?;
            let last = tlvs.remaining() == 0;
            if (kind == TLV_SIGNATURE) != last {
                return Err(Malformed {
                    what: "beacon signature",
                });
            }
            fields.set(kind, value);
        }
        fields.into_beacon(signed)
    }

    /// Whether `bytes` start like a beacon; anything else on its port is not ours.
    pub fn looks_like(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }
}

#[derive(Default)]
struct Fields<'a> {
    inception: Option<&'a [u8]>,
    rotations: Option<&'a [u8]>,
    certificate: Option<&'a [u8]>,
    instance: Option<&'a [u8]>,
    port: Option<&'a [u8]>,
    sequence: Option<&'a [u8]>,
    wanted: Option<&'a [u8]>,
    signature: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn set(&mut self, kind: u16, value: &'a [u8]) {
        let field = match kind {
            TLV_INCEPTION => &mut self.inception,
            TLV_ROTATIONS => &mut self.rotations,
            TLV_CERTIFICATE => &mut self.certificate,
            TLV_INSTANCE => &mut self.instance,
            TLV_PORT => &mut self.port,
            TLV_SEQUENCE => &mut self.sequence,
            TLV_WANTED => &mut self.wanted,
            TLV_SIGNATURE => &mut self.signature,
            _ => return,
        };
        *field = Some(value);
    }

    fn into_beacon(self, signed: &'a [u8]) -> Result<Beacon<'a>, Malformed> {
        let port = u16::from_be_bytes(*required(self.port, "beacon port")?);
        if port == 0 {
            return Err(Malformed {
                what: "beacon port",
            });
        }
        let inception = self.inception.ok_or(Malformed {
            what: "inception record",
        })?;
        let rotations = self.rotations.unwrap_or_default();
        Ok(Beacon {
            inception: statement::inception(inception)?,
            rotations: Rotations::parse(rotations, ROTATIONS_HANDSHAKE_MAX)?,
            certificate: required(self.certificate, "node certificate")?,
            instance: *required(self.instance, "instance")?,
            port,
            sequence: u64::from_be_bytes(*required(self.sequence, "beacon sequence")?),
            wanted: self
                .wanted
                .map(Wanted::parse)
                .transpose()?
                .unwrap_or_default(),
            signed,
            signature: required(self.signature, "beacon signature")?,
        })
    }
}

fn required<'a, const N: usize>(
    value: Option<&'a [u8]>,
    what: &'static str,
) -> Result<&'a [u8; N], Malformed> {
    exactly(value.ok_or(Malformed { what })?, what)
}

/// What a node puts into its beacon.
#[derive(Clone, Copy, Debug)]
pub struct BeaconFields<'a> {
    /// Inception record.
    pub inception: &'a [u8],
    /// The last rotation entries, at most 2.
    pub rotations: Rotations<'a>,
    /// Node certificate.
    pub certificate: &'a [u8; CERTIFICATE_LEN],
    /// Instance.
    pub instance: [u8; INSTANCE_LEN],
    /// The UDP port where this node takes handshakes.
    pub port: u16,
    /// Grows with every beacon of one instance.
    pub sequence: u64,
    /// Nonce and tags of the peers wanted; no tags leave TLV 18 out.
    pub wanted: (&'a [u8; NONCE_LEN], &'a [[u8; WANTED_TAG_LEN]]),
}

impl BeaconFields<'_> {
    /// Writes the beacon; `sign` gets the bytes to sign, [`SIGNED_LABEL`] included. Errors: a
    /// field beyond its bound, or port 0.
    pub fn encode(
        &self,
        sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LEN],
    ) -> Result<Vec<u8>, Unencodable> {
        check_inception(self.inception)?;
        let (nonce, tags) = self.wanted;
        if self.port == 0 || tags.len() > WANTED_MAX {
            return Err(Unencodable { what: "beacon" });
        }
        let mut out = Writer::with_capacity(BEACON_LEN_MAX);
        out.bytes(SIGNED_LABEL).bytes(&MAGIC);
        out.tlv(TLV_INCEPTION, self.inception)?;
        write_rotations(&mut out, self.rotations)?;
        out.tlv(TLV_CERTIFICATE, self.certificate)?;
        out.tlv(TLV_INSTANCE, &self.instance)?;
        out.tlv(TLV_PORT, &self.port.to_be_bytes())?;
        out.tlv(TLV_SEQUENCE, &self.sequence.to_be_bytes())?;
        if !tags.is_empty() {
            out.tlv(TLV_WANTED, &[&nonce[..], tags.as_flattened()].concat())?;
        }
        let signature = sign(out.as_slice());
        out.tlv(TLV_SIGNATURE, &signature)?;
        Ok(out.finish().split_off(SIGNED_LABEL.len()))
    }
}

#[cfg(test)]
#[path = "beacon_tests.rs"]
mod tests;
