//! Waiting for many descriptors: `epoll`, level-triggered.
//!
//! [`crate::wait`] is for the few that a thread has from its start; this is for sockets that
//! come and go.

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// At most this many descriptors are said to be ready by one [`Poller::wait`]; the others by
/// the next.
pub const READY_MAX: usize = 64;

/// What a descriptor is watched for. That it has failed or hung up is always said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// There is something to read.
    Read,
    /// It takes something to write.
    Write,
    /// Either.
    Both,
}

/// What a descriptor is ready for; one that has failed or hung up is for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// The number that it was added with.
    pub token: u64,
    /// There is something to read, or its end.
    pub read: bool,
    /// It takes something to write.
    pub write: bool,
}

/// A set of descriptors. All but waiting may be done from any thread.
#[derive(Debug)]
pub struct Poller(OwnedFd);

impl Poller {
    /// An empty set.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Watches `descriptor`, which `token` stands for, until [`Poller::remove`].
    ///
    /// # Errors
    /// It is in the set already, or the user watches too many.
    pub fn add(&self, descriptor: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        let data = EventData::new_u64(token);
        Ok(epoll::add(&self.0, descriptor, data, flags(interest))?)
    }

    /// Changes what `descriptor` is watched for.
    ///
    /// # Errors
    /// It is not in the set.
    pub fn change(&self, descriptor: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        let data = EventData::new_u64(token);
        Ok(epoll::modify(&self.0, descriptor, data, flags(interest))?)
    }

    /// Watches `descriptor` no longer; nothing happens if it is not in the set.
    pub fn remove(&self, descriptor: impl AsFd) {
        let _ = epoll::delete(&self.0, descriptor);
    }

    /// Waits until something is ready or `timeout` has passed (`None` waits for ever), and
    /// puts what is ready into `ready`, which it empties first. A signal ends it too.
    ///
    /// # Errors
    /// Of `epoll_wait(2)`.
    pub fn wait(&self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        let mut events: Vec<Event> = Vec::with_capacity(READY_MAX);
        let timeout = timeout.map(|limit| Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(limit.subsec_nanos()),
        });
        match epoll::wait(&self.0, spare_capacity(&mut events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        ready.extend(events.iter().map(|event| {
            let flags = event.flags;
            let broken = flags.intersects(EventFlags::ERR | EventFlags::HUP);
            Ready {
                token: event.data.u64(),
                read: broken || flags.contains(EventFlags::IN),
                write: broken || flags.contains(EventFlags::OUT),
            }
        }));
        Ok(())
    }
}

fn flags(interest: Interest) -> EventFlags {
    match interest {
        Interest::Read => EventFlags::IN,
        Interest::Write => EventFlags::OUT,
        Interest::Both => EventFlags::IN | EventFlags::OUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::Waker;

    fn wait(poller: &Poller) -> Vec<Ready> {
        let mut ready = Vec::new();
        poller
            .wait(Some(Duration::from_millis(5)), &mut ready)
            .unwrap();
        ready.sort_by_key(|ready| ready.token);
        ready
    }

    #[test]
    fn what_is_ready_is_said_until_it_is_not() {
        let poller = Poller::new().unwrap();
        let wakers = [Waker::new().unwrap(), Waker::new().unwrap()];
        for (token, waker) in (7..).zip(&wakers) {
            poller.add(waker, token, Interest::Read).unwrap();
        }
        assert!(wait(&poller).is_empty());
        wakers[1].wake();
        let read = |token| Ready {
            token,
            read: true,
            write: false,
        };
        assert_eq!(wait(&poller), [read(8)]);
        wakers[0].wake();
        assert_eq!(wait(&poller), [read(7), read(8)]);
        wakers[0].clear();
        poller.change(&wakers[1], 9, Interest::Both).unwrap();
        let both = Ready {
            write: true,
            ..read(9)
        };
        assert_eq!(wait(&poller), [both]);
        poller.remove(&wakers[1]);
        poller.remove(&wakers[1]);
        assert!(wait(&poller).is_empty());
    }
}
