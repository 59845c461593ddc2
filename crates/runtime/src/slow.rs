//! The slow path: the one owner of the node, its journal and its requests.
//!
//! One thread at a time works on it ([`crate::desk`]). After each change every output is done, in order, before the next input is looked at; a
//! change is in the journal before anything after it is done.

use crate::counters::{Cause, ShellDrop};
use crate::desk::{Alarm, Then, Work};
use crate::facts::Facts;
use crate::groups::Groups;
use crate::lane::Lane;
use crate::peer_routes::PeerRoutes;
use crate::requests::Requests;
use crate::responder::{Responder, Taken};
use crate::settings::names;
use crate::shared::{Input, Shared};
use crate::site::{Ground, Site};
use crate::storage::{Storage, StorageError};
use node::{Event, Node, Output, PasswordRecord, StreamEvent, Wake};
use os::adapter::Adapter;
use os::marked::Clear;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;
use wire::datagram::is_handshake;
use wire::{NodeAddr, Now, Path, Prefix};
use zeroize::Zeroizing;

/// Stack of a thread that checks a password; the memory of Argon2id is not on it.
const PASSWORD_STACK_LEN: usize = 256 * 1024;

/// Both clocks as the node wants them: the Unix time never runs backwards.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    unix_s_high: u64,
}

impl Clock {
    /// A clock that starts no earlier than the time that was stored.
    pub const fn new(time_high_unix_s: u64) -> Self {
        Self {
            unix_s_high: time_high_unix_s,
        }
    }

    /// Now.
    pub fn now(&mut self) -> Now {
        self.unix_s_high = self.unix_s_high.max(os::clock::unix_s());
        Now {
            mono: os::clock::monotonic(),
            unix_s: self.unix_s_high,
        }
    }
}

/// The slow path.
pub struct SlowPath {
    node: Node,
    storage: Storage,
    requests: Requests,
    /// Names for programs.
    responder: Responder,
    facts: Facts,
    /// What has happened and nobody was told of yet.
    untold: VecDeque<Event>,
    clock: Clock,
    /// When its own thread wakes up, if nothing comes.
    alarm_at: Option<Duration>,
    shared: Arc<Shared>,
    routes: Option<PeerRoutes>,
    /// Site mode, and how packets leave in clear.
    site: Option<(Site, Clear)>,
    /// The interface and the port that site mode works with, if it can.
    captures: Option<(String, u16)>,
    /// What lets this node stand before servers, and which.
    adapter: Option<Adapter>,
    servers: Vec<IpAddr>,
    /// Where it notes what it changes.
    adapter_notes: Option<PathBuf>,
    /// Where it is noted who was behind this node.
    behind_notes: PathBuf,
    /// Held by whoever checks a password.
    password_turn: Arc<Mutex<()>>,
}

impl SlowPath {
    /// A slow path over a node that was just made.
    pub fn new(
        node: Node,
        storage: Storage,
        facts: Facts,
        clock: Clock,
        routes: Option<PeerRoutes>,
        groups: Groups,
        responder: Responder,
    ) -> Self {
        let shared = Arc::clone(&facts.shared);
        Self {
            node,
            storage,
            requests: Requests::new(groups),
            responder,
            facts,
            untold: VecDeque::new(),
            clock,
            alarm_at: None,
            shared,
            routes,
            site: None,
            captures: None,
            adapter: None,
            servers: Vec::new(),
            adapter_notes: None,
            behind_notes: PathBuf::new(),
            password_turn: Arc::default(),
        }
    }

    /// Where the host's flows can be captured: at an interface in its own network. What an adapter changes in the
    /// kernel, and who is behind this node, is noted in this directory; what a killed adapter noted there is set back
    /// now.
    pub fn capture_from(&mut self, interface: Option<String>, port: u16, notes: &FilePath) {
        self.captures = interface.map(|interface| (interface, port));
        let adapter_notes = notes.join(names::ADAPTER);
        Adapter::restore(&adapter_notes);
        self.adapter_notes = Some(adapter_notes);
        self.behind_notes = notes.join(names::BEHIND);
    }

