//! Datagrams from the underlay: to the keys, the handshake, or nowhere.
//!
//! Nothing here answers a stranger: what does not open, verify or belong to a handshake
//! under way is counted and gone.

use std::net::SocketAddr;
use std::sync::Arc;

use session::fragment::Whole;
use session::machine::Inbound as Arrival;
use wire::Now;
use wire::datagram::{CookieView, Datagram, FragmentView, Message};
use wire::ip::Ecn;

use crate::fast::{FastReport, Inbound};
use crate::machine::Node;
use crate::{DropReason, Output};

impl Node {
    /// A datagram came. `ecn` is the outer header's field; the buffer is used up.
    pub fn handle_datagram(&mut self, now: Now, from: SocketAddr, ecn: Ecn, datagram: &mut [u8]) {
        match Datagram::parse(datagram) {
            Err(_) => self.drop_for(DropReason::Malformed),
            Ok(Datagram::Relayed(_)) => self.drop_for(DropReason::Unsupported),
            Ok(Datagram::Cookie(reply)) => self.cookie_in(now, &reply),
            Ok(Datagram::Fragment(fragment)) => self.fragment_in(now, from, &fragment),
            Ok(Datagram::Transport(_)) => self.transport_in(now, from, ecn, datagram),
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

    fn transport_in(&mut self, now: Now, from: SocketAddr, ecn: Ecn, datagram: &mut [u8]) {
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
            Inbound::Refused(reason, report) => {
                self.drop_for(reason);
                self.take_report(now, report);
            }
            Inbound::Slow => self.drop_for(DropReason::Unsupported),
            Inbound::Drop(reason) => self.drop_for(reason),
        }
    }

    fn take_report(&mut self, now: Now, report: FastReport) {
        let index = match report {
            FastReport::Opened { index, .. } | FastReport::Wake { index } => index,
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

    fn fragment_in(&mut self, now: Now, from: SocketAddr, fragment: &FragmentView<'_>) {
        if !self.mac1.verify(&*self.crypto, fragment) {
            return self.drop_for(DropReason::Mac1);
        }
        let header = &fragment.header;
        if header.message == Message::Two && !self.awaits(header.receiver) {
            return self.drop_for(DropReason::UnknownIndex);
        }
        let Some(whole) = self.reassembly.insert(now.mono, from, fragment) else {
            return;
        };
        match whole.message {
            Message::One => self.message1_in(now, from, &whole),
            Message::Two => self.message2_in(now, from, &whole),
        }
    }

    fn message2_in(&mut self, now: Now, from: SocketAddr, whole: &Whole) {
        let Some(f) = self.indices.get(&whole.receiver).map(|entry| entry.f) else {
            return self.drop_for(DropReason::UnknownIndex);
        };
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

    /// Whether a message 2 to this index is awaited.
    fn awaits(&self, index: u32) -> bool {
        let f = self.indices.get(&index).map(|entry| entry.f);
        f.and_then(|f| self.peers.get(&f)?.session.as_ref())
            .is_some_and(|session| session.awaits_answer(index))
    }
}
