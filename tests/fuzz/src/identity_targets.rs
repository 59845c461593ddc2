//! Targets for the decoders of `identity`.

use identity::crypto::{AwsLc, Crypto, HashRng};
use identity::sealed::{self, KeyFile};
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

/// `sealed::inspect` and `KeyFile::read`. A file whose check at the end is wrong is tried again
/// with the right one, so that mutations get past it. Sealed files are only inspected: Argon2id
/// is slow on purpose.
pub fn key_file(bytes: &[u8]) {
    let mut checked = bytes.to_vec();
    if let Some((body, check)) = checked.split_last_chunk_mut::<32>() {
        *check = AwsLc.sha256(&[body]);
    }
    for file in [bytes, &checked] {
        let header = sealed::inspect(&AwsLc, file);
        if header.is_ok_and(|header| header.sealed) {
            continue;
        }
        if let Ok((address, read)) = KeyFile::read(&AwsLc, file, None) {
            let written = read.write(&AwsLc, &mut HashRng::new([0; 32]), address, None);
            let written = written.expect("what was read fits");
            let again = KeyFile::read(&AwsLc, &written, None).expect("what was written");
            assert_eq!((again.0, again.1.kind()), (address, read.kind()));
        }
    }
}
