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
mod sharing;
mod users;

use crate::http::{Doors, Places};
use crate::inbox::Inbox;
use crate::locked;
use crate::manage;
use crate::orders::{Ask, By, FromGms, Order, command_of};
use crate::refusals::{order_error, refused};
use crate::rules;
use crate::shared::Input;
use api::{ApiError, Code, Hidden, ManageRequest, ManageResponse, Reply, Response};
use control::service::Service;
use control::{Actor, Addition, AdminId, Command, Refusal, Role};
use identity::crypto::{AwsLc, Crypto, HashRng};
use opening::Opened;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};
use store::{Database, Place};
use users::Hasher;
use wire::NodeAddr;
use wire::admin_key::AdminKey;

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
    pub fn start(state: &Path, f: NodeAddr, inbox: Inbox, places: Places) -> std::io::Result<Self> {
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
            is_left_out: false,
            is_behind: false,
            places: BTreeMap::new(),
            doors: Doors::new(places, &asks),
            hasher: Hasher::start(asks.clone())?,
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

/// The thread keeps a way to itself, for the door; so it has to be told.
impl Drop for Gms {
    fn drop(&mut self) {
        // What is full is dropped with the process.
        let _ = self.asks.try_send(Ask::End);
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
    /// A group has no place for this instance.
    is_left_out: bool,
    /// Where nodes are that have come since it was last written down.
    places: BTreeMap<NodeAddr, Vec<u8>>,
    doors: Doors,
    hasher: Hasher,
}

impl Server {
    /// Runs until nobody can ask any more.
    fn run(&mut self, waiting: &Receiver<Ask>) {
        loop {
            self.tick();
            self.poll();
            self.drain();
            let has_admins = |it: &Opened| !it.service.tenant().admins.is_empty();
            let again = self.doors.set(self.open.as_ref().is_some_and(has_admins));
            let wait = self.wait();
            match waiting.recv_timeout(again.map_or(wait, |again| again.min(wait))) {
                Ok(Ask::End) => return,
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
        let members = opened.service.tenant().all_nodes().into_iter().collect();
        let partners = opened.service.partners().clone();
        let gate = opened.gate;
        self.inbox.send(Input::Gms(FromGms::Ready {
            members,
            partners,
            gate,
        }));
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
                match self.opened() {
                    Ok((service, store, rng)) => {
                        service.hear(store, now_unix_s, rng, from, message);
                        // Strangers that were refused are not kept.
                        if service.tenant().has_node(from) {
                            self.note_place(from, place);
                        }
                    }
                    Err(error) => tracing::debug!(%error, "a node was not heard"),
                }
            }
            Ask::Here(place) => self.note_place(self.f, Some(place)),
            Ask::There(nodes) => {
                if let Some(opened) = &mut self.open {
                    opened.service.adopt(nodes);
                }
            }
            Ask::Offline(f) => {
                if let Some(opened) = &mut self.open {
                    opened.service.offline(f);
                }
            }
            Ask::Order { by, order, reply } => self.take_order(now_unix_s, &by, order, reply),
            Ask::Checked { f, is_right } => self.checked(f, Some(is_right)),
            Ask::Manage {
                by,
                request:
                    request @ (ManageRequest::AddUser { .. } | ManageRequest::SetPassword { .. }),
                reply,
            } => self.hash_first(now_unix_s, by, request, reply),
            Ask::Hashed {
                by,
                request,
                verifier,
                reply,
            } => {
                let done = self.hashed(now_unix_s, &by, request, verifier.map(|it| *it));
                self.drain();
                answer(&reply, done);
            }
            Ask::Manage { by, request, reply } => {
                let done = self.manage(now_unix_s, &by, request);
                self.drain();
                answer(&reply, done.map(|done| Response::Manage(Box::new(done))));
            }
            Ask::Accept {
                server,
                line: (line, secret),
                wait_ms,
                reply,
            } => self.accept_line((server, secret), line, wait_ms, reply),
            Ask::Accepted {
                server,
                took_ms,
                reply,
            } => {
                let done = self.accepted(now_unix_s, server, took_ms);
                self.drain();
                answer(&reply, done);
            }
            Ask::End => {}
            Ask::List { mut groups, reply } => {
                let caught_up = self.catch_up();
                let managed = caught_up
                    .and_then(|()| self.opened())
                    .map(|(service, ..)| manage::managed(service));
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

    fn take_order(&mut self, now_unix_s: u64, by: &By, order: Order, reply: SyncSender<Reply>) {
        let done = match order {
            order if order.is_operators() && !matches!(by, By::Operator) => {
                Err(refused(&Refusal::Role(Role::Owner)))
            }
            Order::Move { to } => self.carry(&to, &reply).map(Done::Reply),
            Order::Backup { file } => self.backup(&file, &reply).map(Done::Reply),
            order => self.order(now_unix_s, by, order),
        };
        // Nodes are told before whoever ordered it is answered.
        self.drain();
        match done {
            Ok(Done::Reply(control::Reply::Invited {
                invite,
                secret,
                expires_unix_s,
            })) => {
                let tenant = self.open.as_ref().map(|it| it.service.tenant());
                let lock = tenant.and_then(|it| it.lock_of(invite)).map(Box::new);
                self.inbox.send(Input::Gms(FromGms::Line {
                    invite,
                    secret,
                    lock,
                    expires_unix_s,
                    reply,
                }));
            }
            Ok(Done::Reply(_)) => answer(&reply, Ok(Response::Done)),
            Ok(Done::Planned(planned)) => {
                answer(&reply, Ok(Response::Planned(Box::new(planned))));
            }
            Ok(Done::Made(made)) => answer(&reply, Ok(Response::GroupsMade(made))),
            Err(error) => answer(&reply, Err(error)),
        }
    }

    /// Who somebody is.
    fn actor(&mut self, now_unix_s: u64, by: &By) -> Result<Actor, ApiError> {
        let By::Key(text) = by else {
            return Ok(Actor::Operator);
        };
        // Whoever shows no right key learns nothing of the store.
        let opened = self.opened();
        let (service, ..) = opened.map_err(|_| ApiError::new(Code::GroupStore))?;
        let key = AdminKey::parse(text, |bytes| AwsLc.sha256(&[bytes]));
        let admin = key.map(|key| AdminId::of(&AwsLc, &key.secret));
        let actor = admin.map(|admin| Actor::Admin { admin });
        let known = actor.filter(|it| service.tenant().role(now_unix_s, *it).is_some());
        known.ok_or_else(|| ApiError::new(Code::AdminKey))
    }

    /// The same by what is written down at this moment. Nobody makes the store work with a key that is
    /// not known here.
    fn known(&mut self, now_unix_s: u64, by: &By) -> Result<Actor, ApiError> {
        self.actor(now_unix_s, by)?;
        self.catch_up()?;
        self.actor(now_unix_s, by)
    }

    /// Answers an administrator, or changes who administers.
    fn manage(
        &mut self,
        now_unix_s: u64,
        by: &By,
        request: ManageRequest,
    ) -> Result<ManageResponse, ApiError> {
        let actor = self.known(now_unix_s, by)?;
        let f = self.f;
        let (service, store, rng) = self.opened()?;
        let may = service.tenant().authorize(now_unix_s, actor, Role::Auditor);
        may.map_err(|refusal| refused(&refusal))?;
        if let Some(answer) = manage::read(service, store, f, &request) {
            return answer;
        }
        let command = command_of(request, None)?;
        let done = service.order(store, now_unix_s, rng, actor, &command);
        match done.map_err(|error| order_error(&error))? {
            control::Reply::Admin {
                secret,
                expires_unix_s,
            } => {
                let key = AdminKey { server: f, secret };
                Ok(ManageResponse::Key(api::Key {
                    key: key.encode(|bytes| AwsLc.sha256(&[bytes])),
                    expires_unix_s,
                }))
            }
            control::Reply::Approved(done) => Ok(ManageResponse::Approved(locked::approved(done))),
            _ => Ok(ManageResponse::Done),
        }
    }

    fn order(&mut self, now_unix_s: u64, by: &By, order: Order) -> Result<Done, ApiError> {
        // The store that is used now may be the reason for another.
        let actor = match &order {
            Order::Serve { .. } => self.actor(now_unix_s, by)?,
            _ => self.known(now_unix_s, by)?,
        };
        let f = self.f;
        if let Order::Serve {
            site,
            database,
            key,
        } = &order
        {
            self.serve(database.as_ref(), key.as_ref())?;
            let site = site.clone();
            let (service, store, rng) = self.opened()?;
            let done = service.order(store, now_unix_s, rng, actor, &Command::Serve { site });
            return done.map(Done::Reply).map_err(|error| order_error(&error));
        }
        if let Order::Create {
            locked: Some(lock), ..
        } = &order
        {
            // Before there is a store that nobody needs.
            locked::admins_of(lock)?;
        }
        if matches!(order, Order::Create { .. }) && !Place::is_known(&self.state) {
            self.serve(None, None)?;
        }
        let (service, store, rng) = self.opened()?;
        let mut act = |service: &mut Service, command: &Command| {
            let done = service.order(store, now_unix_s, rng, actor, command);
            done.map_err(|error| order_error(&error))
        };
        match order {
            // These were done above, or by whoever asked this.
            Order::Serve { .. } | Order::Move { .. } | Order::Backup { .. } => {
                Ok(Done::Reply(control::Reply::Done))
            }
            Order::Plain(command) => act(service, &command).map(Done::Reply),
            Order::Plan(command) => {
                let plan = service.plan(now_unix_s, rng, actor, &command);
                let plan = plan.map_err(|error| order_error(&error))?;
                Ok(Done::Planned(rules::planned(plan)))
            }
            Order::Create {
                groups,
                zone,
                site,
                sign_in_s,
                enters,
                locked,
            } => {
                let here = own_member(service, f, enters, locked.is_some())?;
                let protected = site
                    .clone()
                    .unwrap_or_else(|| service.tenant().site.clone());
                let create = match &locked {
                    Some(lock) => {
                        let of = (zone.as_str(), site.as_deref());
                        Command::CreateLocked(locked::creation(&groups, of, lock)?)
                    }
                    None => Command::CreateGroups {
                        groups: groups.clone(),
                        zone: zone.clone(),
                        site,
                        sign_in_s,
                    },
                };
                act(service, &create)?;
                let member = here.as_ref().map(|it| it.member.clone());
                if let Some(addition) = here {
                    let groups = groups.clone();
                    act(service, &Command::Add(Addition { groups, ..addition }))?;
                }
                Ok(Done::Made(api::GroupsMade {
                    groups,
                    zone,
                    site: protected.into_iter().map(api::Prefix).collect(),
                    member,
                    locked,
                }))
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
            service.greet_partners();
        }
    }
}

/// What came of an order.
enum Done {
    /// What the domain says.
    Reply(control::Reply),
    /// There are groups.
    Made(api::GroupsMade),
    /// What would come of another.
    Planned(api::Planned),
}

/// This node as a member of groups that are being made, if it shall be one: by the name that it has
/// already, or by one that nobody else has.
fn own_member(
    service: &Service,
    f: NodeAddr,
    enters: api::Enters,
    is_locked: bool,
) -> Result<Option<Addition>, ApiError> {
    let tenant = service.tenant();
    let name = match enters {
        api::Enters::Never => return Ok(None),
        // Its admins say who is in it, also about the server itself.
        api::Enters::Usually { .. } if is_locked => return Ok(None),
        api::Enters::Usually { .. } if tenant.apart => return Ok(None),
        api::Enters::As { name } | api::Enters::Usually { name } => name,
    };
    let (member, node) = match tenant.nodes.get(&f) {
        Some(known) => (known.clone(), None),
        None if tenant.members.contains_key(&name) => {
            let refusal = control::Refusal::HasNode(name);
            return Err(refused(&refusal));
        }
        None => (name, Some(f)),
    };
    Ok(Some(Addition {
        member,
        node,
        life_s: api::EXPIRES_S_DEFAULT,
        ..Addition::default()
    }))
}

fn answer(reply: &SyncSender<Reply>, answer: Reply) {
    // Whoever asked may have gone.
    let _ = reply.try_send(answer);
}
