//! Receiving many datagrams in one call of the kernel (`recvmmsg(2)`), each read of which may hold
//! datagrams of one source that the kernel joined (`UDP_GRO`, udp(7)).

use super::{UDP_GRO, Udp, unmap};
use crate::wait::Wait;
use std::io;
use std::mem::zeroed;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::ops::Range;
use std::os::fd::AsRawFd;

/// Reads of the kernel in one call; each may hold up to 64 joined datagrams.
pub const BATCH_LEN: usize = 4;
/// The longest read, in bytes: a datagram cannot be longer, nor can joined ones.
pub const READ_LEN_MAX: usize = 65_536;
/// `CMSG_SPACE(4)` three times, and more: TOS, traffic class, length of each joined datagram.
const CONTROL_LEN: usize = 128;

/// The buffers of one receiving thread. Only pages that were used are resident.
#[derive(Debug)]
pub struct Batch {
    buffer: Vec<u8>,
    reads: [Read; BATCH_LEN],
    count: usize,
}

/// What one read brought: datagrams of one source, one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Their source.
    pub from: SocketAddr,
    /// ECN bits, 0 to 3.
    pub ecn: u8,
    /// Where they are in the buffer.
    pub at: Range<usize>,
    /// The length of each but the last, in bytes.
    pub stride: usize,
}

impl Read {
    fn nothing() -> Self {
        Self {
            from: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            ecn: 0,
            at: 0..0,
            stride: 0,
        }
    }

    /// Where each datagram is in the buffer.
    pub fn datagrams(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (end, stride) = (self.at.end, self.stride.max(1));
        // An empty datagram is one as well, and of no use to anybody.
        let starts = self.at.clone().step_by(stride);
        starts.map(move |start| start..end.min(start + stride))
    }
}

impl Batch {
    /// What read `number` of the last call brought.
    pub fn read(&self, number: usize) -> Option<Read> {
        self.reads.get(..self.count)?.get(number).cloned()
    }

    /// All that was read, at the places that [`Read`] says.
    pub fn buffer(&mut self) -> &mut [u8] {
        &mut self.buffer
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            buffer: vec![0; BATCH_LEN * READ_LEN_MAX],
            reads: std::array::from_fn(|_| Read::nothing()),
            count: 0,
        }
    }
}

/// Control messages, aligned as the kernel wants them.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_LEN]);

/// Room for what the kernel says about each read.
struct Room {
    messages: [libc::mmsghdr; BATCH_LEN],
    parts: [libc::iovec; BATCH_LEN],
    addresses: [libc::sockaddr_in6; BATCH_LEN],
    controls: [Control; BATCH_LEN],
}

impl Udp {
    /// Reads what has come, up to [`BATCH_LEN`] reads; returns how many there were. What they
    /// brought is in `batch`.
    ///
    /// # Errors
    /// `WouldBlock` or `Interrupted`, as `wait` says.
    pub fn recv(&self, batch: &mut Batch, wait: Wait) -> io::Result<usize> {
        batch.count = 0;
        // SAFETY: all of it is plain data for which all zeroes are valid.
        let mut room: Room = unsafe { zeroed() };
        let chunks = batch.buffer.chunks_exact_mut(READ_LEN_MAX);
        let places = room.messages.iter_mut().zip(&mut room.parts);
        let places = places.zip(room.addresses.iter_mut().zip(&mut room.controls));
        for (((message, part), (address, control)), chunk) in places.zip(chunks) {
            part.iov_base = chunk.as_mut_ptr().cast();
            part.iov_len = chunk.len();
            let header = &mut message.msg_hdr;
            header.msg_name = (&raw mut *address).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
            header.msg_iov = part;
            header.msg_iovlen = 1;
            header.msg_control = control.0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_LEN as _;
        }
        let reads = self.receive(&mut room, wait)?;
        let told = room.messages.iter().zip(&room.addresses).take(reads);
        for (number, ((message, address), read)) in told.zip(&mut batch.reads).enumerate() {
            let start = number * READ_LEN_MAX;
            let len = (message.msg_len as usize).min(READ_LEN_MAX);
            let (ecn, stride) = control_of(&message.msg_hdr);
            *read = Read {
                from: unmap(address_of(address)),
                ecn: ecn & 3,
                at: start..start + len,
                stride: stride.unwrap_or(len),
            };
        }
        batch.count = reads;
        Ok(reads)
    }

    fn receive(&self, room: &mut Room, wait: Wait) -> io::Result<usize> {
        let fd = self.socket.as_raw_fd();
        let count = BATCH_LEN as libc::c_uint;
        let flags = match wait {
            Wait::ForOne => libc::MSG_WAITFORONE,
            Wait::No => libc::MSG_DONTWAIT,
        };
        // SAFETY: the messages point into `room` and into the batch's buffer, all of which outlives
        // the call; without a time limit the last pointer is not read.
        let reads = unsafe {
            let messages = room.messages.as_mut_ptr();
            libc::recvmmsg(fd, messages, count, flags, std::ptr::null_mut())
        };
        usize::try_from(reads).map_err(|_| io::Error::last_os_error())
    }
}

/// ECN (with the rest of the byte), and the length of each joined datagram.
fn control_of(header: &libc::msghdr) -> (u8, Option<usize>) {
    let (mut ecn, mut stride) = (0, None);
    // SAFETY: the kernel has written the control messages that the header points to, and its
    // length with them.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !next.is_null() {
        // SAFETY: not null, so it is a whole message inside that room; what is read of its data
        // is no more than the kernel writes for that kind.
        unsafe {
            let (message, data) = (next.read_unaligned(), libc::CMSG_DATA(next));
            match (message.cmsg_level, message.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_TOS) => ecn = data.read(),
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                    ecn = data.cast::<libc::c_int>().read_unaligned() as u8;
                }
                (libc::SOL_UDP, UDP_GRO) => {
                    let len = data.cast::<libc::c_int>().read_unaligned();
                    stride = usize::try_from(len).ok().filter(|len| *len > 0);
                }
                _ => {}
            }
            next = libc::CMSG_NXTHDR(header, next);
        }
    }
    (ecn, stride)
}

/// The address, of either family.
fn address_of(address: &libc::sockaddr_in6) -> SocketAddr {
    let port = u16::from_be(address.sin6_port);
    if i32::from(address.sin6_family) == libc::AF_INET {
        // `sockaddr_in` has its address where this has the flow label.
        let ip = IpAddr::from(address.sin6_flowinfo.to_ne_bytes());
        return SocketAddr::new(ip, port);
    }
    let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
    SocketAddrV6::new(ip, port, 0, address.sin6_scope_id).into()
}
