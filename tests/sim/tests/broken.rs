//! Eight builds, each broken in one place on purpose: the simulator must notice every one.
//!
//! `cargo test -p sim --features sabotage --test broken`. The switches are one for the whole
//! process, so one test plays them all, after showing that nothing is found when nothing is broken.

use node::sabotage as in_node;
use session::sabotage as in_session;
use sim::model::Violation;
use sim::script::Scale;
use sim::{Provider, run};

/// Seeds after which a broken build must have been noticed.
const SEEDS: u64 = 12;
/// The first of the seeds with which a Bridge is broken; every third has Bridges.
const FIRST_WITH_BRIDGES: u64 = 3;

fn first_violations() -> Option<(u64, Vec<Violation>)> {
    violations_among(1..=SEEDS)
}

fn violations_among(mut seeds: impl Iterator<Item = u64>) -> Option<(u64, Vec<Violation>)> {
    seeds.find_map(|seed| {
        let report = run(seed, Scale::CAMPAIGN, Provider::Simulated);
        (!report.violations.is_empty()).then_some((seed, report.violations))
    })
}

fn assert_caught(name: &str, right_kind: impl Fn(&Violation) -> bool) {
    assert_found(name, first_violations(), right_kind);
}

/// The same about a Bridge, with seeds that have some.
fn assert_caught_at_bridges(name: &str, right_kind: impl Fn(&Violation) -> bool) {
    let seeds = (FIRST_WITH_BRIDGES..).step_by(3).take(SEEDS as usize);
    assert!(seeds.clone().all(sim::has_bridges));
    assert_found(name, violations_among(seeds), right_kind);
}

fn assert_found(
    name: &str,
    found: Option<(u64, Vec<Violation>)>,
    right_kind: impl Fn(&Violation) -> bool,
) {
    let Some((seed, violations)) = found else {
        panic!("{name}: not noticed in {SEEDS} seeds");
    };
    println!("{name}: noticed in seed {seed}: {}", violations[0]);
    assert!(
        violations.iter().any(right_kind),
        "{name}: noticed for another reason: {violations:?}"
    );
}

#[test]
fn every_broken_build_is_noticed_for_the_right_reason() {
    assert_eq!(first_violations(), None, "the whole build");

    in_session::set(in_session::Sabotage::SkipReplayCheck);
    assert_caught("a replayed packet is taken", |v| {
        matches!(v, Violation::Twice { .. })
    });
    in_session::set(in_session::Sabotage::ReuseCounter);
    assert_caught("a counter is used twice", |v| {
        matches!(v, Violation::NonceReuse(_))
    });
    in_session::set(in_session::Sabotage::MoveUnproven);
    assert_caught("an unproven address is believed", |v| {
        matches!(v, Violation::FedThief { .. })
    });
    in_session::set(in_session::Sabotage::SkipHopMac);
    assert_caught_at_bridges("the MAC of a hop is not looked at", |v| {
        matches!(v, Violation::RelayedForgery { .. })
    });
    in_session::set(in_session::Sabotage::None);

    in_node::set(in_node::Sabotage::KeepRemoved);
    assert_caught("a removed peer stays", |v| {
        matches!(v, Violation::NotAllowed { .. })
    });
    in_node::set(in_node::Sabotage::AcceptOldNumber);
    assert_caught("an old initiation is answered", |v| {
        matches!(
            v,
            Violation::NumberReused { .. } | Violation::AnsweredStranger { .. }
        )
    });
    in_node::set(in_node::Sabotage::MixCustomers);
    assert_caught_at_bridges("customers are mixed", |v| {
        matches!(
            v,
            Violation::RelayedAcross { .. }
                | Violation::CustomersMet { .. }
                | Violation::WrongCustomer { .. }
        )
    });
    in_node::set(in_node::Sabotage::KeepDismissed);
    assert_caught_at_bridges("a dismissed client keeps its channels", |v| {
        matches!(v, Violation::RelayedForStranger { .. })
    });
    in_node::set(in_node::Sabotage::None);
    assert_eq!(first_violations(), None, "the whole build, again");
}
