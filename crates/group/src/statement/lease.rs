//! That an admission still holds (docs/protocol/group.md, section 2).

use identity::CLOCK_TOLERANCE_S;
use identity::crypto::Crypto;
use wire::{Malformed, NodeAddr, Reader, Writer};

use super::{
    Authority, GroupId, Membership, Signer, VERSION, read_version, signed_bytes, verify_server,
};

const NAME: &str = "kumihimo group lease v1";
/// Length of a lease in bytes.
pub const LEASE_LEN: usize = 122;
/// How long a lease is, in seconds: 48 h.
pub const LEASE_S: u64 = 48 * 3_600;
/// The longest that is believed, in seconds: 7 days.
pub const LEASE_S_MAX: u64 = 7 * 86_400;
/// After this time of a lease another one is asked for, in seconds: 12 h.
pub const RENEW_AFTER_S: u64 = 12 * 3_600;

/// A server's word that an admission still holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The group.
    pub group: GroupId,
    /// The admission.
    pub member: Membership,
    /// Its beginning, Unix seconds.
    pub from_unix_s: u64,
    /// Its end, Unix seconds.
    pub until_unix_s: u64,
    /// The server.
    pub index: u8,
    /// By the server.
    pub signature: [u8; 64],
}

impl Lease {
    /// Issues a lease of [`LEASE_S`].
    #[must_use]
    pub fn issue(
        by: &Signer<'_>,
        index: u8,
        group: GroupId,
        member: Membership,
        from_unix_s: u64,
    ) -> Self {
        Self::issue_until(by, index, group, member, (from_unix_s, u64::MAX))
    }

    /// The same, which ends at the latest at the end of `(beginning, end)`: a sign-in does not last longer.
    #[must_use]
    pub fn issue_until(
        by: &Signer<'_>,
        index: u8,
        group: GroupId,
        member: Membership,
        (from_unix_s, latest_unix_s): (u64, u64),
    ) -> Self {
        let until_unix_s = from_unix_s.saturating_add(LEASE_S).min(latest_unix_s);
        let mut lease = Self {
            group,
            member,
            from_unix_s,
            until_unix_s: until_unix_s.max(from_unix_s),
            index,
            signature: [0; 64],
        };
        lease.signature = by.sign(NAME, &lease.unsigned());
        lease
    }

    /// Reads a lease; the signature is not checked. Errors: another version, or it ends before it
    /// begins, or is longer than [`LEASE_S_MAX`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "group lease");
        read_version(&mut reader)?;
        let lease = Self {
            group: GroupId(*reader.array()?),
            member: Membership {
                f: NodeAddr(*reader.array()?),
                serial: reader.u64()?,
            },
            from_unix_s: reader.u64()?,
            until_unix_s: reader.u64()?,
            index: reader.u8()?,
            signature: *reader.array()?,
        };
        let len_s = lease.until_unix_s.checked_sub(lease.from_unix_s);
        if len_s.is_none_or(|len_s| len_s > LEASE_S_MAX) {
            return Err(reader.malformed());
        }
        reader.finish()?;
        Ok(lease)
    }

    /// Its [`LEASE_LEN`] bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        signed_bytes(self.unsigned(), &self.signature)
    }

    /// Whether a server of the group gave it, and it runs now.
    #[must_use]
    pub fn holds(&self, crypto: &dyn Crypto, authority: &Authority, now_unix_s: u64) -> bool {
        let begins = self.from_unix_s.saturating_sub(CLOCK_TOLERANCE_S);
        (begins..self.until_unix_s).contains(&now_unix_s) && self.is_signed(crypto, authority)
    }

    /// Whether a server of the group gave it, for whatever time.
    #[must_use]
    pub fn is_signed(&self, crypto: &dyn Crypto, authority: &Authority) -> bool {
        let place = (self.group, self.index);
        verify_server(
            crypto,
            authority,
            place,
            NAME,
            &self.unsigned(),
            &self.signature,
        )
    }

    fn unsigned(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(LEASE_LEN);
        writer
            .u8(VERSION)
            .bytes(&self.group.0)
            .bytes(self.member.f.as_bytes())
            .u64(self.member.serial)
            .u64(self.from_unix_s)
            .u64(self.until_unix_s)
            .u8(self.index);
        writer.finish()
    }
}