    /// Captures the host's flows with the ordinary addresses that this node decides on, if there
    /// are any.
    ///
    /// # Errors
    /// What could not be done, for people.
    pub fn capture(&mut self) -> Result<(), String> {
        let done = self.try_to_capture();
        self.facts.site = done.clone().err();
        done
    }

    fn try_to_capture(&mut self) -> Result<(), String> {
        let (prefixes, behind) = self.node.site_ground();
        // What lies wholly behind this node is its own side.
        let beyond = |it: &&Prefix| !behind.iter().any(|own| own.covers(**it));
        let prefixes: Vec<Prefix> = prefixes.iter().filter(beyond).copied().collect();
        let closed = self.node.is_closed();
        if prefixes.is_empty() {
            (self.adapter, self.servers) = (None, Vec::new());
            match self.site.take() {
                Some((site, _)) => site.end(),
                None if self.captures.is_some() => crate::site::clean_up(),
                None => {}
            }
            return Ok(());
        }
        // Single addresses behind this node are servers that it stands right before (GEA).
        let servers = behind.iter().filter(|it| it.is_host()).map(|it| it.ip());
        let servers: Vec<IpAddr> = servers.collect();
        if let Some((site, _)) = &mut self.site {
            site.mode(closed);
            site.change(&prefixes, behind)?;
            return self.stand_before(servers);
        }
        let Some((interface, port)) = self.captures.clone() else {
            return Err("it needs an interface in the host's own network, which takes root".into());
        };
        let ground = Ground {
            interface,
            port,
            prefixes,
            behind: behind.to_vec(),
            notes: self.behind_notes.clone(),
        };
        let clear = Clear::open().map_err(|error| format!("a raw socket: {error}"))?;
        let sealed = self.node.site_members().collect();
        let site = Site::start(ground, closed, sealed, self.shared.inbox.clone())?;
        self.site = Some((site, clear));
        self.stand_before(servers)
    }

    fn stand_before(&mut self, servers: Vec<IpAddr>) -> Result<(), String> {
        if self.servers != servers {
            // The one before sets everything back first.
            self.adapter = None;
            self.servers = servers;
        }
        if self.servers.is_empty() {
            return Ok(());
        }
        let interface = self.captures.as_ref().map_or("", |(name, _)| name);
        let notes = &self.adapter_notes;
        let adapter = self
            .adapter
            .get_or_insert_with(|| Adapter::new(notes.clone()));
        let stands = adapter.stand_before(interface, &self.servers);
        stands.map_err(|error| error.to_string())
    }

    /// This node's mode, what its groups protect, or the host's addresses, may have changed.
    fn site_changed(&mut self) {
        if let Err(error) = self.capture() {
            tracing::warn!(error, "site mode");
        }
    }

    fn due(&self) -> Option<Duration> {
        let timer = self.node.poll_timeout().map(|(at, _)| at);
        timer.into_iter().chain(self.request_due()).min()
    }

    /// When somebody of this host has waited long enough.
    fn request_due(&self) -> Option<Duration> {
        let asked = self.requests.poll_timeout().into_iter();
        asked.chain(self.responder.poll_timeout()).min()
    }

    fn handle(&mut self, now: Now, input: Input) -> Then {
        match input {
            Input::Datagram {
                from,
                ecn,
                mut bytes,
                ..
            } => {
                self.node.handle_datagram(now, from, ecn, &mut bytes);
            }
            Input::Packet(packet) => self.packet(now, &packet),
            Input::Passing(packet) => self.node.handle_passing(now, &packet),
            Input::Fast(report) => self.node.handle_fast(now, report),
            Input::Beacon { from, bytes } => self.node.handle_beacon(now, from, &bytes),
            Input::Near(near) => self.node.handle_near_networks(now, near),
            // An adapter stands between cards.
            Input::Links if self.adapter.is_some() => self.site_changed(),
            Input::Links => {}
            Input::Endpoints(endpoints) => {
                self.node.handle_local_endpoints(now, endpoints);
                self.site_changed();
            }
            Input::Request(asked) => {
                return self
                    .requests
                    .handle(&mut self.node, &mut self.facts, now, asked);
            }
            Input::Stream(event) => self.node.handle_stream(now, event),
            Input::Password { client, customer } => {
                self.node.handle_password(now, client, customer.as_deref());
            }
            Input::Gms(said) => self.requests.groups.from_gms(&mut self.node, now, said),
            Input::Reload => self.reload(now),
            Input::Stop => return Then::Stop,
        }
        Then::Continue
    }

