//! Sending many datagrams in as few calls of the kernel as it takes (`sendmmsg(2)`).
//!
//! Datagrams in a row that go to one place and have one length leave as one message that the
//! kernel, or the network card, cuts (`UDP_SEGMENT`, udp(7)); only the last of them may be
//! shorter. Where the kernel refuses that, it is not tried again, and each is a message of its own.
//!
//! | limit | value |
//! |---|---|
//! | datagrams in a message | [`SEGMENTS_MAX`] |
//! | bytes in a message | [`MESSAGE_LEN_MAX`] |
//! | messages in a call | [`MESSAGES_MAX`] |

use super::{UDP_SEGMENT, Udp, map};
use std::io;
use std::mem::{MaybeUninit, zeroed};
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;

/// What Linux cuts a message into at most, before 6.7.
pub(crate) const SEGMENTS_MAX: usize = 64;
/// The longest UDP payload over IPv4, in bytes.
pub(crate) const MESSAGE_LEN_MAX: usize = 65_507;
const MESSAGES_MAX: usize = 32;
const PARTS_MAX: usize = 128;
/// A datagram that leaves: `at` is where it is in the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub to: SocketAddr,
    /// ECN bits, 0 to 3.
    pub ecn: u8,
    /// Where it is.
    pub at: Range<usize>,
}

/// What to do when the kernel's queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Try once more.
    TryAgain,
    /// Leave out what does not fit.
    Refuse,
    /// Leave it at that.
    Stop,
}

/// What [`Udp::send_batch`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// How often the kernel was called.
    pub calls: usize,
    /// So many datagrams, from the first, were sent or refused.
    pub done: usize,
}

/// Some datagrams that are one message.
#[derive(Clone, Copy)]
struct Run<'a> {
    datagrams: &'a [Outgoing],
}

impl<'a> Run<'a> {
    /// The longest run that `datagrams`, of which there is one, begins with, of at most `most`.
    fn first(datagrams: &'a [Outgoing], most: usize) -> Self {
        let mut bytes = 0;
        let mut count = 0;
        let same = |a: &Outgoing, b: &Outgoing| (a.to, a.ecn) == (b.to, b.ecn);
        for (before, datagram) in datagrams.iter().zip(datagrams.iter().skip(1)) {
            let (len, next) = (before.at.len(), datagram.at.len());
            bytes += len;
            count += 1;
            let first = datagrams.first().map_or(0, |first| first.at.len());
            let goes_on = same(before, datagram)
                && len == first
                && next <= first
                && next > 0
                && count < most
                && bytes + next <= MESSAGE_LEN_MAX;
            if !goes_on {
                return Self {
                    datagrams: datagrams.get(..count).unwrap_or_default(),
                };
            }
        }
        Self { datagrams }
    }

    fn segment_len(&self) -> usize {
        self.datagrams.first().map_or(0, |first| first.at.len())
    }
}

/// Room for the messages of one call.
struct Room {
    messages: [libc::mmsghdr; MESSAGES_MAX],
    parts: [libc::iovec; PARTS_MAX],
    addresses: [Address; MESSAGES_MAX],
    controls: [Control; MESSAGES_MAX],
}

#[repr(C)]
union Address {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

/// Two control messages, aligned as the kernel wants them.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_LEN]);

/// `CMSG_SPACE(2) + CMSG_SPACE(4)`
const CONTROL_LEN: usize = 48;

impl Udp {
    /// Sends one datagram with these ECN bits (0 to 3).
    ///
    /// # Errors
    /// Longer than the path's MTU as far as the kernel knows (`EMSGSIZE`, see
    /// [`super::is_too_long`]), no route, the queue is full (`WouldBlock`), or no such address
    /// family.
    pub fn send(&self, to: SocketAddr, ecn: u8, datagram: &[u8]) -> io::Result<()> {
        let at = 0..datagram.len();
        let (_, error) = self.send_some(datagram, &[Outgoing { to, ecn, at }], 1);
        error.map_or(Ok(()), Err)
    }

    /// Sends datagrams to one place. A message that the kernel would have to cut into others that are too
    /// long for the path it does not take: then each goes by itself, and what passes in pieces of its own
    /// says nothing of whether the kernel cuts.
    pub(super) fn send_each(&self, to: SocketAddr, datagrams: &[&[u8]]) -> io::Result<()> {
        let buffer = datagrams.concat();
        let mut end = 0;
        let outgoing = datagrams.iter().map(|datagram| {
            let start = end;
            end += datagram.len();
            let at = start..end;
            Outgoing { to, ecn: 0, at }
        });
        let outgoing: Vec<Outgoing> = outgoing.collect();
        let most = match self.may_segment.load(Ordering::Relaxed) {
            true => SEGMENTS_MAX,
            false => 1,
        };
        let (sent, _) = self.send_some(&buffer, &outgoing, most);
        let left = datagrams.iter().skip(sent);
        left.map(|datagram| self.send(to, 0, datagram))
            .fold(Ok(()), Result::and)
    }

