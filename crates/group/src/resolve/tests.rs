//! The decision against the table of the seeds, and against every short path.

use super::*;
use Action::{Clear, Discard, Encrypt, Relay};

const GES: End = End::Element;
const PLAIN: End = End::Plain;

fn element(text: &str) -> Element<u8> {
    let (mode, groups) = text.split_at(2);
    Element {
        mode: if mode == "CL" {
            Mode::Closed
        } else {
            Mode::Open
        },
        groups: groups.bytes().map(|digit| digit - b'0').collect(),
    }
}

/// A path in site mode: `OP12` is an open element of the groups 1 and 2.
fn path(source: End, elements: &[&str], destination: End) -> ElementPath<u8> {
    ElementPath {
        elements: elements.iter().map(|text| element(text)).collect(),
        source,
        destination,
        addresses: Addresses::Site,
        adopts: false,
    }
}

fn reversed(path: &ElementPath<u8>) -> ElementPath<u8> {
    ElementPath {
        elements: path.elements.iter().rev().cloned().collect(),
        source: path.destination,
        destination: path.source,
        ..path.clone()
    }
}

/// The rows of reference C1 and C2: every example of the seeds, and those derived from them.
#[test]
fn the_table_of_the_seeds() {
    type Row = (End, &'static [&'static str], End, &'static [Action]);
    let rows: [Row; 23] = [
        (GES, &["OP1", "OP1"], GES, &[Encrypt, Encrypt]),
        (GES, &["OP1", "CL1"], GES, &[Encrypt, Encrypt]),
        (GES, &["CL1", "OP1"], GES, &[Encrypt, Encrypt]),
        (GES, &["CL1", "CL1"], GES, &[Encrypt, Encrypt]),
        (GES, &["OP1", "OP2"], GES, &[Clear, Clear]),
        (GES, &["OP1", "CL2"], GES, &[Discard, Discard]),
        (GES, &["CL1", "OP2"], GES, &[Discard, Discard]),
        (GES, &["CL1", "CL2"], GES, &[Discard, Discard]),
        (GES, &["OP1"], PLAIN, &[Clear]),
        (GES, &["CL1"], PLAIN, &[Discard]),
        // Seed 002: a GEN between two of its group relays.
        (GES, &["OP1", "CL1", "OP1"], GES, &[Encrypt, Relay, Encrypt]),
        (GES, &["OP1", "CL1"], PLAIN, &[Encrypt, Encrypt]),
        // Seed 002, figure 6: a department head, his department's GEN, the important server.
        (
            GES,
            &["OP12", "CL1", "CL23"],
            PLAIN,
            &[Encrypt, Relay, Encrypt],
        ),
        (GES, &["OP3", "CL23"], PLAIN, &[Encrypt, Encrypt]),
        (GES, &["OP1", "CL23"], PLAIN, &[Discard, Discard]),
        (
            GES,
            &["OP2", "CL1", "OP3"],
            GES,
            &[Discard, Discard, Discard],
        ),
        (PLAIN, &["CL1", "CL1"], PLAIN, &[Encrypt, Encrypt]),
        // A GES that its GEN does not know is no terminal of it.
        (GES, &["OP2", "CL1", "CL1"], PLAIN, &[Discard; 3]),
        // GENs within GENs.
        (
            PLAIN,
            &["OP5", "CL1", "CL1"],
            PLAIN,
            &[Clear, Encrypt, Encrypt],
        ),
        (PLAIN, &["CL5", "CL1", "CL1"], PLAIN, &[Discard; 3]),
        (
            PLAIN,
            &["CL1", "CL2", "CL2", "CL1"],
            PLAIN,
            &[Encrypt, Relay, Relay, Encrypt],
        ),
        (PLAIN, &[], PLAIN, &[]),
        (PLAIN, &["OP", "OP1", "OP"], PLAIN, &[Clear, Clear, Clear]),
    ];
    for (source, elements, destination, actions) in rows {
        let path = path(source, elements, destination);
        assert_eq!(resolve(&path).actions, actions, "{path:?}");
    }
}

#[test]
fn a_gen_adopts_elements_of_other_groups_if_it_shall() {
    let mut path = path(GES, &["OP2", "CL1", "CL1"], PLAIN);
    path.adopts = true;
    assert_eq!(resolve(&path).actions, [Clear, Encrypt, Encrypt]);
    // But a closed one behind it talks in clear text to nobody.
    path.elements[0].mode = Mode::Closed;
    assert_eq!(resolve(&path).actions, [Discard; 3]);
}

#[test]
fn of_two_pairs_equally_wide_the_one_that_passes_is_taken_and_then_the_least_group() {
    let wide = |elements: &[&str]| resolve(&path(PLAIN, elements, PLAIN));
    let open = wide(&["OP2", "OP12", "OP1"]);
    assert_eq!(open.actions, [Clear, Encrypt, Encrypt]);
    assert_eq!(open.pair.unwrap().groups, [1].into());
    assert_eq!(
        wide(&["OP2", "OP12", "CL1"]).actions,
        [Clear, Encrypt, Encrypt]
    );
    assert_eq!(
        wide(&["CL2", "OP12", "OP1"]).actions,
        [Encrypt, Encrypt, Clear]
    );
    assert_eq!(wide(&["CL2", "OP12", "CL1"]).actions, [Discard; 3]);
}

