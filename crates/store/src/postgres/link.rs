//! The connection to a PostgreSQL server: made again when it is lost, and never waited for longer
//! than a limit, whatever the server does.

use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use control::service::StoreError;

use super::tls::Tls;
use crate::url::DatabaseUrl;

/// How long one address of a server may take to answer.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a piece of work may take, connecting included. The server itself gives up before
/// ([`SETTINGS`]); this is for one that says nothing at all.
pub(super) const ANSWER: Duration = Duration::from_secs(15);

/// After no answer at all nothing is asked for this long, and then for no longer than [`AGAIN`]: who
/// waits for this thread waits for other things, too.
const PAUSE: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_secs(2);

/// What each connection asks of the server. A commit that was answered is on the disk, whatever the
/// server's own file says.
const SETTINGS: &str = "
    SET statement_timeout = '10s';
    SET lock_timeout = '5s';
    SET idle_in_transaction_session_timeout = '30s';
    SET default_transaction_isolation = 'read committed';
    SET client_min_messages = 'error';
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') IN ('off', 'local');
";

/// Why work on a database did not come to its end.
#[derive(Debug)]
pub(super) enum Problem {
    /// Another instance wrote first.
    Conflict,
    /// The store is elsewhere now.
    Moved(String),
    /// The connection ended before anything was written: a new one may be tried.
    Lost(String),
    /// Anything else; what was under way is given up.
    Failed(String),
}

impl Problem {
    /// Of work that may be done again.
    pub(super) fn repeatable(error: &Error) -> Self {
        if is_lost(error) {
            Self::Lost(text(error))
        } else {
            Self::Failed(text(error))
        }
    }

    /// Of work that may have been done.
    pub(super) fn final_(error: &Error) -> Self {
        Self::Failed(text(error))
    }
}

/// A connection.
pub(super) struct Link {
    url: DatabaseUrl,
    runtime: Runtime,
    client: RefCell<Option<Client>>,
    /// When it last gave no answer, if it has given none since.
    late: Cell<Option<Instant>>,
}

impl Link {
    /// A link that connects when there is work.
    pub(super) fn new(url: DatabaseUrl) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            url,
            runtime,
            client: RefCell::new(None),
            late: Cell::new(None),
        })
    }

    pub(super) const fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Does some work, on a new connection if the one there was is lost.
    pub(super) fn run<T>(
        &self,
        limit: Duration,
        work: impl AsyncFn(&Client) -> Result<T, Problem>,
    ) -> Result<T, StoreError> {
        let mut done = self.once(limit, &work);
        if let Err(Problem::Lost(_)) = done {
            done = self.once(limit, &work);
        }
        done.map_err(|problem| match problem {
            Problem::Conflict => StoreError::Conflict,
            Problem::Moved(to) => StoreError::Moved(to),
            Problem::Lost(why) | Problem::Failed(why) => {
                StoreError::Unavailable(format!("{}: {why}", self.url))
            }
        })
    }

    fn once<T>(
        &self,
        limit: Duration,
        work: &impl AsyncFn(&Client) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let limit = match self.late.get() {
            Some(at) if at.elapsed() < PAUSE => {
                return Err(Problem::Failed("no answer a moment ago".to_owned()));
            }
            Some(_) => limit.min(AGAIN),
            None => limit,
        };
        let mut kept = self.client.borrow_mut();
        let before = kept.take().filter(|client| !client.is_closed());
        let done = self.runtime.block_on(async {
            let all = async {
                let client = match before {
                    Some(client) => client,
                    None => connect(&self.url).await?,
                };
                let done = work(&client).await?;
                Ok((client, done))
            };
            timeout(limit, all).await
        });
        self.late.set(done.is_err().then(Instant::now));
        let late = || Problem::Failed(format!("no answer within {} s", limit.as_secs()));
        // After a failure the connection goes, and with it what was under way.
        let (client, done) = done.map_err(|_| late())??;
        *kept = Some(client);
        Ok(done)
    }
}

async fn connect(url: &DatabaseUrl) -> Result<Client, Problem> {
    let mut config = url.config().clone();
    config
        .connect_timeout(CONNECT)
        .application_name("kumi gms")
        .keepalives_idle(Duration::from_secs(30));
    let failed = |error: Error| Problem::Failed(text(&error));
    let tls = Tls(url.trust().cloned());
    let (client, connection) = config.connect(tls).await.map_err(failed)?;
    // It runs whenever this thread works on the database, and ends with the client.
    tokio::spawn(connection);
    client.batch_execute(SETTINGS).await.map_err(failed)?;
    Ok(client)
}

fn is_lost(error: &Error) -> bool {
    let over = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::IDLE_SESSION_TIMEOUT,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    let by_server = error.code().is_some_and(|code| over.contains(code));
    let by_network = error.source().is_some_and(|it| it.is::<std::io::Error>());
    by_server || by_network || error.is_closed()
}

/// What an error says, with what the server says of it.
fn text(error: &Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{} (SQLSTATE {})", said.message(), said.code().code()),
        None => {
            let cause = error.source().map(|cause| format!(": {cause}"));
            format!("{error}{}", cause.unwrap_or_default())
        }
    }
}
