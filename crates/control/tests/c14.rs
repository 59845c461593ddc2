//! C14 of the reference: every server is down for 24 hours, at every moment of a lease's life and of an
//! epoch's, on days on which clocks are set, and with members' clocks that differ by 600 s. Members that have
//! never met prove themselves to each other at each moment of it; and when a lease ends, they do not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{Gms, SEED, f};
use control::{Command, Zone};
use group::epochs::Use;
use group::keyring::{Keyring, KeyringError, Welcome};
use group::statement::{LEASE_S, Lease, RENEW_AFTER_S, Signer};
use identity::crypto::AwsLc;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// A lease is renewed at a moment within an hour after it is old enough, and asked for again after five
/// minutes: older than this none is while a server is there.
const OLDEST_S: u64 = RENEW_AFTER_S + HOUR + 300;
/// What members' clocks are ahead of the server's; each pair differs by 600 s at most.
const SKEWS: [(i64, i64); 4] = [(0, 0), (300, -300), (-300, 300), (300, 0)];

/// Days on which an epoch changes in these zones, and clocks are set on some.
const DAYS: [(&str, &str, u64); 6] = [
    // 2027-03-28: 23 hours; 2027-10-31: 25 hours; noon before, in Unix seconds.
    ("Europe/Berlin", "23 h", 1_806_145_200),
    ("Europe/Berlin", "25 h", 1_824_890_400),
    // 2027-03-14 and 2027-11-07.
    ("America/New_York", "23 h", 1_804_957_200),
    ("America/New_York", "25 h", 1_825_516_800),
    // Half an hour, at two in the night: 2027-04-04.
    ("Australia/Lord_Howe", "24.5 h", 1_806_714_000),
    ("Asia/Tokyo", "24 h", 1_800_000_000),
];

fn at(now: u64, skew: i64) -> u64 {
    now.checked_add_signed(skew).unwrap()
}

/// A member with what the server told it last, and a lease of a certain age.
fn member(gms: &Gms, number: u8, lease_age: u64) -> Keyring {
    let by = Signer {
        crypto: &AwsLc,
        seed: &SEED,
    };
    let mut node = Keyring::new(f(number));
    for welcome in gms.knowledge(number, &[]) {
        let from = gms.now - lease_age;
        let member = welcome.admission.member;
        let group = welcome.admission.group;
        let lease = Lease::issue(&by, 0, group, member, from);
        let welcome = Welcome { lease, ..welcome };
        node.welcome(&AwsLc, gms.now, welcome).unwrap();
    }
    node
}

/// What the handshake of two that have never met finds.
fn matched(one: (&Keyring, u64), other: (&Keyring, u64)) -> Option<Use> {
    let there = other.0.proofs(&AwsLc, other.1);
    let here = one.0.proofs(&AwsLc, one.1);
    let both = here.iter().filter_map(|it| {
        let there = there.iter().find(|there| there.tag == it.tag)?;
        Some(it.what.max(there.what))
    });
    both.min()
}

/// Whether each takes the membership that the other shows.
fn shown(one: (&Keyring, u8, u64), other: (&Keyring, u8, u64)) -> Result<(), KeyringError> {
    for (from, to) in [(one, other), (other, one)] {
        let (group, _) = from.0.groups().next().unwrap();
        let (admission, lease) = from.0.membership(group).unwrap();
        let mut to_node = to.0.clone();
        to_node.peer(&AwsLc, to.2, f(from.1), admission, lease)?;
    }
    Ok(())
}

/// All servers are down from now on: two members that have never met meet at every moment of a day.
fn a_day_without_servers(gms: &Gms, change: u64, lease_age: u64, what: &str) -> usize {
    let (one, other) = (member(gms, 1, lease_age), member(gms, 2, lease_age));
    let mut moments: Vec<u64> = (0..=DAY).step_by(1_800).map(|it| gms.now + it).collect();
    // Around each change, as the slowest and the fastest of the clocks see it.
    for change in [
        change,
        change + DAY - HOUR,
        change + DAY,
        change + DAY + HOUR,
    ] {
        moments.extend((change - 720..change + 720).step_by(20));
    }
    let end = gms.now + DAY;
    moments.retain(|it| (gms.now..=end).contains(it));
    let mut met = 0;
    for now in moments {
        for (a, b) in SKEWS {
            let (here, there) = (at(now, a), at(now, b));
            let found = matched((&one, here), (&other, there));
            let since = now - gms.now;
            let is_ground = matches!(found, Some(Use::Current | Use::Beside));
            assert!(
                is_ground,
                "{what}: {since} s after the end, clocks {a} and {b}: {found:?}"
            );
            if since.is_multiple_of(3 * HOUR) {
                let seen = shown((&one, 1, here), (&other, 2, there));
                assert_eq!(seen, Ok(()), "{what}: {since} s, clocks {a} and {b}");
            }
            met += 1;
        }
    }
    met
}

