//! What glibc calls, and what this calls of it (`nss(5)`, glibc's `nss/nss.h` and `resolv/netdb.h`). All of the
//! module's unsafe code, and nothing else, is here.
//!
//! Audit: (1) every pointer that glibc passes is used as its interface says: `name` ends in a zero byte; the buffer is `buflen`
//! bytes that the results may point into until the caller is done with them; the others are valid for one write. (2) Nothing
//! is written behind the buffer: [`Buffer`] gives out parts of it that do not overlap, or says that it is too
//! small. (3) The descriptor is closed on every way out ([`Socket`]).
//!
//! The numbers are those of Linux on x86, ARM, RISC-V, PowerPC and s390.
#![allow(unsafe_code, non_camel_case_types, reason = "glibc's interface")]
#![allow(unreachable_pub, reason = "glibc finds them by name")]

use core::ffi::{CStr, c_char, c_int, c_long, c_short, c_ulong, c_void};
use core::mem::{align_of, size_of};
use core::ptr;

use crate::dns::{ADDRESS, Answer, MESSAGE_LEN_MAX, Message, PORT, decode_answer};
use crate::dns::{TEXT_LEN_MAX, is_ours, is_overlay};

/// How long an answer is waited for, in milliseconds.
pub const WAIT_MS: i64 = 3_000;
/// After this time without an answer the question is asked once more, in milliseconds.
pub const AGAIN_MS: i64 = 1_000;

/// `enum nss_status`.
type Status = c_int;
const TRYAGAIN: Status = -2;
const UNAVAIL: Status = -1;
const NOTFOUND: Status = 0;
const SUCCESS: Status = 1;

const NETDB_INTERNAL: c_int = -1;
const HOST_NOT_FOUND: c_int = 1;
const TRY_AGAIN: c_int = 2;
const NO_DATA: c_int = 4;

const ENOENT: c_int = 2;
const EINTR: c_int = 4;
const EAGAIN: c_int = 11;
const ERANGE: c_int = 34;

const AF_INET: c_int = 2;
const AF_INET6: c_int = 10;
const SOCK_DGRAM: c_int = 2;
const SOCK_CLOEXEC: c_int = 0o2_000_000;
const IPPROTO_IPV6: c_int = 41;
const IPV6_UNICAST_HOPS: c_int = 16;
const MSG_NOSIGNAL: c_int = 0x4000;
const POLLIN: c_short = 1;
const CLOCK_MONOTONIC: c_int = 1;

/// `struct sockaddr_in6`.
#[repr(C)]
#[derive(Clone, Copy)]
struct sockaddr_in6 {
    family: u16,
    port: u16,
    flowinfo: u32,
    addr: [u8; 16],
    scope_id: u32,
}

/// `struct pollfd`.
#[repr(C)]
struct pollfd {
    fd: c_int,
    events: c_short,
    revents: c_short,
}

/// `struct timespec`.
#[repr(C)]
struct timespec {
    sec: c_long,
    nsec: c_long,
}

/// `struct gaih_addrtuple`: one address, of a list.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct gaih_addrtuple {
    next: *mut gaih_addrtuple,
    name: *mut c_char,
    family: c_int,
    addr: [u8; 16],
    scope_id: u32,
}

/// `struct hostent`: a host.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hostent {
    name: *mut c_char,
    aliases: *mut *mut c_char,
    addrtype: c_int,
    length: c_int,
    addr_list: *mut *mut c_char,
}

unsafe extern "C" {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: u32) -> c_int;
    fn connect(fd: c_int, address: *const sockaddr_in6, len: u32) -> c_int;
    fn getsockname(fd: c_int, address: *mut sockaddr_in6, len: *mut u32) -> c_int;
    fn send(fd: c_int, bytes: *const u8, len: usize, flags: c_int) -> isize;
    fn recv(fd: c_int, bytes: *mut u8, len: usize, flags: c_int) -> isize;
    fn poll(fds: *mut pollfd, count: c_ulong, timeout_ms: c_int) -> c_int;
    fn close(fd: c_int) -> c_int;
    fn clock_gettime(clock: c_int, time: *mut timespec) -> c_int;
    fn __errno_location() -> *mut c_int;
    #[cfg(not(test))]
    fn abort() -> !;
    #[cfg(not(test))]
    fn write(fd: c_int, bytes: *const u8, len: usize) -> isize;
}

