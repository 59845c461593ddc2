//! Carrying a store in PostgreSQL to another place, or filling one.

use std::cell::RefCell;
use std::time::Duration;

use control::service::StoreError;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::link::{ANSWER, Problem};
use super::{Postgres, get};
use crate::label;
use crate::page::{Carried, PAGE_ROWS, Page, Sink, UNFINISHED};

/// How long reading all of a store may take, with writing it elsewhere.
const READING: Duration = Duration::from_secs(3_600);

const END: &str = "SELECT COALESCE(MAX(rev), 0) FROM kumihimo.records";

impl Carried for Postgres {
    fn rows(&mut self) -> Result<u64, StoreError> {
        let query = "SELECT (SELECT COUNT(*) FROM kumihimo.records)
            + (SELECT COUNT(*) FROM kumihimo.epoch_secrets)
            + (SELECT COUNT(*) FROM kumihimo.root_seeds)
            + (SELECT COUNT(*) FROM kumihimo.verifiers)";
        self.link.run(ANSWER, async |client| {
            let row = client.query_one(query, &[]).await;
            let rows: i64 = get(&row.map_err(|error| Problem::repeatable(&error))?, 0)?;
            Ok(u64::try_from(rows).unwrap_or_default())
        })
    }

    fn last(&mut self) -> Result<u64, StoreError> {
        self.link.run(ANSWER, async |client| {
            let row = client.query_one(END, &[]).await;
            let rev: i64 = get(&row.map_err(|error| Problem::repeatable(&error))?, 0)?;
            Ok(u64::try_from(rev).unwrap_or_default())
        })
    }

    fn read(&mut self, sink: Sink<'_>) -> Result<u64, StoreError> {
        let sink = RefCell::new(sink);
        let mut failed = None;
        let stopped = RefCell::new(&mut failed);
        let read = self.link.run(READING, async |client| {
            let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                SET LOCAL idle_in_transaction_session_timeout = 0";
            client.batch_execute(begin).await.map_err(problem)?;
            let rev: i64 = get(&client.query_one(END, &[]).await.map_err(problem)?, 0)?;
            for table in Table::ALL {
                let declare = format!("DECLARE carried CURSOR FOR {}", table.query());
                client.batch_execute(&declare).await.map_err(problem)?;
                loop {
                    let fetch = format!("FETCH {PAGE_ROWS} FROM carried");
                    let rows = client.query(&fetch, &[]).await.map_err(problem)?;
                    if rows.is_empty() {
                        break;
                    }
                    let page = table.page(&rows)?;
                    let taken = (sink.borrow_mut())(page);
                    if let Err(error) = taken {
                        **stopped.borrow_mut() = Some(error);
                        return Err(Problem::Failed(String::new()));
                    }
                }
                client
                    .batch_execute("CLOSE carried")
                    .await
                    .map_err(problem)?;
            }
            client.batch_execute("COMMIT").await.map_err(problem)?;
            Ok(u64::try_from(rev).unwrap_or_default())
        });
        // The other store's own words.
        failed.map_or(read, Err)
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.is_served = false;
        self.link.run(ANSWER, async |client| {
            let empty = format!(
                "BEGIN; LOCK TABLE kumihimo.records IN EXCLUSIVE MODE;
                UPDATE kumihimo.about SET moved_to = '{UNFINISHED}';
                TRUNCATE kumihimo.records, kumihimo.epoch_secrets, kumihimo.root_seeds,
                    kumihimo.verifiers, kumihimo.places; COMMIT"
            );
            client.batch_execute(&empty).await.map_err(problem)
        })
    }

    fn put(&mut self, page: &Page) -> Result<(), StoreError> {
        self.link
            .run(ANSWER, async |client| insert(client, page).await)
    }

    fn end(&mut self) -> Result<(), StoreError> {
        self.link.run(ANSWER, async |client| {
            let clear = "UPDATE kumihimo.about SET moved_to = NULL";
            client.batch_execute(clear).await.map_err(problem)
        })?;
        self.is_served = true;
        Ok(())
    }

    fn leave(&mut self, rev: u64, to: &str) -> Result<(), StoreError> {
        self.link.run(ANSWER, async |client| {
            let begun = client.batch_execute(super::WRITE).await;
            begun.map_err(|error| Problem::repeatable(&error))?;
            let last: i64 = get(&client.query_one(END, &[]).await.map_err(problem)?, 0)?;
            if last != label::rev(rev) {
                client.batch_execute("ROLLBACK").await.map_err(problem)?;
                return Err(Problem::Conflict);
            }
            let mark = "UPDATE kumihimo.about SET moved_to = $1 WHERE moved_to IS NULL RETURNING 1";
            let marked = client.query_typed(mark, &[(&to, Type::TEXT)]).await;
            if marked.map_err(problem)?.is_empty() {
                return Err(Problem::Failed("it was moved already".to_owned()));
            }
            client.batch_execute("COMMIT").await.map_err(problem)
        })
    }
}

