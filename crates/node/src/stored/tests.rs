//! What is remembered survives storage, replay and its bounds.

use group::Services;

use super::*;

fn f(last: u8) -> NodeAddr {
    let mut bytes = [0xfc; 16];
    bytes[15] = last;
    NodeAddr(bytes)
}

fn entry(who: Who) -> AllowEntry {
    AllowEntry {
        who,
        services: Services::All,
        label: None,
        accepts: Vec::new(),
        added_unix_s: 5,
    }
}

fn pinned(position: u32, counter: u64) -> Change {
    let pin = PinRecord(Pin {
        position,
        counter,
        root_key: [position as u8; 32],
        next_hash: [2; 32],
        entry_hash: [3; 32],
    });
    Change::Pinned {
        f: f(1),
        pin,
        identity: vec![counter as u8],
    }
}

fn every_kind() -> Vec<Change> {
    let who = Who::RootKey([3; 32]);
    let entry = entry(who);
    let invite = InviteRecord {
        secret: [9; 16],
        expires_unix_s: 77,
        used_by: None,
    };
    vec![
        Change::HandshakeCountReserved { end: 1_024 },
        Change::Group {
            group: GroupChange::Shown(groups::ShownRecord {
                f: f(2),
                id: [7; 16],
                shown: vec![1, 2, 3],
            }),
        },
        Change::Group {
            group: GroupChange::ShownForgotten {
                f: f(3),
                id: [7; 16],
            },
        },
        Change::PeerNumber {
            f: f(1),
            number: Number {
                counter: 1,
                count: 9,
            },
        },
        pinned(1, 2),
        Change::Allowed {
            entry: entry.clone(),
        },
        Change::KeyBound {
            root_key: [3; 32],
            f: f(1),
        },
        Change::Denied {
            who: Who::Address(f(2)),
            unix_s: 6,
        },
        Change::InviteMade {
            id: [1; 16],
            invite: invite.clone(),
        },
        Change::InviteMade {
            id: [2; 16],
            invite,
        },
        Change::InviteUsed {
            id: [1; 16],
            by: f(1),
            entry: Some(entry.clone()),
        },
        Change::InviteExpired { id: [2; 16] },
        Change::Site {
            site: SiteChange::Proved(site::ProvedRecord {
                addr: f(3),
                f: f(1),
            }),
        },
        Change::Endpoint {
            f: f(1),
            endpoint: "[2001:db8::1]:4".parse().unwrap(),
        },
        Change::Announced {
            f: f(1),
            prefixes: vec!["10.1.0.0/16".parse().unwrap()],
        },
        Change::TimeHigh { unix_s: 1_000 },
    ]
}

#[test]
fn a_journal_survives_json_and_replaying_it_twice() {
    let mut stored = Stored::default();
    for change in every_kind() {
        let line = serde_json::to_string(&change).unwrap();
        let back: Change = serde_json::from_str(&line).unwrap();
        assert_eq!(back, change, "{line}");
        stored.apply(&back);
    }
    let once = stored.clone();
    for change in every_kind()
        .iter()
        .filter(|c| !matches!(c, Change::InviteMade { id: [2, ..], .. }))
    {
        stored.apply(change);
    }
    assert_eq!(stored, once);
    let text = serde_json::to_string(&stored).unwrap();
    assert_eq!(serde_json::from_str::<Stored>(&text).unwrap(), stored);
    assert_eq!(
        serde_json::from_str::<Stored>("{}").unwrap(),
        Stored::default()
    );
}

#[test]
fn what_must_only_rise_does() {
    let mut stored = Stored::default();
    stored.apply(&Change::HandshakeCountReserved { end: 9 });
    stored.apply(&Change::HandshakeCountReserved { end: 3 });
    stored.apply(&Change::TimeHigh { unix_s: 9 });
    stored.apply(&Change::TimeHigh { unix_s: 3 });
    assert_eq!(
        (stored.handshake_count_end, stored.time_high_unix_s),
        (9, 9)
    );
    let number = |counter, count| Change::PeerNumber {
        f: f(1),
        number: Number { counter, count },
    };
    stored.apply(&number(2, 1));
    stored.apply(&number(1, 99));
    assert_eq!(
        stored.peers[&f(1)].number,
        Some(Number {
            counter: 2,
            count: 1
        })
    );
    stored.apply(&pinned(1, 5));
    stored.apply(&pinned(0, 9));
    assert_eq!(stored.peers[&f(1)].pin.unwrap().0.position, 1);
    assert_eq!(stored.peers[&f(1)].identity, [5]);
}

#[test]
fn an_invite_is_used_by_the_first_only() {
    let mut stored = Stored::default();
    let invite = InviteRecord {
        secret: [9; 16],
        expires_unix_s: 77,
        used_by: None,
    };
    stored.apply(&Change::InviteMade {
        id: [1; 16],
        invite,
    });
    for by in [f(1), f(2)] {
        stored.apply(&Change::InviteUsed {
            id: [1; 16],
            by,
            entry: Some(entry(Who::Address(by))),
        });
    }
    assert_eq!(stored.invites[&[1; 16]].used_by, Some(UsedBy(f(1))));
    let names: Vec<_> = stored.rules.allowed().map(|entry| entry.who).collect();
    assert_eq!(names, [Who::Address(f(1))], "and only the first is allowed");
    assert!(!format!("{stored:?}").contains("secret"));
}

#[test]
fn tables_stop_at_their_bounds() {
    let mut stored = Stored::default();
    for i in 0..=PEERS_MAX as u32 {
        let mut addr = [0xfc; 16];
        addr[12..].copy_from_slice(&i.to_be_bytes());
        stored.apply(&Change::PeerNumber {
            f: NodeAddr(addr),
            number: Number::default(),
        });
    }
    assert_eq!(stored.peers.len(), PEERS_MAX);
    for i in 0..=INVITES_MAX as u8 {
        let invite = InviteRecord {
            secret: [i; 16],
            expires_unix_s: 77,
            used_by: None,
        };
        stored.apply(&Change::InviteMade {
            id: [i; 16],
            invite,
        });
    }
    assert_eq!(stored.invites.len(), INVITES_MAX);
}

#[test]
fn memberships_that_were_shown_are_bounded_and_go_with_their_group() {
    let mut stored = Stored::default();
    let shown = |n: usize, id: u8| {
        let mut f = [0xfc; 16];
        f[8..].copy_from_slice(&n.to_be_bytes());
        let group = GroupChange::Shown(groups::ShownRecord {
            f: NodeAddr(f),
            id: [id; 16],
            shown: vec![id],
        });
        Change::Group { group }
    };
    for n in 0..groups::SHOWN_MAX {
        stored.apply(&shown(n, 1 + (n % 2) as u8));
    }
    stored.apply(&shown(groups::SHOWN_MAX, 1));
    assert_eq!(stored.grouping.shown.len(), groups::SHOWN_MAX);
    let group = GroupChange::Left { id: [1; 16] };
    stored.apply(&Change::Group { group });
    assert_eq!(stored.grouping.shown.len(), groups::SHOWN_MAX / 2);
    assert!(stored.grouping.shown.keys().all(|(_, id)| *id == [2; 16]));
}
