//! The figures of the seeds come out of the scenario files under docs/load.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

use group::cost::{Cost, Scenario, ScenarioError, Scheme, cost, curve};

const FIVE: &str = include_str!("../../../docs/load/five-elements.toml");
const SEVEN: &str = include_str!("../../../docs/load/seven-elements.toml");
const FOUR: &str = include_str!("../../../docs/load/four-nodes.toml");
const MIXED: &str = include_str!("../../../docs/load/mixed.toml");

fn read(text: &str) -> Scenario {
    toml::from_str(text).unwrap()
}

fn of(text: &str) -> Cost {
    cost(&read(text)).unwrap()
}

/// The rows of one scheme: name and numbers, as the seed prints them; the server is "".
fn rows(cost: &Cost, scheme: Scheme) -> Vec<(String, Vec<u32>)> {
    let table = cost.initial.iter().find(|table| table.scheme == scheme);
    let rows = table.unwrap().rows.iter();
    rows.map(|row| (row.element.clone().unwrap_or_default(), row.counts.clone()))
        .collect()
}

fn totals(cost: &Cost) -> Vec<(Scheme, u32)> {
    let tables = cost.initial.iter();
    tables.map(|table| (table.scheme, table.total())).collect()
}

fn assert_rows(cost: &Cost, scheme: Scheme, expected: &[(&str, &[u32])]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, counts)| ((*name).to_owned(), counts.to_vec()))
        .collect();
    assert_eq!(rows(cost, scheme), expected, "{scheme:?}");
}

#[test]
fn five_elements_need_38_settings_where_ipsec_needs_174() {
    let cost = of(FIVE);
    assert_eq!(totals(&cost), [(Scheme::Gscip, 38), (Scheme::Ike, 174)]);
    assert_rows(
        &cost,
        Scheme::Gscip,
        &[
            ("GES1", &[3, 0, 3]),
            ("GES2", &[6, 0, 4]),
            ("GES3", &[3, 0, 3]),
            ("GEN", &[3, 0, 3]),
            ("GEA", &[6, 0, 4]),
        ],
    );
    assert_rows(
        &cost,
        Scheme::Ike,
        &[
            ("GES1", &[2, 14, 12]),
            ("GES2", &[4, 28, 12]),
            ("GES3", &[2, 14, 12]),
            ("GEN", &[2, 16, 12]),
            ("GEA", &[4, 28, 12]),
        ],
    );
}

#[test]
fn a_move_needs_0_instead_of_20_and_an_addition_10_instead_of_72() {
    let changes = of(FIVE).changes;
    let totals: Vec<_> = changes.iter().map(|change| &*change.totals).collect();
    assert_eq!(
        totals,
        [
            &[(Scheme::Gscip, 0), (Scheme::Ike, 20)],
            &[(Scheme::Gscip, 10), (Scheme::Ike, 72)],
        ]
    );
}

#[test]
fn an_addition_counted_by_the_papers_own_first_rule_is_dearer() {
    let mut scenario = read(FIVE);
    scenario.changes[1].adds.as_mut().unwrap().ipsec_peers = None;
    // GES1 is in the department as well, and the new one is outside the department's router.
    let (peers, tunnels) = (3, 1);
    let host = 2 * (peers + tunnels) + 14 * peers + 16 * tunnels + 12;
    let changes = cost(&scenario).unwrap().changes;
    assert_eq!(changes[1].totals[1], (Scheme::Ike, host + 14 * peers));
}

#[test]
fn seven_elements_need_57_settings_where_ipsec_needs_280() {
    let cost = of(SEVEN);
    assert_eq!(totals(&cost), [(Scheme::Gscip, 57), (Scheme::Ike, 280)]);
    let sum = |scheme| -> Vec<u32> {
        let rows = rows(&cost, scheme).into_iter();
        rows.map(|(_, counts)| counts.iter().sum()).collect()
    };
    assert_eq!(sum(Scheme::Gscip), [7, 11, 11, 7, 7, 7, 7]);
    assert_eq!(sum(Scheme::Ike), [28, 60, 60, 28, 30, 30, 44]);
}

