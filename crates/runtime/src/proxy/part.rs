//! The proxy process: it waits for connections on the host and in the overlay, and gives each
//! a thread.
//!
//! It enters the holder's user namespace, but its threads stay in the host's network; one that
//! has something to do inside goes there alone. It has none of the node's keys, and ends
//! when the node does.

use super::ground::Ground;
use super::link::{Outcome, Plan, Service, receive, send};
use super::{CONNECTIONS_MAX, LISTENERS_MAX, SERVICE_CONNECTIONS_MAX, connection};
use api::Listen;
use os::wait::{Watch, wait_each};
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Stack of a connection's thread, in bytes.
const STACK_LEN: usize = 128 * 1024;
/// A pause when connections cannot be accepted (no descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Runs the process until the node ends it.
pub(super) fn serve() -> io::Result<()> {
    os::process::keep_memory_small();
    let node = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let Some(mut plan) = receive::<Plan>(&node)? else {
        return Ok(());
    };
    let ground = Arc::new(Ground::enter(&plan.place));
    let mut open = Open::default();
    loop {
        let failures = open.follow(&plan.services, &ground);
        send(&node, &Outcome { failures })?;
        open.accept_until_told(&node, &ground)?;
        plan = match receive(&node)? {
            Some(plan) => plan,
            None => return Ok(()),
        };
    }
}

/// Everything that waits for connections.
#[derive(Debug, Default)]
struct Open {
    services: Vec<(Service, TcpListener, Seats)>,
    connections: Seats,
}

impl Open {
    /// Closes what is not wanted any more, opens what is new, and says what could not be.
    fn follow(&mut self, wanted: &[Service], ground: &Ground) -> Vec<(Listen, String)> {
        self.services
            .retain(|(service, ..)| wanted.contains(service));
        let mut failures = Vec::new();
        for service in wanted.iter().take(LISTENERS_MAX) {
            if self.services.iter().any(|(open, ..)| open == service) {
                continue;
            }
            match ground.listen(service.listen) {
                Ok(listener) => self.services.push((*service, listener, Seats::default())),
                Err(error) => failures.push((service.listen, error.to_string())),
            }
        }
        failures
    }

    /// Serves connections until the node has something to say.
    fn accept_until_told(&self, node: &UnixStream, ground: &Arc<Ground>) -> io::Result<()> {
        loop {
            let waits = std::iter::once(node.as_fd()).chain(
                self.services
                    .iter()
                    .map(|(_, listener, _)| listener.as_fd()),
            );
            let mut watches: Vec<_> = waits
                .map(|descriptor| Watch {
                    descriptor,
                    read: true,
                    write: false,
                })
                .collect();
            wait_each(&mut watches, None)?;
            let mut came = watches.iter().map(|watch| watch.read);
            if came.next() == Some(true) {
                return Ok(());
            }
            let services = self.services.iter().zip(came);
            for (service, _) in services.filter(|(_, came)| *came) {
                self.accept(service, ground);
            }
        }
    }

    /// One connection of each that has one, so that none keeps the others waiting.
    fn accept(
        &self,
        (service, listener, own): &(Service, TcpListener, Seats),
        ground: &Arc<Ground>,
    ) {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            // Its client has gone meanwhile.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::ConnectionAborted
                ) =>
            {
                return;
            }
            Err(_) => return std::thread::sleep(ACCEPT_PAUSE),
        };
        // Without a seat it is closed at once.
        let (Some(seat), Some(own)) = (
            self.connections.take(CONNECTIONS_MAX),
            own.take(SERVICE_CONNECTIONS_MAX),
        ) else {
            return;
        };
        let (kind, ground) = (service.kind, Arc::clone(ground));
        let thread = std::thread::Builder::new()
            .name("kumi-proxy".to_owned())
            .stack_size(STACK_LEN);
        let _ = thread.spawn(move || {
            let _seats = (seat, own);
            // Its client has been told what there is to tell.
            let _ = connection::serve(&stream, kind, &ground);
        });
    }
}

/// How many connections there are.
#[derive(Debug, Default, Clone)]
struct Seats(Arc<AtomicUsize>);

/// The place of one connection, free again when dropped.
#[derive(Debug)]
struct Seat(Arc<AtomicUsize>);

impl Seats {
    /// A place, if fewer than `max` are taken.
    fn take(&self, max: usize) -> Option<Seat> {
        let seat = Seat(Arc::clone(&self.0));
        let taken = self.0.fetch_add(1, Ordering::AcqRel);
        (taken < max).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;
