//! A management server's records in PostgreSQL, from the command line.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    dead_code,
    missing_docs
)]

mod common;
#[path = "../../../tests/lab/src/postgres.rs"]
mod postgres;

use common::Place;
use postgres::Postgres;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn private(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn own_directory(place: &Place) {
    let state = place.0.join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).unwrap();
}

/// Everything that a node wrote into its directory, but the file that is for this.
fn written(place: &Place) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(place.0.join("state")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !path.ends_with("gms.database") {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}

#[test]
fn the_place_of_a_database_is_remembered_and_its_password_is_not_shown() {
    let server = Postgres::shared();
    let place = Place::new("gms-database");
    let url = format!("{}&password=hunter2", server.database());
    let file = place.0.join("where");
    private(&file, format!("{url}\n").as_bytes());
    let mut said = place.ok(&["gms", "serve", "--database-file", file.to_str().unwrap()]);
    said += &place.ok(&["group", "create", "lab", "--apart", "--zone", "UTC"]);
    let mode = std::fs::metadata(place.0.join("state/gms.database")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    assert!(!place.0.join("state/gms.db").exists(), "it is elsewhere");
    // Started again it uses the same.
    place.ok(&["down"]);
    place.ok(&["up", "--no-invite"]);
    said += &place.ok(&["group", "list", "--json"]);
    assert!(said.contains("\"lab\""), "{said}");
    let log = written(&place);
    assert!(!said.contains("hunter2"), "{said}");
    assert!(!log.windows(7).any(|it| it == b"hunter2"));
    // Another place without these groups is no place for this node.
    let other = server.database();
    let said = place.fails(&["gms", "serve", "--database", &other], 1);
    assert!(
        said.contains("another place") && said.contains("kumi gms move"),
        "{said}"
    );
    place.ok(&["group", "list"]);
    place.ok(&["down"]);
}

#[test]
fn a_second_machine_needs_the_key_of_the_first() {
    let server = Postgres::shared();
    let url = server.database();
    let (one, two) = (Place::new("gms-one"), Place::new("gms-two"));
    one.ok(&["gms", "serve", "--database", &url]);
    one.ok(&["group", "create", "lab", "--apart", "--zone", "UTC"]);
    let said = two.fails(&["gms", "serve", "--database", &url], 1);
    assert!(said.contains("Copy gms.key"), "{said}");
    assert!(!two.0.join("state/gms.key").exists(), "no key was made");
    let wrong = two.0.join("wrong.key");
    private(&wrong, &[9; 32]);
    let wrong = wrong.to_str().unwrap();
    let said = two.fails(&["gms", "serve", "--database", &url, "--key", wrong], 1);
    assert!(said.contains("does not fit"), "{said}");
    assert!(
        !two.0.join("state/gms.key").exists(),
        "a wrong key is not kept"
    );
    let key = two.0.join("one.key");
    private(&key, &std::fs::read(one.0.join("state/gms.key")).unwrap());
    let key = key.to_str().unwrap();
    two.ok(&["gms", "serve", "--database", &url, "--key", key]);
    let managed = two.ok(&["group", "list", "--json"]);
    assert!(managed.contains("\"lab\""), "{managed}");
    // What one writes the other has soon.
    one.ok(&["group", "create", "office", "--apart", "--zone", "UTC"]);
    std::thread::sleep(std::time::Duration::from_millis(500));
    let managed = two.ok(&["group", "list", "--json"]);
    assert!(managed.contains("\"office\""), "{managed}");
    for place in [one, two] {
        place.ok(&["down"]);
    }
}

#[test]
fn a_place_that_is_none_is_refused_with_the_reason() {
    let place = Place::new("gms-wrong");
    for (url, why) in [
        (
            "postgresql://db.example/kumi?sslmode=prefer",
            "Leave it out",
        ),
        (
            "postgresql://db.example/kumi?sslmode=verify-ca",
            "sslrootcert=/PATH",
        ),
        ("postgresql://db.example/kumi?sslcert=/a.pem", "\"sslcert\""),
        ("postgresql:///kumi", "names no host"),
        ("somewhere", "not the place of a database"),
        ("postgresql:///kumi?host=/nowhere", "/nowhere"),
    ] {
        let said = place.fails(&["gms", "serve", "--database", url], 1);
        assert!(said.contains(why), "{url}: {said}");
        assert!(!place.0.join("state/gms.database").exists());
    }
    place.ok(&["down"]);
}

/// What a server says that it manages, and where its trail has come to.
fn managed(place: &Place) -> serde_json::Value {
    let mut managed = place.json(&["group", "list"])["managed"].take();
    // Who is in touch changes by itself.
    for member in managed["members"].as_array_mut().unwrap() {
        member["in_touch"] = serde_json::Value::Null;
    }
    managed
}

fn groups(place: &Place, names: &[&str]) {
    for name in names {
        place.ok(&["group", "create", name, "--apart", "--zone", "UTC"]);
        place.ok(&["group", "add", &format!("ada-{name}"), name]);
    }
}

#[test]
fn groups_move_to_postgresql_and_back_and_the_old_store_is_never_served_again() {
    let server = Postgres::shared();
    let url = server.database();
    let place = Place::new("gms-move");
    groups(&place, &["lab", "office"]);
    let before = managed(&place);
    let state = place.0.join("state");
    let old = std::fs::read(state.join("gms.db")).unwrap();
    let said = place.fails(&["gms", "move", state.to_str().unwrap()], 1);
    assert!(said.contains("already"), "{said}");
    place.ok(&["gms", "move", &url]);
    assert_eq!(managed(&place), before);
    assert!(
        std::fs::read_to_string(state.join("gms.database"))
            .unwrap()
            .contains(&url)
    );
    assert!(!state.join("gms.database.next").exists());
    // It goes on there, also after a restart.
    groups(&place, &["third"]);
    place.ok(&["down"]);
    place.ok(&["up", "--no-invite"]);
    let after = managed(&place);
    assert_eq!(after["groups"].as_array().unwrap().len(), 3);
    // The old one is marked: somebody who uses it by accident is told.
    let copy = Place::new("gms-old");
    own_directory(&copy);
    for name in ["gms.db", "gms.key"] {
        let path = copy.0.join("state").join(name);
        private(&path, &std::fs::read(state.join(name)).unwrap());
        let wal = state.join(format!("{name}-wal"));
        if wal.exists() {
            private(&path.with_extension("db-wal"), &std::fs::read(wal).unwrap());
        }
    }
    let said = copy.fails(&["gms", "serve"], 1);
    assert!(said.contains("was moved"), "{said}");
    // Other groups are not written over.
    let other = Place::new("gms-other");
    groups(&other, &["mine"]);
    let said = other.fails(&["gms", "move", &url], 1);
    assert!(said.contains("does not fit"), "{said}");
    assert_eq!(managed(&other)["groups"].as_array().unwrap().len(), 1);
    // And back, over the store that was left.
    place.ok(&["gms", "move", state.to_str().unwrap()]);
    assert_eq!(managed(&place), after);
    assert!(!state.join("gms.database").exists());
    assert_ne!(std::fs::read(state.join("gms.db")).unwrap(), old);
    groups(&place, &["fourth"]);
    for place in [place, copy, other] {
        place.ok(&["down"]);
    }
}

#[test]
fn a_backup_is_made_while_it_runs_and_restored() {
    let server = Postgres::shared();
    for database in [None, Some(server.database())] {
        let place = Place::new("gms-backup");
        if let Some(url) = &database {
            place.ok(&["gms", "serve", "--database", url]);
        }
        groups(&place, &["lab", "office"]);
        let before = managed(&place);
        let file = place.0.join("copy.db");
        let text = file.to_str().unwrap();
        place.ok(&["gms", "backup", text]);
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let said = place.fails(&["gms", "backup", text], 1);
        assert!(said.contains("exists already"), "{said}");
        groups(&place, &["later"]);
        // On another machine, with the key and the copy.
        let again = Place::new("gms-restored");
        own_directory(&again);
        private(
            &again.0.join("state/gms.db"),
            &std::fs::read(&file).unwrap(),
        );
        let key = std::fs::read(place.0.join("state/gms.key")).unwrap();
        private(&again.0.join("state/gms.key"), &key);
        place.ok(&["down"]);
        again.ok(&["gms", "serve"]);
        let restored = managed(&again);
        assert_eq!(restored["members"], before["members"]);
        let names = |it: &serde_json::Value| {
            let groups = it["groups"].as_array().unwrap().clone();
            groups
                .into_iter()
                .map(|it| it["group"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&restored), names(&before));
        groups(&again, &["another"]);
        again.ok(&["down"]);
    }
}

/// Killed between leaving the old store and using the new one: the next start ends the move.
#[test]
fn a_move_that_was_interrupted_at_its_end_is_ended_by_the_next_start() {
    let server = Postgres::shared();
    let url = server.database();
    let place = Place::new("gms-interrupted");
    groups(&place, &["lab"]);
    place.ok(&["gms", "move", &url]);
    let before = managed(&place);
    place.ok(&["down"]);
    let file = |name: &str| place.0.join("state").join(name);
    std::fs::rename(file("gms.database"), file("gms.database.next")).unwrap();
    let name = url.split(['/', '?']).nth(3).unwrap();
    server.sql(name, "UPDATE kumihimo.about SET moved_to = '(unfinished)'");
    place.ok(&["up", "--no-invite"]);
    assert_eq!(managed(&place), before);
    assert!(file("gms.database").exists() && !file("gms.database.next").exists());
    // Nobody noted where to: then it is said, and nothing is served.
    place.ok(&["down"]);
    std::fs::remove_file(file("gms.database")).unwrap();
    place.ok(&["up", "--no-invite"]);
    let said = place.fails(&["group", "list"], 1);
    assert!(said.contains("was moved"), "{said}");
    place.ok(&["gms", "serve", "--database", &url]);
    // `gms serve` is an order of its own, so there is one record more.
    let again = managed(&place);
    assert_eq!(
        (&again["groups"], &again["members"]),
        (&before["groups"], &before["members"])
    );
    place.ok(&["down"]);
}
