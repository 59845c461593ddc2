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
        ("postgresql://db.example/kumi", "no TLS to PostgreSQL"),
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
