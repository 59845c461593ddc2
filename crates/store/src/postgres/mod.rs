//! The store in PostgreSQL, which several instances of a server share.
//!
//! What it does: keeps the same as [`crate::Sqlite`], in tables of the schema `kumihimo`, sealed
//! before it leaves this process. Whoever writes holds a lock that writers share with nobody, and
//! looks at the last revision under it: of two instances that write at the same time one is refused.
//! What was acknowledged is on the server's disk (`synchronous_commit`).
//!
//! What it does not: places of nodes are not sealed.
//!
//! | limit | value |
//! |---|---|
//! | a piece of work, before the thread gives it up | 15 s, then nothing is asked for 3 s; the server gives up a statement after 10 s, and waits for a lock for 5 s |
//! | tries when the connection was lost | 2, and only as long as nothing was written |

mod carried;
mod link;
mod tls;

use control::service::{Store, StoreError, Writing};
use control::{Record, SecretOf};
use group::epochs::EpochSecret;
use group::statement::GroupId;
use identity::password::Verifier;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::error::OpenError;
use crate::label;
use crate::seal::Seal;
use crate::url::DatabaseUrl;
use link::{ANSWER, Link, Problem};

/// The version of the tables.
const FORMAT: i32 = 2;

/// Of those that make the tables, one at a time. The number is this program's own.
const MAKING: &str = "BEGIN; SELECT pg_advisory_xact_lock(7164306152003)";

const TABLES: &str = "
    CREATE SCHEMA IF NOT EXISTS kumihimo;
    CREATE TABLE kumihimo.about (
        single BOOLEAN PRIMARY KEY DEFAULT true CHECK (single),
        format INTEGER NOT NULL, key_check BYTEA NOT NULL, moved_to TEXT);
    CREATE TABLE kumihimo.records (rev BIGINT PRIMARY KEY, json TEXT NOT NULL);
    CREATE TABLE kumihimo.epoch_secrets (
        group_id BYTEA NOT NULL, number BIGINT NOT NULL, sealed BYTEA NOT NULL,
        PRIMARY KEY (group_id, number));
    CREATE TABLE kumihimo.root_seeds (group_id BYTEA PRIMARY KEY, sealed BYTEA NOT NULL);
    CREATE TABLE kumihimo.places (f BYTEA PRIMARY KEY, place BYTEA NOT NULL);
";

/// What passwords are checked by; since format 2.
const USERS: &str = "
    CREATE TABLE IF NOT EXISTS kumihimo.verifiers (name TEXT PRIMARY KEY, sealed BYTEA NOT NULL);
    UPDATE kumihimo.about SET format = 2 WHERE format = 1;
";

/// Nobody else writes until the end of the transaction; reading goes on.
const WRITE: &str = "
    BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
    LOCK TABLE kumihimo.records IN EXCLUSIVE MODE";

/// A store in PostgreSQL.
pub struct Postgres {
    link: Link,
    seal: Seal,
    /// It is served: if it is moved elsewhere that is said.
    is_served: bool,
}

/// A database that was reached and may be a store already.
pub(crate) struct Reached {
    link: Link,
    is_made: bool,
}

