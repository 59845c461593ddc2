//! A chain takes what follows, and a server that says two things is found out.

use identity::crypto::AwsLc;
use wire::NodeAddr;

use super::*;
use crate::statement::Server;

const GROUP: GroupId = GroupId([3; 16]);
const SEED: [u8; 32] = [2; 32];

fn server() -> Signer<'static> {
    Signer {
        crypto: &AwsLc,
        seed: &SEED,
    }
}

fn authority() -> Authority {
    let here = Server {
        key: server().public(),
        f: NodeAddr([0xfc; 16]),
    };
    Authority::issue(&server(), GROUP, 1, 0, vec![Some(here), Some(here)])
}

fn chain() -> Chain {
    Chain::new(GROUP, 0, Head::default())
}

fn member(number: u16) -> Membership {
    Membership {
        f: NodeAddr([0xfc; 16]),
        serial: u64::from(number),
    }
}

fn removal(number: u16) -> EntryBody {
    EntryBody::Removal(member(number))
}

fn epoch(number: u32, activates_unix_s: u64) -> EntryBody {
    EntryBody::Epoch(EpochEntry {
        number,
        activates_unix_s,
        overlap_s: 90,
        secret_hash: [0; 32],
    })
}

/// A chain of so many removals, and its entries.
fn written(count: u16) -> (Chain, Vec<Entry>) {
    let mut chain = chain();
    let mut write = |number: u16| {
        let at = 1_000 + u64::from(number - 1) * 3_600;
        chain.write(&server(), at, removal(number)).unwrap()
    };
    let entries = (1..=count).map(&mut write).collect();
    (chain, entries)
}

fn apply(chain: &mut Chain, entry: &Entry) -> Result<Applied, ChainError> {
    chain.apply(&AwsLc, &authority(), entry.clone())
}

#[test]
fn entries_are_taken_in_order_and_once() {
    let (theirs, entries) = written(3);
    let mut own = chain();
    assert_eq!(
        apply(&mut own, &entries[1]),
        Err(ChainError::Gap {
            number: 2,
            wanted: 1
        })
    );
    for entry in &entries {
        assert_eq!(apply(&mut own, entry), Ok(Applied::New));
        assert_eq!(apply(&mut own, entry), Ok(Applied::Known));
    }
    assert_eq!(apply(&mut own, &entries[0]), Ok(Applied::Known));
    assert_eq!(own, theirs);
    assert!(own.is_removed(member(2)) && !own.is_removed(member(4)));
    assert_eq!(own.entries_from(2).count(), 2);
}

#[test]
fn only_the_server_of_the_chain_writes_it() {
    let (_, entries) = written(1);
    let before = chain();
    let mut own = before.clone();
    let mut other_chain = entries[0].clone();
    other_chain.index = 1;
    assert_eq!(
        apply(&mut own, &other_chain.signed(&server())),
        Err(ChainError::Elsewhere)
    );
    let mut other_group = entries[0].clone();
    other_group.group = GroupId([4; 16]);
    assert_eq!(apply(&mut own, &other_group), Err(ChainError::Elsewhere));
    let mut forged = entries[0].clone();
    forged.at_unix_s += 1;
    assert_eq!(apply(&mut own, &forged), Err(ChainError::Signature));
    let by_other = forged.signed(&Signer {
        crypto: &AwsLc,
        seed: &[9; 32],
    });
    assert_eq!(apply(&mut own, &by_other), Err(ChainError::Signature));
    assert_eq!(own, before);
}

#[test]
fn a_full_chain_takes_entries_again_once_the_old_ones_are_over() {
    let (mut own, _) = written(1);
    let at = 1_000;
    for number in 2..=u16::MAX {
        own.write(&server(), at, removal(number)).unwrap();
    }
    own.write(&server(), at, epoch(1, at)).unwrap();
    let more = removal(0);
    let full = own.write(&server(), at + REMOVAL_S - 1, more.clone());
    assert_eq!(full, Err(ChainError::Full));
    let before = own.clone();
    own.write(&server(), at + REMOVAL_S, more).unwrap();
    assert_eq!(own.head().number, before.head().number + 1);
    assert_eq!(own.entries_from(0).count(), ENTRIES_MIN);
    assert!(own.is_removed(member(0)));
}

