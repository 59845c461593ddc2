//! Who may be a client of this Bridge.
//!
//! | ground | then |
//! |---|---|
//! | the Bridge's list denies it | none, whatever else it has |
//! | its F or root key is on the Bridge's list | a client on the terms of its entry |
//! | it proves a ticket | on the list from now on, for the ticket's customer |
//! | it says a customer's password, inside the session | the same, for that customer |
//!
//! A Bridge with a password lets anybody who knows its F make a session, to say the password in:
//! an *applicant*. Nothing of applicants is written down, and they can do nothing else. A Bridge
//! without one stays silent to strangers, like any node.
//!
//! | limit | value |
//! |---|---|
//! | applicants | [`APPLICANTS_MAX`], [`APPLICANT_LIFE`] each |
//! | passwords checked at once | [`PASSWORD_CHECKS_MAX`]; whoever comes then is told to try later |
//! | passwords tried a minute | [`crate::PASSWORD_TRIES_MAX`], of them six from one source |

use std::collections::BTreeSet;
use std::time::Duration;

use group::{Access, AllowEntry, Who};
use identity::{Pin, PublicIdentity};
use session::Session;
use wire::channel::BridgeMessage;
use wire::channel::{Attach, AttachStatus, Ticket, TicketAnswer, TicketStatus};
use wire::payload::CloseReason;
use wire::stream::StreamValue;
use wire::{NodeAddr, Now};

use crate::bridging::serving::{Applicant, PASSWORD_CHECKS_MAX};
use crate::invites::joined_entry;
use crate::machine::Node;
use crate::stored::bridge::{
    BridgeChange, CUSTOMER_LEN_MAX, CUSTOMERS_MAX, ClientTerms, PasswordRecord, TICKETS_MAX,
    TICKETS_OF_CLIENT_MAX, TicketRecord,
};
use crate::stored::{Change, Number, PinRecord, UsedBy};
use crate::{BridgeError, Output};

/// Most applicants at once.
pub const APPLICANTS_MAX: usize = 64;
/// How long an applicant may take.
const APPLICANT_LIFE: Duration = Duration::from_secs(15);

