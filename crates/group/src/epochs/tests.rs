//! Members with clocks of their own always have an epoch in common, and a leaver's is over.

use identity::crypto::AwsLc;
use proptest::prelude::*;

use super::*;
use crate::chain::Head;
use crate::statement::{EntryBody, GroupId, Signer};

const SEED: [u8; 32] = [2; 32];
const DAY: u64 = 86_400;
/// 03:00 of the first day.
const FIRST: u64 = 10 * DAY;

fn secret(number: u32) -> EpochSecret {
    EpochSecret::new([number as u8; 32])
}

fn chain() -> Chain {
    Chain::new(GroupId([3; 16]), 1, Head::default())
}

fn write(chain: &mut Chain, at_unix_s: u64, number: u32, activates_unix_s: u64, overlap_s: u16) {
    let by = Signer {
        crypto: &AwsLc,
        seed: &SEED,
    };
    let entry = EpochEntry {
        number,
        activates_unix_s,
        overlap_s,
        secret_hash: secret(number).hash(&AwsLc),
    };
    chain
        .write(&by, at_unix_s, EntryBody::Epoch(entry))
        .unwrap();
}

/// A chain with an epoch a day.
fn daily(count: u32) -> Chain {
    let mut chain = chain();
    for number in 1..=count {
        let at = FIRST + u64::from(number - 1) * DAY;
        write(&mut chain, FIRST - DAY, number, at, 90);
    }
    chain
}

fn holding(chain: &Chain, numbers: &[u32]) -> Epochs {
    let mut epochs = Epochs::default();
    for number in numbers {
        let taken = epochs.insert(&AwsLc, chain, *number, secret(*number));
        assert_eq!(taken, Ok(true));
    }
    epochs
}

fn uses(epochs: &Epochs, chain: &Chain, at: u64) -> Vec<(u32, Use)> {
    let usable = epochs.usable(chain, at).into_iter();
    usable.map(|it| (it.name.number, it.what)).collect()
}

#[test]
fn a_secret_is_taken_only_if_an_entry_has_its_hash() {
    let chain = daily(2);
    let mut epochs = Epochs::default();
    let mut insert = |number, secret| epochs.insert(&AwsLc, &chain, number, secret);
    assert_eq!(insert(1, secret(2)), Err(SecretError::Mismatch));
    assert_eq!(insert(3, secret(3)), Err(SecretError::Unknown));
    assert_eq!(insert(1, secret(1)), Ok(true));
    assert_eq!(insert(1, secret(1)), Ok(false));
}

#[test]
fn tag_and_psk_differ_and_the_number_holds_the_index() {
    let secret = secret(1);
    assert_ne!(secret.tag(&AwsLc), secret.psk(&AwsLc));
    assert!(!format!("{secret:?}").contains('1'));
    let name = EpochName {
        index: 7,
        number: 0x0abc_def1,
    };
    assert_eq!(name.wire(), 0x7abc_def1);
}

#[test]
fn an_epoch_is_taken_early_used_and_let_go() {
    let chain = daily(2);
    let epochs = holding(&chain, &[1, 2]);
    let uses = |at| uses(&epochs, &chain, at);
    let second = FIRST + DAY;
    use Use::{Beside, CatchUp, Current};
    assert_eq!(uses(FIRST - EARLY_S - 1), []);
    assert_eq!(uses(FIRST - EARLY_S), [(1, Beside)]);
    assert_eq!(uses(FIRST), [(1, Current)]);
    assert_eq!(uses(second - EARLY_S - 1), [(1, Current)]);
    assert_eq!(uses(second - EARLY_S), [(2, Beside), (1, Current)]);
    assert_eq!(uses(second), [(2, Current), (1, Beside)]);
    assert_eq!(uses(second + 89), [(2, Current), (1, Beside)]);
    assert_eq!(uses(second + 90), [(2, Current), (1, CatchUp)]);
    let over = second + 90 + CATCH_UP_S;
    assert_eq!(uses(over - 1), [(2, Current), (1, CatchUp)]);
    assert_eq!(uses(over), [(2, Current)]);
}

#[test]
fn without_the_next_secret_the_one_that_is_held_stays() {
    let chain = daily(3);
    let epochs = holding(&chain, &[1]);
    let long_after = FIRST + 30 * DAY;
    assert_eq!(uses(&epochs, &chain, long_after), [(1, Use::Current)]);
    // The third replaces the first where the second never came.
    let epochs = holding(&chain, &[1, 3]);
    let third = FIRST + 2 * DAY;
    for (at, expected) in [
        (third - 1, [(3, Use::Beside), (1, Use::Current)]),
        (third, [(3, Use::Current), (1, Use::CatchUp)]),
    ] {
        assert_eq!(uses(&epochs, &chain, at), expected);
    }
}

#[test]
fn after_a_removal_the_epochs_known_to_the_leaver_only_serve_to_catch_up() {
    let mut chain = daily(3);
    let at = FIRST + 1_000;
    write(&mut chain, at, 4, at, 10);
    write(&mut chain, at, 5, FIRST + DAY, 90);
    write(&mut chain, at, 6, FIRST + 2 * DAY, 90);
    let told = holding(&chain, &[1, 2, 3, 4, 5, 6]);
    use Use::{Beside, CatchUp, Current};
    let over = [(3, CatchUp), (2, CatchUp)];
    let uses_of = |epochs: &Epochs, at| uses(epochs, &chain, at);
    assert_eq!(
        uses_of(&told, at),
        [&[(4, Current)], &over[..], &[(1, Beside)]].concat()
    );
    assert_eq!(
        uses_of(&told, at + 10),
        [&[(4, Current)], &over[..], &[(1, CatchUp)]].concat()
    );
    // Who heard of it but has no secret yet keeps the current one, not those to come.
    let waiting = holding(&chain, &[1, 2, 3]);
    assert_eq!(
        uses_of(&waiting, FIRST + DAY),
        [&over[..], &[(1, Current)]].concat()
    );
    // Who heard of nothing goes on to what was cancelled, and can be told.
    let before = daily(3);
    let unaware = holding(&before, &[1, 2, 3]);
    let next_day = FIRST + DAY + 100;
    assert_eq!(uses(&unaware, &before, next_day)[0], (2, Current));
    assert!(uses_of(&told, next_day).contains(&(2, CatchUp)));
}