impl Reached {
    /// Connects.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub(crate) fn connect(url: DatabaseUrl) -> Result<Self, OpenError> {
        let link = Link::new(url).map_err(|error| OpenError::Database(error.to_string()))?;
        let query = "SELECT to_regclass('kumihimo.about') IS NOT NULL";
        let is_made = link.run(ANSWER, async |client| {
            let row = client.query_one(query, &[]).await;
            let row = row.map_err(|error| Problem::repeatable(&error))?;
            get(&row, 0)
        });
        let is_made = is_made.map_err(unusable)?;
        Ok(Self { link, is_made })
    }

    /// Whether it is a store: then its key must be here.
    #[must_use]
    pub(crate) const fn is_made(&self) -> bool {
        self.is_made
    }

    /// The store, which is made if it is none yet; where it was moved to, if it was.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub(crate) fn open_any(self, mut seal: Seal) -> Result<(Postgres, Option<String>), OpenError> {
        let check = seal.seal(label::KEY, label::KEY_CHECK);
        let read = self.link.run(ANSWER, async |client| {
            let found = about(client, &check).await;
            found.map_err(|error| Problem::repeatable(&error))
        });
        let (format, check, moved) = read.map_err(unusable)?;
        let place = self.link.url().to_string();
        if format > FORMAT {
            let format = format.into();
            return Err(OpenError::Newer { place, format });
        }
        if seal.open(label::KEY, &check).as_deref() != Some(label::KEY_CHECK) {
            return Err(OpenError::Key { place });
        }
        let link = self.link;
        let is_served = moved.is_none();
        let store = Postgres {
            link,
            seal,
            is_served,
        };
        Ok((store, moved))
    }
}

/// Reads what the store says of itself; makes it, if there is none.
async fn about(
    client: &Client,
    check: &[u8],
) -> Result<(i32, Vec<u8>, Option<String>), tokio_postgres::Error> {
    client.batch_execute(MAKING).await?;
    let is_made = "SELECT to_regclass('kumihimo.about') IS NOT NULL";
    let is_made: bool = client.query_one(is_made, &[]).await?.try_get(0)?;
    if !is_made {
        client.batch_execute(TABLES).await?;
        let insert = "INSERT INTO kumihimo.about (format, key_check) VALUES ($1, $2)";
        client.execute(insert, &[&1_i32, &check]).await?;
    }
    let format = "SELECT format FROM kumihimo.about";
    let format: i32 = client.query_one(format, &[]).await?.try_get(0)?;
    if format < FORMAT {
        client.batch_execute(USERS).await?;
    }
    let query = "SELECT format, key_check, moved_to FROM kumihimo.about";
    let row = client.query_one(query, &[]).await?;
    client.batch_execute("COMMIT").await?;
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}

impl Postgres {
    /// Notes where nodes are, for other instances: what each is told is not looked at.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(crate) fn put_places(&mut self, places: &[([u8; 16], Vec<u8>)]) -> Result<(), StoreError> {
        let fs: Vec<&[u8]> = places.iter().map(|(f, _)| &f[..]).collect();
        let values: Vec<&[u8]> = places.iter().map(|(_, place)| &place[..]).collect();
        let put = "INSERT INTO kumihimo.places (f, place) SELECT * FROM UNNEST($1, $2)
            ON CONFLICT (f) DO UPDATE SET place = EXCLUDED.place";
        self.link.run(ANSWER, async |client| {
            let values: &[(&(dyn ToSql + Sync), Type)] =
                &[(&fs, Type::BYTEA_ARRAY), (&values, Type::BYTEA_ARRAY)];
            let put = client.query_typed(put, values).await;
            put.map(drop).map_err(|error| Problem::repeatable(&error))
        })
    }

    /// Where a node was, as an instance noted.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(crate) fn place(&self, f: [u8; 16]) -> Result<Option<Vec<u8>>, StoreError> {
        let query = "SELECT place FROM kumihimo.places WHERE f = $1";
        self.sealed(query, &[(&&f[..], Type::BYTEA)])
    }

    fn sealed(
        &self,
        query: &str,
        values: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.link.run(ANSWER, async |client| {
            let rows = client.query_typed(query, values).await;
            let rows = rows.map_err(|error| Problem::repeatable(&error))?;
            rows.first().map(|row| get(row, 0)).transpose()
        })
    }
}

/// What is written, as the tables take it.
struct Rows {
    revs: Vec<i64>,
    records: Vec<String>,
    epoch_groups: Vec<Vec<u8>>,
    epochs: Vec<i64>,
    epoch_secrets: Vec<Vec<u8>>,
    root_groups: Vec<Vec<u8>>,
    root_seeds: Vec<Vec<u8>>,
    /// All whose verifiers are another, or none, from now on.
    changed_users: Vec<String>,
    users: Vec<String>,
    verifiers: Vec<Vec<u8>>,
}

