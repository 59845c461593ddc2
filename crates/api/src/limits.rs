//! Bounds that several requests share.

/// An invite's life unless the client says otherwise: 24 hours.
pub const EXPIRES_S_DEFAULT: u64 = 24 * 3600;
/// The shortest life of an invite: one minute.
pub const EXPIRES_S_MIN: u64 = 60;
/// The longest life of an invite: 30 days.
pub const EXPIRES_S_MAX: u64 = 30 * 24 * 3600;
/// The longest label of a peer, in bytes of UTF-8.
pub const LABEL_LEN_MAX: usize = 63;

/// The longest text that may be a name of anything, in bytes.
const TEXT_LEN_MAX: usize = 252;

/// A name that is too long for anything; what else a name may be is the server's to say.
pub(crate) fn check_name(name: &str, what: &'static str) -> Result<(), &'static str> {
    let fits = name.len() <= TEXT_LEN_MAX && !name.chars().any(char::is_control);
    fits.then_some(()).ok_or(what)
}
