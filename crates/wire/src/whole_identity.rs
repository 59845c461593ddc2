//! A whole identity as bytes: length (1) ‖ inception record ‖ count (1) ‖ entries ‖ certificate,
//! as identity updates, channels and invites carry it.

use crate::codec::{Malformed, Reader, Unencodable, Writer};
use crate::handshake::check_inception;
use crate::statement::{self, CERTIFICATE_LEN, ROTATIONS_MAX, Rotations};

/// A whole identity: inception record, log and certificate; nothing of it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentityUpdate<'a> {
    /// Inception record.
    pub inception: &'a [u8],
    /// The whole log, at most [`ROTATIONS_MAX`] entries.
    pub rotations: Rotations<'a>,
    /// Node certificate.
    pub certificate: &'a [u8; CERTIFICATE_LEN],
}

impl<'a> IdentityUpdate<'a> {
    /// Reads the value. Errors: a wrong length, or too many entries.
    pub fn decode(value: &'a [u8]) -> Result<IdentityUpdate<'a>, Malformed> {
        let mut reader = Reader::new(value, "identity update");
        let update = IdentityUpdate {
            inception: statement::read_inception(&mut reader)?,
            rotations: statement::read_rotations(&mut reader)?,
            certificate: reader.array()?,
        };
        reader.finish()?;
        Ok(update)
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        let mut out = Writer::default();
        write_identity(&mut out, self.inception, self.rotations, self.certificate)?;
        Ok(out.finish())
    }
}

/// Writes length ‖ inception record ‖ count ‖ entries ‖ certificate, as updates and invites do.
pub(crate) fn write_identity(
    out: &mut Writer,
    inception: &[u8],
    rotations: Rotations<'_>,
    certificate: &[u8; CERTIFICATE_LEN],
) -> Result<(), Unencodable> {
    check_inception(inception)?;
    let what = Unencodable {
        what: "rotation entries",
    };
    let count = u8::try_from(rotations.len()).map_err(|_| what)?;
    if rotations.len() > ROTATIONS_MAX {
        return Err(what);
    }
    let len = u8::try_from(inception.len()).map_err(|_| what)?;
    out.u8(len)
        .bytes(inception)
        .u8(count)
        .bytes(rotations.as_bytes())
        .bytes(certificate);
    Ok(())
}
