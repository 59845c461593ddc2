//! The Rust end: a [`Session`] with the little that its node would do for it.

use crate::python::hex;
use identity::crypto::{AwsLc, Crypto, HashRng};
use identity::{
    HotKeys, Inception, LocalIdentity, Pin, PublicIdentity, RecoverySecret, Scopes,
    issue_certificate, recover, rotate,
};
use session::cookie::CookieSecret;
use session::fragment::{Mac1Key, Reassembly, Whole};
use session::handshake::Terms;
use session::machine::{Answer, Begin, Inbound, Up};
use session::{Credential, Responder, Session, SessionConfig, SessionOutput, Transport};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use wire::Now;
use wire::Path;
use wire::datagram::{Datagram, FragmentView, Message};
use wire::handshake::Number;
use wire::invite::{Invite, Place, Purpose};
use wire::ip::Ecn;
use wire::statement::ROTATION_LEN;

pub(crate) const UNIX_S: u64 = 1_800_000_000;
pub(crate) const INSTANCE: [u8; 8] = [0x5E; 8];
pub(crate) const INNER_MTU: u16 = 1400;

pub(crate) struct Node {
    pub(crate) local: Arc<LocalIdentity>,
    pub(crate) session: Session,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) peer: PublicIdentity,
    /// What is pinned of the peer.
    pub(crate) pin: Option<Pin>,
    pub(crate) peer_at: SocketAddr,
    /// Asks for cookies, as a Bridge under load does.
    pub(crate) cookies: Option<CookieSecret>,
    pub(crate) now: Duration,
    pub(crate) ups: Vec<Up>,
    pub(crate) packets: Vec<Vec<u8>>,
    pub(crate) messages: Vec<(u16, Vec<u8>)>,
    pub(crate) echoes: Vec<u32>,
    pub(crate) moves: Vec<Path>,
    /// Datagrams that were not accepted.
    pub(crate) refused: usize,
    sent: Vec<(Path, Vec<u8>)>,
    transports: BTreeMap<u32, Arc<Transport>>,
    reassembly: Reassembly,
    last_number: Number,
    count: u64,
    next_index: u32,
}

/// Makes a node. `log` has one letter for each rotation entry: 1 rotation, 2 recovery.
pub(crate) fn identity(log: &str) -> Arc<LocalIdentity> {
    let mut rng = HashRng::new([9; 32]);
    let recovery = RecoverySecret::generate(&mut rng);
    let key = recovery.public(&AwsLc);
    let new = Inception::create(&AwsLc, &mut rng, Some(key)).unwrap();
    let (mut history, mut root, mut next) = (new.history, new.root, new.next);
    for kind in log.trim_start_matches('-').chars() {
        let step = match kind {
            '1' => rotate(&AwsLc, &mut rng, &history, next),
            _ => recover(&AwsLc, &mut rng, &history, &recovery),
        };
        let step = step.unwrap();
        (history, root, next) = (step.history, step.root, step.next);
    }
    let hot = HotKeys::generate(&AwsLc, &mut rng);
    let terms = identity::Terms {
        counter: 7,
        not_before_unix_s: UNIX_S,
        not_after_unix_s: UNIX_S + 86_400,
        scopes: Scopes::ALL,
    };
    let certificate = issue_certificate(&AwsLc, &root, &history, &hot, &terms).unwrap();
    let public = PublicIdentity {
        history,
        certificate,
    };
    Arc::new(LocalIdentity::new(public, hot).unwrap())
}

/// Statements as an invite or a handshake carries them.
pub(crate) fn statements(inception: &[u8], log: &[u8], certificate: &[u8]) -> PublicIdentity {
    let entries = log.as_chunks::<ROTATION_LEN>().0.iter();
    let certificate = certificate.try_into().unwrap();
    PublicIdentity::decode(&AwsLc, inception, entries, certificate).unwrap()
}