/// Found by the model checker (tests/sim/tests/groups.rs).
#[test]
fn a_change_right_after_a_removal_does_not_stretch_its_overlap() {
    let mut chain = daily(3);
    let at = FIRST + 1_000;
    for (number, written, overlap) in [(4, at, 10), (5, at + 11, 90)] {
        write(&mut chain, written, number, written, overlap);
    }
    // The secret in between never came.
    let epochs = holding(&chain, &[1, 5]);
    assert_eq!(
        uses(&epochs, &chain, at + 11),
        [(5, Use::Current), (1, Use::CatchUp)]
    );
    // In the same second the second cancels the first, and its overlap holds all the same.
    let mut chain = daily(3);
    for (number, overlap) in [(4, 10), (5, 90)] {
        write(&mut chain, at, number, at, overlap);
    }
    let epochs = holding(&chain, &[1, 5]);
    assert_eq!(uses(&epochs, &chain, at + 9)[1], (1, Use::Beside));
    assert_eq!(uses(&epochs, &chain, at + 10)[1], (1, Use::CatchUp));
}

#[test]
fn what_counts_no_more_is_forgotten_and_what_is_to_come_is_not() {
    let mut chain = daily(3);
    let at = FIRST + 1_000;
    write(&mut chain, at, 4, at, 10);
    write(&mut chain, at, 5, FIRST + DAY, 90);
    let mut epochs = holding(&chain, &[1, 2, 3, 4, 5]);
    epochs.expire(&chain, at + 10 + CATCH_UP_S);
    let held = |epochs: &Epochs| -> Vec<u32> {
        let is_held = |number: &u32| {
            let (index, number) = (1, *number);
            epochs.secret(EpochName { index, number }).is_some()
        };
        (1..=5).filter(is_held).collect()
    };
    assert_eq!(held(&epochs), [4, 5]);
    let mut epochs = holding(&chain, &[4, 5]);
    epochs.expire(&chain, at);
    assert_eq!(held(&epochs), [4, 5]);
}

#[test]
fn every_change_has_its_moment() {
    let mut chain = daily(3);
    let at = FIRST + 1_000;
    write(&mut chain, at, 4, at, 10);
    write(&mut chain, at, 5, FIRST + DAY, 90);
    let epochs = holding(&chain, &[1, 2, 3, 4, 5]);
    let mut now = FIRST - 100;
    let mut steps = 0;
    while let Some(next) = epochs.changes_at(&chain, now) {
        assert!(next > now);
        let before = uses(&epochs, &chain, now);
        assert_eq!(uses(&epochs, &chain, next - 1), before, "{now} to {next}");
        (now, steps) = (next, steps + 1);
    }
    assert!(steps >= 8, "{steps}");
    assert_eq!(
        uses(&epochs, &chain, now + 365 * DAY),
        uses(&epochs, &chain, now)
    );
}

proptest! {
    /// Two members whose clocks differ by up to a minute and who hold what a member holds, the
    /// current secret and the next two, can talk at every moment of the days.
    #[test]
    fn two_members_always_share_an_epoch_in_force(
        at in FIRST..FIRST + 3 * DAY,
        near_a_change in any::<Option<bool>>(),
        offset in 0_u64..200,
        skew in 0_u64..=60,
    ) {
        let chain = daily(6);
        let epochs = holding(&chain, &[1, 2, 3, 4, 5, 6]);
        let at = match near_a_change {
            Some(late) => FIRST + DAY * (1 + u64::from(late)) - 100 + offset,
            None => at,
        };
        let in_force = |at| -> Vec<u32> {
            let uses = uses(&epochs, &chain, at).into_iter();
            uses.filter(|(_, what)| *what != Use::CatchUp).map(|(number, _)| number).collect()
        };
        let (one, other) = (in_force(at), in_force(at + skew));
        prop_assert!(one.iter().any(|number| other.contains(number)), "{one:?} {other:?}");
        let current = uses(&epochs, &chain, at).into_iter().filter(|(_, what)| *what == Use::Current);
        prop_assert_eq!(current.count(), 1);
    }

    /// Whatever is written and whoever holds what: at most one epoch is current, and none that was
    /// cancelled is once that is known.
    #[test]
    fn at_most_one_epoch_is_current(
        entries in prop::collection::vec((0_u64..1_000, 0_u16..100), 1..10),
        held in any::<u16>(),
        at in 0_u64..1_200,
    ) {
        let mut chain = chain();
        for (number, (activates, overlap)) in entries.iter().enumerate() {
            write(&mut chain, 0, number as u32 + 1, *activates, *overlap);
        }
        let numbers: Vec<u32> = (1..=entries.len() as u32)
            .filter(|number| held >> number & 1 == 1)
            .collect();
        let epochs = holding(&chain, &numbers);
        let uses = uses(&epochs, &chain, at);
        let current: Vec<_> = uses.iter().filter(|(_, what)| *what == Use::Current).collect();
        prop_assert!(current.len() <= 1, "{uses:?}");
        for (number, _) in current {
            let epoch = chain.epochs().find(|it| it.entry.number == *number);
            prop_assert_eq!(epoch.unwrap().cancelled_unix_s, None);
        }
    }
}