/// Says `why` on standard error and ends the program.
#[cfg(not(test))]
#[allow(dead_code, reason = "the module's root calls it")]
pub fn stop(why: &[u8]) -> ! {
    // SAFETY: the bytes are there for the call; `abort` takes nothing.
    unsafe {
        write(2, why.as_ptr(), why.len());
        abort()
    }
}

/// A connection with the responder.
struct Socket(c_int);

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: the descriptor is this value's own.
        unsafe { close(self.0) };
    }
}

impl Socket {
    /// `None`: there is no way to the responder, that is, no node.
    fn open() -> Option<Self> {
        const LEN: u32 = size_of::<sockaddr_in6>() as u32;
        let to = sockaddr_in6 {
            family: AF_INET6 as u16,
            port: PORT.to_be(),
            flowinfo: 0,
            addr: ADDRESS,
            scope_id: 0,
        };
        // SAFETY: takes numbers only.
        let fd = unsafe { socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
        let socket = (fd >= 0).then_some(Self(fd))?;
        // Whatever the routes say: no name leaves the machine.
        let hops: c_int = 1;
        let mut from = to;
        let mut len = LEN;
        // SAFETY: the pointers are to values on this stack, with their sizes.
        let led = unsafe {
            let hops = (&raw const hops).cast();
            setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops, 4) == 0
                && connect(fd, &raw const to, LEN) == 0
                && getsockname(fd, &raw mut from, &raw mut len) == 0
        };
        // Only a machine in the overlay sends from an address of it.
        (led && is_overlay(&from.addr)).then_some(socket)
    }

    fn send(&self, question: &Message) -> bool {
        let bytes = question.as_bytes();
        // SAFETY: the bytes are there for the call.
        unsafe { send(self.0, bytes.as_ptr(), bytes.len(), MSG_NOSIGNAL) >= 0 }
    }

    /// Waits until there is something to read, or the time is over; whether there may be.
    fn wait(&self, until_ms: i64) -> bool {
        let mut wanted = pollfd {
            fd: self.0,
            events: POLLIN,
            revents: 0,
        };
        let left = until_ms.saturating_sub(now_ms()).clamp(0, WAIT_MS);
        // SAFETY: the pointer is to one value on this stack.
        let ready = unsafe { poll(&raw mut wanted, 1, left as c_int) };
        ready > 0 || (ready < 0 && errno() == EINTR)
    }

    /// The answer to `question` that waits, if it is one.
    fn receive(&self, question: &Message) -> Received {
        let mut bytes = [0; MESSAGE_LEN_MAX];
        // The same as MSG_DONTWAIT: a signal may have ended the wait.
        const DONTWAIT: c_int = 0x40;
        // SAFETY: the buffer is on this stack, with its size.
        let len = unsafe { recv(self.0, bytes.as_mut_ptr(), bytes.len(), DONTWAIT) };
        let Ok(len) = usize::try_from(len) else {
            return match errno() {
                EAGAIN | EINTR => Received::Nothing,
                _ => Received::Refused,
            };
        };
        let message = bytes.get(..len).unwrap_or_default();
        decode_answer(question, message).map_or(Received::Nothing, Received::Answer)
    }
}

#[allow(
    clippy::large_enum_variant,
    reason = "nothing is allocated here, so nothing is boxed"
)]
enum Received {
    Answer(Answer),
    Nothing,
    /// The kernel says that nobody is there.
    Refused,
}

