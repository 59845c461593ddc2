//! Waiting: a descriptor that another thread can make readable, and `poll` over several.
//!
//! A thread that reads from one descriptor waits inside the very call that reads
//! ([`Wait::ForOne`]); [`crate::process::join_interrupted`] gets it out of there. One that reads from
//! several waits for them with [`wait_few`], when none of them had anything left.

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Whether a read waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until there is something, or a signal comes (`Interrupted`).
    ForOne,
    /// Not at all (`WouldBlock`).
    No,
}

/// A descriptor that becomes readable when [`Waker::wake`] is called, and stays so until
/// [`Waker::clear`]. Shared between threads through an `Arc`.
#[derive(Debug)]
pub struct Waker(OwnedFd);

impl Waker {
    /// A waker that is not woken.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(eventfd(
            0,
            EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK,
        )?))
    }

    /// Makes it readable. Waking twice is waking once.
    pub fn wake(&self) {
        // The only failure is a full counter, which is readable already.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Makes it unreadable again; returns whether it was woken.
    pub fn clear(&self) -> bool {
        rustix::io::read(&self.0, &mut [0u8; 8]).is_ok()
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// At most this many descriptors in one [`readable`] call.
pub const WAIT_MAX: usize = 8;

/// Waits until one of `descriptors` (at most [`WAIT_MAX`], others are ignored) is readable
/// or has hung up, or `timeout` has passed; `None` waits for ever. The answer has one bool
/// per descriptor; all false after the timeout.
///
/// # Errors
/// Of `poll(2)`; interruptions by signals are retried (with the full timeout).
pub fn readable(
    descriptors: &[BorrowedFd<'_>],
    timeout: Option<Duration>,
) -> io::Result<[bool; WAIT_MAX]> {
    let mut polled: Vec<PollFd<'_>> = descriptors
        .iter()
        .take(WAIT_MAX)
        .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
        .collect();
    let timeout = timeout.map(timespec);
    loop {
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut ready = [false; WAIT_MAX];
    for (flag, fd) in ready.iter_mut().zip(&polled) {
        *flag = !fd.revents().is_empty();
    }
    Ok(ready)
}

/// A descriptor to wait for, for what, and what came of it.
#[derive(Debug)]
pub struct Watch<'fd> {
    /// The descriptor.
    pub descriptor: BorrowedFd<'fd>,
    /// Whether to wait until it can be read; after [`wait_each`] whether it can, has hung up
    /// or failed.
    pub read: bool,
    /// The same for writing.
    pub write: bool,
}

impl<'fd> Watch<'fd> {
    /// Waits until it can be read.
    pub fn to_read(descriptor: BorrowedFd<'fd>) -> Self {
        Self {
            descriptor,
            read: true,
            write: false,
        }
    }

    fn polled(&self) -> PollFd<'fd> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, self.read);
        flags.set(PollFlags::OUT, self.write);
        PollFd::from_borrowed_fd(self.descriptor, flags)
    }

    /// Notes what came of it.
    fn note(&mut self, came: PollFlags) {
        let failed = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        self.read &= came.intersects(PollFlags::IN | failed);
        self.write &= came.intersects(PollFlags::OUT | failed);
    }
}

/// Waits until any of `watches` (at most what the limit of open files is) has what it waits
/// for, or `timeout` has passed; `None` waits for ever. One that waits for nothing is left
/// alone. False after the timeout.
///
/// # Errors
/// Of `poll(2)`; interruptions by signals are retried (with the full timeout).
pub fn wait_each(watches: &mut [Watch<'_>], timeout: Option<Duration>) -> io::Result<bool> {
    let wanted = |watch: &&mut Watch<'_>| watch.read || watch.write;
    let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(watches.len());
    for watch in watches.iter_mut().filter(wanted) {
        polled.push(watch.polled());
    }
    let timeout = timeout.map(timespec);
    let count = loop {
        match poll(&mut polled, timeout.as_ref()) {
            Ok(count) => break count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    for (watch, fd) in watches.iter_mut().filter(wanted).zip(&polled) {
        watch.note(fd.revents());
    }
    Ok(count > 0)
}

/// Waits until any of a few `watches` has what it waits for, and allocates nothing. One that waits
/// for nothing ends the wait when it has hung up or failed, so leave it out.
///
/// # Errors
/// Of `poll(2)`; `Interrupted` by a signal.
pub fn wait_few<const COUNT: usize>(watches: &mut [Watch<'_>; COUNT]) -> io::Result<()> {
    let mut polled = watches.each_ref().map(Watch::polled);
    poll(&mut polled, None)?;
    for (watch, fd) in watches.iter_mut().zip(&polled) {
        watch.note(fd.revents());
    }
    Ok(())
}

fn timespec(limit: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(limit.subsec_nanos()),
    }
}

/// Waits until `descriptor` takes something to write, or `timeout` has passed; whether it
/// does.
///
/// # Errors
/// Of `poll(2)`.
pub fn writable(descriptor: impl AsFd, timeout: Duration) -> io::Result<bool> {
    let mut polled = [PollFd::new(&descriptor, PollFlags::OUT)];
    match poll(&mut polled, Some(&timespec(timeout))) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_wake_up_from_another_thread_ends_the_wait() {
        let waker = Arc::new(Waker::new().unwrap());
        let idle = Waker::new().unwrap();
        let other = Arc::clone(&waker);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            other.wake();
            other.wake();
        });
        let ready = readable(&[idle.as_fd(), waker.as_fd()], None).unwrap();
        assert!(!ready[0] && ready[1]);
        thread.join().unwrap();
        assert!(waker.clear());
        assert!(!waker.clear());
    }

    #[test]
    fn a_full_pipe_is_not_writable() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        assert!(writable(&write, Duration::from_millis(5)).unwrap());
        rustix::io::ioctl_fionbio(&write, true).unwrap();
        while rustix::io::write(&write, &[0; 4096]).is_ok() {}
        assert!(!writable(&write, Duration::from_millis(5)).unwrap());
        drop(read);
    }

    #[test]
    fn each_is_waited_for_what_it_wants() {
        let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        let idle = Waker::new().unwrap();
        let mut watches = [
            (idle.as_fd(), true, false),
            (one.as_fd(), true, true),
            (other.as_fd(), false, false),
        ]
        .map(|(descriptor, read, write)| Watch {
            descriptor,
            read,
            write,
        });
        let short = Some(Duration::from_millis(5));
        assert!(wait_each(&mut watches, short).unwrap());
        let came = watches.each_ref().map(|watch| (watch.read, watch.write));
        assert_eq!(came, [(false, false), (false, true), (false, false)]);
        watches[0].read = true;
        watches[1].write = false;
        assert!(!wait_each(&mut watches, short).unwrap());
        watches[1].write = true;
        wait_few(&mut watches).unwrap();
        let came = watches.each_ref().map(|watch| (watch.read, watch.write));
        assert_eq!(came, [(false, false), (false, true), (false, false)]);
        other.shutdown(std::net::Shutdown::Both).unwrap();
        watches[1].read = true;
        assert!(wait_each(&mut watches, None).unwrap() && watches[1].read);
    }

    #[test]
    fn the_timeout_ends_the_wait() {
        let waker = Waker::new().unwrap();
        let ready = readable(&[waker.as_fd()], Some(Duration::from_millis(5))).unwrap();
        assert_eq!(ready, [false; WAIT_MAX]);
    }
}