impl Node {
    pub(crate) fn new(local: Arc<LocalIdentity>, peer: PublicIdentity) -> Self {
        let session = Session::new(SessionConfig {
            crypto: Arc::new(AwsLc),
            local: Arc::clone(&local),
            terms: Terms {
                instance: INSTANCE,
                inner_mtu: INNER_MTU,
            },
            peer: peer.address(),
            seed: [3; 32],
        });
        Self {
            local,
            session,
            credentials: Vec::new(),
            peer,
            pin: None,
            peer_at: "192.0.2.1:4649".parse().unwrap(),
            cookies: None,
            now: Duration::from_secs(1000),
            ups: Vec::new(),
            packets: Vec::new(),
            messages: Vec::new(),
            echoes: Vec::new(),
            moves: Vec::new(),
            refused: 0,
            sent: Vec::new(),
            transports: BTreeMap::new(),
            reassembly: Reassembly::new(),
            last_number: Number::default(),
            count: 0,
            next_index: 0,
        }
    }

    /// This node's statements as the arguments of peer.py's command `peer`.
    pub(crate) fn introduction(&self) -> String {
        let public = &self.local.public;
        let log = match hex(&public.history.encode_log()) {
            log if log.is_empty() => "-".to_owned(),
            log => log,
        };
        let inception = hex(&public.history.inception().encode());
        format!("{inception} {log} {}", hex(&public.certificate.encode()))
    }

    /// Makes an invite line and keeps its credential.
    pub(crate) fn invite(&mut self, expires_unix_s: u64, endpoint: SocketAddr) -> String {
        let public = &self.local.public;
        let secret = *b"sixteen secrets!";
        self.credentials
            .push(Credential::of_invite(&AwsLc, &secret));
        let invite = Invite {
            purpose: Purpose::Peer,
            expires_unix_s,
            secret,
            place: Place {
                inception: public.history.inception().encode(),
                rotations: public.history.encode_log(),
                certificate: public.certificate.encode().try_into().unwrap(),
                endpoints: vec![endpoint],
            },
            bridges: Vec::new(),
            lock: Vec::new(),
        };
        invite.encode(|bytes| AwsLc.sha256(&[bytes])).unwrap()
    }

    /// Reads an invite line: the statements in it, with its credential kept.
    pub(crate) fn join(&mut self, line: &str) -> Invite {
        let invite = Invite::parse(line, |bytes| AwsLc.sha256(&[bytes])).unwrap();
        let place = &invite.place;
        let told = statements(&place.inception, &place.rotations, &place.certificate);
        self.pin = Some(told.verify(&AwsLc, UNIX_S, None).unwrap());
        assert_eq!(told.address(), self.peer.address());
        let credential = Credential::of_invite(&AwsLc, &invite.secret);
        self.credentials.push(credential);
        invite
    }

    fn unix(&self) -> Now {
        Now {
            mono: self.now,
            unix_s: UNIX_S,
        }
    }

    fn index(&mut self) -> u32 {
        self.next_index += 1;
        self.next_index
    }

    /// What it wants to send, after everything else it wants was done.
    pub(crate) fn drain(&mut self) -> Vec<(Path, Vec<u8>)> {
        while let Some(output) = self.session.poll_output() {
            self.take(output);
        }
        std::mem::take(&mut self.sent)
    }

    fn take(&mut self, output: SessionOutput) {
        match output {
            SessionOutput::Transmit { to, bytes, .. } => self.sent.push((to, bytes)),
            SessionOutput::InitiationWanted => self.begin(),
            SessionOutput::InstallTransport(transport) => {
                self.transports.insert(transport.local_index(), transport);
            }
            SessionOutput::RetireIndex(index) => {
                self.transports.remove(&index);
            }
            SessionOutput::Established(up) => self.ups.push(*up),
            SessionOutput::Message { kind, value } => self.messages.push((kind, value)),
            SessionOutput::Packet { bytes, .. } => self.packets.push(bytes),
            SessionOutput::Doubt | SessionOutput::Silent { .. } => {}
            SessionOutput::Echo { id, .. } => self.echoes.push(id),
            SessionOutput::Moved { to } => self.moves.push(to),
            SessionOutput::EchoLost { .. }
            | SessionOutput::PathMtu { .. }
            | SessionOutput::Closed { .. } => {}
        }
    }

