//! C14 of the reference on real nodes: every server is down for 24 hours from the worst moments of lease and
//! epoch on, with members' clocks apart; traffic runs, and members that had never met meet. Every other moment
//! is enumerated without nodes in `crates/control/tests/c14.rs`.

use control::Command;

use super::sites_world::{LAB, Sites};

const HOUR: u64 = 3_600;

/// A server at host 0, and four members; 1 and 2 talk, 3 and 4 have met nobody.
fn lab(zone: &str) -> Sites {
    let mut sites = Sites::new(5, 1);
    sites
        .order(
            0,
            &Command::CreateGroups {
                groups: vec![LAB.to_owned()],
                zone: zone.to_owned(),
                site: None,
                sign_in_s: None,
            },
        )
        .unwrap();
    for (index, name) in [(1, "m1"), (2, "m2"), (3, "m3"), (4, "m4")] {
        sites.join(0, index, name);
    }
    sites.run(30);
    sites
}

/// When the next epoch begins, as the server wrote it.
fn next_change(sites: &Sites) -> u64 {
    let now = sites.world.now.unix_s;
    let group = &sites.service(0).tenant().groups[LAB];
    let ahead = group.chain.epochs_ahead(now).into_iter();
    let mut later = ahead.map(|it| it.activates_unix_s).filter(|at| *at > now);
    later.next().unwrap()
}

/// The server is down for a day; members' clocks are apart by ten minutes.
fn a_day_without(sites: &mut Sites, what: &str) {
    sites.world.skew = [(1, 300), (2, -300), (3, -300), (4, 300)].into();
    assert!(sites.ping(1, 2), "{what}: they talk");
    sites.stop(0);
    let end = sites.world.now.unix_s + 24 * HOUR;
    let change = sites.world.now.unix_s;
    let mut hours = 0;
    while sites.world.now.unix_s < end {
        // Close to the first change each minute, then each half hour.
        let near = sites.world.now.unix_s < change + 1_500;
        sites.run(if near { 60 } else { 1_800 });
        assert!(
            sites.ping(1, 2) && sites.ping(2, 1),
            "{what}: traffic at {hours}"
        );
        hours += 1;
        if hours == 8 || hours == 40 {
            // Who has never met, and who starts again from what is written down.
            assert!(sites.ping(3, 1), "{what}: they meet");
            // A node looks for others on the LAN every few seconds at most.
            sites.run(10);
            assert!(sites.ping(4, 3), "{what}: they meet, too");
            sites.start_again(&[1, 3]);
            assert!(sites.ping(1, 3) && sites.ping(1, 2), "{what}: anew");
        }
    }
    let ended = sites.world.hosts[2].events.iter();
    let left = ended.filter(|it| matches!(it, node::Event::GroupLeft { .. }));
    assert_eq!(left.count(), 0);
}

#[test]
fn c14_all_servers_down_for_24_hours_just_before_a_change_with_the_oldest_lease() {
    let mut sites = lab("Asia/Tokyo");
    // Leases are renewed within 13 hours: they are as old as they get.
    let renewed = sites.lease_until(1) - 48 * HOUR;
    let change = next_change(&sites);
    let oldest = renewed + 12 * HOUR - 60;
    let start = change.saturating_sub(90).min(oldest);
    sites.run(start - sites.world.now.unix_s);
    a_day_without(&mut sites, "before");
}

#[test]
fn c14_all_servers_down_for_24_hours_just_after_a_change() {
    let mut sites = lab("Asia/Tokyo");
    let change = next_change(&sites);
    sites.run(change + 5 - sites.world.now.unix_s);
    a_day_without(&mut sites, "after");
}

#[test]
fn c14_when_its_lease_ends_a_member_is_refused_and_says_so_and_returns_with_the_server() {
    let mut sites = lab("UTC");
    assert!(sites.ping(1, 2));
    sites.stop(0);
    let ends = (1..=2).map(|it| sites.lease_until(it)).min().unwrap();
    sites.run(ends - 60 - sites.world.now.unix_s);
    assert!(
        sites.ping(1, 2) && sites.ping(2, 1),
        "a minute before its end"
    );
    sites.run(70);
    assert!(!sites.ping(1, 2) && !sites.ping(3, 1), "and not after it");
    let now = sites.world.now.unix_s;
    assert!(sites.lease_until(1) <= now, "the end is what is shown");
    sites.start(0);
    sites.run(60);
    assert!(sites.ping(1, 2) && sites.ping(3, 1), "the server is back");
}