#[test]
fn a_server_that_says_two_things_is_found_out() {
    let (mut own, entries) = written(3);
    // The same chain but for the second entry, and what follows it.
    let mut fork = chain();
    apply(&mut fork, &entries[0]).unwrap();
    let second = fork.write(&server(), 1_000, removal(66)).unwrap();
    let third = fork.write(&server(), 1_000, removal(77)).unwrap();
    let fourth = fork.write(&server(), 1_000, removal(88)).unwrap();
    let kept = own.clone();
    for (lie, own_entry) in [
        (&second, Some(&entries[1])),
        (&third, Some(&entries[2])),
        // It follows an entry that this chain has otherwise: the last one is the evidence.
        (&fourth, Some(&entries[2])),
    ] {
        let Err(ChainError::Fork(evidence)) = apply(&mut own, lie) else {
            panic!("{}", lie.number);
        };
        assert_eq!((evidence.0.as_ref(), &evidence.1), (own_entry, lie));
    }
    assert_eq!(own, kept);
    // By heads alone.
    let compare = |head| own.compare(&AwsLc, head);
    let head = |entry: &Entry| Head {
        number: entry.number,
        hash: entry.hash(&AwsLc),
    };
    assert_eq!(compare(head(&entries[2])), Compared::Same);
    assert_eq!(compare(head(&entries[0])), Compared::Ahead);
    assert_eq!(compare(Head::default()), Compared::Ahead);
    assert_eq!(compare(head(&second)), Compared::Fork);
    assert_eq!(compare(head(&third)), Compared::Fork);
    assert_eq!(compare(head(&fourth)), Compared::Behind { from: 4 });
}

#[test]
fn a_newcomer_begins_at_a_head_and_old_entries_are_let_go() {
    let (chain, entries) = written(ENTRIES_MIN as u16 + 10);
    assert_eq!(chain.entries_from(0).count(), ENTRIES_MIN);
    let at = |number: usize| Head {
        number: number as u32,
        hash: entries[number - 1].hash(&AwsLc),
    };
    assert_eq!(chain.compare(&AwsLc, at(10)), Compared::Ahead);
    assert_eq!(chain.compare(&AwsLc, at(9)), Compared::Unknown);
    let mut own = chain.clone();
    assert_eq!(apply(&mut own, &entries[0]), Err(ChainError::TooOld));
    let mut newcomer = Chain::new(GROUP, 0, at(200));
    assert_eq!(newcomer.compare(&AwsLc, at(200)), Compared::Same);
    assert_eq!(newcomer.compare(&AwsLc, at(199)), Compared::Unknown);
    for entry in &entries[200..] {
        assert_eq!(apply(&mut newcomer, entry), Ok(Applied::New));
    }
    assert_eq!(newcomer.head(), chain.head());
}

#[test]
fn a_removal_in_force_is_never_let_go() {
    let mut chain = chain();
    let many = ENTRIES_MIN as u16 * 3;
    for number in 1..=many {
        chain.write(&server(), 1_000, removal(number)).unwrap();
    }
    assert_eq!(chain.entries_from(0).count(), usize::from(many));
    // They are when they count no more.
    chain
        .write(&server(), 1_000 + REMOVAL_S, removal(many + 1))
        .unwrap();
    assert_eq!(chain.entries_from(0).count(), ENTRIES_MIN);
}

#[test]
fn removals_are_forgotten_when_no_lease_can_run() {
    let (mut chain, _) = written(1);
    chain.expire(1_000 + REMOVAL_S - 1);
    assert!(chain.is_removed(member(1)));
    chain.expire(1_000 + REMOVAL_S);
    assert!(!chain.is_removed(member(1)));
}

#[test]
fn an_epoch_cancels_those_that_would_not_be_earlier() {
    let mut chain = chain();
    let mut write = |at, body| chain.write(&server(), at, body);
    for (number, activates) in [(1, 100), (2, 200), (3, 300)] {
        write(50, epoch(number, activates)).unwrap();
    }
    write(150, epoch(4, 150)).unwrap();
    write(150, epoch(5, 200)).unwrap();
    assert_eq!(write(150, epoch(5, 999)), Err(ChainError::EpochNumber));
    let epochs: Vec<_> = chain
        .epochs()
        .map(|it| (it.entry.number, it.cancelled_unix_s))
        .collect();
    let cancelled = Some(150);
    assert_eq!(
        epochs,
        [
            (1, None),
            (2, cancelled),
            (3, cancelled),
            (4, None),
            (5, None)
        ]
    );
    assert_eq!(chain.head().number, 5, "what was refused is not in it");
    for number in 6..6 + EPOCHS_MAX as u32 {
        let written = chain.write(&server(), 1_000, epoch(number, u64::from(number) * 1_000));
        written.unwrap();
    }
    assert_eq!(chain.epochs().count(), EPOCHS_MAX);
}
