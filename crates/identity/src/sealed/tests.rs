//! Key files: what comes back, and one error for each thing that can be wrong.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::crypto::{AwsLc, HashRng};
use crate::*;

/// The least that Argon2id can cost: these tests open hundreds of files.
const CHEAP: Cost = Cost {
    memory_kib: 8,
    passes: 1,
    lanes: 1,
};
const PASSPHRASE: &str = "三つ編みより組紐";
const NOISE_SECRET: [u8; 32] = [0xA7; 32];

struct Samples {
    address: NodeAddr,
    files: Vec<KeyFile>,
}

static SAMPLES: LazyLock<Samples> = LazyLock::new(|| {
    let mut rng = HashRng::new([4; 32]);
    let new = Inception::create(&AwsLc, &mut rng, None).unwrap();
    let hot = HotKeys::from_secrets(&AwsLc, &NOISE_SECRET, &NOISE_SECRET);
    let terms = Terms {
        counter: 1,
        not_before_unix_s: 0,
        not_after_unix_s: 1,
        scopes: Scopes::ALL,
    };
    let certificate = issue_certificate(&AwsLc, &new.root, &new.history, &hot, &terms).unwrap();
    let backup = Backup {
        public: PublicIdentity {
            history: new.history.clone(),
            certificate,
        },
        root: Some(new.root.clone()),
        next: None,
        hot: Some(hot.clone()),
    };
    Samples {
        address: new.history.address(),
        files: vec![
            KeyFile::Root(new.root),
            KeyFile::Next(new.next),
            KeyFile::Hot(hot),
            KeyFile::Backup(Box::new(backup)),
            KeyFile::Admin(AdminSecret::from_seed(&[6; 32])),
        ],
    }
});

fn write(file: &KeyFile, passphrase: Option<&str>) -> Vec<u8> {
    let mut rng = HashRng::new([5; 32]);
    let passphrase = passphrase.map(|text| (text, CHEAP));
    file.write(&AwsLc, &mut rng, SAMPLES.address, passphrase)
        .unwrap()
}

fn open(bytes: &[u8], passphrase: Option<&str>) -> Result<(NodeAddr, KeyFile), OpenError> {
    KeyFile::read(&AwsLc, bytes, passphrase)
}

fn error(bytes: &[u8], passphrase: Option<&str>) -> OpenError {
    open(bytes, passphrase).map(|_| ()).unwrap_err()
}

/// Replaces the check after the test has altered the file.
fn with_check(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - CHECK_LEN);
    let check = AwsLc.sha256(&[&bytes]);
    bytes.extend_from_slice(&check);
    bytes
}

#[test]
fn every_kind_comes_back_sealed_and_unsealed() {
    for file in &SAMPLES.files {
        for passphrase in [None, Some(PASSPHRASE)] {
            let bytes = write(file, passphrase);
            let header = Header {
                kind: file.kind(),
                address: SAMPLES.address,
                sealed: passphrase.is_some(),
            };
            assert_eq!(inspect(&AwsLc, &bytes), Ok(header));
            let (address, read) = open(&bytes, passphrase).unwrap();
            assert_eq!(address, SAMPLES.address);
            assert_eq!(read.content(), file.content());
            let (_, again) = open(&write(&read, passphrase), passphrase).unwrap();
            assert_eq!(again.kind(), file.kind());
        }
    }
}

#[test]
fn a_sealed_file_shows_no_secret_and_an_unsealed_one_does() {
    let hot = &SAMPLES.files[2];
    let shows = |bytes: Vec<u8>| bytes.windows(32).any(|window| window == NOISE_SECRET);
    assert!(!shows(write(hot, Some(PASSPHRASE))));
    assert!(shows(write(hot, None)), "this test can find it");
}

#[test]
fn the_default_cost_is_that_of_the_design() {
    let cost = Cost::default();
    assert_eq!((cost.memory_kib, cost.passes, cost.lanes), (65_536, 3, 1));
    let mut rng = HashRng::new([5; 32]);
    let root = &SAMPLES.files[0];
    let bytes = root
        .write(&AwsLc, &mut rng, SAMPLES.address, Some((PASSPHRASE, cost)))
        .unwrap();
    assert!(open(&bytes, Some(PASSPHRASE)).is_ok());
}

#[test]
fn each_thing_that_is_wrong_has_its_own_error() {
    let bytes = write(&SAMPLES.files[0], Some(PASSPHRASE));
    assert_eq!(error(&bytes, None), OpenError::PassphraseNeeded);
    for wrong in ["", "x", "三つ編みより組紐 "] {
        assert_eq!(error(&bytes, Some(wrong)), OpenError::WrongPassphrase);
    }
    assert_eq!(
        error(b"-----BEGIN OPENSSH PRIVATE KEY-----", None),
        OpenError::NotAKeyFile
    );
    assert_eq!(error(&[], None), OpenError::Damaged);
    let mut foreign = bytes.clone();
    foreign[12] = 2;
    let version_2 = OpenError::ForeignVersion { version: 2 };
    assert_eq!(error(&foreign, Some(PASSPHRASE)), version_2);
    assert_eq!(error(&with_check(foreign), Some(PASSPHRASE)), version_2);
    let (_, root) = open(&bytes, Some(PASSPHRASE)).unwrap();
    assert_eq!(
        root.into_hot().unwrap_err(),
        OpenError::WrongKind {
            wanted: Kind::Hot,
            found: Kind::Root
        }
    );
}

