//! Being a Bridge: taking clients, joining them by channels, letting them go.
//!
//! It relays what it cannot read: a datagram is checked by the hop's MAC, counted against its
//! client's rate and sent on (`fast::relay`). Everything here happens in the control streams of the
//! sessions with clients.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesh::channels::{Leg as Book, Opening};
use session::Session;
use session::hop::HopKey;
use wire::channel::{Attach, AttachStatus, Attached, BridgeMessage, Channel, ChannelState};
use wire::payload::CloseReason;
use wire::stream::{IdentityUpdate, StreamValue};
use wire::{NodeAddr, Now, Path};

use crate::bridging::serving::Serving;
use crate::fast::{Leg, Owner};
use crate::machine::Node;
use crate::stored::Change;
use crate::stored::bridge::BridgeChange;
use crate::{BridgeError, Event, Output};

impl Node {
    /// Makes this node a Bridge, or an ordinary node again. Clients that stand are let go.
    pub fn serve(&mut self, now: Now, on: bool) {
        if self.stored.bridging.serving != on {
            self.persist(Change::Bridge {
                bridge: BridgeChange::Serving { on },
            });
        }
        if on {
            self.start_serving(now);
        } else if let Some(serving) = self.serving.take() {
            let clients: Vec<NodeAddr> = serving.channels.clients().collect();
            self.serving = Some(serving);
            for f in clients {
                self.detach(now, f);
                // One that is a peer as well calls again, and knows that it is a client no more.
                self.cut(now, f, CloseReason::ShuttingDown);
            }
            self.serving = None;
            self.guard_the_door();
            self.output(Output::Listen(false));
        }
        self.settle(now);
    }

    /// Is a Bridge from now on. Clients of the last run are called once, so that they are back at
    /// once after a restart. One that is elsewhere now, or gets no UDP, calls by itself; a call
    /// that it does not hear must not stand in the way of its own.
    pub(crate) fn start_serving(&mut self, now: Now) {
        if self.serving.is_some() {
            return;
        }
        self.serving = Some(Serving::default());
        self.guard_the_door();
        self.output(Output::Listen(true));
        let known = self.known.keys().copied();
        let clients: BTreeSet<NodeAddr> = known.filter(|f| self.is_client_admitted(*f)).collect();
        // A peer whose session stands asks to be a client only when a control stream begins.
        for f in clients
            .iter()
            .filter(|f| self.peer_is_up(**f))
            .copied()
            .collect::<Vec<_>>()
        {
            self.cut(now, f, CloseReason::ShuttingDown);
        }
        self.to_announce = clients;
        self.announce_briefly = true;
        self.announce_more(now);
    }

    /// Takes a node as a client, or says why not.
    pub(crate) fn take_client(&mut self, now: Now, f: NodeAddr) {
        let Some(terms) = self.client_terms(f) else {
            return self.answer_attach(now, f, AttachStatus::NotAdmitted);
        };
        #[cfg(feature = "sabotage")]
        let terms = if crate::sabotage::is(crate::sabotage::Sabotage::MixCustomers) {
            crate::ClientTerms::default()
        } else {
            terms
        };
        let path = self.session_of(f).and_then(Session::endpoint);
        let Some(serving) = &mut self.serving else {
            return;
        };
        let Some(path) = path else {
            serving.unplaced.insert(f, None);
            return;
        };
        if serving
            .channels
            .customer(f)
            .is_some_and(|c| c != terms.customer)
        {
            self.detach(now, f);
        }
        let Some(serving) = &mut self.serving else {
            return;
        };
        let Some(waiting) = serving.channels.attach(now.mono, f, &terms.customer) else {
            return self.answer_attach(now, f, AttachStatus::Full);
        };
        let owner = Owner::new(f, path, terms.rate_bytes_s);
        serving.owners.entry(f).or_insert_with(|| Arc::new(owner));
        serving.applicants.remove(&f);
        self.answer_attach(now, f, AttachStatus::Attached);
        self.event(Event::ClientUp { client: f });
        for asker in waiting {
            self.open_in(now, asker, f);
        }
    }

    pub(crate) fn answer_attach(&mut self, now: Now, f: NodeAddr, status: AttachStatus) {
        let path = self.session_of(f).and_then(Session::endpoint);
        let observed = path.and_then(|path| self.address_of(path));
        let observed = observed.unwrap_or_else(|| ([0, 0, 0, 0], 0).into());
        let message = BridgeMessage::Attached(Attached { status, observed });
        self.send_value(now, f, &StreamValue::Bridge(message));
    }

