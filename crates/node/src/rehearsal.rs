//! A first packet and its answer, between two nodes that exist in memory only.
//!
//! A small node lets go of program code that does not run just now (`os::process::forget_code`). What a first packet needs
//! of it would then be mapped again page by page, while somebody waits: a quarter of a cold start. So that is run once
//! where nobody waits. Both nodes, their keys and their group are made for this, say nothing to anybody, and are gone
//! afterwards.
//!
//! | step | as between real nodes |
//! |---|---|
//! | DDE, RGI, handshake, memberships, MPIT with the packet, CDN | dprp.md, section 3; session.md; group.md |
//! | the answer, sealed and opened by the fast path | [`Snapshot::outbound`], [`Snapshot::inbound`] |

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use group::FlowTable;
use group::chain::{Chain, Head};
use group::epochs::{EpochName, EpochSecret};
use group::keyring::Welcome;
use group::statement::{
    Admission, Attributes, Authority, EntryBody, EpochEntry, Genesis, Lease, Membership, Policy,
    Server, Signer,
};
use group::{Kind, Mode};
use identity::crypto::{Crypto, HashRng, random};
use identity::{
    HotKeys, Inception, LocalIdentity, PublicIdentity, Scopes, Terms, issue_certificate,
};
use wire::ip::Ecn;
use wire::{NodeAddr, Now, Path, Prefix};

use crate::{
    GroupRecord, HEADROOM, Inbound, Node, NodeConfig, Outbound, Output, Snapshot, Stored, TAILROOM,
};

/// Addresses for documentation (RFC 5737): nothing leaves, wherever they lead to.
const ADDRESSES: [[u8; 4]; 2] = [[192, 0, 2, 1], [192, 0, 2, 2]];
const SITE: [u8; 4] = [192, 0, 2, 0];
const PORT: u16 = 4_649;
/// More datagrams than a negotiation and an answer take.
const DATAGRAMS_MAX: usize = 64;
/// The keys live as long as the rehearsal; the clock does not move in it.
const LIFE_S: u64 = 3_600;

/// Two nodes of a group that each know their address, and nothing of each other. Making them runs much that a first
/// packet does not: let go of code between [`Rehearsal::new`] and [`Rehearsal::run`].
pub struct Rehearsal {
    now: Now,
    actors: [Actor; 2],
    /// Datagrams, with who gets them.
    under_way: VecDeque<(usize, Vec<u8>)>,
}

struct Actor {
    node: Node,
    snapshot: Arc<Snapshot>,
    flows: Arc<FlowTable>,
    received: usize,
}

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rehearsal").finish_non_exhaustive()
    }
}

impl Rehearsal {
    /// Makes the two at `now`. `None`: their keys could not be made.
    #[must_use]
    pub fn new(crypto: &Arc<dyn Crypto>, seed: [u8; 32], now: Now) -> Option<Self> {
        let actors = cast(crypto, seed, now)?;
        let mut made = Self {
            now,
            actors,
            under_way: VecDeque::new(),
        };
        made.drain(0);
        made.drain(1);
        Some(made)
    }

    /// The packet, and its answer; whether both arrived.
    pub fn run(&mut self) -> bool {
        self.send(0);
        self.send(1);
        self.actors.iter().all(|actor| actor.received == 1)
    }

    /// The host of one sends a packet to the other, and everything comes to rest.
    fn send(&mut self, from: usize) {
        let packet = packet(from);
        let mut buffer = vec![0; HEADROOM + packet.len() + TAILROOM];
        let (Some(actor), Some(room)) = (
            self.actors.get_mut(from),
            buffer.get_mut(HEADROOM..HEADROOM + packet.len()),
        ) else {
            return;
        };
        room.copy_from_slice(&packet);
        let (snapshot, mono) = (&actor.snapshot, self.now.mono);
        match snapshot.outbound(mono, &actor.flows, &mut buffer, packet.len()) {
            Outbound::Send {
                datagram, report, ..
            } => {
                let datagram = buffer.get(datagram).unwrap_or_default().to_vec();
                self.under_way.push_back((1 - from, datagram));
                if let Some(report) = report {
                    actor.node.handle_fast(self.now, report);
                }
            }
            Outbound::Slow => actor.node.handle_inside(self.now, &packet),
            Outbound::Reply(..) | Outbound::Drop(_) => {}
        }
        self.drain(from);
        for _ in 0..DATAGRAMS_MAX {
            let Some((to, mut datagram)) = self.under_way.pop_front() else {
                break;
            };
            self.deliver(to, &mut datagram);
        }
    }

    fn deliver(&mut self, to: usize, datagram: &mut [u8]) {
        let Some(actor) = self.actors.get_mut(to) else {
            return;
        };
        let (now, from) = (self.now, Path::Udp(place(1 - to)));
        let snapshot = Arc::clone(&actor.snapshot);
        let report = match snapshot.inbound(now.mono, &actor.flows, from, Ecn::NotEct, datagram) {
            Inbound::Deliver { report, .. } => {
                actor.received += 1;
                report
            }
            Inbound::Report(report) => Some(report),
            Inbound::Slow { .. } => {
                actor.node.handle_datagram(now, from, Ecn::NotEct, datagram);
                None
            }
            _ => None,
        };
        if let Some(report) = report {
            actor.node.handle_fast(now, report);
        }
        self.drain(to);
    }