impl Node {
    /// What the Bridge's list says about a node.
    pub(crate) fn client_access(&self, f: NodeAddr) -> Access<'_> {
        let known = self.known.get(&f);
        let inception = known.map(|identity| identity.history.inception().root_key);
        let pinned = self.pin(f).map(|pin| pin.0.root_key);
        let current = pinned.or_else(|| known.map(|identity| *identity.history.root_key()));
        self.stored.bridging.clients.access(f, inception, current)
    }

    /// Whether the Bridge's list turns a node away. `root` is the root key of its inception.
    pub(crate) fn is_dismissed(&self, f: NodeAddr, root: [u8; 32]) -> bool {
        let current = self.pin(f).map(|pin| pin.0.root_key);
        let clients = &self.stored.bridging.clients;
        matches!(clients.access(f, Some(root), current), Access::Denied(_))
    }

    pub(crate) fn is_client_admitted(&self, f: NodeAddr) -> bool {
        self.serving.is_some() && self.client_access(f).is_allowed()
    }

    /// The terms of an admitted client.
    pub(crate) fn client_terms(&self, f: NodeAddr) -> Option<ClientTerms> {
        let Access::Allowed(entry) = self.client_access(f) else {
            return None;
        };
        let terms = self.stored.bridging.terms.get(&entry.who);
        Some(terms.cloned().unwrap_or_default())
    }

    /// Whether this node may have a session with F, for whatever reason.
    pub(crate) fn may_meet(&self, f: NodeAddr) -> bool {
        if matches!(self.access(f), Access::Denied(_)) {
            return false;
        }
        self.may_talk(f)
            || self.links.contains_key(&f)
            || self.is_client_admitted(f)
            || self.is_applicant(f)
            || self.is_proving(f)
            || self.is_own_server(f)
            || self.is_managed(f)
    }

    /// Whether nothing but a password may be heard from F.
    pub(crate) fn is_applicant(&self, f: NodeAddr) -> bool {
        self.serving
            .as_ref()
            .is_some_and(|s| s.applicants.contains_key(&f))
    }

    /// Admits a client, or changes its terms.
    ///
    /// # Errors
    /// See [`BridgeError`].
    pub fn bridge_allow(
        &mut self,
        now: Now,
        entry: AllowEntry,
        terms: ClientTerms,
    ) -> Result<(), BridgeError> {
        self.check_serving()?;
        check_customer(&terms.customer)?;
        let own_root = self.me.public.history.inception().root_key;
        if entry.who == Who::Address(self.f) || entry.who == Who::RootKey(own_root) {
            return Err(BridgeError::Own);
        }
        let list = &self.stored.bridging.clients;
        list.can_allow(&entry).map_err(BridgeError::Entry)?;
        let outside = self.met_but_not_admitted();
        self.persist(Change::Bridge {
            bridge: BridgeChange::Admitted { entry, terms },
        });
        self.keep_time(now);
        let let_in = outside.into_iter().filter(|f| self.is_client_admitted(*f));
        let others = self.clients_of_other_terms();
        for f in let_in.chain(others).collect::<Vec<_>>() {
            // It calls again at once, and is taken on the terms that hold now.
            self.remember_applicant(f);
            self.detach(now, f);
            self.cut(now, f, CloseReason::ShuttingDown);
        }
        self.settle(now);
        Ok(())
    }

    /// Nodes whose session stands for another reason than the Bridge's list. One of them may have
    /// asked to be a client and was turned away, or was one until it was dismissed: it asks again
    /// only when a control stream begins.
    fn met_but_not_admitted(&self) -> Vec<NodeAddr> {
        let mut met = self.peers_up();
        met.retain(|f| !self.is_client_admitted(*f));
        met
    }

    /// Clients that are here on terms that hold no more.
    fn clients_of_other_terms(&self) -> Vec<NodeAddr> {
        let Some(serving) = &self.serving else {
            return Vec::new();
        };
        let is_other = |f: &NodeAddr| {
            let rate = serving.owners.get(f).map(|owner| owner.rate_bytes_s());
            self.client_terms(*f).is_some_and(|terms| {
                serving.channels.customer(*f) != Some(&*terms.customer)
                    || rate.is_some_and(|rate| rate != terms.rate_bytes_s)
            })
        };
        serving.channels.clients().filter(is_other).collect()
    }

    /// Admits a client no more; its channels end at once.
    ///
    /// # Errors
    /// This node is no Bridge.
    pub fn bridge_deny(&mut self, now: Now, who: Who) -> Result<(), BridgeError> {
        self.check_serving()?;
        let unix_s = now.unix_s;
        self.persist(Change::Bridge {
            bridge: BridgeChange::Dismissed { who, unix_s },
        });
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::KeepDismissed) {
            return Ok(());
        }
        let is_denied = |f: &NodeAddr| matches!(self.client_access(*f), Access::Denied(_));
        let applicants = self.serving.iter().flat_map(|s| s.applicants.keys());
        let refused: Vec<NodeAddr> = applicants.copied().filter(is_denied).collect();
        if let Some(serving) = &mut self.serving {
            serving.applicants.retain(|f, _| !refused.contains(f));
        }
        let clients = self.serving.iter().flat_map(|s| s.channels.clients());
        let met: BTreeSet<NodeAddr> = clients.chain(refused).chain(self.peers_up()).collect();
        let over: Vec<NodeAddr> = met
            .into_iter()
            .filter(|f| !self.is_client_admitted(*f))
            .collect();
        for f in over {
            self.dismiss(now, f);
        }
        self.settle(now);
        Ok(())
    }

    /// Ends what F had as a client. One that may be met for another reason keeps nothing of it and
    /// calls again, so that it knows.
    fn dismiss(&mut self, now: Now, f: NodeAddr) {
        let serving = self.serving.as_ref();
        let was_client = serving.is_some_and(|it| it.channels.customer(f).is_some());
        self.detach(now, f);
        if !self.may_meet(f) {
            self.cut(now, f, CloseReason::NotAllowed);
        } else if was_client {
            self.cut(now, f, CloseReason::ShuttingDown);
        }
    }

    /// Gives a customer a password, or takes it away.
    ///
    /// # Errors
    /// See [`BridgeError`].
    pub fn bridge_password(
        &mut self,
        now: Now,
        customer: &str,
        password: Option<([u8; 16], [u8; 32])>,
    ) -> Result<(), BridgeError> {
        self.check_serving()?;
        check_customer(customer)?;
        let passwords = &self.stored.bridging.passwords;
        if passwords.len() >= CUSTOMERS_MAX && !passwords.contains_key(customer) {
            return Err(BridgeError::TooManyCustomers);
        }
        let record = |(salt, hash)| PasswordRecord {
            customer: customer.to_owned(),
            salt,
            hash,
        };
        self.persist(Change::Bridge {
            bridge: BridgeChange::Password {
                password: password.map(record),
                customer: customer.to_owned(),
            },
        });
        self.settle(now);
        Ok(())
    }

    /// Whether strangers may say a password.
    pub(crate) fn takes_applicants(&self) -> bool {
        self.serving.is_some() && !self.stored.bridging.passwords.is_empty()
    }

    /// A node wants to be a client.
    pub(crate) fn attach_in(&mut self, now: Now, f: NodeAddr, attach: Attach<'_>) {
        if self.serving.is_none() {
            return;
        }
        if self.is_client_admitted(f) {
            return self.take_client(now, f);
        }
        let is_dismissed = matches!(self.client_access(f), Access::Denied(_));
        if is_dismissed || !self.takes_applicants() {
            return self.answer_attach(now, f, AttachStatus::NotAdmitted);
        }
        let Some(password) = attach.password else {
            return self.answer_attach(now, f, AttachStatus::Password);
        };
        let path = self.session_of(f).and_then(Session::endpoint);
        let source = path.map(|path| self.source_of(path));
        let Some(serving) = &mut self.serving else {
            return;
        };
        let Some(source) = source else {
            serving.unplaced.insert(f, Some(password.to_owned()));
            return;
        };
        if serving.applicants.get(&f).is_some_and(|a| a.checking) {
            return;
        }
        if serving.checks >= PASSWORD_CHECKS_MAX || !serving.tries.admit(now.mono, source) {
            return self.answer_attach(now, f, AttachStatus::TryLater);
        }
        serving.checks += 1;
        if let Some(applicant) = serving.applicants.get_mut(&f) {
            applicant.checking = true;
        }
        let against = self.stored.bridging.passwords.values().cloned().collect();
        let password = password.to_owned();
        self.output(Output::CheckPassword {
            client: f,
            password,
            against,
        });
    }

    /// A password was checked: the customer whose it is, if any.
    pub fn handle_password(&mut self, now: Now, f: NodeAddr, customer: Option<&str>) {
        let Some(serving) = &mut self.serving else {
            return;
        };
        serving.checks = serving.checks.saturating_sub(1);
        let applicant = serving.applicants.get_mut(&f);
        if let Some(applicant) = applicant {
            applicant.checking = false;
            applicant.until = now.mono.saturating_add(APPLICANT_LIFE);
        }
        let Some(customer) = customer else {
            self.answer_attach(now, f, AttachStatus::Password);
            return self.settle(now);
        };
        if !self.may_meet(f) {
            return;
        }
        self.remember_applicant(f);
        // It may have been dismissed while the password was checked.
        if matches!(self.client_access(f), Access::Denied(_)) {
            self.answer_attach(now, f, AttachStatus::NotAdmitted);
            return self.settle(now);
        }
        self.admit_client(now, f, customer.to_owned());
        self.take_client(now, f);
        self.settle(now);
    }

    /// Remembers an applicant that is one no more: from now on its last initiation is an old one,
    /// also after a restart.
    fn remember_applicant(&mut self, f: NodeAddr) {
        let applicant = self.serving.as_ref().and_then(|s| s.applicants.get(&f));
        let known = applicant.map(|a| (a.identity.clone(), a.pin, a.number));
        if let Some((identity, pin, number)) = known {
            self.persist(Change::PeerNumber { f, number });
            self.remember(identity, PinRecord(pin));
        }
    }

    /// Puts a node on the Bridge's list.
    pub(crate) fn admit_client(&mut self, now: Now, f: NodeAddr, customer: String) {
        let entry = joined_entry(f, now);
        let terms = ClientTerms {
            customer,
            rate_bytes_s: None,
        };
        self.persist(Change::Bridge {
            bridge: BridgeChange::Admitted { entry, terms },
        });
    }

    /// Notes an applicant whose handshake is answered; false: there is no room.
    pub(crate) fn note_applicant(&mut self, f: NodeAddr, applicant: Applicant) -> bool {
        let Some(serving) = &mut self.serving else {
            return false;
        };
        let applicants = &mut serving.applicants;
        if applicants.len() >= APPLICANTS_MAX && !applicants.contains_key(&f) {
            return false;
        }
        let checking = applicants.get(&f).is_some_and(|before| before.checking);
        let applicant = Applicant {
            checking,
            ..applicant
        };
        applicants.insert(f, applicant);
        true
    }

    /// An applicant for a session that is being made.
    pub(crate) fn applicant(
        now: Now,
        number: Number,
        identity: PublicIdentity,
        pin: Pin,
    ) -> Applicant {
        Applicant {
            until: now.mono.saturating_add(APPLICANT_LIFE),
            number,
            identity,
            pin,
            checking: false,
        }
    }

    /// Lets applicants go that took too long.
    pub(crate) fn expire_applicants(&mut self, now: Now) {
        let Some(serving) = &mut self.serving else {
            return;
        };
        let over = serving
            .applicants
            .iter()
            .filter(|(_, a)| a.until <= now.mono && !a.checking);
        let over: Vec<NodeAddr> = over.map(|(f, _)| *f).collect();
        for f in over {
            if let Some(serving) = &mut self.serving {
                serving.applicants.remove(&f);
            }
            if !self.may_meet(f) {
                self.cut(now, f, CloseReason::NotAllowed);
            }
        }
    }

    /// When the next applicant is let go.
    pub(crate) fn applicants_timeout(&self) -> Option<Duration> {
        let applicants = self.serving.iter().flat_map(|s| s.applicants.values());
        let waiting = applicants.filter(|applicant| !applicant.checking);
        waiting.map(|applicant| applicant.until).min()
    }

    /// A client registers a ticket for somebody that it invited.
    pub(crate) fn ticket_in(&mut self, now: Now, f: NodeAddr, ticket: Ticket) {
        let customer = self.serving.as_ref().and_then(|s| s.channels.customer(f));
        let id = self.crypto.invite_id(&ticket.secret);
        let status = match customer.map(str::to_owned) {
            None => TicketStatus::NotAttached,
            Some(customer) => self.add_ticket(
                now,
                TicketRecord {
                    id,
                    secret: ticket.secret,
                    expires_unix_s: ticket.expires_unix_s,
                    customer,
                    by: Some(UsedBy(f)),
                    used_by: None,
                },
            ),
        };
        let message = BridgeMessage::TicketAnswer(TicketAnswer { id, status });
        self.send_value(now, f, &StreamValue::Bridge(message));
    }

    /// Keeps a ticket, unless too many are kept.
    pub(crate) fn add_ticket(&mut self, now: Now, ticket: TicketRecord) -> TicketStatus {
        self.expire_tickets(now);
        let tickets = &self.stored.bridging.tickets;
        if tickets.contains_key(&ticket.id) {
            return TicketStatus::Taken;
        }
        let latest = now.unix_s.saturating_add(crate::INVITE_TTL_S_MAX);
        let own = tickets
            .values()
            .filter(|other| other.by == ticket.by)
            .count();
        let full =
            tickets.len() >= TICKETS_MAX || (ticket.by.is_some() && own >= TICKETS_OF_CLIENT_MAX);
        if full || !(now.unix_s..=latest).contains(&ticket.expires_unix_s) {
            return TicketStatus::TooMany;
        }
        self.persist(Change::Bridge {
            bridge: BridgeChange::TicketMade { ticket },
        });
        TicketStatus::Taken
    }

    fn expire_tickets(&mut self, now: Now) {
        let tickets = self.stored.bridging.tickets.values();
        let over = tickets.filter(|ticket| ticket.expires_unix_s <= now.unix_s);
        let over: Vec<[u8; 16]> = over.map(|ticket| ticket.id).collect();
        for id in over {
            self.persist(Change::Bridge {
                bridge: BridgeChange::TicketExpired { id },
            });
        }
    }

    /// Uses a ticket; whoever used it before may again.
    pub(crate) fn use_ticket(&mut self, now: Now, id: [u8; 16], f: NodeAddr) {
        let Some(ticket) = self.stored.bridging.tickets.get(&id).cloned() else {
            return;
        };
        if ticket.used_by.is_none() {
            self.persist(Change::Bridge {
                bridge: BridgeChange::TicketUsed { id, by: f },
            });
        }
        if !self.client_access(f).is_allowed() {
            self.admit_client(now, f, ticket.customer);
        }
    }

    /// Whether a ticket exists, lives, and is unused or used by this very F.
    pub(crate) fn may_use_ticket(&self, now: Now, id: &[u8; 16], f: NodeAddr) -> bool {
        self.serving.is_some()
            && self.stored.bridging.tickets.get(id).is_some_and(|ticket| {
                ticket.expires_unix_s > now.unix_s
                    && ticket.used_by.is_none_or(|used_by| used_by == UsedBy(f))
            })
    }

    /// Binds a root key of the Bridge's list to the first F that proved it.
    pub(crate) fn bind_client_key(&mut self, f: NodeAddr, root_key: [u8; 32]) {
        let clients = &self.stored.bridging.clients;
        let names_key = clients
            .allowed()
            .any(|entry| entry.who == Who::RootKey(root_key));
        if names_key && clients.bound(&root_key).is_none() {
            self.persist(Change::Bridge {
                bridge: BridgeChange::KeyBound { root_key, f },
            });
        }
    }
}

fn check_customer(customer: &str) -> Result<(), BridgeError> {
    let fits = customer.len() <= CUSTOMER_LEN_MAX && !customer.chars().any(char::is_control);
    fits.then_some(()).ok_or(BridgeError::CustomerName)
}
