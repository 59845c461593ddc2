//! The door for administrators: the HTTP interface of the management server, as long as somebody has a
//! key for it.
//!
//! Inside the overlay it listens at the node's address F, port [`PORT`], in the clear of a session that
//! is encrypted from end to end; elsewhere only with TLS, where the configuration says so. What it
//! cannot get is tried again after [`AGAIN`]: the interface may still be coming up.

use crate::orders::{Ask, By, order_of};
use crate::settings::Https;
use api::{ApiError, Code, Reply};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};
use webapi::{Backend, Call, Listening};

/// TCP port inside the overlay.
pub const PORT: u16 = 4651;
/// The longest key, in bytes.
const PEM_LEN_MAX: u64 = 1 << 20;
/// How long the server may think about one request.
const ANSWER: Duration = Duration::from_secs(10);
/// Time until an address that could not be had is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// Where the interface is to listen.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Inside the overlay, without TLS.
    pub overlay: Option<SocketAddr>,
    /// With TLS.
    pub https: Option<Https>,
}

/// Both doors, open or closed, each by itself: what keeps one shut, or full, does not the other.
pub struct Doors([Door; 2]);

/// One of them.
struct Door {
    place: Option<DoorAt>,
    asks: SyncSender<Ask>,
    open: Option<webapi::Server>,
    again: Option<Instant>,
}

/// Where a door is.
enum DoorAt {
    Overlay(SocketAddr),
    Https(Https),
}

impl Doors {
    /// Closed doors, through which orders come to `asks`.
    pub fn new(places: Places, asks: &SyncSender<Ask>) -> Self {
        let overlay = places.overlay.map(DoorAt::Overlay);
        let https = places.https.map(DoorAt::Https);
        Self([overlay, https].map(|place| Door {
            place,
            asks: asks.clone(),
            open: None,
            again: None,
        }))
    }

    /// Opens or closes them; when to come again, if that did not work.
    pub fn set(&mut self, open: bool) -> Option<Duration> {
        let again = self.0.iter_mut().filter_map(|door| door.set(open));
        again.min()
    }
}

impl Door {
    fn set(&mut self, open: bool) -> Option<Duration> {
        if !open {
            (self.open, self.again) = (None, None);
            return None;
        }
        let place = self.place.as_ref().filter(|_| self.open.is_none())?;
        let now = Instant::now();
        if let Some(left) = self.again.and_then(|at| at.checked_duration_since(now)) {
            return Some(left);
        }
        match place.start(&self.asks) {
            Ok(server) => {
                let at = server.addresses();
                tracing::info!(?at, "the interface for administrators is open");
                (self.open, self.again) = (Some(server), None);
                None
            }
            Err(error) => {
                if self.again.is_none() {
                    tracing::warn!(%error, "the interface for administrators cannot be opened yet");
                }
                self.again = Some(now + AGAIN);
                Some(AGAIN)
            }
        }
    }
}

impl DoorAt {
    fn start(&self, asks: &SyncSender<Ask>) -> io::Result<webapi::Server> {
        let listening = match self {
            Self::Overlay(at) => Listening { at: *at, tls: None },
            Self::Https(https) => {
                let shown = &https.certificate;
                let named = |error| io::Error::other(format!("{}: {error}", shown.display()));
                let certificate = std::fs::read(shown).map_err(named)?;
                let key = os::files::read_private(&https.key, PEM_LEN_MAX);
                let key = key.map_err(io::Error::other)?;
                let tls = webapi::tls(&certificate, &key).map_err(io::Error::other)?;
                let (at, tls) = (https.at, Some(tls));
                Listening { at, tls }
            }
        };
        let asks = asks.clone();
        webapi::Server::start(vec![listening], Arc::new(Desk { asks }))
    }
}

/// Takes what administrators ask to the server's thread.
struct Desk {
    asks: SyncSender<Ask>,
}

impl Backend for Desk {
    fn call(&self, key: &str, call: Call) -> Reply {
        let by = By::Key(key.to_owned());
        let (reply, answers) = sync_channel(1);
        let ask = match call {
            Call::Manage(request) => Ask::Manage { by, request, reply },
            Call::Group(request) => {
                let order = order_of(request).ok_or_else(|| ApiError::new(Code::BadRequest))?;
                Ask::Order { by, order, reply }
            }
        };
        self.asks.try_send(ask).map_err(|error| match error {
            TrySendError::Full(_) => ApiError::new(Code::Busy),
            TrySendError::Disconnected(_) => ApiError::new(Code::Stopping),
        })?;
        answers.recv_timeout(ANSWER).unwrap_or_else(|error| {
            Err(ApiError::new(match error {
                // It may still be done.
                RecvTimeoutError::Timeout => Code::Uncertain,
                RecvTimeoutError::Disconnected => Code::Stopping,
            }))
        })
    }
}
