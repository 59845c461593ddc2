//! Bounds that several requests share.

/// An invite's life unless the client says otherwise: 24 hours.
pub const EXPIRES_S_DEFAULT: u64 = 24 * 3600;
/// The shortest life of an invite: one minute.
pub const EXPIRES_S_MIN: u64 = 60;
/// The longest life of an invite: 30 days.
pub const EXPIRES_S_MAX: u64 = 30 * 24 * 3600;
/// The longest label of a peer, in bytes of UTF-8.
pub const LABEL_LEN_MAX: usize = 63;