#[test]
fn every_flipped_bit_gives_the_right_error() {
    for file in &SAMPLES.files {
        let bytes = write(file, Some(PASSPHRASE));
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let expected = match bit / 8 {
                0..12 => OpenError::NotAKeyFile,
                12 => OpenError::ForeignVersion {
                    version: altered[12],
                },
                _ => OpenError::Damaged,
            };
            assert_eq!(error(&altered, Some(PASSPHRASE)), expected, "bit {bit}");
        }
    }
}

#[test]
fn every_truncation_and_extension_is_damage() {
    for passphrase in [None, Some(PASSPHRASE)] {
        let mut bytes = write(&SAMPLES.files[3], passphrase);
        for len in 0..bytes.len() {
            assert_eq!(error(&bytes[..len], passphrase), OpenError::Damaged);
        }
        bytes.push(0);
        assert_eq!(error(&bytes, passphrase), OpenError::Damaged);
    }
}

#[test]
fn the_seal_covers_header_and_content_even_with_a_right_check() {
    let bytes = write(&SAMPLES.files[0], Some(PASSPHRASE));
    let body_len = bytes.len() - CHECK_LEN;
    // Kind, address, salt, nonce, ciphertext and tag; not the cost.
    for index in (14..30).chain(43..71).chain(75..body_len) {
        let mut altered = bytes.clone();
        altered[index] ^= 1;
        let altered = with_check(altered);
        assert_eq!(
            error(&altered, Some(PASSPHRASE)),
            OpenError::WrongPassphrase,
            "byte {index}"
        );
    }
    for (index, value) in [(13, 0), (13, 6), (30, 2), (71, 1), (74, 47)] {
        let mut altered = bytes.clone();
        altered[index] = value;
        let altered = with_check(altered);
        assert_eq!(
            error(&altered, Some(PASSPHRASE)),
            OpenError::WrongContent,
            "byte {index}"
        );
    }
    let mut renamed = bytes;
    renamed[13] = 2;
    assert_eq!(
        error(&with_check(renamed), Some(PASSPHRASE)),
        OpenError::WrongPassphrase,
        "a root key is not passed off as the next one"
    );
}

#[test]
fn a_file_cannot_ask_for_more_than_the_limits() {
    let bytes = write(&SAMPLES.files[0], Some(PASSPHRASE));
    let beyond = [
        (31, MEMORY_KIB_MAX + 1),
        (31, u32::MAX),
        (31, 7),
        (35, PASSES_MAX + 1),
        (35, 0),
        (39, LANES_MAX + 1),
        (39, 0),
    ];
    for (offset, value) in beyond {
        let mut altered = bytes.clone();
        altered[offset..offset + 4].copy_from_slice(&value.to_be_bytes());
        let altered = with_check(altered);
        assert_eq!(
            error(&altered, Some(PASSPHRASE)),
            OpenError::SealBeyondLimits,
            "{value} at {offset}"
        );
    }
}

#[test]
fn what_could_not_be_opened_is_not_written() {
    let mut rng = HashRng::new([5; 32]);
    let mut write = |passphrase| {
        let root = &SAMPLES.files[0];
        root.write(&AwsLc, &mut rng, SAMPLES.address, Some(passphrase))
            .unwrap_err()
    };
    assert_eq!(write(("", CHEAP)), SealError::EmptyPassphrase);
    let costly = Cost {
        passes: PASSES_MAX + 1,
        ..CHEAP
    };
    assert_eq!(write(("x", costly)), SealError::CostBeyondLimits);
    let (kind, long) = (Kind::Backup, vec![0; CONTENT_LEN_MAX + 1]);
    let mut write = |content: &[u8]| {
        let whose = (kind, SAMPLES.address);
        super::write(&AwsLc, &mut rng, whose, content, Some(("x", CHEAP)))
    };
    assert_eq!(write(&long), Err(SealError::TooLong));
    let longest = write(&long[1..]).unwrap();
    assert!(super::read(&AwsLc, &longest, Some("x")).is_ok());
}

#[test]
fn a_backup_belongs_to_the_address_it_names() {
    let mut rng = HashRng::new([5; 32]);
    let backup = &SAMPLES.files[3];
    let other = NodeAddr([0xFC; 16]);
    let bytes = backup.write(&AwsLc, &mut rng, other, None).unwrap();
    assert_eq!(error(&bytes, None), OpenError::WrongContent);

    let bytes = write(backup, Some(PASSPHRASE));
    let (_, file) = open(&bytes, Some(PASSPHRASE)).unwrap();
    let backup = file.into_backup().unwrap();
    assert!(backup.next.is_none(), "what was offline stays missing");
    assert!(LocalIdentity::new(backup.public, backup.hot.unwrap()).is_ok());
}

#[test]
fn two_files_of_one_secret_share_no_salt() {
    let mut rng = HashRng::new([5; 32]);
    let root = &SAMPLES.files[0];
    let mut write = || {
        root.write(&AwsLc, &mut rng, SAMPLES.address, Some(("x", CHEAP)))
            .unwrap()
    };
    assert_ne!(write()[43..71], write()[43..71]);
}

#[test]
fn debug_output_names_no_secret() {
    for file in &SAMPLES.files[2..3] {
        let text = format!("{file:?} {file:#?}").to_lowercase();
        assert!(!text.contains("167") && !text.contains("a7"), "{text}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(open(&bytes, None).is_err());
        let mut file = MAGIC.to_vec();
        file.push(VERSION);
        file.extend_from_slice(&bytes);
        file.extend_from_slice(&[0; CHECK_LEN]);
        // Without a passphrase, so that no random cost is paid.
        let _ = open(&with_check(file), None);
    }
}