#[derive(Clone, Copy)]
enum Table {
    Records,
    Epochs,
    Roots,
    Users,
}

impl Table {
    const ALL: [Self; 4] = [Self::Records, Self::Epochs, Self::Roots, Self::Users];

    const fn query(self) -> &'static str {
        match self {
            Self::Records => "SELECT rev, json FROM kumihimo.records ORDER BY rev",
            Self::Epochs => "SELECT group_id, number, sealed FROM kumihimo.epoch_secrets",
            Self::Roots => "SELECT group_id, sealed FROM kumihimo.root_seeds",
            Self::Users => "SELECT name, sealed FROM kumihimo.verifiers",
        }
    }

    fn page(self, rows: &[Row]) -> Result<Page, Problem> {
        let rows = rows.iter();
        Ok(match self {
            Self::Records => {
                let rows = rows.map(|row| Ok((get(row, 0)?, get(row, 1)?)));
                Page::Records(rows.collect::<Result<_, Problem>>()?)
            }
            Self::Epochs => {
                let rows = rows.map(|row| Ok((get(row, 0)?, get(row, 1)?, get(row, 2)?)));
                Page::Epochs(rows.collect::<Result<_, Problem>>()?)
            }
            Self::Roots => {
                let rows = rows.map(|row| Ok((get(row, 0)?, get(row, 1)?)));
                Page::Roots(rows.collect::<Result<_, Problem>>()?)
            }
            Self::Users => {
                let rows = rows.map(|row| Ok((get(row, 0)?, get(row, 1)?)));
                Page::Users(rows.collect::<Result<_, Problem>>()?)
            }
        })
    }
}

async fn insert(client: &Client, page: &Page) -> Result<(), Problem> {
    let done = match page {
        Page::Records(rows) => {
            let (revs, texts): (Vec<i64>, Vec<&str>) =
                rows.iter().map(|(rev, json)| (*rev, json.as_str())).unzip();
            let insert = "INSERT INTO kumihimo.records (rev, json) SELECT * FROM UNNEST($1, $2)";
            let values: &[(&(dyn ToSql + Sync), Type)] =
                &[(&revs, Type::INT8_ARRAY), (&texts, Type::TEXT_ARRAY)];
            client.query_typed(insert, values).await
        }
        Page::Epochs(rows) => {
            let groups: Vec<&[u8]> = rows.iter().map(|(group, ..)| &group[..]).collect();
            let numbers: Vec<i64> = rows.iter().map(|(_, number, _)| *number).collect();
            let sealed: Vec<&[u8]> = rows.iter().map(|(.., sealed)| &sealed[..]).collect();
            let insert = "INSERT INTO kumihimo.epoch_secrets (group_id, number, sealed)
                SELECT * FROM UNNEST($1, $2, $3)";
            let values: &[(&(dyn ToSql + Sync), Type)] = &[
                (&groups, Type::BYTEA_ARRAY),
                (&numbers, Type::INT8_ARRAY),
                (&sealed, Type::BYTEA_ARRAY),
            ];
            client.query_typed(insert, values).await
        }
        Page::Roots(rows) => {
            let (groups, sealed): (Vec<&[u8]>, Vec<&[u8]>) =
                rows.iter().map(|(group, it)| (&group[..], &it[..])).unzip();
            let insert = "INSERT INTO kumihimo.root_seeds (group_id, sealed)
                SELECT * FROM UNNEST($1, $2)";
            let values: &[(&(dyn ToSql + Sync), Type)] =
                &[(&groups, Type::BYTEA_ARRAY), (&sealed, Type::BYTEA_ARRAY)];
            client.query_typed(insert, values).await
        }
        Page::Users(rows) => {
            let (users, sealed): (Vec<&str>, Vec<&[u8]>) = rows
                .iter()
                .map(|(user, it)| (user.as_str(), &it[..]))
                .unzip();
            let insert = "INSERT INTO kumihimo.verifiers (name, sealed)
                SELECT * FROM UNNEST($1, $2)";
            let values: &[(&(dyn ToSql + Sync), Type)] =
                &[(&users, Type::TEXT_ARRAY), (&sealed, Type::BYTEA_ARRAY)];
            client.query_typed(insert, values).await
        }
    };
    done.map(drop).map_err(problem)
}

#[allow(clippy::needless_pass_by_value, reason = "it is for `map_err`")]
fn problem(error: tokio_postgres::Error) -> Problem {
    Problem::final_(&error)
}
