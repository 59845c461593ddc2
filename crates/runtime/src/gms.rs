//! The management server of groups, on a thread of its own: the store waits for the disk, and the
//! slow path does not wait for the store.
//!
//! ```text
//!   slow path ── Ask (bounded) ──▶ this thread ── commit ──▶ store
//!             ◀── Input::Gms ────              effects, lines
//! ```
//!
//! It runs from the first `kumi group create` or `kumi gms serve` on, and from the start of every
//! node whose state directory has a store. A store that cannot be opened is tried again with each
//! request; groups go on without it.
//!
//! | limit | value |
//! |---|---|
//! | things that wait for it | [`ASKS_MAX`]; what nodes say beyond that is dropped, they say it again |
//! | time between two looks at what other instances wrote into a store that is shared | [`POLL`] |
//! | time between two tries to open a store that does not open | [`RETRY`] |

mod instance;
mod moving;
mod opening;

use crate::orders::{Ask, FromGms, Order};
use crate::shared::{Inbox, Input};
use api::{ApiError, Code, Hidden, Reply, Response};
use control::service::{OrderError, Service};
use control::{Actor, Addition, Command};
use identity::crypto::HashRng;
use opening::Opened;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};
use store::{Database, Place};
use wire::NodeAddr;

/// At most this many things wait for the server.
pub const ASKS_MAX: usize = 4_096;
/// Time between two looks at what is due.
const TICK: Duration = Duration::from_secs(60);
/// Time between two looks at what other instances wrote.
pub const POLL: Duration = Duration::from_millis(250);
/// Time between two tries to open a store: each may take some seconds.
pub const RETRY: Duration = Duration::from_secs(5);
/// Stack of its thread, in bytes: SQLite needs some.
const STACK_LEN: usize = 1024 * 1024;

/// The way to the server's thread.
#[derive(Debug)]
pub struct Gms {
    asks: SyncSender<Ask>,
}

impl Gms {
    /// Whether there is a store in a state directory, or it says where.
    pub fn is_in(state: &Path) -> bool {
        Place::is_known(state)
    }

    /// Starts the server of the node `f`.
    ///
    /// # Errors
    /// There is no thread, or there are no random numbers.
    pub fn start(state: &Path, f: NodeAddr, inbox: Inbox) -> std::io::Result<Self> {
        let (asks, waiting) = sync_channel(ASKS_MAX);
        let mut server = Server {
            state: state.to_owned(),
            f,
            inbox,
            rng: HashRng::new(os::random::seed()?),
            open: None,
            ticked: None,
            polled: None,
            refused: None,
            is_behind: false,
            places: BTreeMap::new(),
        };
        let thread = Builder::new().name("kumi-gms".into()).stack_size(STACK_LEN);
        thread.spawn(move || server.run(&waiting))?;
        Ok(Self { asks })
    }

    /// Hands something over; what does not fit is given back.
    ///
    /// # Errors
    /// There is too much to do.
    pub fn ask(&self, ask: Ask) -> Result<(), Box<Ask>> {
        let sent = self.asks.try_send(ask);
        sent.map_err(|error| match error {
            TrySendError::Full(ask) | TrySendError::Disconnected(ask) => Box::new(ask),
        })
    }
}

/// The server's thread.
struct Server {
    state: PathBuf,
    f: NodeAddr,
    inbox: Inbox,
    rng: HashRng,
    open: Option<Opened>,
    ticked: Option<Instant>,
    polled: Option<Instant>,
    /// Why the store was not opened, and when that was found out.
    refused: Option<(Instant, ApiError)>,
    /// What other instances write cannot be read.
    is_behind: bool,
    /// Where nodes are that have come since it was last written down.
    places: BTreeMap<NodeAddr, Vec<u8>>,
}