    /// Sends datagrams that are in `buffer`, in order; `refused` is called for each that the kernel
    /// did not take. Waits for nothing but `full`, which is called while the kernel's queue is
    /// full and says what to do.
    pub fn send_batch(
        &self,
        buffer: &[u8],
        datagrams: &[Outgoing],
        mut full: impl FnMut() -> Full,
        mut refused: impl FnMut(&Outgoing, &io::Error),
    ) -> Sent {
        let mut left = datagrams;
        let mut calls = 0;
        while !left.is_empty() {
            let most = if self.may_segment.load(Ordering::Relaxed) {
                SEGMENTS_MAX
            } else {
                1
            };
            let (sent, error) = self.send_some(buffer, left, most);
            calls += 1;
            left = left.get(sent..).unwrap_or_default();
            let Some(error) = error else { continue };
            let run = Run::first(left, most).datagrams;
            let is_full = error.kind() == io::ErrorKind::WouldBlock;
            match is_full.then(&mut full) {
                Some(Full::TryAgain) => continue,
                Some(Full::Stop) => break,
                Some(Full::Refuse) | None => {}
            }
            if run.len() > 1 && !is_full {
                self.send_apart(buffer, run, &mut refused);
                calls += run.len();
            } else {
                run.iter().for_each(|datagram| refused(datagram, &error));
            }
            left = left.get(run.len()..).unwrap_or_default();
        }
        Sent {
            calls,
            done: datagrams.len() - left.len(),
        }
    }

    /// The kernel did not take a run as one message: sends each by itself. When it takes those, it
    /// does not know such messages.
    fn send_apart(
        &self,
        buffer: &[u8],
        run: &[Outgoing],
        refused: &mut impl FnMut(&Outgoing, &io::Error),
    ) {
        let mut all = true;
        for datagram in run {
            let bytes = buffer.get(datagram.at.clone()).unwrap_or_default();
            if let Err(error) = self.send(datagram.to, datagram.ecn, bytes) {
                all = false;
                refused(datagram, &error);
            }
        }
        if all {
            self.may_segment.store(false, Ordering::Relaxed);
        }
    }

    /// One call of the kernel: how many datagrams it took, and why not the next one.
    fn send_some(
        &self,
        buffer: &[u8],
        datagrams: &[Outgoing],
        most: usize,
    ) -> (usize, Option<io::Error>) {
        // SAFETY: all of it is plain data for which all zeroes are valid.
        let mut room: Room = unsafe { zeroed() };
        let mut counts = [0; MESSAGES_MAX];
        let (mut left, mut messages, mut parts) = (datagrams, 0, 0);
        while !left.is_empty() && messages < MESSAGES_MAX {
            let run = Run::first(left, most.min(PARTS_MAX));
            if parts + run.datagrams.len() > PARTS_MAX {
                break;
            }
            self.fill(&mut room, messages, parts, buffer, run);
            if let Some(count) = counts.get_mut(messages) {
                *count = run.datagrams.len();
            }
            left = left.get(run.datagrams.len()..).unwrap_or_default();
            messages += 1;
            parts += run.datagrams.len();
        }
        let (fd, count) = (self.socket.as_raw_fd(), messages as libc::c_uint);
        loop {
            // SAFETY: the messages point to addresses, parts and control data in `room`, and the
            // parts to `buffer`; all of it outlives the call.
            let sent = unsafe {
                libc::sendmmsg(fd, room.messages.as_mut_ptr(), count, libc::MSG_DONTWAIT)
            };
            let error = io::Error::last_os_error();
            if let Ok(sent) = usize::try_from(sent) {
                // Less than all: the next call says why.
                return (counts.iter().take(sent).sum(), None);
            }
            if error.kind() != io::ErrorKind::Interrupted {
                return (0, Some(error));
            }
        }
    }

