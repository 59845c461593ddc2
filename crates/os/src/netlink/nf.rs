//! Netfilter over netlink: changes of `nf_tables(7)`, which the kernel makes as a whole or not at all, and single requests.

use super::message::{Message, answers};
use super::{error_code, open_socket_of, receive, send};
use rustix::net::{SocketFlags, netlink};
use std::io;
use std::os::fd::OwnedFd;

const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_NFTABLES as u16;

/// A socket for it.
pub(super) fn open() -> io::Result<OwnedFd> {
    open_socket_of(Some(netlink::NETFILTER), SocketFlags::CLOEXEC)
}

/// Makes changes, each with the number of its place from 1.
pub(super) fn commit(
    socket: &OwnedFd,
    changes: impl IntoIterator<Item = Message>,
) -> io::Result<()> {
    let mut batch = edge(libc::NFNL_MSG_BATCH_BEGIN);
    let mut last = 0;
    for change in changes {
        batch.extend(change.finish());
        last += 1;
    }
    batch.extend(edge(libc::NFNL_MSG_BATCH_END));
    send(socket, &batch)?;
    let mut buffer = vec![0; super::READ_LEN];
    // Each change is acknowledged, in order; the first refusal ends it.
    let mut next = 1;
    while next <= last {
        let read = receive(socket, &mut buffer)?;
        for answer in answers(buffer.get(..read).unwrap_or(&[])) {
            if i32::from(answer.kind) == libc::NLMSG_ERROR {
                error_code(&answer)?;
                next = answer.sequence + 1;
            }
        }
    }
    Ok(())
}

/// Asks for one thing that is no change of a table.
pub(super) fn ask(socket: &OwnedFd, request: Message) -> io::Result<()> {
    send(socket, &request.finish())?;
    let mut buffer = vec![0; super::READ_LEN];
    loop {
        let read = receive(socket, &mut buffer)?;
        let mut answers = answers(buffer.get(..read).unwrap_or(&[]));
        if let Some(answer) = answers.find(|it| i32::from(it.kind) == libc::NLMSG_ERROR) {
            return error_code(&answer);
        }
    }
}

/// Begins or ends what the kernel does as a whole.
fn edge(kind: i32) -> Vec<u8> {
    let kind = u16::try_from(kind).unwrap_or_default();
    Message::new(kind, 0, 0).raw(&header(0, SUBSYSTEM)).finish()
}

/// One change in the tables of a family, the `sequence`th of its batch.
pub(super) fn change(family: i32, kind: i32, flags: i32, sequence: u32) -> Message {
    let kind = SUBSYSTEM << 8 | u16::try_from(kind).unwrap_or_default();
    let flags = libc::NLM_F_ACK | flags;
    let family = u8::try_from(family).unwrap_or_default();
    Message::new(kind, flags, sequence).raw(&header(family, 0))
}

/// `struct nfgenmsg`.
pub(super) fn header(family: u8, resource: u16) -> [u8; 4] {
    let [high, low] = resource.to_be_bytes();
    [family, 0, high, low]
}