impl Server {
    /// Runs until nobody can ask any more.
    fn run(&mut self, waiting: &Receiver<Ask>) {
        loop {
            self.tick();
            self.poll();
            self.drain();
            match waiting.recv_timeout(self.wait()) {
                Ok(ask) => self.handle(ask),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// How long nothing is due.
    fn wait(&self) -> Duration {
        match &self.open {
            Some(opened) if opened.store.is_shared() => POLL,
            Some(_) => TICK,
            None => RETRY,
        }
    }

    /// The service and its store, opened if they are not yet. A store that nobody has asked for is
    /// not made.
    fn opened(&mut self) -> Result<(&mut Service, &mut Database, &mut HashRng), ApiError> {
        if self.open.is_none() {
            if !Place::is_known(&self.state) {
                return Err(ApiError::new(Code::NotManaging));
            }
            let lately = |at: &Instant| at.elapsed() < RETRY;
            if let Some((_, error)) = self.refused.as_ref().filter(|(at, _)| lately(at)) {
                return Err(error.clone());
            }
            match Opened::remembered(&self.state, self.f) {
                Ok(opened) => self.use_store(opened),
                Err(error) => {
                    if self.refused.as_ref().is_none_or(|(_, it)| *it != error) {
                        tracing::warn!(%error, "the store of groups cannot be opened");
                    }
                    self.refused = Some((Instant::now(), error.clone()));
                    return Err(error);
                }
            }
        }
        let missing = || ApiError::new(Code::GroupStore).with("detail", "");
        let opened = self.open.as_mut().ok_or_else(missing)?;
        Ok((&mut opened.service, &mut opened.store, &mut self.rng))
    }

    fn use_store(&mut self, opened: Opened) {
        let members = opened.service.tenant().nodes.keys().copied().collect();
        let gate = opened.gate;
        self.inbox
            .send(Input::Gms(FromGms::Ready { members, gate }));
        (self.open, self.refused) = (Some(opened), None);
        (self.ticked, self.polled) = (None, None);
    }

    fn handle(&mut self, ask: Ask) {
        let now_unix_s = os::clock::unix_s();
        match ask {
            Ask::Heard {
                from,
                message,
                place,
            } => {
                self.note_place(from, place);
                match self.opened() {
                    Ok((service, store, rng)) => {
                        service.hear(store, now_unix_s, rng, from, message);
                    }
                    Err(error) => tracing::debug!(%error, "a node was not heard"),
                }
            }
            Ask::Here(place) => self.note_place(self.f, Some(place)),
            Ask::Offline(f) => {
                if let Some(opened) = &mut self.open {
                    opened.service.offline(f);
                }
            }
            Ask::Order { order, reply } => {
                let done = match order {
                    Order::Move { to } => self.carry(&to, &reply),
                    Order::Backup { file } => self.backup(&file, &reply),
                    order => self.order(now_unix_s, order),
                };
                // Nodes are told before whoever ordered it is answered.
                self.drain();
                match done {
                    Ok(control::Reply::Invited {
                        secret,
                        expires_unix_s,
                        ..
                    }) => {
                        self.inbox.send(Input::Gms(FromGms::Line {
                            secret,
                            expires_unix_s,
                            reply,
                        }));
                    }
                    Ok(_) => answer(&reply, Ok(Response::Done)),
                    Err(error) => answer(&reply, Err(error)),
                }
            }
            Ask::List { mut groups, reply } => {
                let managed = self.opened().map(|(service, ..)| managed(service));
                groups.managed = match managed {
                    Ok(managed) => Some(managed),
                    // It was to be one, and did not become one.
                    Err(error) if error.code == Code::NotManaging => None,
                    Err(error) => return answer(&reply, Err(error)),
                };
                answer(&reply, Ok(Response::Groups(Box::new(groups))));
            }
        }
    }

    fn order(&mut self, now_unix_s: u64, order: Order) -> Result<control::Reply, ApiError> {
        let f = self.f;
        if let Order::Serve { database, key } = &order {
            return self.serve(database.as_ref(), key.as_ref());
        }
        if matches!(order, Order::Create { .. }) && !Place::is_known(&self.state) {
            self.serve(None, None)?;
        }
        let (service, store, rng) = self.opened()?;
        let mut act = |service: &mut Service, command: &Command| {
            let done = service.order(store, now_unix_s, rng, Actor::Operator, command);
            done.map_err(|error| order_error(&error))
        };
        match order {
            Order::Serve { .. } | Order::Move { .. } | Order::Backup { .. } => {
                Ok(control::Reply::Done)
            }
            Order::Plain(command) => act(service, &command),
            Order::Create {
                group,
                zone,
                site,
                member,
            } => {
                let here = member
                    .map(|name| own_member(service, f, name))
                    .transpose()?;
                let create = Command::CreateGroup {
                    group: group.clone(),
                    zone,
                    site,
                };
                let done = act(service, &create)?;
                let Some(addition) = here else {
                    return Ok(done);
                };
                let groups = vec![group];
                act(service, &Command::Add(Addition { groups, ..addition }))
            }
        }
    }

    /// Uses the store at a place, from now on.
    fn serve(
        &mut self,
        database: Option<&Hidden>,
        key: Option<&Hidden>,
    ) -> Result<control::Reply, ApiError> {
        if database.is_none() && key.is_none() {
            if !Place::is_known(&self.state) {
                let opened = Opened::remembered(&self.state, self.f)?;
                self.use_store(opened);
            }
            self.refused = None;
            return self.opened().map(|_| control::Reply::Done);
        }
        // What is open now, or why it is not, is for the comparison alone.
        if Place::is_known(&self.state) {
            let _ = self.opened();
        }
        let here = (self.state.as_path(), self.f);
        let opened = Opened::elsewhere(self.open.as_ref(), here, (database, key))?;
        self.use_store(opened);
        Ok(control::Reply::Done)
    }

    /// Does what is due.
    fn tick(&mut self) {
        if self.ticked.is_some_and(|at| at.elapsed() < TICK) {
            return;
        }
        self.ticked = Some(Instant::now());
        self.ask_where_this_is();
        let now_unix_s = os::clock::unix_s();
        if let Some(Opened { service, store, .. }) = &mut self.open {
            let done = service.order(
                store,
                now_unix_s,
                &mut self.rng,
                Actor::Clock,
                &Command::Tick,
            );
            if let Err(error) = done {
                tracing::warn!(%error, "groups: what is due cannot be written down");
            }
        }
    }
}

/// This node as a member of a group that is being made: by the name that it has already, or by
/// one that nobody else has.
fn own_member(service: &Service, f: NodeAddr, name: String) -> Result<Addition, ApiError> {
    let tenant = service.tenant();
    let (member, node) = match tenant.nodes.get(&f) {
        Some(known) => (known.clone(), None),
        None if tenant.members.contains_key(&name) => {
            let refusal = control::Refusal::HasNode(name);
            return Err(order_error(&OrderError::Refused(refusal)));
        }
        None => (name, Some(f)),
    };
    Ok(Addition {
        member,
        node,
        life_s: api::EXPIRES_S_DEFAULT,
        ..Addition::default()
    })
}

fn order_error(error: &OrderError) -> ApiError {
    match error {
        OrderError::Refused(refusal) => {
            let (name, named) = refusal.named();
            let error = ApiError::new(Code::GroupRefused).with("refusal", name);
            named
                .into_iter()
                .fold(error, |error, (name, value)| error.with(name, value))
        }
        other => ApiError::new(Code::GroupStore).with("detail", other),
    }
}

/// What a server manages, as values of the control interface.
fn managed(service: &Service) -> api::Managed {
    let tenant = service.tenant();
    let now_unix_s = os::clock::unix_s();
    let groups = tenant.groups.iter().map(|(name, group)| {
        let ahead = group.chain.epochs_ahead(now_unix_s);
        let next = ahead.iter().map(|epoch| epoch.activates_unix_s);
        api::ManagedGroup {
            id: group.id.to_string(),
            group: name.clone(),
            zone: group.zone_name.clone(),
            epoch: ahead.first().map_or(0, |epoch| epoch.number),
            next_unix_s: next.filter(|at| *at > now_unix_s).min(),
            members: group.admissions.keys().cloned().collect(),
        }
    });
    let members = tenant.members.iter().map(|(name, member)| api::Member {
        name: name.clone(),
        address: member.f.map(NodeAddr::to_ipv6),
        element: member.kind.map(crate::orders::kind),
        mode: crate::orders::mode(member.mode_in_force()),
        prefixes: member.prefixes.iter().copied().map(api::Prefix).collect(),
        groups: member.groups.iter().cloned().collect(),
        in_touch: member.f.is_some_and(|f| service.is_online(f)),
    });
    let trail = service.trail();
    api::Managed {
        rev: trail.rev,
        trail: group::serial::hex::text(&trail.hash),
        groups: groups.collect(),
        members: members.collect(),
        lines_open: u32::try_from(tenant.invites.len()).unwrap_or(u32::MAX),
    }
}

fn answer(reply: &SyncSender<Reply>, answer: Reply) {
    // Whoever asked may have gone.
    let _ = reply.try_send(answer);
}
