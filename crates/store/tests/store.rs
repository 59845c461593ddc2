//! What was written is there again, sealed, once, and in order.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;
#[path = "store/tls.rs"]
mod tls;

use common::postgres::Postgres;
use common::{Ground, NOW, add, come, create, f, remove};
use control::service::{OrderError, Store, StoreError, Writing};
use control::{Actor, Command, Refusal, SecretOf};
use identity::crypto::HashRng;
use identity::password::Verifier;
use std::sync::Barrier;

#[test]
fn everything_is_there_again() {
    for ground in Ground::both("again") {
        let mut server = ground.open().unwrap();
        server.order(&create("lab")).unwrap();
        let invite = server.invite("ada", "lab");
        server.act(Actor::Node { f: f(1) }, &come(invite)).unwrap();
        server.order(&add("bob", "lab")).unwrap();
        server.order(&remove("ada")).unwrap();
        let (tenant, trail) = (server.service.tenant().clone(), server.service.trail());
        let group = tenant.groups["lab"].id;
        drop(server);
        let again = ground.open().unwrap();
        assert_eq!(*again.service.tenant(), tenant);
        assert_eq!(again.service.trail(), trail);
        for epoch in tenant.groups["lab"].chain.epochs() {
            let number = epoch.entry.number;
            let secret = again.store.secret(SecretOf { group, number }).unwrap();
            assert!(secret.is_some(), "the secret of epoch {number}");
        }
        assert!(again.store.root_seed(group).unwrap().is_some());
    }
}

