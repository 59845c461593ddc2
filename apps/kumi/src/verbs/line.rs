//! A line that was pasted: read here, so that one that cannot be right is refused before
//! anything is done for it.

use crate::failure::Failure;
use api::{ApiError, Code};
use identity::crypto::{AwsLc, Crypto};
use wire::invite::{Invite, InviteError};

/// The line in one piece and what it says; mail programs break lines, and people paste them
/// broken.
///
/// # Errors
/// It is no line, is damaged, or is of a newer version.
pub(crate) fn read(pasted: &str) -> Result<(String, Invite), Failure> {
    let line: String = pasted.split_whitespace().collect();
    let invite = Invite::parse(&line, |bytes| AwsLc.sha256(&[bytes]));
    let invite = invite.map_err(|error| match error {
        InviteError::NotAnInvite => ApiError::new(Code::NotAnInvite),
        InviteError::NewerVersion { version } => {
            ApiError::new(Code::InviteNewer).with("version", version)
        }
        _ => ApiError::new(Code::InviteDamaged),
    })?;
    Ok((line, invite))
}

/// Where the Bridges are that a line names, one endpoint of each.
pub(crate) fn bridges(line: &str) -> Vec<String> {
    let Ok((_, invite)) = read(line) else {
        return Vec::new();
    };
    let places = invite.bridges.iter();
    places
        .filter_map(|place| place.endpoints.first())
        .map(ToString::to_string)
        .collect()
}
