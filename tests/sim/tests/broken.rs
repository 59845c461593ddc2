//! Five builds, each broken in one place on purpose: the simulator must notice every one.
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

fn first_violations() -> Option<(u64, Vec<Violation>)> {
    (1..=SEEDS).find_map(|seed| {
        let report = run(seed, Scale::CAMPAIGN, Provider::Simulated);
        (!report.violations.is_empty()).then_some((seed, report.violations))
    })
}

fn assert_caught(name: &str, right_kind: impl Fn(&Violation) -> bool) {
    let Some((seed, violations)) = first_violations() else {
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
    in_node::set(in_node::Sabotage::None);
    assert_eq!(first_violations(), None, "the whole build, again");
}