    /// A packet of the host, for a peer or for the responder.
    fn packet(&mut self, now: Now, packet: &[u8]) {
        match self.responder.handle(&mut self.node, now, packet) {
            Taken::No => self.node.handle_inside(now, packet),
            Taken::Yes(answer) => self.deliver(answer),
        }
    }

    fn deliver(&self, packets: impl IntoIterator<Item = Vec<u8>>) {
        for packet in packets {
            Lane::first(&self.shared).deliver(&packet);
        }
    }

    fn reload(&mut self, now: Now) {
        let installed = self.facts.reload().and_then(|identity| {
            self.node
                .install_identity(now, identity)
                .map_err(|error| error.to_string())
        });
        match installed {
            Ok(()) => tracing::info!("identity read again"),
            Err(error) => tracing::warn!(error, "identity not read again"),
        }
    }

    /// Does what timers ask for, until none is due.
    fn expire(&mut self, now: Now) -> Result<(), StorageError> {
        let due = |at: Option<Duration>| at.is_some_and(|at| at <= now.mono);
        if due(self.node.poll_timeout().map(|(at, _)| at)) {
            self.node.handle_timeout(now);
            self.drain(now)?;
        }
        if due(self.request_due()) {
            self.requests.handle_timeout(&mut self.node, now);
            let late = self.responder.handle_timeout(now);
            self.deliver(late);
            self.drain(now)?;
        }
        Ok(())
    }

    /// Does everything that the node asks for, in order; but what is only to be told of waits until all
    /// that others wait for has left.
    fn drain(&mut self, now: Now) -> Result<(), StorageError> {
        loop {
            self.drain_outputs(now)?;
            if self.untold.is_empty() {
                return Ok(());
            }
            self.tell(now);
        }
    }

    fn tell(&mut self, now: Now) {
        while let Some(event) = self.untold.pop_front() {
            self.event(now, &event);
        }
    }

    fn drain_outputs(&mut self, now: Now) -> Result<(), StorageError> {
        let mut next = None;
        while let Some(output) = next.take().or_else(|| self.node.poll_output()) {
            match output {
                Output::Persist(change) => {
                    self.storage.append(&change)?;
                    self.facts.journal_len = self.storage.len_bytes();
                }
                Output::Transmit {
                    to: Path::Udp(to),
                    payload,
                    ..
                } if is_handshake(&payload) => next = self.transmit_handshake(to, payload),
                Output::Transmit { to, ecn, payload } => {
                    Lane::first(&self.shared).transmit(to, ecn, &payload);
                }
                Output::Multicast(beacon) => {
                    if let Some(multicast) = &self.shared.multicast {
                        let links = multicast.send(&beacon);
                        tracing::debug!(links, "beacon");
                    }
                }
                Output::Inside(packet) => Lane::first(&self.shared).deliver(&packet),
                Output::Publish(snapshot) => {
                    if let Some(routes) = &mut self.routes {
                        routes.follow(&self.node, &snapshot, now);
                        self.facts.elsewhere = routes.elsewhere().to_vec();
                    }
                    self.shared.snapshot.store(snapshot);
                }
                Output::Clear(packet) => {
                    if let Some((_, clear)) = &self.site
                        && let Err(error) = clear.send(&packet)
                    {
                        tracing::debug!(%error, "a packet in clear");
                        self.shared.counters.dropped(ShellDrop::SendFailed);
                    }
                }
                Output::Site { there, route } => {
                    if let Some((site, _)) = &mut self.site {
                        site.route(there, route);
                    }
                }
                Output::ToServer { from, message } => {
                    self.requests.groups.said(&self.node, from, message);
                }
                Output::Event(event) => {
                    let waits = matches!(event, Event::SessionUp { .. });
                    self.untold.push_back(event);
                    if !waits {
                        self.tell(now);
                    }
                }
                Output::Listen(on) => self.listen(on),
                Output::Dial { at, small } => {
                    if !self.shared.streams.dial(at, small) {
                        let failed = StreamEvent::Failed { at };
                        self.node.handle_stream(now, failed);
                    }
                }
                Output::Keep(id) => self.shared.streams.keep(id),
                Output::Hang(id) => self.shared.streams.close(id),
                Output::CheckPassword {
                    client,
                    password,
                    against,
                } => self.check_password(now, client, password, against),
            }
        }
        Ok(())
    }

