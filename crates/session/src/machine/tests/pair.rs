//! The harness: two ends, each a session with the little that its node would do for it, and a
//! link between them in virtual time.

use crate::constants::HANDSHAKE_RETRY;
use crate::cookie::CookieSecret;
use crate::fragment::{Mac1Key, Reassembly, Whole};
use crate::handshake::{Credential, Responder, Terms};
use crate::machine::{Answer, Begin, Closed, Inbound, Session, SessionConfig, SessionOutput, Up};
use crate::testing::{UNIX_S, node};
use crate::transport::Transport;
use identity::crypto::AwsLc;
use identity::{LocalIdentity, PublicIdentity};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use wire::Now;
use wire::Path;
use wire::datagram::{Datagram, FragmentView, Message};
use wire::handshake::Number;
use wire::ip::Ecn;
use wire::payload::Kind;

pub(super) const A: usize = 0;
pub(super) const B: usize = 1;

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn s(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// One node as far as a session needs one.
pub(super) struct End {
    pub(super) session: Session,
    pub(super) local: Arc<LocalIdentity>,
    pub(super) peer: PublicIdentity,
    pub(super) address: Path,
    pub(super) call_at: Path,
    pub(super) credentials: Vec<Credential>,
    pub(super) transports: BTreeMap<u32, Arc<Transport>>,
    reassembly: Reassembly,
    count: u64,
    next_index: u32,
    last_number: Number,
    /// Asks for cookies, as a Bridge under load does.
    pub(super) cookies: Option<CookieSecret>,
    pub(super) cookie_replies: Vec<(Path, Vec<u8>)>,
    pub(super) packets: Vec<Vec<u8>>,
    pub(super) messages: Vec<(u16, Vec<u8>)>,
    pub(super) ups: Vec<Up>,
    pub(super) closed: Vec<(Closed, usize)>,
    pub(super) echoes: Vec<(u32, Option<Duration>)>,
    pub(super) moves: Vec<Path>,
    pub(super) silences: usize,
    /// What else leads to the peer, tried when the session doubts its path.
    pub(super) known: Vec<Path>,
    pub(super) timeouts: usize,
    pub(super) refused: usize,
}

/// A UDP address as a path.
pub(super) fn udp(at: &str) -> Path {
    Path::Udp(at.parse().unwrap())
}

/// The IPv6 address of an end.
pub(super) fn second(address: Path) -> Path {
    let port = address.udp().unwrap().port();
    udp(&format!("[2001:db8::1]:{port}"))
}

pub(super) fn is_second(path: Path) -> bool {
    path.udp().is_some_and(|at| at.is_ipv6())
}

/// What a test may do with a datagram before it gets on the link.
pub(super) type Filter = Box<dyn FnMut(Duration, usize, &[u8]) -> bool>;

/// One datagram on the way.
#[derive(Clone)]
pub(super) struct Flying {
    pub(super) from: Path,
    pub(super) to: Path,
    pub(super) bytes: Vec<u8>,
}

/// Two ends and the link between them.
pub(super) struct Pair {
    pub(super) ends: [End; 2],
    pub(super) now: Duration,
    pub(super) delay: Duration,
    pub(super) jitter_ms: u64,
    pub(super) loss_percent: u64,
    pub(super) duplicate_percent: u64,
    pub(super) path: usize,
    /// `true` lets a datagram of that end pass.
    pub(super) filter: Filter,
    pub(super) log: Vec<(Duration, Flying)>,
    /// The channels between both ends, by their number at either, and how long they take.
    pub(super) channels: BTreeMap<u32, Duration>,
    /// Nothing passes but through channels.
    pub(super) wall: bool,
    /// What this end sends there is lost.
    pub(super) mute: Option<(usize, Path)>,
    flying: BTreeMap<(Duration, u64), (usize, Flying)>,
    sequence: u64,
    random: u64,
}

impl Pair {
    pub(super) fn new() -> Self {
        Self::seeded(1)
    }

    pub(super) fn seeded(seed: u64) -> Self {
        let (one, two) = (node(1), node(2));
        // A has the smaller F.
        let swap = one.public.address() > two.public.address();
        let (a, b) = if swap { (two, one) } else { (one, two) };
        let ends = [
            End::new(1, &a, &b, "192.0.2.1:1001", "192.0.2.2:1002"),
            End::new(2, &b, &a, "192.0.2.2:1002", "192.0.2.1:1001"),
        ];
        Self {
            ends,
            now: s(1000),
            delay: ms(20),
            jitter_ms: 0,
            loss_percent: 0,
            duplicate_percent: 0,
            path: 1500,
            filter: Box::new(|_, _, _| true),
            log: Vec::new(),
            channels: BTreeMap::new(),
            wall: false,
            mute: None,
            flying: BTreeMap::new(),
            sequence: 0,
            random: seed,
        }
    }

    /// Both ends up, nothing on the way, no events noted.
    pub(super) fn connected() -> Self {
        let mut pair = Self::new();
        pair.ends[A].session.initiate(pair.now);
        pair.run_for(s(1));
        for end in &mut pair.ends {
            assert_eq!(end.ups.len(), 1);
            end.ups.clear();
        }
        pair.log.clear();
        pair
    }

    pub(super) fn unix(&self) -> Now {
        Now {
            mono: self.now,
            unix_s: UNIX_S + self.now.as_secs(),
        }
    }

    pub(super) fn send(&mut self, from: usize, bytes: &[u8]) {
        let now = self.now;
        self.ends[from]
            .session
            .send_packet(now, Kind::Ip, bytes)
            .unwrap();
        self.drain();
    }

    pub(super) fn message(&mut self, from: usize, kind: u16, value: &[u8]) {
        let now = self.now;
        self.ends[from]
            .session
            .send_message(now, kind, value)
            .unwrap();
        self.drain();
    }

    /// Gives a datagram to an end as if it had come from `from`.
    pub(super) fn inject(&mut self, to: usize, from: Path, bytes: &[u8]) {
        let now = self.unix();
        self.ends[to].receive(now, from, bytes.to_vec());
        self.drain();
    }

    /// Lets everything happen until `span` from now has passed.
    pub(super) fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        self.drain();
        for _ in 0..1_000_000 {
            let next = self.next_event().filter(|at| *at <= end);
            let Some(at) = next else {
                self.now = end;
                return;
            };
            self.now = at.max(self.now);
            self.step();
        }
        panic!("the ends never came to rest");
    }

    /// What is on the way arrives no more.
    pub(super) fn lose_flying(&mut self) {
        self.flying.clear();
    }

    fn next_event(&self) -> Option<Duration> {
        let arrival = self.flying.first_key_value().map(|(key, _)| key.0);
        let timers = self
            .ends
            .iter()
            .filter_map(|end| end.session.poll_timeout());
        timers.chain(arrival).min()
    }

    fn step(&mut self) {
        let now = self.unix();
        while let Some(entry) = self.flying.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let (who, flying) = entry.remove();
            let end = match flying.to {
                Path::Channel(_) => self.ends.get_mut(1 - who),
                to => self
                    .ends
                    .iter_mut()
                    .find(|end| end.address == to || second(end.address) == to),
            };
            if let Some(end) = end {
                end.receive(now, flying.from, flying.bytes);
            }
            self.drain();
        }
        for who in [A, B] {
            let due = self.ends[who].session.poll_timeout();
            if due.is_some_and(|at| at <= self.now) {
                self.ends[who].timeouts += 1;
                self.ends[who].session.handle_timeout(now.mono);
                self.drain();
                let next = self.ends[who].session.poll_timeout();
                assert!(
                    next.is_none_or(|at| at > self.now),
                    "a timer that never rests"
                );
            }
        }
    }

    pub(super) fn drain(&mut self) {
        let now = self.unix();
        for who in [A, B] {
            while let Some(output) = self.ends[who].session.poll_output() {
                if let Some(flying) = self.ends[who].take(now, output) {
                    self.launch(who, flying);
                }
            }
            for (to, bytes) in std::mem::take(&mut self.ends[who].cookie_replies) {
                let from = self.ends[who].address;
                self.launch(who, Flying { from, to, bytes });
            }
        }
    }

    fn launch(&mut self, who: usize, flying: Flying) {
        self.log.push((self.now, flying.clone()));
        if self.mute == Some((who, flying.to)) || self.wall && flying.to.udp().is_some() {
            return;
        }
        if flying.bytes.len() > self.path || !(self.filter)(self.now, who, &flying.bytes) {
            return;
        }
        let delay = match flying.to {
            Path::Channel(channel) => match self.channels.get(&channel) {
                Some(delay) => *delay,
                None => return,
            },
            _ => self.delay,
        };
        let copies = 1 + u64::from(self.draw(100) < self.duplicate_percent);
        for _ in 0..copies {
            if self.draw(100) < self.loss_percent {
                continue;
            }
            self.sequence += 1;
            let at = self.now + delay + ms(self.draw(self.jitter_ms + 1));
            self.flying
                .insert((at, self.sequence), (who, flying.clone()));
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.random >> 33) % below
    }
}

