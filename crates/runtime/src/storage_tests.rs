//! Tests of [`super`]: every way in which a journal can end.

use super::*;
use group::{AllowEntry, Services, Who};
use node::Number;
use wire::NodeAddr;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        // In memory where that is possible: these tests synchronise thousands of times.
        let memory = PathBuf::from("/dev/shm");
        let base = if memory.is_dir() {
            memory
        } else {
            std::env::temp_dir()
        };
        let path = base.join(format!("kumi-journal-{name}-{}", std::process::id()));
        files::private_directory(&path).unwrap();
        Self(path)
    }

    fn journal(&self) -> PathBuf {
        self.0.join(JOURNAL)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn f(last: u8) -> NodeAddr {
    let mut bytes = [0xfc; 16];
    bytes[15] = last;
    NodeAddr(bytes)
}

fn changes() -> Vec<Change> {
    let entry = AllowEntry {
        who: Who::Address(f(1)),
        services: Services::All,
        label: Some("組紐 \"x\"\n".to_owned()),
        accepts: Vec::new(),
        added_unix_s: 5,
    };
    vec![
        Change::HandshakeCountReserved { end: 1024 },
        Change::Allowed { entry },
        Change::PeerNumber {
            f: f(1),
            number: Number {
                counter: 1,
                count: 3,
            },
        },
        Change::Denied {
            who: Who::Address(f(2)),
            unix_s: 6,
        },
        Change::TimeHigh {
            unix_s: 1_800_000_000,
        },
    ]
}

#[test]
fn the_check_is_the_common_one() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}

#[test]
fn what_was_appended_is_there_after_any_number_of_starts() {
    let scratch = Scratch::new("starts");
    let (mut storage, stored) = Storage::open(&scratch.0).unwrap();
    assert_eq!(stored, Stored::default());
    let mut expected = Stored::default();
    for change in changes() {
        storage.append(&change).unwrap();
        expected.apply(&change);
        assert_eq!(
            load(&scratch.journal()).unwrap(),
            expected,
            "on disk before it returns"
        );
    }
    assert_eq!(
        storage.len_bytes(),
        std::fs::metadata(scratch.journal()).unwrap().len()
    );
    drop(storage);
    for _ in 0..3 {
        let (_, stored) = Storage::open(&scratch.0).unwrap();
        assert_eq!(stored, expected);
    }
}

#[test]
fn cut_off_at_any_byte_nothing_that_was_acted_on_is_lost() {
    let scratch = Scratch::new("cut");
    let (mut storage, _) = Storage::open(&scratch.0).unwrap();
    // The state after each complete line, by the length of the journal at that moment.
    let mut stored = Stored::default();
    let start = storage.len_bytes();
    let mut acknowledged = vec![(storage.len_bytes(), stored.clone())];
    for change in changes() {
        storage.append(&change).unwrap();
        stored.apply(&change);
        acknowledged.push((storage.len_bytes(), stored.clone()));
    }
    let whole = std::fs::read(scratch.journal()).unwrap();
    for len in 0..start {
        files::write_private(&scratch.journal(), &whole[..len as usize]).unwrap();
        let refused = Storage::open(&scratch.0);
        assert!(
            matches!(refused, Err(StorageError::Damaged { .. })),
            "cut at {len}"
        );
    }
    for len in start..=whole.len() as u64 {
        files::write_private(&scratch.journal(), &whole[..len as usize]).unwrap();
        let (_, expected) = acknowledged
            .iter()
            .rev()
            .find(|(at, _)| *at <= len)
            .unwrap();
        let (mut again, found) = Storage::open(&scratch.0).unwrap();
        assert_eq!(found, *expected, "cut at {len}");
        again
            .append(&Change::TimeHigh {
                unix_s: 1_900_000_000,
            })
            .unwrap();
        drop(again);
        let (_, after) = Storage::open(&scratch.0).unwrap();
        assert_eq!(
            after.time_high_unix_s, 1_900_000_000,
            "what comes after a cut counts"
        );
    }
}

#[test]
fn damage_in_the_middle_is_named_and_left_alone() {
    let scratch = Scratch::new("damage");
    let (mut storage, _) = Storage::open(&scratch.0).unwrap();
    for change in changes() {
        storage.append(&change).unwrap();
    }
    let whole = std::fs::read(scratch.journal()).unwrap();
    let first_len = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for at in [
        0,
        3,
        first_len - 2,
        first_len,
        first_len + 20,
        whole.len() - 2,
    ] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        files::write_private(&scratch.journal(), &bytes).unwrap();
        let line = 1 + whole[..at].iter().filter(|byte| **byte == b'\n').count();
        match Storage::open(&scratch.0) {
            Err(StorageError::Damaged { line: found, .. }) => assert_eq!(found, line),
            other => panic!("byte {at}: {other:?}"),
        }
        assert_eq!(std::fs::read(scratch.journal()).unwrap(), bytes);
    }
}

#[test]
fn a_newer_format_is_not_touched() {
    let scratch = Scratch::new("newer");
    let bytes = encode(&Header { journal: 2 }).unwrap();
    files::write_private(&scratch.journal(), &bytes).unwrap();
    assert!(matches!(
        Storage::open(&scratch.0),
        Err(StorageError::Newer { format: 2, .. })
    ));
    assert_eq!(std::fs::read(scratch.journal()).unwrap(), bytes);
}

#[test]
fn a_journal_that_has_grown_is_compacted_while_it_is_open() {
    let scratch = Scratch::new("grown");
    let (mut storage, _) = Storage::open(&scratch.0).unwrap();
    storage.len += GROWTH_LEN_MAX; // as if so much had been appended
    storage.append(&Change::TimeHigh { unix_s: 7 }).unwrap();
    assert_eq!(
        storage.len_bytes(),
        std::fs::metadata(scratch.journal()).unwrap().len()
    );
    storage.append(&Change::TimeHigh { unix_s: 8 }).unwrap();
    assert_eq!(load(&scratch.journal()).unwrap().time_high_unix_s, 8);
    assert_eq!(
        std::fs::read(scratch.journal())
            .unwrap()
            .split(|b| *b == b'\n')
            .count(),
        4
    );
}

#[test]
fn a_deny_entry_and_the_use_of_an_invite_outlive_the_power() {
    let f = wire::NodeAddr([0xfc; 16]);
    let who = group::Who::Address(f);
    assert!(must_outlive_power(&Change::Denied { who, unix_s: 1 }));
    assert!(must_outlive_power(&Change::InviteUsed {
        id: [1; 16],
        by: f,
        entry: None,
    }));
    assert!(!must_outlive_power(&Change::TimeHigh { unix_s: 1 }));
}