/// Asks the responder.
fn ask(question: &Message) -> Answer {
    let Some(socket) = Socket::open() else {
        return Answer::Later;
    };
    let start = now_ms();
    for until in [start + AGAIN_MS, start + WAIT_MS] {
        if !socket.send(question) {
            return Answer::Later;
        }
        while now_ms() < until && socket.wait(until) {
            match socket.receive(question) {
                Received::Answer(answer) => return answer,
                Received::Nothing => {}
                Received::Refused => return Answer::Later,
            }
        }
    }
    Answer::Later
}

fn time() -> timespec {
    let mut time = timespec { sec: 0, nsec: 0 };
    // SAFETY: the pointer is to a value on this stack.
    unsafe { clock_gettime(CLOCK_MONOTONIC, &raw mut time) };
    time
}

#[allow(clippy::unnecessary_cast, reason = "a long is shorter elsewhere")]
fn now_ms() -> i64 {
    let time = time();
    (time.sec as i64) * 1_000 + (time.nsec as i64) / 1_000_000
}

/// Tells questions of one socket apart; nobody but the node can answer it.
fn some_id() -> u16 {
    (time().nsec >> 4) as u16
}

fn errno() -> c_int {
    // SAFETY: glibc's pointer to this thread's errno.
    unsafe { *__errno_location() }
}

/// The caller's buffer, of which parts are given out from the front.
struct Buffer {
    at: *mut u8,
    left: usize,
}

impl Buffer {
    /// Room for `count` values of `T`, aligned; `None`: the buffer is too small.
    fn room<T>(&mut self, count: usize) -> Option<*mut T> {
        let pad = self.at.align_offset(align_of::<T>());
        let len = size_of::<T>().checked_mul(count)?;
        let whole = pad.checked_add(len)?;
        let left = self.left.checked_sub(whole)?;
        let found = self.at.wrapping_add(pad);
        self.at = self.at.wrapping_add(whole);
        self.left = left;
        Some(found.cast())
    }

    /// The bytes, and a zero byte.
    fn text(&mut self, bytes: &[u8]) -> Option<*mut c_char> {
        let to: *mut u8 = self.room(bytes.len().checked_add(1)?)?;
        // SAFETY: `room` gave one byte more than is copied, and the source is none of it.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
            to.add(bytes.len()).write(0);
        }
        Some(to.cast())
    }

    /// A list of one pointer, or of none, with its end.
    fn list(&mut self, only: Option<*mut c_char>) -> Option<*mut *mut c_char> {
        let to: *mut *mut c_char = self.room(2)?;
        // SAFETY: `room` gave place for two.
        unsafe {
            to.write(only.unwrap_or(ptr::null_mut()));
            to.add(1).write(ptr::null_mut());
        }
        Some(to)
    }

    /// One value.
    fn value<T>(&mut self, value: T) -> Option<*mut T> {
        let to: *mut T = self.room(1)?;
        // SAFETY: `room` gave place for one, aligned.
        unsafe { to.write(value) };
        Some(to)
    }

    fn host(&mut self, name: &[u8], address: [u8; 16]) -> Option<hostent> {
        let address = self.value(address)?;
        Some(hostent {
            name: self.text(name)?,
            aliases: self.list(None)?,
            addrtype: AF_INET6,
            length: 16,
            addr_list: self.list(Some(address.cast()))?,
        })
    }
}

/// Where glibc wants to read how it went.
struct Says {
    errno: *mut c_int,
    h_errno: *mut c_int,
    ttl: *mut i32,
}

impl Says {
    fn end(&self, status: Status, errno: c_int, h_errno: c_int) -> Status {
        // SAFETY: glibc passes places to write to, or null.
        unsafe {
            if !self.errno.is_null() {
                self.errno.write(errno);
            }
            if !self.h_errno.is_null() {
                self.h_errno.write(h_errno);
            }
        }
        status
    }