impl End {
    fn new(
        seed: u8,
        local: &Arc<LocalIdentity>,
        peer: &Arc<LocalIdentity>,
        address: &str,
        call_at: &str,
    ) -> Self {
        Self {
            session: Self::fresh_session(seed, local, peer.public.address()),
            local: Arc::clone(local),
            peer: peer.public.clone(),
            address: udp(address),
            call_at: udp(call_at),
            credentials: Vec::new(),
            transports: BTreeMap::new(),
            reassembly: Reassembly::new(),
            count: 0,
            next_index: u32::from(seed) << 24,
            last_number: Number::default(),
            cookies: None,
            cookie_replies: Vec::new(),
            packets: Vec::new(),
            messages: Vec::new(),
            ups: Vec::new(),
            closed: Vec::new(),
            echoes: Vec::new(),
            moves: Vec::new(),
            silences: 0,
            known: Vec::new(),
            timeouts: 0,
            refused: 0,
        }
    }

    fn fresh_session(seed: u8, local: &Arc<LocalIdentity>, peer: wire::NodeAddr) -> Session {
        Session::new(SessionConfig {
            crypto: Arc::new(AwsLc),
            local: Arc::clone(local),
            terms: Terms {
                instance: [seed; 8],
                inner_mtu: 1400,
            },
            peer,
            seed: [seed; 32],
        })
    }

