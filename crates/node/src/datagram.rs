//! Datagrams from the underlay: to the keys, the handshake, or nowhere.
//!
//! Nothing here answers a stranger: what does not open, verify or belong to a handshake
//! under way is counted and gone.

use std::sync::Arc;

use session::Session;
use session::fragment::Whole;
use session::machine::Inbound as Arrival;
use wire::datagram::{CookieView, Datagram, FragmentView, Message, RELAY_HEADER_LEN};
use wire::ip::Ecn;
use wire::payload::Kind;
use wire::{Now, Path};

use crate::fast::{Entry, FastReport, Inbound, Relayed};
use crate::machine::Node;
use crate::{DropReason, Output};

impl Node {
    /// A datagram came. `ecn` is the outer header's field; the buffer is used up.
    pub fn handle_datagram(
        &mut self,
        now: Now,
        from: impl Into<Path>,
        ecn: Ecn,
        datagram: &mut [u8],
    ) {
        let from = from.into();
        match Datagram::parse(datagram) {
            Err(_) => self.drop_for(DropReason::Malformed),
            Ok(Datagram::Cookie(reply)) => self.cookie_in(now, &reply),
            Ok(Datagram::Fragment(fragment)) => self.fragment_in(now, from, &fragment),
            Ok(Datagram::Dprp) => self.dprp_in(now, from, datagram),
            Ok(Datagram::Transport(_) | Datagram::Relayed(_)) => {
                self.as_a_thread_does(now, from, ecn, datagram);
            }
        }
        self.settle(now);
    }

    /// What a data thread has to report.
    pub fn handle_fast(&mut self, now: Now, report: FastReport) {
        self.take_report(now, report);
        self.settle(now);
    }

    /// Counts what data threads dropped.
    pub fn note_dropped(&mut self, reason: DropReason, count: u64) {
        if count > 0 {
            let total = self.dropped.entry(reason).or_default();
            *total = total.saturating_add(count);
        }
    }

    /// What a data thread would do with it, and what it would hand over.
    fn as_a_thread_does(&mut self, now: Now, from: Path, ecn: Ecn, datagram: &mut [u8]) {
        let snapshot = Arc::clone(&self.snapshot);
        let flows = Arc::clone(&self.flows);
        match snapshot.inbound(now.mono, &flows, from, ecn, datagram) {
            Inbound::Deliver { packet, report } => {
                let packet = datagram.get(packet).unwrap_or_default().to_vec();
                self.output(Output::Inside(packet));
                if let Some(report) = report {
                    self.take_report(now, report);
                }
            }
            Inbound::Report(report) => self.take_report(now, report),
            Inbound::Forward { to, report } => {
                let payload = datagram.to_vec();
                self.output(Output::Transmit { to, ecn, payload });
                if let Some(report) = report {
                    self.take_report(now, report);
                }
            }
            Inbound::Refused(reason, report) => {
                self.drop_for(reason);
                self.take_report(now, report);
            }
            Inbound::Slow { .. } => self.open_slowly(now, from, ecn, datagram),
            // A data thread answers; what gets here came by a channel, or is no fragment.
            Inbound::Answer(_) => self.drop_for(DropReason::RateLimited),
            Inbound::Drop(reason) => self.drop_for(reason),
        }
    }

    /// A datagram of a session without packets, or one that came by a channel.
    fn open_slowly(&mut self, now: Now, from: Path, ecn: Ecn, datagram: &mut [u8]) {
        match Datagram::parse(datagram) {
            Ok(Datagram::Transport(header)) => {
                self.open_quiet(now, from, ecn, header.receiver, datagram);
            }
            _ => self.relayed_slowly(now, from, ecn, datagram),
        }
    }

    /// Opens what only the slow path has keys for: control messages, and nothing else.
    fn open_quiet(&mut self, now: Now, from: Path, ecn: Ecn, index: u32, datagram: &mut [u8]) {
        let entry = self.indices.get(&index);
        let Some((f, transport)) = entry.and_then(|it| Some((it.f, it.transport.clone()?))) else {
            return self.drop_for(DropReason::UnknownIndex);
        };
        let datagram_len = datagram.len();
        let opened = match transport.open_in_place(now.mono, datagram) {
            Ok(opened) => opened,
            Err(error) => return self.drop_for(crate::fast::refusal(error)),
        };
        if self.session_of(f).and_then(Session::endpoint) == Some(from) {
            transport.note_on_path(now.mono);
        }
        let plaintext = datagram.get(opened.plaintext).unwrap_or_default();
        let is_packet = plaintext.first() == Some(&Kind::Ip.to_byte());
        if is_packet {
            self.drop_for(DropReason::NotAllowed);
        }
        let report = FastReport::Opened {
            index,
            from,
            ecn,
            counter: opened.counter,
            highest: opened.highest,
            datagram_len,
            plaintext: (!is_packet).then(|| plaintext.to_vec()),
        };
        self.take_report(now, report);
    }

