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

use crate::http::{Door, Places};
use crate::manage;
use crate::orders::{Ask, By, FromGms, Order, command_of};
use crate::refusals::{order_error, refused};
use crate::shared::{Inbox, Input};
use api::{ApiError, Code, ManageRequest, ManageResponse, Reply, Response};
use control::plan::{Change, Plan};
use control::service::{Keys, OrderError, Service, Store};
use control::{Actor, Addition, AdminId, Command, Role};
use identity::crypto::{AwsLc, Crypto, HashRng};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};
use store::{MasterKey, Sqlite};
use wire::NodeAddr;
use wire::admin_key::AdminKey;

/// At most this many things wait for the server.
pub const ASKS_MAX: usize = 4_096;
/// Time between two looks at what is due.
const TICK: Duration = Duration::from_secs(60);
/// Stack of its thread, in bytes: SQLite needs some.
const STACK_LEN: usize = 1024 * 1024;

/// The way to the server's thread.
#[derive(Debug)]
pub struct Gms {
    asks: SyncSender<Ask>,
}

impl Gms {
    /// Whether there is a store in a state directory.
    pub fn is_in(state: &Path) -> bool {
        state.join(store::FILE).exists()
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
            door: Door::new(places, asks.clone()),
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
    open: Option<(Service, Sqlite)>,
    ticked: Option<Instant>,
    door: Door,
}

impl Server {
    /// Runs until nobody can ask any more.
    fn run(&mut self, waiting: &Receiver<Ask>) {
        if let Err(error) = self.opened() {
            tracing::warn!(%error, "the store of groups cannot be opened");
        }
        loop {
            self.tick();
            self.drain();
            let has_admins = |(service, _): &(Service, Sqlite)| !service.tenant().admins.is_empty();
            let again = self.door.set(self.open.as_ref().is_some_and(has_admins));
            match waiting.recv_timeout(again.unwrap_or(TICK)) {
                Ok(Ask::End) => return,
                Ok(ask) => self.handle(ask),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// The service and its store, opened if they are not yet.
    fn opened(&mut self) -> Result<(&mut Service, &mut Sqlite, &mut HashRng), ApiError> {
        if self.open.is_none() {
            let opened = open(&self.state, self.f)?;
            let members = opened.0.tenant().nodes.keys().copied().collect();
            self.inbox.send(Input::Gms(FromGms::Ready(members)));
            self.open = Some(opened);
        }
        let missing = || ApiError::new(Code::GroupStore).with("detail", "");
        let (service, store) = self.open.as_mut().ok_or_else(missing)?;
        Ok((service, store, &mut self.rng))
    }

    fn handle(&mut self, ask: Ask) {
        let now_unix_s = os::clock::unix_s();
        match ask {
            Ask::Heard { from, message } => match self.opened() {
                Ok((service, store, rng)) => service.hear(store, now_unix_s, rng, from, message),
                Err(error) => tracing::debug!(%error, "a node was not heard"),
            },
            Ask::Offline(f) => {
                if let Some((service, _)) = &mut self.open {
                    service.offline(f);
                }
            }
            Ask::Order { by, order, reply } => {
                let done = self.order(now_unix_s, &by, order);
                // Nodes are told before whoever ordered it is answered.
                self.drain();
                match done {
                    Ok(Done::Reply(control::Reply::Invited {
                        invite,
                        secret,
                        expires_unix_s,
                    })) => {
                        self.inbox.send(Input::Gms(FromGms::Line {
                            invite,
                            secret,
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
            Ask::Manage { by, request, reply } => {
                let done = self.manage(now_unix_s, &by, request);
                self.drain();
                answer(&reply, done.map(|done| Response::Manage(Box::new(done))));
            }
            Ask::End => {}
            Ask::List { mut groups, reply } => {
                let managed = self.opened().map(|(service, ..)| manage::managed(service));
                answer(
                    &reply,
                    managed.map(|managed| {
                        groups.managed = Some(managed);
                        Response::Groups(Box::new(groups))
                    }),
                );
            }
        }
    }

    /// Who somebody is.
    fn actor(&mut self, now_unix_s: u64, by: &By) -> Result<Actor, ApiError> {
        let By::Key(text) = by else {
            return Ok(Actor::Operator);
        };
        let (service, ..) = self.opened()?;
        let key = AdminKey::parse(text, |bytes| AwsLc.sha256(&[bytes]));
        let admin = key.map(|key| AdminId::of(&AwsLc, &key.secret));
        let actor = admin.map(|admin| Actor::Admin { admin });
        let known = actor.filter(|it| service.tenant().role(now_unix_s, *it).is_some());
        known.ok_or_else(|| ApiError::new(Code::AdminKey))
    }

    /// Answers an administrator, or changes who administers.
    fn manage(
        &mut self,
        now_unix_s: u64,
        by: &By,
        request: ManageRequest,
    ) -> Result<ManageResponse, ApiError> {
        let actor = self.actor(now_unix_s, by)?;
        let f = self.f;
        let (service, store, rng) = self.opened()?;
        let may = service.tenant().authorize(now_unix_s, actor, Role::Auditor);
        may.map_err(|refusal| refused(&refusal))?;
        if let Some(answer) = manage::read(service, store, f, &request) {
            return answer;
        }
        let command = command_of(request)?;
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
            _ => Ok(ManageResponse::Done),
        }
    }

    fn order(&mut self, now_unix_s: u64, by: &By, order: Order) -> Result<Done, ApiError> {
        let actor = self.actor(now_unix_s, by)?;
        let f = self.f;
        let (service, store, rng) = self.opened()?;
        let mut act = |service: &mut Service, command: &Command| {
            let done = service.order(store, now_unix_s, rng, actor, command);
            done.map_err(|error| order_error(&error))
        };
        match order {
            Order::Plain(command) => act(service, &command).map(Done::Reply),
            Order::Plan(command) => {
                let plan = service.plan(now_unix_s, rng, actor, &command);
                let plan = plan.map_err(|error| order_error(&error))?;
                Ok(Done::Planned(planned(plan)))
            }
            Order::Create {
                groups,
                zone,
                site,
                enters,
            } => {
                let here = own_member(service, f, enters)?;
                let protected = site
                    .clone()
                    .unwrap_or_else(|| service.tenant().site.clone());
                let create = Command::CreateGroups {
                    groups: groups.clone(),
                    zone: zone.clone(),
                    site,
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
                }))
            }
        }
    }

    /// Does what is due.
    fn tick(&mut self) {
        if self.ticked.is_some_and(|at| at.elapsed() < TICK) {
            return;
        }
        self.ticked = Some(Instant::now());
        let now_unix_s = os::clock::unix_s();
        if let Some((service, store)) = &mut self.open {
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

    fn drain(&mut self) {
        let Some((service, _)) = &mut self.open else {
            return;
        };
        while let Some(effect) = service.poll_effect() {
            if !self.inbox.send(Input::Gms(FromGms::Effect(effect))) {
                return;
            }
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

fn planned(plan: Plan) -> api::Planned {
    let left_out = plan.pairs.len().saturating_sub(api::PLANNED_MAX);
    let left_out = left_out.saturating_add(plan.left_out);
    let pairs = plan.pairs.into_iter().take(api::PLANNED_MAX);
    let pairs = pairs.map(|pair| api::PlannedPair {
        change: match pair.change {
            Change::Opens => api::PairChange::Opens,
            Change::Closes => api::PairChange::Closes,
            Change::Stays => api::PairChange::Stays,
        },
        one: pair.one,
        other: pair.other,
        groups: pair.groups.into_iter().collect(),
        waits: pair.waits,
    });
    api::Planned {
        pairs: pairs.collect(),
        left_out: u64::try_from(left_out).unwrap_or(u64::MAX),
    }
}

/// This node as a member of groups that are being made, if it shall be one: by the name that it has
/// already, or by one that nobody else has.
fn own_member(
    service: &Service,
    f: NodeAddr,
    enters: api::Enters,
) -> Result<Option<Addition>, ApiError> {
    let tenant = service.tenant();
    let name = match enters {
        api::Enters::Never => return Ok(None),
        api::Enters::Usually { .. } if tenant.apart => return Ok(None),
        api::Enters::As { name } | api::Enters::Usually { name } => name,
    };
    let (member, node) = match tenant.nodes.get(&f) {
        Some(known) => (known.clone(), None),
        None if tenant.members.contains_key(&name) => {
            let refusal = control::Refusal::HasNode(name);
            return Err(order_error(&OrderError::Refused(refusal)));
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

fn open(state: &Path, f: NodeAddr) -> Result<(Service, Sqlite), ApiError> {
    let failed = |detail: String| ApiError::new(Code::GroupStore).with("detail", detail);
    let random = || os::random::seed().map_err(|error| failed(error.to_string()));
    let crypto: Arc<dyn Crypto> = Arc::new(AwsLc);
    let key = MasterKey::open(state, random()?).map_err(|error| failed(error.to_string()))?;
    let nonces = Box::new(HashRng::new(random()?));
    let seal = key.seal(Arc::clone(&crypto), nonces);
    let mut store = Sqlite::open(state, seal).map_err(|error| failed(error.to_string()))?;
    let keys = Keys {
        seed: key.statement_seed(&*crypto),
        crypto,
        f,
    };
    let service = Service::open(keys, &mut store as &mut dyn Store);
    let service = service.map_err(|error| order_error(&error))?;
    Ok((service, store))
}

fn answer(reply: &SyncSender<Reply>, answer: Reply) {
    // Whoever asked may have gone.
    let _ = reply.try_send(answer);
}