    /// Sends a fragment of a handshake's message, and those behind it to the same place; what follows them.
    fn transmit_handshake(&mut self, to: SocketAddr, first: Vec<u8>) -> Option<Output> {
        let mut fragments = vec![first];
        let next = loop {
            match self.node.poll_output() {
                Some(Output::Transmit {
                    to: at, payload, ..
                }) if at == Path::Udp(to) && is_handshake(&payload) => {
                    fragments.push(payload);
                }
                next => break next,
            }
        };
        let fragments: Vec<&[u8]> = fragments.iter().map(Vec::as_slice).collect();
        Lane::first(&self.shared).transmit_handshake(to, &fragments);
        next
    }

    /// Takes streams on the node's port, or no more. A port that is taken is said by `status`.
    fn listen(&self, on: bool) {
        let port = on.then_some(self.facts.port);
        if let Err(error) = self.shared.streams.listen(port) {
            tracing::warn!(%error, ?port, "no TCP port for this Bridge");
        }
    }

    /// Checks a password on a thread of its own, after the one before: each takes 19 MiB.
    fn check_password(
        &mut self,
        now: Now,
        client: NodeAddr,
        password: String,
        against: Vec<PasswordRecord>,
    ) {
        let (shared, turn) = (Arc::clone(&self.shared), Arc::clone(&self.password_turn));
        let check = move || {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            let password = Zeroizing::new(password);
            let right = |record: &&PasswordRecord| {
                identity::password::is_right(&password, &record.salt, &record.hash)
            };
            let customer = against.iter().find(right).map(|r| r.customer.clone());
            shared.inbox.send(Input::Password { client, customer });
        };
        let thread = Builder::new().name("kumi-password".into());
        if let Err(error) = thread.stack_size(PASSWORD_STACK_LEN).spawn(check) {
            tracing::warn!(%error, "password not checked");
            self.node.handle_password(now, client, None);
        }
    }

    fn event(&mut self, now: Now, event: &Event) {
        match event {
            Event::SessionUp { .. } | Event::Joined { .. } | Event::InviteUsed { .. } => {
                tracing::info!(what = event_name(event));
            }
            Event::CloneSeen { .. }
            | Event::GroupForked { .. }
            | Event::GroupClock { .. }
            | Event::GroupDamaged { .. } => tracing::warn!(what = event_name(event)),
            Event::Echo { .. } | Event::EchoLost { .. } | Event::Named { .. } => {}
            _ => tracing::info!(what = event_name(event)),
        }
        tracing::debug!(?event);
        if let Event::GroupJoined { .. } | Event::GroupLeft { .. } | Event::GroupsCurrent { .. } =
            event
        {
            self.site_changed();
        }
        if let Event::Named { name, f, by } = event {
            let answers = self.responder.named(&self.node, name, (*f, *by));
            self.deliver(answers);
        }
        self.facts.note(now, event);
        self.requests.handle_event(&mut self.node, now, event);
        if let Event::CertificateExpiring { .. } | Event::CertificateExpired { .. } = event {
            self.renew(now);
        }
    }