    /// A relayed datagram of a channel of this node that no data thread has keys for.
    fn relayed_slowly(&mut self, now: Now, from: Path, ecn: Ecn, datagram: &mut [u8]) {
        let path = match self.hops.take(now.mono, from, datagram) {
            Ok(Relayed::Own(path, _)) => path,
            Ok(Relayed::Forward { .. }) => return self.drop_for(DropReason::Unsupported),
            Err(reason) => return self.drop_for(reason),
        };
        let sealed = datagram.get_mut(RELAY_HEADER_LEN..).unwrap_or_default();
        match Datagram::parse(sealed) {
            Ok(Datagram::Transport(header)) => {
                self.open_quiet(now, path, ecn, header.receiver, sealed);
            }
            Ok(Datagram::Fragment(fragment)) => self.fragment_in(now, path, &fragment),
            // Cookies are a Bridge's, and nothing is relayed twice.
            _ => self.drop_for(DropReason::Malformed),
        }
    }

    fn take_report(&mut self, now: Now, report: FastReport) {
        let index = match report {
            FastReport::Opened { index, .. } | FastReport::Wake { index } => index,
            FastReport::ClientElsewhere {
                client,
                from,
                datagram_len,
            } => return self.client_elsewhere(now, client, from, datagram_len),
        };
        let Some(f) = self.indices.get(&index).map(|entry| entry.f) else {
            return;
        };
        self.touched.insert(f);
        let Some(session) = self.session_mut(f) else {
            return;
        };
        let FastReport::Opened {
            from,
            ecn,
            highest,
            datagram_len,
            plaintext,
            ..
        } = report
        else {
            return session.handle_timeout(now.mono);
        };
        let arrival = Arrival {
            from,
            local_index: index,
            highest,
            ecn,
        };
        let Some(plaintext) = plaintext else {
            return session.handle_delivered(now.mono, arrival, datagram_len);
        };
        let taken = session.handle_opened(now.mono, arrival, &plaintext);
        if taken.is_err() {
            self.drop_for(DropReason::Malformed);
        }
    }

    fn cookie_in(&mut self, now: Now, reply: &CookieView<'_>) {
        let Some(f) = self.indices.get(&reply.receiver).map(|entry| entry.f) else {
            return self.drop_for(DropReason::UnknownIndex);
        };
        let taken = self
            .session_mut(f)
            .is_some_and(|session| session.handle_cookie(now.mono, reply));
        if taken {
            self.touched.insert(f);
        } else {
            self.drop_for(DropReason::NotAuthentic);
        }
    }

    fn fragment_in(&mut self, now: Now, from: Path, fragment: &FragmentView<'_>) {
        let proven = match self.doorman.judge(now.mono, from, fragment) {
            Entry::In { proven } => proven,
            Entry::Answer(reply) => {
                self.drop_for(DropReason::RateLimited);
                return self.output(Output::Transmit {
                    to: from,
                    ecn: Ecn::NotEct,
                    payload: reply.to_vec(),
                });
            }
            Entry::Drop(reason) => return self.drop_for(reason),
        };
        let Some(whole) = self.reassembly.insert(now.mono, from, fragment) else {
            return;
        };
        match whole.message {
            Message::One => self.message1_in(now, from, proven, &whole),
            Message::Two => self.message2_in(now, from, &whole),
        }
    }

    fn message2_in(&mut self, now: Now, from: Path, whole: &Whole) {
        let Some(f) = self.indices.get(&whole.receiver).map(|entry| entry.f) else {
            return self.drop_for(DropReason::UnknownIndex);
        };
        if !self.may_come_by(f, from) {
            return self.drop_for(DropReason::Stranger);
        }
        let pin = self.pin(f).map(|pin| pin.0);
        let Some(session) = self.session_mut(f) else {
            return self.drop_for(DropReason::UnknownIndex);
        };
        let (local, remote) = (whole.receiver, whole.sender);
        let taken = session.handle_message2(now, from, local, remote, &whole.bytes, pin.as_ref());
        self.touched.insert(f);
        if let Err(error) = taken {
            self.drop_for(crate::handshake_in::refusal_of_message2(&error));
        }
    }
}