impl Rows {
    fn of(seal: &mut Seal, writing: &Writing<'_>) -> Result<Self, StoreError> {
        let records = writing.records.iter().map(label::json);
        let revs = writing.records.iter().map(|it| label::rev(it.rev));
        let secrets = writing.secrets;
        let roots = writing.root_seeds;
        let id = |group: &GroupId| group.0.to_vec();
        let users = writing.verifiers.iter();
        let changed_users = users.clone().map(|(user, _)| user.clone()).collect();
        let kept = users.filter_map(|(user, it)| Some((user.clone(), it.as_ref()?)));
        let kept = kept.map(|(user, it)| {
            let sealed = seal.seal(&label::user(&user), &it.encode());
            (user, sealed)
        });
        let (users, verifiers) = kept.unzip();
        Ok(Self {
            revs: revs.collect(),
            records: records.collect::<Result<_, _>>()?,
            epoch_groups: secrets.iter().map(|(of, _)| id(&of.group)).collect(),
            epochs: secrets.iter().map(|(of, _)| of.number.into()).collect(),
            epoch_secrets: secrets
                .iter()
                .map(|(of, it)| seal.seal(&label::epoch(*of), it.bytes()))
                .collect(),
            root_groups: roots.iter().map(|(group, _)| id(group)).collect(),
            root_seeds: roots
                .iter()
                .map(|(group, it)| seal.seal(&label::root(*group), it))
                .collect(),
            changed_users,
            users,
            verifiers,
        })
    }

    async fn insert(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        let records = "INSERT INTO kumihimo.records (rev, json) SELECT * FROM UNNEST($1, $2)";
        let values: &[(&(dyn ToSql + Sync), Type)] = &[
            (&self.revs, Type::INT8_ARRAY),
            (&self.records, Type::TEXT_ARRAY),
        ];
        client.query_typed(records, values).await?;
        if !self.epochs.is_empty() {
            let epochs = "INSERT INTO kumihimo.epoch_secrets (group_id, number, sealed)
                SELECT * FROM UNNEST($1, $2, $3)";
            let values: &[(&(dyn ToSql + Sync), Type)] = &[
                (&self.epoch_groups, Type::BYTEA_ARRAY),
                (&self.epochs, Type::INT8_ARRAY),
                (&self.epoch_secrets, Type::BYTEA_ARRAY),
            ];
            client.query_typed(epochs, values).await?;
        }
        if !self.root_groups.is_empty() {
            let roots = "INSERT INTO kumihimo.root_seeds (group_id, sealed)
                SELECT * FROM UNNEST($1, $2)";
            let values: &[(&(dyn ToSql + Sync), Type)] = &[
                (&self.root_groups, Type::BYTEA_ARRAY),
                (&self.root_seeds, Type::BYTEA_ARRAY),
            ];
            client.query_typed(roots, values).await?;
        }
        if !self.changed_users.is_empty() {
            let delete = "DELETE FROM kumihimo.verifiers WHERE name = ANY($1)";
            let values: &[(&(dyn ToSql + Sync), Type)] = &[(&self.changed_users, Type::TEXT_ARRAY)];
            client.query_typed(delete, values).await?;
            let users = "INSERT INTO kumihimo.verifiers (name, sealed)
                SELECT * FROM UNNEST($1, $2)";
            let values: &[(&(dyn ToSql + Sync), Type)] = &[
                (&self.users, Type::TEXT_ARRAY),
                (&self.verifiers, Type::BYTEA_ARRAY),
            ];
            client.query_typed(users, values).await?;
        }
        Ok(())
    }
}