    /// The node stops without a word and starts again.
    pub(super) fn restart(&mut self, seed: u8) {
        self.session = Self::fresh_session(seed, &self.local, self.peer.address());
        self.transports.clear();
    }

    fn index(&mut self) -> u32 {
        self.next_index += 1;
        self.next_index
    }

    fn take(&mut self, now: Now, output: SessionOutput) -> Option<Flying> {
        match output {
            SessionOutput::Transmit { to, bytes, .. } => {
                let from = match to {
                    Path::Channel(_) => to,
                    to if is_second(to) => second(self.address),
                    _ => self.address,
                };
                return Some(Flying { from, to, bytes });
            }
            SessionOutput::InitiationWanted => self.begin(now),
            SessionOutput::InstallTransport(transport) => {
                let old = self.transports.insert(transport.local_index(), transport);
                assert!(old.is_none(), "an index was used twice");
            }
            SessionOutput::RetireIndex(index) => {
                if let Some(transport) = self.transports.remove(&index) {
                    assert!(transport.is_dead(), "a retired transport still works");
                }
            }
            SessionOutput::Established(up) => self.ups.push(*up),
            SessionOutput::Message { kind, value } => self.messages.push((kind, value)),
            SessionOutput::Packet { bytes, .. } => self.packets.push(bytes),
            SessionOutput::Echo { id, rtt } => self.echoes.push((id, Some(rtt))),
            SessionOutput::EchoLost { id } => self.echoes.push((id, None)),
            SessionOutput::Moved { to } => self.moves.push(to),
            SessionOutput::Doubt => {
                for path in self.known.clone() {
                    self.session.try_path(now.mono, path);
                }
            }
            SessionOutput::Silent { .. } => self.silences += 1,
            SessionOutput::PathMtu { .. } => {}
            SessionOutput::Closed { why, parked } => self.closed.push((why, parked.len())),
        }
        None
    }

