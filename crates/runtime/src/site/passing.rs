//! A thread that hands the node copies of what passes this host: questions of elements to elements, which it
//! relays (docs/protocol/dprp.md, section 2.3). It wakes up for nothing else.
//!
//! | limit | value |
//! |---|---|
//! | copies that the kernel makes in a second | [`super::filter::COPIES_PER_SECOND_MAX`] |
//! | copies that wait for the node | as packets of the host ([`crate::inbox`]) |

use crate::inbox::{Inbox, Input};
use os::netlink::Nflog;
use os::wait::{Waker, readable};
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

const STACK_LEN: usize = 128 * 1024;

/// The thread, until this goes.
#[derive(Debug)]
pub(super) struct Passing {
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

impl Passing {
    /// Hands copies over from now on.
    ///
    /// # Errors
    /// What cannot be listened to, for people.
    pub(super) fn start(group: u16, inbox: Inbox) -> Result<Self, String> {
        let log = Nflog::open(group).map_err(super::text)?;
        let waker = Arc::new(Waker::new().map_err(|error| error.to_string())?);
        let stop = Arc::clone(&waker);
        let thread = Builder::new().name("kumi-relayed".to_owned());
        let thread = thread.stack_size(STACK_LEN);
        let thread = thread.spawn(move || run(&log, &inbox, &stop));
        Ok(Self {
            waker,
            thread: Some(thread.map_err(|error| error.to_string())?),
        })
    }

    /// Whether it has ended by itself.
    pub(super) fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(log: &Nflog, inbox: &Inbox, stop: &Waker) {
    if let Err(error) = hand_over(log, inbox, stop) {
        tracing::warn!(%error, "this node does not report any more that it relays");
    }
}

fn hand_over(log: &Nflog, inbox: &Inbox, stop: &Waker) -> io::Result<()> {
    while let [false, ..] = readable(&[stop.as_fd(), log.as_fd()], None)? {
        match log.recv() {
            Ok(copies) => {
                for copy in copies {
                    inbox.offer(Input::Passing(copy));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