    /// Writes message `number` of a call, whose parts begin at `first_part`.
    fn fill(&self, room: &mut Room, number: usize, first_part: usize, buffer: &[u8], run: Run<'_>) {
        let parts = room.parts.get_mut(first_part..).unwrap_or_default();
        for (part, datagram) in parts.iter_mut().zip(run.datagrams) {
            let bytes = buffer.get(datagram.at.clone()).unwrap_or_default();
            part.iov_base = bytes.as_ptr().cast_mut().cast();
            part.iov_len = bytes.len();
        }
        let places = (
            room.messages.get_mut(number),
            room.addresses.get_mut(number),
            room.controls.get_mut(number),
            run.datagrams.first(),
        );
        let (Some(message), Some(address), Some(control), Some(first)) = places else {
            return;
        };
        let to = if self.mapped { map(first.to) } else { first.to };
        let header = &mut message.msg_hdr;
        header.msg_namelen = address.set(to);
        header.msg_name = (&raw mut *address).cast();
        header.msg_iov = parts.as_mut_ptr();
        header.msg_iovlen = run.datagrams.len() as _;
        let is_v4 = first.to.is_ipv4();
        let segment_len = (run.datagrams.len() > 1).then(|| run.segment_len());
        let len = control.set(first.ecn, is_v4, segment_len);
        if len > 0 {
            header.msg_control = control.0.as_mut_ptr().cast();
            header.msg_controllen = len as _;
        }
    }
}

impl Address {
    /// Sets it; its length.
    fn set(&mut self, to: SocketAddr) -> libc::socklen_t {
        let len = match to {
            SocketAddr::V4(to) => {
                self.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: to.port().to_be(),
                    sin_addr: libc::in_addr {
                        s_addr: u32::from_ne_bytes(to.ip().octets()),
                    },
                    sin_zero: [0; 8],
                };
                size_of::<libc::sockaddr_in>()
            }
            SocketAddr::V6(to) => {
                self.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: to.port().to_be(),
                    sin6_flowinfo: to.flowinfo(),
                    sin6_addr: libc::in6_addr {
                        s6_addr: to.ip().octets(),
                    },
                    sin6_scope_id: to.scope_id(),
                };
                size_of::<libc::sockaddr_in6>()
            }
        };
        len as libc::socklen_t
    }
}

impl Control {
    /// Sets what is not the default; its length.
    fn set(&mut self, ecn: u8, is_v4: bool, segment_len: Option<usize>) -> usize {
        let mut len = 0;
        if let Some(segment_len) = segment_len {
            let segment_len = segment_len as u16;
            let bytes = segment_len.to_ne_bytes();
            len += self.push(len, libc::SOL_UDP, UDP_SEGMENT, &bytes);
        }
        if ecn != 0 {
            let (level, kind) = if is_v4 {
                (libc::IPPROTO_IP, libc::IP_TOS)
            } else {
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
            };
            let bytes = libc::c_int::from(ecn).to_ne_bytes();
            len += self.push(len, level, kind, &bytes);
        }
        len
    }

