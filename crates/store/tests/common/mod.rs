//! A server over a store: in a directory of its own, and in a database of its own of a real
//! PostgreSQL.
#![allow(unreachable_pub, reason = "a part of it is the lab's")]
#![allow(dead_code, reason = "shared by test files that each use a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

#[path = "../../../../tests/lab/src/postgres.rs"]
pub(crate) mod postgres;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use control::service::{Keys, OrderError, Service};
use control::{Actor, Addition, Command, Enrolment, InviteId, Reply};
use group::Kind;
use identity::crypto::{AwsLc, Crypto, HashRng};
use store::{Database, Opening, Place};
use wire::NodeAddr;

pub(crate) const NOW: u64 = 1_800_000_000;

/// A directory that goes with its owner.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(label: &str) -> Self {
        let name = format!("kumi-store-{label}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&path, private).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Where a store is: the key always in the directory, the records there or in the database.
pub(crate) struct Ground {
    pub(crate) folder: Folder,
    pub(crate) url: Option<String>,
    /// Ends with the last that uses it.
    pub(crate) server: Option<Arc<postgres::Postgres>>,
}

impl Ground {
    pub(crate) fn sqlite(label: &str) -> Self {
        Self {
            folder: Folder::new(label),
            url: None,
            server: None,
        }
    }

    pub(crate) fn postgres(label: &str) -> Self {
        let server = postgres::Postgres::shared();
        Self {
            folder: Folder::new(&format!("{label}-pg")),
            url: Some(server.database()),
            server: Some(server),
        }
    }

    /// One of each kind.
    pub(crate) fn both(label: &str) -> [Self; 2] {
        [Self::sqlite(label), Self::postgres(label)]
    }

    pub(crate) fn open(&self) -> Result<Server, String> {
        self.of(1)
    }

    pub(crate) fn of(&self, instance: u8) -> Result<Server, String> {
        Server::of(&self.folder.0, self.url.as_deref(), instance)
    }

    pub(crate) fn place(&self) -> Place {
        match &self.url {
            None => Place::Directory(self.folder.0.clone()),
            Some(url) => url.parse().unwrap(),
        }
    }

    pub(crate) fn opening(&self, instance: u8) -> Opening<'_> {
        opening(&self.folder.0, instance)
    }

    /// What a statement on its database gives.
    pub(crate) fn sql(&self, statement: &str) -> String {
        let (Some(url), Some(server)) = (&self.url, &self.server) else {
            panic!("it has no database");
        };
        let name = url.split(['/', '?']).nth(3).unwrap();
        server.sql(name, statement)
    }
}

fn opening(state: &Path, instance: u8) -> Opening<'_> {
    Opening {
        state,
        given: None,
        crypto: Arc::new(AwsLc),
        random: [7; 32],
        nonces: Box::new(HashRng::new([100 + instance; 32])),
    }
}

pub(crate) fn f(number: u8) -> NodeAddr {
    let mut bytes = [number; 16];
    bytes[0] = 0xfc;
    NodeAddr(bytes)
}

/// A server and its store.
pub(crate) struct Server {
    pub(crate) service: Service,
    pub(crate) store: Database,
    pub(crate) rng: HashRng,
}

impl Server {
    /// One of several over one store: each draws its own random numbers.
    pub(crate) fn of(directory: &Path, url: Option<&str>, instance: u8) -> Result<Self, String> {
        let crypto: Arc<dyn Crypto> = Arc::new(AwsLc);
        let place = match url {
            None => Place::Directory(directory.to_owned()),
            Some(url) => url.parse().map_err(|it: store::UrlError| it.to_string())?,
        };
        let opened = Database::open(&place, opening(directory, instance));
        let (mut store, key) = opened.map_err(|it| it.to_string())?;
        let keys = Keys {
            seed: key.statement_seed(&*crypto),
            crypto,
            f: f(0),
        };
        let service = Service::open(keys, &mut store).map_err(|it| it.to_string())?;
        Ok(Self {
            service,
            store,
            rng: HashRng::new([instance; 32]),
        })
    }

    pub(crate) fn act(&mut self, actor: Actor, command: &Command) -> Result<Reply, OrderError> {
        let done = self
            .service
            .order(&mut self.store, NOW, &mut self.rng, actor, command);
        while self.service.poll_effect().is_some() {}
        done
    }

    pub(crate) fn order(&mut self, command: &Command) -> Result<Reply, OrderError> {
        self.act(Actor::Operator, command)
    }

    pub(crate) fn invite(&mut self, member: &str, group: &str) -> InviteId {
        match self.order(&add(member, group)) {
            Ok(Reply::Invited { invite, .. }) => invite,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn create(group: &str) -> Command {
    Command::CreateGroups {
        groups: vec![group.to_owned()],
        zone: "Asia/Tokyo".to_owned(),
        site: None,
        sign_in_s: None,
    }
}

pub(crate) fn add(member: &str, group: &str) -> Command {
    Command::Add(Addition {
        member: member.to_owned(),
        groups: vec![group.to_owned()],
        life_s: 3_600,
        ..Addition::default()
    })
}

pub(crate) fn remove(member: &str) -> Command {
    Command::Remove {
        member: member.to_owned(),
        group: None,
    }
}

pub(crate) fn come(invite: InviteId) -> Command {
    Command::Enrol(Enrolment {
        invite,
        kind: Kind::Ges,
        prefixes: Vec::new(),
        name: None,
    })
}
