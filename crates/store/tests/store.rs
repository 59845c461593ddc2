//! What was written is there again, sealed, once, and in order.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

mod common;

use common::{Folder, NOW, Server, add, come, create, f, remove};
use control::service::{OrderError, Store, StoreError, Writing};
use control::{Actor, Refusal, SecretOf};
use identity::crypto::HashRng;
use std::sync::Barrier;

#[test]
fn everything_is_there_again() {
    let folder = Folder::new("again");
    let mut server = Server::open(&folder.0).unwrap();
    server.order(&create("lab")).unwrap();
    let invite = server.invite("ada", "lab");
    server.act(Actor::Node { f: f(1) }, &come(invite)).unwrap();
    server.order(&add("bob", "lab")).unwrap();
    server.order(&remove("ada")).unwrap();
    let (tenant, trail) = (server.service.tenant().clone(), server.service.trail());
    let group = tenant.groups["lab"].id;
    drop(server);
    let again = Server::open(&folder.0).unwrap();
    assert_eq!(*again.service.tenant(), tenant);
    assert_eq!(again.service.trail(), trail);
    for epoch in tenant.groups["lab"].chain.epochs() {
        let number = epoch.entry.number;
        let secret = again.store.secret(SecretOf { group, number }).unwrap();
        assert!(secret.is_some(), "the secret of epoch {number}");
    }
    assert!(again.store.root_seed(group).unwrap().is_some());
}

#[test]
fn secrets_are_sealed_and_open_with_the_key_alone() {
    let folder = Folder::new("sealed");
    let mut server = Server::open(&folder.0).unwrap();
    server.order(&create("lab")).unwrap();
    let group = server.service.tenant().groups["lab"].id;
    let of = SecretOf { group, number: 1 };
    let secret = *server.store.secret(of).unwrap().unwrap().bytes();
    let root = server.store.root_seed(group).unwrap().unwrap();
    drop(server);
    let mut kept = Vec::new();
    for file in std::fs::read_dir(&folder.0).unwrap() {
        kept.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    for plain in [secret, root] {
        assert!(
            !kept.windows(32).any(|it| it == plain),
            "in clear on the disk"
        );
    }
    // With another key nothing opens, and the reason is said.
    std::fs::write(folder.0.join(store::KEY_FILE), [9; 32]).unwrap();
    let error = Server::open(&folder.0);
    let other = error.unwrap();
    let refused = other.store.secret(of);
    assert!(
        matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("gms.key")),
        "{refused:?}"
    );
}

#[test]
fn whoever_writes_on_what_is_not_the_end_is_refused() {
    let folder = Folder::new("conflict");
    let mut server = Server::open(&folder.0).unwrap();
    server.order(&create("lab")).unwrap();
    let nothing = Writing {
        records: &[],
        secrets: &[],
        root_seeds: &[],
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

#[test]
fn a_record_that_somebody_changed_is_found() {
    let folder = Folder::new("changed");
    let mut server = Server::open(&folder.0).unwrap();
    server.order(&create("lab")).unwrap();
    server.order(&add("ada", "lab")).unwrap();
    drop(server);
    let connection = rusqlite::Connection::open(folder.0.join(store::FILE)).unwrap();
    let change = "UPDATE records SET json = replace(json, 'ada', 'eve') WHERE json LIKE '%ada%'";
    assert!(connection.execute(change, []).unwrap() > 0);
    drop(connection);
    let error = Server::open(&folder.0).err().unwrap();
    assert!(error.contains("was changed"), "{error}");
}

/// 64 nodes use one line at once, at four instances over one store: one of them is the member.
#[test]
fn of_64_that_use_a_line_at_once_one_gets_in() {
    let folder = Folder::new("once");
    let mut server = Server::open(&folder.0).unwrap();
    server.order(&create("lab")).unwrap();
    let invite = server.invite("ada", "lab");
    let start = Barrier::new(4);
    let results: Vec<Result<_, OrderError>> = std::thread::scope(|scope| {
        let run = |instance: u8| {
            let (start, folder) = (&start, &folder.0);
            scope.spawn(move || {
                let server = Server::of(folder, instance);
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
    let again = Server::open(&folder.0).unwrap();
    assert_eq!(again.service.tenant().nodes.len(), 1);
}