    fn done(&self, ttl_s: u32) -> Status {
        // SAFETY: a place to write to, or null.
        unsafe {
            if !self.ttl.is_null() {
                self.ttl.write(i32::try_from(ttl_s).unwrap_or(i32::MAX));
            }
            if !self.h_errno.is_null() {
                self.h_errno.write(0);
            }
        }
        SUCCESS
    }

    /// Not for this module: the next one is asked.
    fn not_ours(&self) -> Status {
        self.end(UNAVAIL, ENOENT, HOST_NOT_FOUND)
    }

    fn too_small(&self) -> Status {
        self.end(TRYAGAIN, ERANGE, NETDB_INTERNAL)
    }

    fn failed(&self, answer: &Answer) -> Status {
        match answer {
            Answer::Later => self.end(TRYAGAIN, EAGAIN, TRY_AGAIN),
            Answer::NoName => self.end(NOTFOUND, ENOENT, HOST_NOT_FOUND),
            _ => self.end(NOTFOUND, ENOENT, NO_DATA),
        }
    }
}

/// The caller's name, if it is one of ours.
///
/// # Safety
/// The pointer is null, or to bytes of which one is zero, for as long as the result is used.
unsafe fn ours<'a>(name: *const c_char) -> Option<&'a [u8]> {
    if name.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    (name.len() <= TEXT_LEN_MAX + 1 && is_ours(name)).then_some(name)
}

fn address_of(name: &[u8]) -> Answer {
    Message::for_name(some_id(), name).map_or(Answer::NoName, |question| ask(&question))
}

/// `getaddrinfo` for any family.
///
/// # Safety
/// Called by glibc, as `nss.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_kumi_gethostbyname4_r(
    name: *const c_char,
    pat: *mut *mut gaih_addrtuple,
    buffer: *mut c_char,
    buflen: usize,
    errnop: *mut c_int,
    h_errnop: *mut c_int,
    ttlp: *mut i32,
) -> Status {
    let says = Says {
        errno: errnop,
        h_errno: h_errnop,
        ttl: ttlp,
    };
    // SAFETY: glibc's name.
    let Some(name) = (unsafe { ours(name) }) else {
        return says.not_ours();
    };
    let (addr, ttl) = match address_of(name) {
        Answer::Address(address, ttl) => (address, ttl),
        other => return says.failed(&other),
    };
    let mut buffer = Buffer {
        at: buffer.cast(),
        left: buflen,
    };
    let Some(name) = buffer.text(name) else {
        return says.too_small();
    };
    let tuple = gaih_addrtuple {
        next: ptr::null_mut(),
        name,
        family: AF_INET6,
        addr,
        scope_id: 0,
    };
    // SAFETY: glibc passes a place for the list's first element, which may be there already.
    unsafe {
        if (*pat).is_null() {
            match buffer.value(tuple) {
                Some(first) => *pat = first,
                None => return says.too_small(),
            }
        } else {
            **pat = tuple;
        }
    }
    says.done(ttl)
}

/// `getaddrinfo` for one family, `gethostbyname2`.
///
/// # Safety
/// Called by glibc, as `nss.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_kumi_gethostbyname3_r(
    name: *const c_char,
    family: c_int,
    host: *mut hostent,
    buffer: *mut c_char,
    buflen: usize,
    errnop: *mut c_int,
    h_errnop: *mut c_int,
    ttlp: *mut i32,
    canonp: *mut *mut c_char,
) -> Status {
    let says = Says {
        errno: errnop,
        h_errno: h_errnop,
        ttl: ttlp,
    };
    // SAFETY: glibc's name.
    let Some(name) = (unsafe { ours(name) }) else {
        return says.not_ours();
    };
    if family != AF_INET6 {
        return says.failed(&Answer::NoData);
    }
    let (address, ttl) = match address_of(name) {
        Answer::Address(address, ttl) => (address, ttl),
        other => return says.failed(&other),
    };
    // SAFETY: glibc's buffer and places, of which the last may be null.
    unsafe {
        let status = fill(&says, host, buffer, buflen, (name, address, ttl));
        if status == SUCCESS && !canonp.is_null() {
            *canonp = (*host).name;
        }
        status
    }
}