    /// The certificate ends soon: takes a new one if the root key is at hand.
    fn renew(&mut self, now: Now) {
        let Some(identity) = self.facts.renewed() else {
            return;
        };
        let until_unix_s = identity.public.certificate.not_after_unix_s;
        match self.node.install_identity(now, identity) {
            Ok(()) => tracing::info!(until_unix_s, "certificate renewed"),
            Err(error) => tracing::warn!(%error, "renewed certificate not taken"),
        }
    }
}

impl Work for SlowPath {
    fn begin(&mut self) -> Result<Then, StorageError> {
        let now = self.clock.now();
        self.drain(now)?;
        Ok(Then::Continue)
    }

    fn turn(&mut self, input: Option<Input>) -> Result<Then, StorageError> {
        let now = self.clock.now();
        let then = match input {
            Some(input) => self.handle(now, input),
            None => Then::Continue,
        };
        self.drain(now)?;
        self.expire(now)?;
        Ok(then)
    }

    fn stop(&mut self) -> Result<(), StorageError> {
        let now = self.clock.now();
        self.node.shutdown(now);
        let drained = self.drain(now);
        self.adapter = None;
        if let Some((site, _)) = self.site.take() {
            site.end();
        }
        drained
    }

    fn alarm(&mut self) -> Alarm {
        let timer = self.node.poll_timeout();
        let request = self.request_due();
        let cause = match (timer, request) {
            (Some((at, _)), Some(request)) if request < at => Cause::TimerRequest,
            (None, Some(_)) => Cause::TimerRequest,
            (Some((_, Wake::Session)), _) => Cause::TimerSession,
            (Some((_, Wake::Beacon)), _) => Cause::TimerBeacon,
            _ => Cause::TimerNode,
        };
        self.alarm_at = self.due();
        Alarm {
            at: self.alarm_at,
            cause,
            counters: Arc::clone(&self.shared.counters),
        }
    }

    fn is_due_earlier(&self) -> bool {
        let due = self.due();
        due.is_some_and(|due| self.alarm_at.is_none_or(|alarm_at| due < alarm_at))
    }
}

/// What happened, without whom: names stay out of the ordinary log.
fn event_name(event: &Event) -> &'static str {
    match event {
        Event::SessionUp { .. } => "session up",
        Event::SessionDown { .. } => "session down",
        Event::Echo { .. } => "echo",
        Event::EchoLost { .. } => "echo lost",
        Event::InviteUsed { .. } => "invite used",
        Event::Joined { .. } => "joined",
        Event::JoinFailed { .. } => "join failed",
        Event::CloneSeen { .. } => "cloned key seen",
        Event::IdentityUpdated { .. } => "identity of a peer updated",
        Event::Moved { .. } => "session moved",
        Event::BridgeUp { .. } => "bridge attached",
        Event::BridgeDown { .. } => "bridge lost",
        Event::BridgeRefused { .. } => "refused by a bridge",
        Event::ClientUp { .. } => "client attached",
        Event::ClientDown { .. } => "client gone",
        Event::Enrolled { .. } => "became a member",
        Event::EnrolFailed { .. } => "did not become a member",
        Event::GroupJoined { .. } => "joined a group",
        Event::GroupLeft { .. } => "removed from a group",
        Event::GroupsCurrent { .. } => "groups current",
        Event::Named { .. } => "a name was asked for",
        Event::SignInAnswered { .. } => "signing in was answered",
        Event::SignInEnding { .. } => "the sign-in ends soon",
        Event::SignInEnded { .. } => "the sign-in has ended",
        Event::GroupForked { .. } => "a management server told two histories of a group",
        Event::GroupClock { .. } => "the clock of a management server differs",
        Event::GroupDamaged { .. } => "what was kept of a group is damaged",
        Event::CertificateExpiring { .. } => "certificate ends soon",
        Event::CertificateExpired { .. } => "certificate has ended",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_runs_backwards() {
        let future = os::clock::unix_s() + 1_000_000;
        let mut clock = Clock::new(future);
        assert_eq!(clock.now().unix_s, future);
        let mut clock = Clock::new(5);
        assert!(clock.now().unix_s > 1_700_000_000);
    }
}