/// All that a store has put down, as bytes.
fn kept(ground: &Ground) -> Vec<u8> {
    let mut kept = Vec::new();
    if ground.url.is_some() {
        for table in [
            "records",
            "epoch_secrets",
            "root_seeds",
            "verifiers",
            "about",
        ] {
            kept.extend(
                ground
                    .sql(&format!("SELECT * FROM kumihimo.{table}"))
                    .bytes(),
            );
        }
        return kept;
    }
    for file in std::fs::read_dir(&ground.folder.0).unwrap() {
        kept.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    kept
}

#[test]
fn secrets_are_sealed_and_open_with_the_key_alone() {
    for ground in Ground::both("sealed") {
        let mut server = ground.open().unwrap();
        server.order(&create("lab")).unwrap();
        let group = server.service.tenant().groups["lab"].id;
        let of = SecretOf { group, number: 1 };
        let secret = *server.store.secret(of).unwrap().unwrap().bytes();
        let root = server.store.root_seed(group).unwrap().unwrap();
        drop(server);
        let kept = kept(&ground);
        assert!(kept.len() > 500, "{} bytes", kept.len());
        for plain in [secret, root] {
            let hex: String = plain.iter().map(|it| format!("{it:02x}")).collect();
            for plain in [&plain[..], hex.as_bytes()] {
                let found = kept.windows(plain.len()).any(|it| it == plain);
                assert!(!found, "in clear in the store");
            }
        }
        // With another key it is not opened, and the reason is said; with the right one it is again.
        let key = ground.folder.0.join(store::KEY_FILE);
        let right = std::fs::read(&key).unwrap();
        std::fs::write(&key, [9; 32]).unwrap();
        let refused = ground.open().err().unwrap();
        assert!(refused.contains("gms.key"), "{refused}");
        std::fs::write(&key, right).unwrap();
        assert!(ground.open().is_ok());
    }
}

/// What a user's password is checked by.
fn verifier(password: &str) -> Verifier {
    Verifier::new(password, [7; 16]).unwrap()
}

#[test]
fn what_a_password_is_checked_by_is_kept_sealed_replaced_and_destroyed() {
    for ground in Ground::both("users") {
        let mut server = ground.open().unwrap();
        let add = |user: &str, password: &str| Command::AddUser {
            user: user.to_owned(),
            devices: std::collections::BTreeSet::new(),
            verifier: verifier(password),
        };
        server.order(&add("ada", "first")).unwrap();
        server.order(&add("bob", "other")).unwrap();
        let set = Command::SetPassword {
            user: "ada".to_owned(),
            verifier: verifier("second"),
        };
        server.order(&set).unwrap();
        let user = "bob".to_owned();
        server.order(&Command::RemoveUser { user }).unwrap();
        drop(server);
        let again = ground.open().unwrap();
        assert_eq!(again.store.verifier("ada"), Ok(Some(verifier("second"))));
        assert_eq!(again.store.verifier("bob"), Ok(None));
        assert_eq!(again.service.tenant().users.len(), 1);
        drop(again);
        // Neither is in clear, in the trail or elsewhere.
        let kept = kept(&ground);
        for password in ["first", "second", "other"] {
            let bytes = verifier(password).encode();
            let hash = &bytes[28..];
            let hex: String = hash.iter().map(|it| format!("{it:02x}")).collect();
            for plain in [hash, hex.as_bytes(), password.as_bytes()] {
                assert!(
                    !kept.windows(plain.len()).any(|it| it == plain),
                    "{password}"
                );
            }
        }
    }
}

/// Stores that were made before there were users.
#[test]
fn a_store_of_the_format_before_users_goes_on() {
    for ground in Ground::both("before-users") {
        let mut server = ground.open().unwrap();
        server.order(&create("lab")).unwrap();
        drop(server);
        if ground.url.is_some() {
            ground.sql("DROP TABLE kumihimo.verifiers");
            ground.sql("UPDATE kumihimo.about SET format = 1");
        } else {
            let connection = rusqlite::Connection::open(ground.folder.0.join(store::FILE)).unwrap();
            let back = "DROP TABLE verifiers; PRAGMA user_version = 2";
            connection.execute_batch(back).unwrap();
        }
        let server = ground.open().unwrap();
        assert_eq!(server.store.verifier("ada"), Ok(None));
        assert_eq!(server.service.tenant().groups.len(), 1);
    }
}

/// A store of format 1 has no mark of its key.
#[test]
fn a_store_of_the_first_format_goes_on_with_its_own_key_alone() {
    let ground = Ground::sqlite("format");
    let mut server = ground.open().unwrap();
    server.order(&create("lab")).unwrap();
    drop(server);
    let connection = rusqlite::Connection::open(ground.folder.0.join(store::FILE)).unwrap();
    let back = "DROP TABLE about; PRAGMA user_version = 1";
    connection.execute_batch(back).unwrap();
    drop(connection);
    let key = ground.folder.0.join(store::KEY_FILE);
    let right = std::fs::read(&key).unwrap();
    std::fs::write(&key, [9; 32]).unwrap();
    assert!(ground.open().err().unwrap().contains("gms.key"));
    std::fs::write(&key, right).unwrap();
    let server = ground.open().unwrap();
    assert_eq!(server.service.tenant().groups.len(), 1);
}

#[test]
fn whoever_writes_on_what_is_not_the_end_is_refused() {
    for ground in Ground::both("conflict") {
        let mut server = ground.open().unwrap();
        server.order(&create("lab")).unwrap();
        let nothing = Writing {
            records: &[],
            secrets: &[],
            root_seeds: &[],
            verifiers: &[],
        };
        let rev = server.service.trail().rev;
        assert_eq!(
            server.store.commit(rev - 1, &nothing),
            Err(StoreError::Conflict)
        );
        assert_eq!(
            server.store.commit(rev + 1, &nothing),
            Err(StoreError::Conflict)
        );
        assert_eq!(server.store.commit(rev, &nothing), Ok(()));
    }
}

#[test]
fn a_record_that_somebody_changed_is_found() {
    for ground in Ground::both("changed") {
        let mut server = ground.open().unwrap();
        server.order(&create("lab")).unwrap();
        server.order(&add("ada", "lab")).unwrap();
        drop(server);
        let change = "records SET json = replace(json, 'ada', 'eve') WHERE json LIKE '%ada%'";
        if ground.url.is_some() {
            ground.sql(&format!("UPDATE kumihimo.{change}"));
        } else {
            let file = ground.folder.0.join(store::FILE);
            let connection = rusqlite::Connection::open(file).unwrap();
            let changed = connection.execute(&format!("UPDATE {change}"), []);
            assert!(changed.unwrap() > 0);
        }
        let error = ground.open().err().unwrap();
        assert!(error.contains("was changed"), "{error}");
    }
}

/// 64 nodes use one line at once, at four instances over one store: one of them is the member.
#[test]
fn of_64_that_use_a_line_at_once_one_gets_in() {
    for ground in Ground::both("once") {
        let mut server = ground.open().unwrap();
        server.order(&create("lab")).unwrap();
        let invite = server.invite("ada", "lab");
        let start = Barrier::new(4);
        let results: Vec<Result<_, OrderError>> = std::thread::scope(|scope| {
            let run = |instance: u8| {
                let (start, ground) = (&start, &ground);
                scope.spawn(move || {
                    let server = ground.of(instance);
                    start.wait();
                    let mut server = server.unwrap();
                    let nodes = (0..16).map(|node| f(instance * 16 + node));
                    let come = |f| {
                        let mut rng = HashRng::new([instance; 32]);
                        let actor = Actor::Node { f };
                        server
                            .service
                            .order(&mut server.store, NOW, &mut rng, actor, &come(invite))
                    };
                    nodes.map(come).collect::<Vec<_>>()
                })
            };
            let running: Vec<_> = (1..=4).map(run).collect();
            let done = running.into_iter().flat_map(|it| it.join().unwrap());
            done.collect()
        });
        assert_eq!(results.len(), 64);
        let in_already = results.iter().filter(|it| it.is_ok()).count();
        assert_eq!(in_already, 1, "{results:?}");
        let refused = |it: &&Result<_, _>| {
            matches!(
                it,
                Err(OrderError::Refused(Refusal::NoInvite | Refusal::HasNode(_)))
            )
        };
        assert_eq!(results.iter().filter(refused).count(), 63, "{results:?}");
        let again = ground.open().unwrap();
        assert_eq!(again.service.tenant().nodes.len(), 1);
    }
}

#[test]
fn two_instances_see_what_the_other_wrote_and_never_write_over_it() {
    let ground = Ground::postgres("two");
    let mut one = ground.of(1).unwrap();
    let mut two = ground.of(2).unwrap();
    one.order(&create("lab")).unwrap();
    // The other has not looked yet: it is refused, looks, and decides anew.
    let refused = two.order(&create("lab"));
    let exists = Refusal::GroupExists("lab".to_owned());
    assert_eq!(refused.err(), Some(OrderError::Refused(exists)));
    two.order(&add("ada", "lab")).unwrap();
    one.order(&add("bob", "lab")).unwrap();
    two.service.catch_up(&mut two.store, 0).unwrap();
    assert_eq!(one.service.tenant(), two.service.tenant());
    assert_eq!(one.service.trail(), two.service.trail());
}

/// The server is started again under the store: what comes next works, by a new connection.
#[test]
fn a_server_that_was_started_again_is_found_again() {
    let server = std::sync::Arc::new(Postgres::start(&[], &[]));
    let ground = Ground {
        url: Some(server.database()),
        server: Some(std::sync::Arc::clone(&server)),
        ..Ground::sqlite("restart")
    };
    let mut instance = ground.open().unwrap();
    instance.order(&create("lab")).unwrap();
    server.stop();
    let error = instance.order(&add("ada", "lab")).err().unwrap();
    assert!(error.to_string().contains("postgresql://"), "{error}");
    assert!(instance.service.tenant().members.is_empty());
    server.start_again();
    instance.order(&add("ada", "lab")).unwrap();
    // Killed, with everybody who was connected.
    server.kill();
    server.start_again();
    instance.order(&add("bob", "lab")).unwrap();
    for pid in server.backends() {
        common::postgres::signal(pid, "TERM");
    }
    let group = instance.service.tenant().groups["lab"].id;
    let of = SecretOf { group, number: 1 };
    assert!(instance.store.secret(of).unwrap().is_some());
    assert_eq!(ground.open().unwrap().service.tenant().members.len(), 2);
}

/// A server that says nothing at all is given up, in a time that is known.
#[test]
fn a_database_that_hangs_does_not_hang_the_thread() {
    let server = std::sync::Arc::new(Postgres::start(&[], &[]));
    let ground = Ground {
        url: Some(server.database()),
        server: Some(std::sync::Arc::clone(&server)),
        ..Ground::sqlite("hangs")
    };
    let mut instance = ground.open().unwrap();
    instance.order(&create("lab")).unwrap();
    for pid in server.backends() {
        common::postgres::signal(pid, "STOP");
    }
    let started = std::time::Instant::now();
    let error = instance.order(&add("ada", "lab")).err().unwrap();
    let took = started.elapsed().as_secs();
    assert!((10..=20).contains(&took), "{took} s");
    assert!(error.to_string().contains("no answer"), "{error}");
    // Whoever comes next does not wait as long.
    let started = std::time::Instant::now();
    assert!(instance.order(&add("ada", "lab")).is_err());
    assert!(started.elapsed().as_millis() < 100);
    for pid in server.backends() {
        common::postgres::signal(pid, "CONT");
    }
    std::thread::sleep(std::time::Duration::from_millis(3_100));
    instance.order(&add("ada", "lab")).unwrap();
}

/// Somebody else holds the lock: an order waits for it, but not for ever.
#[test]
fn an_order_waits_for_the_lock_and_gives_up() {
    let ground = Ground::postgres("lock");
    let mut instance = ground.open().unwrap();
    instance.order(&create("lab")).unwrap();
    std::thread::scope(|scope| {
        let hold = "BEGIN; LOCK TABLE kumihimo.records IN EXCLUSIVE MODE; SELECT pg_sleep(7)";
        scope.spawn(|| ground.sql(hold));
        std::thread::sleep(std::time::Duration::from_millis(500));
        let error = instance.order(&add("ada", "lab")).err().unwrap();
        assert!(error.to_string().contains("55P03"), "{error}");
    });
    instance.order(&add("ada", "lab")).unwrap();
}

/// The two stores of a move, in the order of the move, both ways.
fn ways() -> [(Ground, Ground); 2] {
    let with_key = |from: &Ground, mut to: Ground| {
        let own = |ground: &Ground| ground.folder.0.join(store::KEY_FILE);
        std::fs::write(own(from), [7; 32]).unwrap();
        private(&own(from));
        std::fs::copy(own(from), own(&to)).unwrap();
        to.server = to.server.take();
        to
    };
    let (file, database) = (Ground::sqlite("from"), Ground::postgres("to"));
    let (second, back) = (Ground::postgres("from"), Ground::sqlite("to"));
    let database = with_key(&file, database);
    let back = with_key(&second, back);
    [(file, database), (second, back)]
}

fn private(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_move_that_is_interrupted_anywhere_loses_nothing() {
    for (from, to) in ways() {
        let mut server = from.open().unwrap();
        for name in ["lab", "office"] {
            server.order(&create(name)).unwrap();
        }
        server.order(&add("ada", "lab")).unwrap();
        let rev = server.service.trail().rev;
        // Interrupted while it is filled: the first goes on, the second is served by nobody.
        let mut target = server
            .store
            .open_target(&to.place(), to.opening(3))
            .unwrap();
        server.store.carry(&mut target, &mut |_, _| {}).unwrap();
        drop(target);
        let unfinished = to.open().err().unwrap();
        assert!(unfinished.contains("a part of what"), "{unfinished}");
        server.order(&add("bob", "lab")).unwrap();
        // Somebody wrote meanwhile: it is not left.
        let mut target = server
            .store
            .open_target(&to.place(), to.opening(4))
            .unwrap();
        let mut seen = Vec::new();
        let carried = server
            .store
            .carry(&mut target, &mut |done, all| seen.push((done, all)));
        let carried = carried.unwrap();
        assert!(carried > rev && seen.last().is_some_and(|(done, all)| done == all));
        server.order(&add("eve", "lab")).unwrap();
        let user = Command::AddUser {
            user: "ada".to_owned(),
            devices: std::collections::BTreeSet::new(),
            verifier: verifier("carried"),
        };
        server.order(&user).unwrap();
        let left = server.store.leave(carried, &to.place());
        assert_eq!(left, Err(StoreError::Conflict));
        // Interrupted after it was left: nobody serves either until the move is ended.
        let carried = server.store.carry(&mut target, &mut |_, _| {}).unwrap();
        server.store.leave(carried, &to.place()).unwrap();
        let late = server.order(&add("ian", "lab"));
        assert!(
            matches!(late, Err(OrderError::Store(StoreError::Moved(_)))),
            "{late:?}"
        );
        drop(target);
        assert!(from.open().err().unwrap().contains("was moved to"));
        assert!(to.open().is_err());
        let tenant = server.service.tenant().clone();
        drop(server);
        let (here, there) = (from.place(), to.place());
        for _ in 0..2 {
            let ended =
                store::Database::end_move((&here, from.opening(5)), (&there, to.opening(6)));
            assert!(ended.unwrap());
        }
        let mut moved = to.of(7).unwrap();
        assert_eq!(*moved.service.tenant(), tenant);
        for group in tenant.groups.values() {
            let of = SecretOf {
                group: group.id,
                number: 1,
            };
            assert!(moved.store.secret(of).unwrap().is_some());
            assert!(moved.store.root_seed(group.id).unwrap().is_some());
        }
        assert_eq!(moved.store.verifier("ada"), Ok(Some(verifier("carried"))));
        moved.order(&add("ian", "lab")).unwrap();
        // The store that was left may be used for the way back, and one with other groups may not.
        let back = moved.store.open_target(&here, from.opening(8));
        assert!(back.is_ok(), "{:?}", back.err());
        let mut other = Ground::sqlite("other");
        other.url = None;
        let mut stranger = other.open().unwrap();
        stranger.order(&create("mine")).unwrap();
        let refused = moved.store.open_target(&other.place(), to_key(&other));
        assert!(refused.err().unwrap().to_string().contains("other groups"));
    }
}

fn to_key(ground: &Ground) -> store::Opening<'_> {
    ground.opening(9)
}
