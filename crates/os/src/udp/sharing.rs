//! Which socket of a port the kernel gives a datagram to.

use socket2::Socket;
use std::io;
use std::os::fd::AsRawFd;

/// The first byte of datagrams that belong to a session or channel: transport and relayed.
const KNOWN_TYPES: [u32; 2] = [4, 5];
/// What is at `at` in the IP header, as the kernel counts it (`SKF_NET_OFF`).
const fn in_ip(at: u32) -> u32 {
    (libc::SKF_NET_OFF as u32).wrapping_add(at)
}
/// An odd number that spreads what it is multiplied with over all bits.
const SPREAD: u32 = 0x9E37_79B1;

/// Has the kernel sort what comes to the sockets of a port, of which `socket` is the last, by its
/// first byte and its source (classic BPF over the UDP payload, see socket(7)): to which of the
/// `others`, counted in the order in which they were bound, or to this one.
///
/// A source is the last 32 bits of its address, and its port.
pub(super) fn attach(socket: &Socket, others: usize) -> io::Result<()> {
    let others = others as u32;
    let [transport, relayed] = KNOWN_TYPES;
    let mut program = [
        load(libc::BPF_B, 0),
        jump(transport, 2, 0),
        jump(relayed, 1, 0),
        answer(others),
        load(libc::BPF_B, in_ip(0)),
        with(libc::BPF_RSH, 4),
        jump(6, 4, 0),
        // IPv4; without options the port follows.
        load(libc::BPF_W, in_ip(12)),
        step(libc::BPF_MISC | libc::BPF_TAX, 0),
        load(libc::BPF_H, in_ip(20)),
        step(libc::BPF_JMP | libc::BPF_JA, 3),
        // IPv6.
        load(libc::BPF_W, in_ip(20)),
        step(libc::BPF_MISC | libc::BPF_TAX, 0),
        load(libc::BPF_H, in_ip(40)),
        // Both: (port * SPREAD ^ address) * SPREAD, of which the upper half is the best.
        with(libc::BPF_MUL, SPREAD),
        step(libc::BPF_ALU | libc::BPF_XOR | libc::BPF_X, 0),
        with(libc::BPF_MUL, SPREAD),
        with(libc::BPF_RSH, 16),
        with(libc::BPF_MOD, others.max(1)),
        step(libc::BPF_RET | libc::BPF_A, 0),
    ];
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the descriptor is open, the option's value is a program with its length, and both
    // outlive the call, which copies them.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    if set == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

const fn step(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

const fn load(size: u32, at: u32) -> libc::sock_filter {
    step(libc::BPF_LD | size | libc::BPF_ABS, at)
}

const fn with(operation: u32, k: u32) -> libc::sock_filter {
    step(libc::BPF_ALU | operation | libc::BPF_K, k)
}

/// Skips so many steps if it is `k`, and if not.
const fn jump(k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter {
        jt,
        jf,
        ..step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, k)
    }
}

const fn answer(k: u32) -> libc::sock_filter {
    step(libc::BPF_RET | libc::BPF_K, k)
}
