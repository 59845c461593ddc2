//! The ends that a thread sends by: a socket of the node's port, and the overlay's interface.

use crate::counters::{ShellDrop, Work};
use crate::shared::Shared;
use os::tun::Device;
use os::udp::{Full, Outgoing, Udp};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use wire::Path;
use wire::datagram::{COOKIE_REPLY_LEN, is_handshake};
use wire::ip::Ecn;

/// How long a full queue of the kernel is waited for.
const SEND_WAIT: Duration = Duration::from_millis(20);

/// The ends of one thread.
#[derive(Clone, Copy, Debug)]
pub struct Lane<'a> {
    /// What all threads see.
    pub shared: &'a Shared,
    /// To and from the underlay.
    pub udp: &'a Udp,
    /// To and from the host.
    pub device: Option<&'a Device>,
}

impl<'a> Lane<'a> {
    /// The ends that everybody sends by who has none of his own.
    pub fn first(shared: &'a Shared) -> Self {
        Self {
            shared,
            udp: &shared.udp,
            device: shared.device.as_ref(),
        }
    }

    /// Sends a datagram; waits a moment when the kernel's queue is full, so that a sender
    /// faster than the underlay is slowed instead of losing packets.
    pub fn transmit(&self, to: Path, ecn: Ecn, datagram: &[u8]) {
        match to {
            Path::Udp(to) if is_handshake(datagram) => self.transmit_handshake(to, &[datagram]),
            Path::Udp(to) => {
                let (ecn, at) = (ecn as u8, 0..datagram.len());
                self.transmit_all(datagram, &[Outgoing { to, ecn, at }]);
            }
            // A datagram for a stream that has just ended is one that got lost.
            Path::Stream(id) => {
                self.shared.streams.send(id, datagram);
            }
            // The node names the underlay's path.
            Path::Channel(_) => self.shared.counters.dropped(ShellDrop::SendFailed),
        }
    }

    /// Sends the fragments of a handshake's message together.
    pub fn transmit_handshake(&self, to: SocketAddr, fragments: &[&[u8]]) {
        if self.udp.send_fragmentable(to, fragments).is_err() {
            self.shared.counters.dropped(ShellDrop::SendFailed);
        }
    }

    /// Sends datagrams that are in `buffer`, in order; waits as [`Self::transmit`] does.
    pub fn transmit_all(&self, buffer: &[u8], datagrams: &[Outgoing]) {
        let mut waited = false;
        self.send(buffer, datagrams, || {
            if std::mem::replace(&mut waited, true) {
                return Full::Refuse;
            }
            let _ = os::wait::writable(self.udp, SEND_WAIT);
            Full::TryAgain
        });
    }

    /// The same without waiting: how many, from the first, are done with. The kernel's queue is
    /// full when that is not all.
    pub fn transmit_some(&self, buffer: &[u8], datagrams: &[Outgoing]) -> usize {
        self.send(buffer, datagrams, || Full::Stop)
    }

    /// Sends the answers to those whom nobody knows, without waiting, and forgets them.
    pub fn answer(&self, answers: &mut Answers) {
        if !answers.datagrams.is_empty() {
            self.send(&answers.bytes, &answers.datagrams, || Full::Refuse);
            answers.bytes.clear();
            answers.datagrams.clear();
        }
    }

    fn send(&self, buffer: &[u8], datagrams: &[Outgoing], full: impl FnMut() -> Full) -> usize {
        let counters = &self.shared.counters;
        let refused = |datagram: &Outgoing, error: &io::Error| {
            tracing::trace!(to = %datagram.to, %error, "not sent");
            counters.dropped(match error {
                error if error.kind() == io::ErrorKind::WouldBlock => ShellDrop::SendFull,
                error if os::udp::is_too_long(error) => ShellDrop::TooLong,
                _ => ShellDrop::SendFailed,
            });
        };
        let sent = self.udp.send_batch(buffer, datagrams, full, refused);
        counters.did(Work::Send, sent.calls);
        counters.did(Work::DatagramsOut, sent.done);
        sent.done
    }

    /// Hands an IP packet to the host.
    pub fn deliver(&self, packet: &[u8]) {
        let sent = self.device.is_some_and(|device| {
            self.shared.counters.did(Work::InterfaceWrite, 1);
            device.send(packet).is_ok()
        });
        if !sent {
            self.shared.counters.dropped(ShellDrop::InterfaceFull);
        }
    }
}

/// Answers to those whom nobody knows, that leave together: at most what one read of the kernel
/// brought, [`os::udp::BATCH_LEN`] times 64.
#[derive(Debug, Default)]
pub struct Answers {
    bytes: Vec<u8>,
    datagrams: Vec<Outgoing>,
}

impl Answers {
    /// Adds one.
    pub fn push(&mut self, to: SocketAddr, reply: &[u8; COOKIE_REPLY_LEN]) {
        let start = self.bytes.len();
        self.bytes.extend(reply);
        let at = start..self.bytes.len();
        self.datagrams.push(Outgoing { to, ecn: 0, at });
    }
}