    fn drain(&mut self, at: usize) {
        let Some(actor) = self.actors.get_mut(at) else {
            return;
        };
        while let Some(output) = actor.node.poll_output() {
            match output {
                Output::Transmit { payload, .. } => self.under_way.push_back((1 - at, payload)),
                Output::Publish(snapshot) => actor.snapshot = snapshot,
                Output::Inside(_) => actor.received += 1,
                // It has no shell.
                _ => {}
            }
        }
    }
}

fn cast(crypto: &Arc<dyn Crypto>, seed: [u8; 32], now: Now) -> Option<[Actor; 2]> {
    let mut rng = HashRng::new(seed);
    let secrets = [random(&mut rng), random(&mut rng), random(&mut rng)];
    let mut actor = |at: usize| {
        let me = identity(&**crypto, &mut rng, now)?;
        let welcome = welcome(&**crypto, &secrets, me.public.address(), now)?;
        let mut stored = Stored::default();
        let group = welcome.authority.group;
        let record = GroupRecord::of(group, welcome);
        stored.grouping.groups.insert(group.0, record);
        let config = NodeConfig {
            listen_port: PORT,
            discovery: false,
            site: vec![Prefix::new(IpAddr::from(SITE), 24).ok()?],
            ..NodeConfig::default()
        };
        let crypto = Arc::clone(crypto);
        let mut node = Node::new(config, me, stored, crypto, random(&mut rng), now).ok()?;
        node.handle_local_endpoints(now, vec![place(at)]);
        Some(Actor {
            snapshot: node.snapshot(),
            flows: node.flows(),
            node,
            received: 0,
        })
    };
    Some([actor(0)?, actor(1)?])
}

fn identity(crypto: &dyn Crypto, rng: &mut HashRng, now: Now) -> Option<LocalIdentity> {
    let new = Inception::create(crypto, rng, None).ok()?;
    let hot = HotKeys::generate(crypto, rng);
    let terms = Terms {
        counter: 1,
        not_before_unix_s: now.unix_s.saturating_sub(LIFE_S),
        not_after_unix_s: now.unix_s.saturating_add(LIFE_S),
        scopes: Scopes::ALL,
    };
    let certificate = issue_certificate(crypto, &new.root, &new.history, &hot, &terms).ok()?;
    let history = new.history;
    let public = PublicIdentity {
        history,
        certificate,
    };
    LocalIdentity::new(public, hot).ok()
}

/// What a server would give this member, by secrets of a root key, a server and an epoch.
fn welcome(
    crypto: &dyn Crypto,
    [root, server, epoch]: &[[u8; 32]; 3],
    f: NodeAddr,
    now: Now,
) -> Option<Welcome> {
    let root = Signer { crypto, seed: root };
    let server = Signer {
        crypto,
        seed: server,
    };
    let genesis = Genesis {
        policy: Policy::Managed,
        root_key: root.public(),
        salt: [0; 16],
    };
    let (group, at) = (genesis.id(crypto), now.unix_s);
    let named = Server {
        key: server.public(),
        f: NodeAddr([0; 16]),
    };
    let authority = Authority::issue(&root, group, 1, at, vec![Some(named)]);
    let member = Membership { f, serial: 1 };
    let element = (Kind::Ges, Mode::Open);
    let attributes = Attributes::default();
    let mut admission = Admission::new(group, member, at, element, &attributes).ok()?;
    admission.sign(&server, 0);
    let secret = EpochSecret::new(*epoch);
    let entry = EpochEntry {
        number: 1,
        activates_unix_s: at,
        overlap_s: 0,
        secret_hash: secret.hash(crypto),
    };
    let mut chain = Chain::new(group, 0, Head::default());
    chain.write(&server, at, EntryBody::Epoch(entry)).ok()?;
    let name = EpochName {
        index: 0,
        number: 1,
    };
    Some(Welcome {
        name: "rehearsal".to_owned(),
        lease: Lease::issue(&server, 0, group, member, at),
        links: vec![chain.links_from(1)],
        secrets: vec![(name, secret)],
        rules: None,
        genesis,
        authority,
        admission,
    })
}

fn place(at: usize) -> SocketAddr {
    let address = ADDRESSES.get(at).copied().unwrap_or_default();
    SocketAddr::from((address, PORT))
}

/// A UDP datagram (RFC 768) of no bytes, in IPv4, to the other one.
fn packet(from: usize) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0];
    for end in [from, 1 - from] {
        packet.extend(ADDRESSES.get(end).copied().unwrap_or_default());
    }
    // Ports, length, and no checksum.
    packet.extend([0x40, 0, 0x40, 0, 0, 8, 0, 0]);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::crypto::AwsLc;
    use std::time::Duration;

    #[test]
    fn the_packet_and_its_answer_arrive() {
        let crypto: Arc<dyn Crypto> = Arc::new(AwsLc);
        for (seed, unix_s) in [(1, 1_800_000_000), (2, 0)] {
            let now = Now {
                mono: Duration::from_secs(unix_s / 7),
                unix_s,
            };
            let mut rehearsal = Rehearsal::new(&crypto, [seed; 32], now).unwrap();
            assert!(rehearsal.run(), "{unix_s}");
        }
    }
}
