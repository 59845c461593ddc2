//! Which socket of a port the kernel gives a datagram to.

use socket2::Socket;
use std::io;
use std::os::fd::AsRawFd;

/// The first byte of datagrams that stay on the first socket: transport and relayed.
const KNOWN_TYPES: [u32; 2] = [4, 5];

/// Has the kernel sort what comes to the sockets of a port, of which `socket` is one, by its first
/// byte (classic BPF over the UDP payload, see socket(7)): the number of the socket, from 0.
pub(super) fn attach_by_type(socket: &Socket) -> io::Result<()> {
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let load = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16;
    let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let [transport, relayed] = KNOWN_TYPES;
    let mut program = [
        step(load, 0, 0, 0),
        step(equal, 2, 0, transport),
        step(equal, 1, 0, relayed),
        step(answer, 0, 0, 1),
        step(answer, 0, 0, 0),
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