#[test]
fn four_nodes_need_33_settings_where_ipsec_needs_116_or_90() {
    let cost = of(FOUR);
    assert_eq!(
        totals(&cost),
        [(Scheme::Gscip, 33), (Scheme::Ike, 116), (Scheme::Kink, 90)]
    );
    let server = rows(&cost, Scheme::Gscip).pop().unwrap().1;
    assert_eq!((server[0], server[1] + server[2]), (8, 13));
    let sum = |scheme| -> Vec<u32> {
        let rows = rows(&cost, scheme).into_iter();
        rows.map(|(_, counts)| counts.iter().sum()).collect()
    };
    assert_eq!(sum(Scheme::Ike), [27, 29, 29, 31]);
    assert_eq!(sum(Scheme::Kink), [18, 18, 18, 21, 15]);
}

#[test]
fn hosts_and_a_router_need_40_settings_where_ipsec_needs_134_or_111() {
    let cost = of(MIXED);
    assert_eq!(
        totals(&cost),
        [(Scheme::Gscip, 40), (Scheme::Ike, 134), (Scheme::Kink, 111)]
    );
    assert_rows(
        &cost,
        Scheme::Ike,
        &[
            ("Node1", &[2, 14, 11]),
            ("Node2", &[6, 32, 13]),
            ("Node3", &[2, 14, 11]),
            ("SGW", &[2, 16, 11]),
        ],
    );
    // The slide prints 39 for Node2; its columns add up only with 40.
    assert_rows(
        &cost,
        Scheme::Kink,
        &[
            ("Node1", &[3, 14, 1]),
            ("Node2", &[5, 32, 3]),
            ("Node3", &[3, 14, 1]),
            ("SGW", &[3, 16, 1]),
            ("", &[15, 0, 0]),
        ],
    );
}

#[test]
fn the_curves_over_the_number_of_nodes() {
    let hundred = curve(100);
    assert_eq!(hundred.keys, [400, 19_800, 400]);
    assert_eq!(hundred.peers, [100, 100 * 396, 100 * 396]);
    assert_eq!(curve(2).keys, [8, 4, 8], "two nodes are the exception");
    assert_eq!(curve(0).keys, [0; 3]);
    assert_eq!(curve(u64::MAX).keys[1], u64::MAX);
}

#[test]
fn a_scenario_that_makes_no_sense_is_named() {
    let text = |change: &dyn Fn(&mut Scenario)| -> String {
        let mut scenario = read(FIVE);
        change(&mut scenario);
        let error: ScenarioError = cost(&scenario).unwrap_err();
        error.to_string()
    };
    let behind = |name: &str| {
        let name = name.to_owned();
        move |it: &mut Scenario| it.elements[0].behind = Some(name.clone())
    };
    let rows = [
        (
            text(&|it| it.elements[1].name = "GES1".to_owned()),
            "`GES1` is there twice; give one of them another name",
        ),
        (
            text(&|it| it.elements[0].groups = vec!["sales".to_owned()]),
            "`GES1` names `sales`, which is not there",
        ),
        (
            text(&|it| it.elements[0].groups.clear()),
            "`GES1` is in no group; put it in one or leave it out",
        ),
        (
            text(&behind("GES2")),
            "`GES1` is behind `GES2`, which is no GEN",
        ),
        (
            text(&behind("GEN9")),
            "`GES1` names `GEN9`, which is not there",
        ),
        (
            text(&|it| it.changes[0].moves = None),
            "the change `GES2 moves out of the department's network` must be either a move or an addition",
        ),
        (
            text(&|it| it.groups = (0..1_001).map(|n| n.to_string()).collect()),
            "more than 1000 groups",
        ),
    ];
    for (found, expected) in rows {
        assert_eq!(found, expected);
    }
}
