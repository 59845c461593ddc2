//! Names for programs: the packets of this machine to the responder's address inside the overlay, and
//! what they are answered ([`group::responder`], docs/protocol/names.md).
//!
//! What a name stands for the node finds out, by the same way as for `kumi` itself; questions wait here for it.
//! Packets of the mesh never come here: the address is nobody's, and peers may send from their own only.
//! Answers go to this node's own addresses only.
//!
//! | limit | value |
//! |---|---|
//! | names that are looked for at once | [`LOOKUPS_MAX`] |
//! | questions that wait for one of them | [`ASKERS_MAX`] |
//! | names that servers are asked for in a second | [`LOOKUPS_PER_SECOND_MAX`] |
//! | a question | [`QUESTION_LEN_MAX`] bytes |
//! | a question waits | [`WAIT`] |

use group::MemberName;
use group::responder::{ADDRESS, Asked, Found, PORT, answer};
use node::Node;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use wire::ip::{Datagram6, IcmpError, IpView, icmp_error};
use wire::{NodeAddr, Now};

/// Most names that are looked for at once; questions for more are answered that they come too early.
pub const LOOKUPS_MAX: usize = 256;
/// Most questions that wait for the same name.
pub const ASKERS_MAX: usize = 16;
/// Most names that servers are asked for in one second.
pub const LOOKUPS_PER_SECOND_MAX: u32 = 256;
/// The longest question that is looked at, in bytes.
pub const QUESTION_LEN_MAX: usize = 1_232;
/// How long a question waits for servers. Resolvers ask again after five seconds, or after two.
pub const WAIT: Duration = Duration::from_millis(1_500);

/// A question, and who asked it.
#[derive(Debug)]
struct Asker {
    from: (Ipv6Addr, u16),
    message: Vec<u8>,
}

impl Asker {
    /// The packet that answers.
    fn answer(&self, found: &Found) -> Option<Vec<u8>> {
        let payload = answer(&self.message, found)?;
        let packet = Datagram6 {
            src: (ADDRESS, PORT),
            dst: self.from,
            payload: &payload,
        };
        packet.encode().ok()
    }
}

/// A name that is looked for.
#[derive(Debug)]
struct Lookup {
    name: MemberName,
    /// Those who were asked and have not answered.
    open: Vec<NodeAddr>,
    until: Duration,
    askers: Vec<Asker>,
}

/// What the responder does with a packet of the host.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is not for the responder.
    No,
    /// It is; this is the answer for now, if any.
    Yes(Option<Vec<u8>>),
}

/// The responder.
#[derive(Debug)]
pub struct Responder {
    /// This node's own addresses.
    own: [Ipv6Addr; 2],
    lookups: Vec<Lookup>,
    /// Names that servers were asked for in this second.
    asked: (u64, u32),
}

impl Responder {
    /// The responder of a node with these addresses.
    pub const fn new(own: [Ipv6Addr; 2]) -> Self {
        Self {
            own,
            lookups: Vec::new(),
            asked: (0, 0),
        }
    }

    /// Looks at a packet of the host. Drain the node's outputs afterwards.
    pub fn handle(&mut self, node: &mut Node, now: Now, packet: &[u8]) -> Taken {
        let Ok(view) = IpView::parse(packet) else {
            return Taken::No;
        };
        if view.dst() != IpAddr::V6(ADDRESS) {
            return Taken::No;
        }
        // A host that forwards may send for strangers.
        let from_here = self.own.iter().any(|own| view.src() == IpAddr::V6(*own));
        if !from_here {
            return Taken::Yes(None);
        }
        let datagram = Datagram6::parse_view(&view).ok();
        let asks = |it: &Datagram6<'_>| it.dst.1 == PORT && it.payload.len() <= QUESTION_LEN_MAX;
        let Some(datagram) = datagram.filter(asks) else {
            let error = IcmpError::AdminProhibited;
            return Taken::Yes(icmp_error(packet, error, IpAddr::V6(ADDRESS)));
        };
        let asker = Asker {
            from: datagram.src,
            message: datagram.payload.to_vec(),
        };
        Taken::Yes(self.ask(node, now, asker))
    }