#[test]
fn nothing_is_ever_clear_on_overlay_addresses() {
    let rows: [(&[&str], End, Action); 4] = [
        (&["OP1", "OP2"], GES, Discard),
        (&["OP1"], PLAIN, Discard),
        (&["OP1", "OP1"], PLAIN, Encrypt),
        (&["OP1", "OP1", "OP2"], PLAIN, Discard),
    ];
    for (elements, destination, first) in rows {
        let mut path = path(GES, elements, destination);
        path.addresses = Addresses::Overlay;
        assert_eq!(resolve(&path).actions[0], first, "{path:?}");
    }
}

#[test]
fn a_path_that_is_too_long_is_discarded() {
    let elements = vec!["OP1"; ELEMENTS_MAX];
    assert_eq!(resolve(&path(GES, &elements, GES)).actions[0], Encrypt);
    let elements = vec!["OP1"; ELEMENTS_MAX + 1];
    assert_eq!(
        resolve(&path(GES, &elements, GES)).actions,
        [Discard; ELEMENTS_MAX + 1]
    );
}

/// Every element that there is: two modes, eight sets of three groups.
fn every_element() -> Vec<Element<u8>> {
    let sets = (0..8_u8).map(|bits| (1..=3).filter(|g| bits >> (g - 1) & 1 == 1).collect());
    let modes = [Mode::Open, Mode::Closed];
    sets.flat_map(|groups: BTreeSet<u8>| {
        modes.map(|mode| Element {
            mode,
            groups: groups.clone(),
        })
    })
    .collect()
}

/// Calls `check` with every path of `len` elements.
fn every_path(len: u32, kinds: &[(Addresses, bool)], check: impl Fn(&ElementPath<u8>)) {
    let all = every_element();
    for number in 0..all.len().pow(len) {
        let digits = (0..len).map(|place| number / all.len().pow(place) % all.len());
        let elements: Vec<_> = digits.map(|digit| all[digit].clone()).collect();
        for (source, destination) in [(GES, GES), (GES, PLAIN), (PLAIN, GES), (PLAIN, PLAIN)] {
            for (addresses, adopts) in kinds {
                check(&ElementPath {
                    elements: elements.clone(),
                    source,
                    destination,
                    addresses: *addresses,
                    adopts: *adopts,
                });
            }
        }
    }
}

/// What holds of every resolution, said without the rules that make it.
fn check(path: &ElementPath<u8>) {
    let found = resolve(path);
    let back = resolve(&reversed(path));
    let mirrored: Vec<_> = back.actions.iter().rev().copied().collect();
    assert_eq!(found.actions, mirrored, "the same both ways: {path:?}");

    let len = path.elements.len();
    assert_eq!(found.actions.len(), len);
    let count = |action| found.actions.iter().filter(|it| **it == action).count();
    let (encrypting, discarding) = (count(Encrypt), count(Discard));
    assert!(discarding == 0 || discarding == len, "{path:?}");
    assert_eq!(encrypting, found.pair.as_ref().map_or(0, |_| 2), "{path:?}");

    for (element, action) in path.elements.iter().zip(&found.actions) {
        if *action == Clear {
            assert_eq!(element.mode, Mode::Open, "clear across a closed: {path:?}");
            assert_eq!(path.addresses, Addresses::Site, "{path:?}");
        }
    }
    if let Some(pair) = &found.pair {
        let (first, last) = (&path.elements[pair.first], &path.elements[pair.last]);
        assert!(pair.groups.iter().all(|g| first.groups.contains(g)));
        assert!(pair.groups.iter().all(|g| last.groups.contains(g)));
        let relaying = (0..len).filter(|at| found.actions[*at] == Relay);
        assert!(relaying.eq(pair.first + 1..pair.last), "{path:?}");
    }
    let is_open = path.elements.iter().all(|it| it.mode == Mode::Open);
    if is_open && path.addresses == Addresses::Site {
        assert_eq!(discarding, 0, "open elements discard nothing: {path:?}");
    }
    if let [first, .., last] = &*path.elements
        && !first.groups.is_disjoint(&last.groups)
    {
        let ends = [found.actions[0], found.actions[len - 1]];
        assert_eq!(ends, [Encrypt, Encrypt], "the ends share a group: {path:?}");
    }
}

/// Of elements that only report themselves on the way no group counts: nobody is there to encrypt with.
#[test]
fn where_nobody_answers_one_closed_element_on_the_way_is_enough() {
    for source in [GES, PLAIN] {
        let first = |elements: &[&str]| resolve(&path(source, elements, PLAIN)).actions[0];
        assert_eq!(first(&["OP"]), Clear);
        assert_eq!(first(&["OP", "OP", "OP"]), Clear);
        assert_eq!(first(&["OP", "OP", "CL", "OP"]), Discard);
        assert_eq!(first(&["CL", "OP"]), Discard);
    }
}

#[test]
fn every_path_of_up_to_four_elements_keeps_the_promises() {
    let kinds = [Addresses::Overlay, Addresses::Site]
        .map(|addresses| [false, true].map(|adopts| (addresses, adopts)));
    for len in 0..=3 {
        every_path(len, kinds.as_flattened(), check);
    }
    every_path(4, &[(Addresses::Site, false)], check);
}