/// Writes a host into the caller's buffer.
///
/// # Safety
/// `host` is a place to write to, and the buffer is `buflen` bytes.
unsafe fn fill(
    says: &Says,
    host: *mut hostent,
    buffer: *mut c_char,
    buflen: usize,
    (name, address, ttl): (&[u8], [u8; 16], u32),
) -> Status {
    let mut buffer = Buffer {
        at: buffer.cast(),
        left: buflen,
    };
    match buffer.host(name, address) {
        // SAFETY: the caller's promise.
        Some(found) => unsafe { host.write(found) },
        None => return says.too_small(),
    }
    says.done(ttl)
}

/// `gethostbyname2`.
///
/// # Safety
/// Called by glibc, as `nss.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_kumi_gethostbyname2_r(
    name: *const c_char,
    family: c_int,
    host: *mut hostent,
    buffer: *mut c_char,
    buflen: usize,
    errnop: *mut c_int,
    h_errnop: *mut c_int,
) -> Status {
    let none = ptr::null_mut();
    // SAFETY: the same promises; the two places more may be null.
    unsafe {
        _nss_kumi_gethostbyname3_r(
            name,
            family,
            host,
            buffer,
            buflen,
            errnop,
            h_errnop,
            none,
            ptr::null_mut(),
        )
    }
}

/// `gethostbyname`: an IPv4 address, which no name here has. Without it the next source would be asked, outside.
///
/// # Safety
/// Called by glibc, as `nss.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_kumi_gethostbyname_r(
    name: *const c_char,
    host: *mut hostent,
    buffer: *mut c_char,
    buflen: usize,
    errnop: *mut c_int,
    h_errnop: *mut c_int,
) -> Status {
    // SAFETY: the same promises.
    unsafe { _nss_kumi_gethostbyname2_r(name, AF_INET, host, buffer, buflen, errnop, h_errnop) }
}

/// `getnameinfo`, `gethostbyaddr`.
///
/// # Safety
/// Called by glibc, as `nss.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_kumi_gethostbyaddr2_r(
    address: *const c_void,
    len: u32,
    family: c_int,
    host: *mut hostent,
    buffer: *mut c_char,
    buflen: usize,
    errnop: *mut c_int,
    h_errnop: *mut c_int,
    ttlp: *mut i32,
) -> Status {
    let says = Says {
        errno: errnop,
        h_errno: h_errnop,
        ttl: ttlp,
    };
    if family != AF_INET6 || len != 16 || address.is_null() {
        return says.not_ours();
    }
    // SAFETY: glibc's address has `len` bytes.
    let address: [u8; 16] = unsafe { address.cast::<[u8; 16]>().read_unaligned() };
    if !is_overlay(&address) {
        return says.not_ours();
    }
    let asked = Message::for_address(some_id(), &address);
    let (name, ttl) = match asked.map_or(Answer::NoName, |question| ask(&question)) {
        Answer::Name(name, ttl) => (name, ttl),
        other => return says.failed(&other),
    };
    // SAFETY: glibc's buffer and places.
    unsafe { fill(&says, host, buffer, buflen, (name.as_bytes(), address, ttl)) }
}

/// `gethostbyaddr`.
///
/// # Safety
/// Called by glibc, as `nss.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_kumi_gethostbyaddr_r(
    address: *const c_void,
    len: u32,
    family: c_int,
    host: *mut hostent,
    buffer: *mut c_char,
    buflen: usize,
    errnop: *mut c_int,
    h_errnop: *mut c_int,
) -> Status {
    let none = ptr::null_mut();
    // SAFETY: the same promises; the place more may be null.
    unsafe {
        _nss_kumi_gethostbyaddr2_r(
            address, len, family, host, buffer, buflen, errnop, h_errnop, none,
        )
    }
}

#[cfg(test)]
#[path = "glibc_tests.rs"]
mod tests;