    fn ask(&mut self, node: &mut Node, now: Now, asker: Asker) -> Option<Vec<u8>> {
        let found = match Asked::of(&asker.message)? {
            Asked::Plain(found) => found,
            Asked::Address(f) => match node.name_of(now, f) {
                Some((member, group)) => Found::Name(member, group),
                None => Found::Unknown,
            },
            Asked::Member(name) if !node.has_group(&name) => nobody(node, &name),
            Asked::Member(name) => match node.called(now, &name) {
                Some(f) => Found::Address(f.to_ipv6()),
                None => return self.look_for(node, now, name, asker),
            },
        };
        asker.answer(&found)
    }

    fn look_for(
        &mut self,
        node: &mut Node,
        now: Now,
        name: MemberName,
        asker: Asker,
    ) -> Option<Vec<u8>> {
        if let Some(lookup) = self.lookups.iter_mut().find(|it| it.name == name) {
            if lookup.askers.len() >= ASKERS_MAX {
                return asker.answer(&Found::Later);
            }
            lookup.askers.push(asker);
            return None;
        }
        if self.lookups.len() >= LOOKUPS_MAX || !self.may_ask(now) {
            return asker.answer(&Found::Later);
        }
        let open = node.find(now, &name);
        if open.is_empty() {
            return asker.answer(&Found::Later);
        }
        self.lookups.push(Lookup {
            name,
            open,
            until: now.mono.saturating_add(WAIT),
            askers: vec![asker],
        });
        None
    }

    fn may_ask(&mut self, now: Now) -> bool {
        let (second, count) = &mut self.asked;
        if *second != now.mono.as_secs() {
            (*second, *count) = (now.mono.as_secs(), 0);
        }
        *count += 1;
        *count <= LOOKUPS_PER_SECOND_MAX
    }

    /// Somebody has said what a name stands for, and who has; the packets that tell those who asked. The name may
    /// have been asked for by others at the same time, so that one server says twice that it does not know.
    pub fn named(
        &mut self,
        node: &Node,
        name: &MemberName,
        (f, by): (Option<NodeAddr>, NodeAddr),
    ) -> Vec<Vec<u8>> {
        let Some(at) = self.lookups.iter().position(|it| it.name == *name) else {
            return Vec::new();
        };
        if let Some(lookup) = self.lookups.get_mut(at).filter(|_| f.is_none()) {
            lookup.open.retain(|server| *server != by);
            if !lookup.open.is_empty() {
                return Vec::new();
            }
        }
        let lookup = self.lookups.swap_remove(at);
        let found = match f {
            Some(f) => Found::Address(f.to_ipv6()),
            None => nobody(node, name),
        };
        packets(&lookup, &found)
    }

    /// When [`Responder::handle_timeout`] is to be called (monotonic).
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.lookups.iter().map(|it| it.until).min()
    }

    /// Those who have waited long enough are told to ask again.
    pub fn handle_timeout(&mut self, now: Now) -> Vec<Vec<u8>> {
        let over = self.lookups.extract_if(.., |it| it.until <= now.mono);
        over.flat_map(|it| packets(&it, &Found::Later)).collect()
    }
}

fn packets(lookup: &Lookup, found: &Found) -> Vec<Vec<u8>> {
    let askers = lookup.askers.iter();
    askers.filter_map(|asker| asker.answer(found)).collect()
}

/// Nobody is called so; but below the name of a group there are names.
fn nobody(node: &Node, name: &MemberName) -> Found {
    let as_group = MemberName {
        member: String::new(),
        group: Some(name.member.clone()),
    };
    match name.group.is_none() && node.has_group(&as_group) {
        true => Found::Empty,
        false => Found::Unknown,
    }
}

#[cfg(test)]
#[path = "responder_tests.rs"]
mod tests;