    fn begin(&mut self) {
        self.count += 1;
        let begin = Begin {
            handshake_count: self.count,
            local_index: self.index(),
            to: self.peer_at.into(),
            peer: &self.peer,
            credentials: &self.credentials,
        };
        let now = self.unix();
        self.session.begin(&begin, now).unwrap();
    }

    pub(crate) fn receive(&mut self, mut bytes: Vec<u8>) {
        let accepted = match Datagram::parse(&bytes) {
            Ok(Datagram::Fragment(fragment)) => self.fragment(&fragment),
            Ok(Datagram::Cookie(reply)) => self.session.handle_cookie(self.now, &reply),
            Ok(Datagram::Transport(header)) => self.transport(header.receiver, &mut bytes),
            Ok(Datagram::Relayed(_) | Datagram::Dprp) | Err(_) => false,
        };
        self.refused += usize::from(!accepted);
    }

    fn fragment(&mut self, fragment: &FragmentView<'_>) -> bool {
        let own = self.local.public.address();
        if !Mac1Key::new(&AwsLc, own).verify(&AwsLc, fragment) {
            return false;
        }
        let (header, from) = (fragment.header, self.peer_at);
        if header.message == Message::Two && !self.session.awaits_answer(header.receiver) {
            return false;
        }
        if let (Message::One, Some(secret)) = (header.message, &self.cookies)
            && !secret.verify(&AwsLc, self.now, from, fragment)
        {
            let reply = secret.reply(&AwsLc, 7, self.now, own, from, fragment);
            let reply = reply.map(|reply| (from.into(), reply.to_vec()));
            self.sent.extend(reply);
            return true;
        }
        match self.reassembly.insert(self.now, from.into(), fragment) {
            None => true,
            Some(whole) if whole.message == Message::One => self.message1(&whole),
            Some(whole) => self.message2(&whole),
        }
    }

    fn message1(&mut self, whole: &Whole) -> bool {
        let now = self.unix();
        let responder = Responder {
            local: &self.local,
            credentials: &|| self.credentials.clone(),
        };
        let Ok(claim) = responder.open(&AwsLc, &whole.bytes) else {
            return false;
        };
        if claim.number() <= self.last_number {
            return false;
        }
        let Ok(verified) = claim.verify(&AwsLc, now, self.pin.as_ref(), None) else {
            return false;
        };
        self.last_number = verified.claim().number();
        self.pin = Some(verified.pin());
        let answer = Answer {
            shown: Vec::new(),
            from: self.peer_at.into(),
            remote_index: whole.sender,
            local_index: self.index(),
        };
        self.session.answer(now, verified, &answer).is_ok()
    }

    fn message2(&mut self, whole: &Whole) -> bool {
        let (now, from, pin) = (self.unix(), self.peer_at, self.pin.as_ref());
        let (to, by) = (whole.receiver, whole.sender);
        self.session
            .handle_message2(now, from.into(), to, by, &whole.bytes, pin)
            .is_ok()
    }

    fn transport(&mut self, index: u32, bytes: &mut [u8]) -> bool {
        let Some(transport) = self.transports.get(&index) else {
            return false;
        };
        let Ok(opened) = transport.open_in_place(self.now, bytes) else {
            return false;
        };
        let inbound = Inbound {
            from: self.peer_at.into(),
            local_index: index,
            highest: opened.highest,
            ecn: Ecn::NotEct,
        };
        let plaintext = &bytes[opened.plaintext];
        self.session
            .handle_opened(self.now, inbound, plaintext)
            .is_ok()
    }
}