    /// A client asks for a channel.
    pub(crate) fn open_in(&mut self, now: Now, asker: NodeAddr, other: NodeAddr) {
        let Some(serving) = &mut self.serving else {
            return;
        };
        let rng = &mut self.rng;
        let own = &self.hops.own;
        let number = || loop {
            let number = u32::from_be_bytes(identity::crypto::random(rng));
            if !own.contains_key(&number) {
                return number;
            }
        };
        match serving.channels.open(now.mono, asker, other, number) {
            Opening::Opened { asker, other } => {
                if self.join_legs(asker, other) {
                    // The asker calls at once, and the other end should know the channel by then.
                    self.tell_open(now, other.client, asker.client, other.channel);
                    self.tell_open(now, asker.client, other.client, asker.channel);
                } else {
                    self.close_in(now, asker.client, other.client);
                }
            }
            Opening::Already(leg) => self.tell_open(now, asker, other, leg.channel),
            Opening::Absent => self.tell_channel(now, asker, other, ChannelState::Absent),
            Opening::Refused => self.tell_channel(now, asker, other, ChannelState::Refused),
        }
    }

    /// Puts both legs of a channel on the fast path; false if a client has just gone.
    fn join_legs(&mut self, one: Book, two: Book) -> bool {
        let Some(serving) = &self.serving else {
            return false;
        };
        let end = |leg: Book| {
            let binding = self.session_of(leg.client)?.stream_binding()?;
            let key = HopKey::new(&*self.crypto, &binding, leg.channel);
            let owner = serving.owners.get(&leg.client)?;
            Some((Arc::new(key), Arc::clone(owner)))
        };
        let (Some(one), Some(two)) = (end(one), end(two)) else {
            return false;
        };
        self.hops.legs.insert(Leg::new(one.clone(), two.clone()));
        self.hops.legs.insert(Leg::new(two, one));
        true
    }

    /// A client closes a channel.
    pub(crate) fn close_in(&mut self, now: Now, from: NodeAddr, to: NodeAddr) {
        let Some(serving) = &mut self.serving else {
            return;
        };
        if let Some((own, other)) = serving.channels.close(from, to) {
            self.part_legs(now, own, other);
        }
    }

    fn part_legs(&mut self, now: Now, own: Book, other: Book) {
        self.hops.legs.remove(own.channel);
        self.hops.legs.remove(other.channel);
        self.tell_channel(now, other.client, own.client, ChannelState::Closed);
    }

    /// A client has gone, or is one no more.
    pub(crate) fn detach(&mut self, now: Now, f: NodeAddr) {
        let Some(serving) = &mut self.serving else {
            return;
        };
        serving.unplaced.remove(&f);
        let was = serving.channels.customer(f).is_some();
        serving.owners.remove(&f);
        for (own, other) in serving.channels.detach(f) {
            self.part_legs(now, own, other);
        }
        if was {
            self.event(Event::ClientDown { client: f });
        }
    }

    /// The session with a client or applicant has ended.
    pub(crate) fn client_down(&mut self, now: Now, f: NodeAddr) {
        self.detach(now, f);
        if let Some(serving) = &mut self.serving {
            serving.applicants.remove(&f);
        }
    }

    /// The session with a client has moved.
    pub(crate) fn client_moved(&mut self, now: Now, f: NodeAddr, to: Path) {
        let Some(serving) = &mut self.serving else {
            return;
        };
        if let Some(password) = serving.unplaced.remove(&f) {
            let password = password.as_deref();
            return self.attach_in(now, f, Attach { password });
        }
        let Some(owner) = serving.owners.get(&f).filter(|owner| owner.path() != to) else {
            return;
        };
        owner.set_path(to);
        self.answer_attach(now, f, AttachStatus::Attached);
    }

    /// A client sent its newest relayed datagram from elsewhere: its session follows.
    pub(crate) fn client_elsewhere(&mut self, now: Now, f: NodeAddr, from: Path, len: usize) {
        if let Some(session) = self.session_mut(f) {
            session.handle_relayed(now.mono, from, len);
            self.touched.insert(f);
        }
    }

    fn tell_open(&mut self, now: Now, to: NodeAddr, peer: NodeAddr, channel: u32) {
        let Some(bytes) = self
            .known
            .get(&peer)
            .map(identity::PublicIdentity::to_bytes)
        else {
            return;
        };
        if let Ok(identity) = IdentityUpdate::decode(&bytes) {
            let state = ChannelState::Open { channel, identity };
            self.tell_channel(now, to, peer, state);
        }
    }

    fn tell_channel(&mut self, now: Now, to: NodeAddr, peer: NodeAddr, state: ChannelState<'_>) {
        let message = BridgeMessage::Channel(Channel { peer, state });
        self.send_value(now, to, &StreamValue::Bridge(message));
    }

    /// Refused commands of a Bridge that is none.
    pub(crate) const fn check_serving(&self) -> Result<(), BridgeError> {
        if self.stored.bridging.serving {
            Ok(())
        } else {
            Err(BridgeError::NotServing)
        }
    }
}