/// A group whose epochs change in a zone, with two members that have never met.
fn group_in(zone: &str, noon: u64) -> Gms {
    let mut gms = Gms::new();
    gms.now = noon - 2 * DAY;
    let created = gms.order(Command::CreateGroups {
        groups: vec!["lab".to_owned()],
        zone: zone.to_owned(),
        site: None,
    });
    created.unwrap();
    for (number, name) in [(1, "ada"), (2, "bob")] {
        gms.enrol(number, name, &["lab"]);
    }
    gms
}

#[test]
fn c14_all_servers_down_for_24_hours_from_every_moment_of_an_epoch() {
    let mut met = 0;
    for (zone, day, noon) in DAYS {
        let mut gms = group_in(zone, noon);
        let id = gms.tenant.groups["lab"].id;
        let change = Zone::named(zone).unwrap().next_change(id, noon);
        // Half hours of a day around the change, and moments close to it: before and after the
        // server has written the next epoch (it looks every 60 s).
        let mut starts: Vec<u64> = (0..=48).map(|it| change - 12 * HOUR + it * 1_800).collect();
        for near in [1, 59, 60, 61, 89, 91, 120, 299, 301, 599, 601, 660] {
            starts.extend([change - near, change + near]);
        }
        starts.push(change);
        starts.sort_unstable();
        while let Some(start) = starts.first().copied() {
            // The server's clock runs, and it looks at what is due each minute.
            while gms.now + 60 <= start {
                gms.now += 60;
                gms.tick();
            }
            let ticked = gms.now;
            gms.now = start;
            let what = format!(
                "{zone}, a day of {day}, {} s from its change",
                start.abs_diff(change)
            );
            met += a_day_without_servers(&gms, change, OLDEST_S, &what);
            gms.now = ticked;
            starts.remove(0);
        }
    }
    assert!(met > 100_000);
}

#[test]
fn c14_all_servers_down_for_24_hours_from_every_moment_of_a_lease() {
    let (zone, day, noon) = DAYS[0];
    let mut gms = group_in(zone, noon);
    let id = gms.tenant.groups["lab"].id;
    let change = Zone::named(zone).unwrap().next_change(id, noon);
    gms.now = change - 30;
    gms.tick();
    for age in (0..=OLDEST_S).step_by(900).chain([OLDEST_S]) {
        let what = format!("{day}, lease {age} s old");
        a_day_without_servers(&gms, change, age, &what);
    }
}

#[test]
fn c14_a_lease_is_the_limit_by_each_clock_and_the_refusal_says_so() {
    let (zone, _, noon) = DAYS[5];
    let mut gms = group_in(zone, noon);
    gms.now += DAY;
    gms.tick();
    let (one, other) = (member(&gms, 1, OLDEST_S), member(&gms, 2, OLDEST_S));
    let ends = gms.now - OLDEST_S + LEASE_S;
    assert!(ends >= gms.now + DAY + 600, "a day, and what clocks differ");
    for (a, b) in SKEWS {
        // By the clock that is ahead the lease ends first.
        let last = at(ends, -a.max(b)) - 1;
        let both = |now: u64| (at(now, a), at(now, b));
        let (here, there) = both(last);
        assert!(matched((&one, here), (&other, there)).is_some_and(|it| it < Use::CatchUp));
        assert_eq!(shown((&one, 1, here), (&other, 2, there)), Ok(()));
        let (here, there) = both(last + 1);
        assert_eq!(
            matched((&one, here), (&other, there)),
            None,
            "nothing is proven"
        );
        let refused = shown((&one, 1, here), (&other, 2, there));
        assert_eq!(
            refused,
            Err(KeyringError::Lease),
            "and who does not see it says why"
        );
    }
}
