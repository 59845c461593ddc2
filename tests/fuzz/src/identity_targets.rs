//! Targets for the decoders of `identity`.

use identity::crypto::AwsLc;
use identity::{Certificate, Inception, Pin, PublicIdentity, RotationEntry};

/// When the targets verify, in Unix seconds; the seeds are valid then.
pub const NOW_UNIX_S: u64 = 1_800_000_000;

/// `Inception::decode`: what parses is written back the same.
pub fn inception(bytes: &[u8]) {
    if let Ok(inception) = Inception::decode(bytes) {
        assert_eq!(inception.encode(), bytes);
    }
}

/// `Certificate::decode` and `RotationEntry::decode`, which differ in length.
pub fn statements(bytes: &[u8]) {
    if let Ok(Ok(certificate)) = bytes.try_into().map(Certificate::decode) {
        assert_eq!(certificate.encode(), bytes);
    }
    if let Ok(Ok(entry)) = bytes.try_into().map(RotationEntry::decode) {
        assert_eq!(entry.encode(), bytes);
    }
}

/// `PublicIdentity::from_bytes` with `PublicIdentity::decode` and `KeyHistory::decode` behind
/// it, then `PublicIdentity::verify`.
pub fn identity(bytes: &[u8]) {
    if let Ok(identity) = PublicIdentity::from_bytes(&AwsLc, bytes) {
        assert_eq!(identity.to_bytes(), bytes);
        if let Ok(pin) = identity.verify(&AwsLc, NOW_UNIX_S, None) {
            assert_eq!(identity.verify(&AwsLc, NOW_UNIX_S, Some(&pin)), Ok(pin));
        }
    }
}

/// `Pin::decode`.
pub fn pin(bytes: &[u8]) {
    if let Ok(pin) = Pin::decode(bytes) {
        assert_eq!(pin.encode(), bytes);
    }
}