    /// Writes a control message at `at`; the room it takes.
    fn push(&mut self, at: usize, level: libc::c_int, kind: libc::c_int, value: &[u8]) -> usize {
        // SAFETY: these only compute with a length.
        let (len, room, data_at) = unsafe {
            let len = value.len() as libc::c_uint;
            let data_at = libc::CMSG_LEN(0);
            (libc::CMSG_LEN(len), libc::CMSG_SPACE(len), data_at)
        };
        let header = libc::cmsghdr {
            cmsg_len: len as _,
            cmsg_level: level,
            cmsg_type: kind,
        };
        let mut bytes = [MaybeUninit::<u8>::uninit(); size_of::<libc::cmsghdr>()];
        // SAFETY: a cmsghdr is plain data without padding on Linux, and both have its size.
        unsafe {
            bytes
                .as_mut_ptr()
                .cast::<libc::cmsghdr>()
                .write_unaligned(header)
        };
        for (to, from) in self.0.iter_mut().skip(at).zip(bytes) {
            // SAFETY: the header was written as a whole just now.
            *to = unsafe { from.assume_init() };
        }
        let data = self.0.iter_mut().skip(at + data_at as usize);
        for (to, from) in data.zip(value) {
            *to = *from;
        }
        room as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::udp::tests::receive_all;
    use crate::udp::{Batch, Udp};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    fn outgoing(to: SocketAddr, lens: &[(usize, u8)]) -> (Vec<u8>, Vec<Outgoing>) {
        let (mut buffer, mut all) = (Vec::new(), Vec::new());
        for (number, (len, ecn)) in lens.iter().enumerate() {
            let start = buffer.len();
            buffer.resize(start + len, number as u8);
            let at = start..start + len;
            all.push(Outgoing { to, ecn: *ecn, at });
            // They need not lie side by side.
            buffer.extend([0xEE; 7]);
        }
        (buffer, all)
    }

    #[test]
    fn runs_are_of_one_length_but_the_last() {
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let lens = [(9, 0), (9, 0), (5, 0), (5, 0), (5, 1), (5, 1), (6, 1)];
        let (_, all) = outgoing(to, &lens);
        let mut left = all.as_slice();
        let mut counts = Vec::new();
        while !left.is_empty() {
            let count = Run::first(left, SEGMENTS_MAX).datagrams.len();
            counts.push(count);
            left = &left[count..];
        }
        assert_eq!(counts, [3, 1, 2, 1]);
        let (_, many) = outgoing(to, &[(1_400, 0); 100]);
        assert_eq!(Run::first(&many, SEGMENTS_MAX).datagrams.len(), 46);
        let (_, small) = outgoing(to, &[(40, 0); 100]);
        assert_eq!(Run::first(&small, SEGMENTS_MAX).datagrams.len(), 64);
        assert_eq!(Run::first(&small, 1).datagrams.len(), 1);
    }

    #[test]
    fn all_arrive_as_they_were_with_their_ecn_and_with_or_without_segments() {
        for may_segment in [true, false] {
            for ip in [
                IpAddr::from(Ipv4Addr::LOCALHOST),
                Ipv6Addr::LOCALHOST.into(),
            ] {
                let (a, b) = (Udp::bind(0).unwrap(), Udp::bind(0).unwrap());
                if ip.is_ipv6() && !a.has_ipv6() {
                    continue;
                }
                a.may_segment.store(may_segment, Ordering::Relaxed);
                let to = SocketAddr::new(ip, b.port().unwrap());
                let lens: Vec<_> = (0..90)
                    .map(|n| (if n % 7 == 6 { 90 } else { 1_200 }, u8::from(n > 50)))
                    .collect();
                let (buffer, all) = outgoing(to, &lens);
                let again = || Full::TryAgain;
                a.send_batch(&buffer, &all, again, |_, error| panic!("{error}"));
                let got = receive_all(&b, &mut Batch::default(), all.len());
                for (datagram, (from, ecn, bytes)) in all.iter().zip(got) {
                    assert_eq!(
                        (from.ip(), ecn),
                        (ip, datagram.ecn),
                        "{may_segment} {datagram:?} {:?}",
                        bytes[0]
                    );
                    assert_eq!(bytes, buffer[datagram.at.clone()]);
                }
                assert_eq!(a.may_segment.load(Ordering::Relaxed), may_segment);
            }
        }
    }

    #[test]
    fn what_goes_to_one_place_together_arrives_one_by_one_although_one_is_refused() {
        for may_segment in [true, false] {
            let (a, b) = (Udp::bind(0).unwrap(), Udp::bind(0).unwrap());
            a.may_segment.store(may_segment, Ordering::Relaxed);
            let to = SocketAddr::from((Ipv4Addr::LOCALHOST, b.port().unwrap()));
            let (long, refused) = (vec![1; 1_200], vec![2; MESSAGE_LEN_MAX + 1]);
            a.send_fragmentable(to, &[&long, &long[..900]]).unwrap();
            assert!(a.send_fragmentable(to, &[&long, &refused, &long]).is_err());
            let got = receive_all(&b, &mut Batch::default(), 4);
            let lens: Vec<_> = got.iter().map(|(_, _, bytes)| bytes.len()).collect();
            assert_eq!(lens, [1_200, 900, 1_200, 1_200]);
            assert_eq!(a.may_segment.load(Ordering::Relaxed), may_segment);
        }
    }

    #[test]
    fn what_is_refused_is_said_and_the_rest_arrives() {
        let (a, b) = (Udp::bind(0).unwrap(), Udp::bind(0).unwrap());
        let good = SocketAddr::from((Ipv4Addr::LOCALHOST, b.port().unwrap()));
        let (buffer, mut all) = outgoing(good, &[(100, 0); 9]);
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        for at in [2, 3, 8] {
            all[at].to = nowhere;
        }
        let mut refused = Vec::new();
        let sent = a.send_batch(
            &buffer,
            &all,
            || Full::Refuse,
            |datagram, _| refused.push(datagram.at.start),
        );
        assert_eq!(sent.done, all.len());
        let starts: Vec<_> = [2, 3, 8].map(|at: usize| all[at].at.start).into();
        assert_eq!(refused, starts);
        let got = receive_all(&b, &mut Batch::default(), 6);
        let numbers: Vec<_> = got.iter().map(|(_, _, bytes)| bytes[0]).collect();
        assert_eq!(numbers, [0, 1, 4, 5, 6, 7]);
    }
}