    fn begin(&mut self, now: Now) {
        self.count += 1;
        let begin = Begin {
            handshake_count: self.count,
            local_index: self.index(),
            to: self.call_at,
            peer: &self.peer,
            credentials: &self.credentials,
        };
        self.session.begin(&begin, now).unwrap();
    }

    pub(super) fn receive(&mut self, now: Now, from: Path, mut bytes: Vec<u8>) {
        let accepted = match Datagram::parse(&bytes) {
            Ok(Datagram::Fragment(fragment)) => self.fragment(now, from, &fragment),
            Ok(Datagram::Cookie(reply)) => self.session.handle_cookie(now.mono, &reply),
            Ok(Datagram::Transport(header)) => {
                self.transport(now, from, header.receiver, &mut bytes)
            }
            Ok(Datagram::Relayed(_) | Datagram::Dprp) | Err(_) => false,
        };
        self.refused += usize::from(!accepted);
    }

    fn fragment(&mut self, now: Now, from: Path, fragment: &FragmentView<'_>) -> bool {
        let own = Mac1Key::new(&AwsLc, self.local.public.address());
        if !own.verify(&AwsLc, fragment) {
            return false;
        }
        let header = fragment.header;
        if header.message == Message::Two && !self.session.awaits_answer(header.receiver) {
            return false;
        }
        if let (Message::One, Some(secret)) = (header.message, &self.cookies)
            && !secret.verify(&AwsLc, now.mono, from.udp().unwrap(), fragment)
        {
            let f = self.local.public.address();
            let reply = secret.reply(&AwsLc, 7, now.mono, f, from.udp().unwrap(), fragment);
            let reply = reply.map(|reply| (from, reply.to_vec()));
            self.cookie_replies.extend(reply);
            return true;
        }
        match self.reassembly.insert(now.mono, from, fragment) {
            None => true,
            Some(whole) if whole.message == Message::One => self.message1(now, from, &whole),
            Some(whole) => self
                .session
                .handle_message2(now, from, whole.receiver, whole.sender, &whole.bytes, None)
                .is_ok(),
        }
    }

    fn message1(&mut self, now: Now, from: Path, whole: &Whole) -> bool {
        let responder = Responder {
            local: &self.local,
            credentials: &|| self.credentials.clone(),
        };
        let Ok(claim) = responder.open(&AwsLc, &whole.bytes) else {
            return false;
        };
        if claim.number() <= self.last_number || !self.session.may_answer(now.mono) {
            return false;
        }
        let Ok(verified) = claim.verify(&AwsLc, now, None, None) else {
            return false;
        };
        self.last_number = verified.claim().number();
        let answer = Answer {
            shown: Vec::new(),
            from,
            remote_index: whole.sender,
            local_index: self.index(),
        };
        self.session.answer(now, verified, &answer).is_ok()
    }

    fn transport(&mut self, now: Now, from: Path, index: u32, bytes: &mut [u8]) -> bool {
        let Some(transport) = self.transports.get(&index) else {
            return false;
        };
        let Ok(opened) = transport.open_in_place(now.mono, bytes) else {
            return false;
        };
        if self.session.endpoint() == Some(from) {
            transport.note_on_path(now.mono);
        }
        let inbound = Inbound {
            from,
            local_index: index,
            highest: opened.highest,
            ecn: Ecn::NotEct,
        };
        let plaintext = bytes.get(opened.plaintext).unwrap();
        self.session
            .handle_opened(now.mono, inbound, plaintext)
            .is_ok()
    }
}

/// The last wait of the table.
pub(super) fn longest_retry() -> Duration {
    HANDSHAKE_RETRY[HANDSHAKE_RETRY.len() - 1]
}