impl Store for Postgres {
    fn commit(&mut self, after: u64, writing: &Writing<'_>) -> Result<(), StoreError> {
        let rows = Rows::of(&mut self.seal, writing)?;
        self.link.run(ANSWER, async |client| {
            let begun = client.batch_execute(WRITE).await;
            begun.map_err(|error| Problem::repeatable(&error))?;
            let failed = |error| Problem::final_(&error);
            let query = "SELECT (SELECT COALESCE(MAX(rev), 0) FROM kumihimo.records),
                (SELECT moved_to FROM kumihimo.about)";
            let row = client.query_typed(query, &[]).await.map_err(failed)?;
            let row = row.first().ok_or(Problem::Conflict)?;
            if let Some(to) = get::<Option<String>>(row, 1)? {
                return Err(Problem::Moved(to));
            }
            if get::<i64>(row, 0)? != label::rev(after) {
                client.batch_execute("ROLLBACK").await.map_err(failed)?;
                return Err(Problem::Conflict);
            }
            rows.insert(client).await.map_err(failed)?;
            client.batch_execute("COMMIT").await.map_err(failed)
        })
    }

    fn records(&mut self, after: u64, most: usize) -> Result<Vec<Record>, StoreError> {
        // With where it was moved to, if it was, before all others.
        let query = "SELECT 0::BIGINT, moved_to FROM kumihimo.about WHERE moved_to IS NOT NULL
            UNION ALL (SELECT rev, json FROM kumihimo.records WHERE rev > $1 ORDER BY rev LIMIT $2)
            ORDER BY 1";
        let is_served = self.is_served;
        let (after, most) = (label::rev(after), i64::try_from(most).unwrap_or(i64::MAX));
        let found = self.link.run(ANSWER, async |client| {
            let values: &[(&(dyn ToSql + Sync), Type)] =
                &[(&after, Type::INT8), (&most, Type::INT8)];
            let rows = client.query_typed(query, values).await;
            let rows = rows.map_err(|error| Problem::repeatable(&error))?;
            let mut texts = Vec::with_capacity(rows.len());
            for row in &rows {
                match get::<i64>(row, 0)? {
                    0 if is_served => return Err(Problem::Moved(get(row, 1)?)),
                    0 => {}
                    _ => texts.push(get::<String>(row, 1)?),
                }
            }
            Ok(texts)
        });
        let records = found?.into_iter().map(|json| label::record(after, &json));
        records.collect()
    }

    fn secret(&self, of: SecretOf) -> Result<Option<EpochSecret>, StoreError> {
        let query = "SELECT sealed FROM kumihimo.epoch_secrets WHERE group_id = $1 AND number = $2";
        let number = i64::from(of.number);
        let values: &[(&(dyn ToSql + Sync), Type)] =
            &[(&&of.group.0[..], Type::BYTEA), (&number, Type::INT8)];
        let sealed = self.sealed(query, values)?;
        let opened = sealed.map(|sealed| label::open(&self.seal, &label::epoch(of), &sealed));
        Ok(opened.transpose()?.map(EpochSecret::new))
    }

    fn root_seed(&self, group: GroupId) -> Result<Option<[u8; 32]>, StoreError> {
        let query = "SELECT sealed FROM kumihimo.root_seeds WHERE group_id = $1";
        let sealed = self.sealed(query, &[(&&group.0[..], Type::BYTEA)])?;
        let opened = sealed.map(|sealed| label::open(&self.seal, &label::root(group), &sealed));
        opened.transpose()
    }

    fn verifier(&self, user: &str) -> Result<Option<Verifier>, StoreError> {
        let query = "SELECT sealed FROM kumihimo.verifiers WHERE name = $1";
        let sealed = self.sealed(query, &[(&user, Type::TEXT)])?;
        let opened = sealed.map(|sealed| label::verifier(&self.seal, user, &sealed));
        opened.transpose()
    }
}

fn get<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a tokio_postgres::Row,
    at: usize,
) -> Result<T, Problem> {
    row.try_get(at).map_err(|error| Problem::final_(&error))
}

fn unusable(error: StoreError) -> OpenError {
    match error {
        StoreError::Unavailable(why) => OpenError::Database(why),
        StoreError::Conflict | StoreError::Moved(_) => OpenError::Database(error.to_string()),
    }
}
