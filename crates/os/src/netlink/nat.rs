//! A NAT in the current network namespace, by `nf_tables(7)` over netlink: what leaves through any
//! interface gets that one's address, and a port that nobody can foresee.
//!
//! For namespaces of our own only, such as the demo's: a host's firewall is its owner's. So nothing
//! here removes anything, and the table goes with its namespace.

use super::message::{Message, answers};
use super::{NetlinkError, error_code, open_socket_of, receive, send};
use rustix::net::{SocketFlags, netlink};
use std::io;

/// What the table and its chain are called.
const NAME: &str = "kumihimo";

const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_NFTABLES as u16;
/// Attributes that hold attributes say so.
const NESTED: u16 = 0x8000;

// linux/netfilter/nf_tables.h
const TABLE_NAME: u16 = 1;
const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4 | NESTED;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUMBER: u16 = 1;
const HOOK_PRIORITY: u16 = 2;
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_EXPRESSIONS: u16 = 4 | NESTED;
const LIST_ELEMENT: u16 = 1 | NESTED;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2 | NESTED;
const MASQUERADE_FLAGS: u16 = 1;

/// `NF_INET_POST_ROUTING`, and the priority of source NAT there.
const POST_ROUTING: u32 = 4;
const SOURCE_NAT: u32 = 100;
/// `NF_NAT_RANGE_PROTO_RANDOM_FULLY`: another port for every destination.
const RANDOM_PORTS: u32 = 1 << 4;

/// Makes every IPv4 packet that is forwarded out of this namespace, or sent from it, appear to come
/// from the interface that it leaves by. Forwarding itself is switched on elsewhere.
///
/// # Errors
/// The kernel has no `nf_tables` or no NAT, or no right to.
pub fn masquerade() -> Result<(), NetlinkError> {
    apply().map_err(|source| NetlinkError {
        what: "making a NAT".to_owned(),
        source,
    })
}

fn apply() -> io::Result<()> {
    let socket = open_socket_of(Some(netlink::NETFILTER), SocketFlags::CLOEXEC)?;
    let changes = [table(), chain(), rule()];
    let (first, last) = (1, changes.len() as u32);
    let mut batch = edge(libc::NFNL_MSG_BATCH_BEGIN);
    batch.extend(changes.into_iter().flat_map(Message::finish));
    batch.extend(edge(libc::NFNL_MSG_BATCH_END));
    send(&socket, &batch)?;
    let mut buffer = vec![0; super::READ_LEN];
    // Each change is acknowledged, in order; the first refusal ends it.
    let mut next = first;
    while next <= last {
        let read = receive(&socket, &mut buffer)?;
        for answer in answers(buffer.get(..read).unwrap_or(&[])) {
            if i32::from(answer.kind) == libc::NLMSG_ERROR {
                error_code(&answer)?;
                next = answer.sequence + 1;
            }
        }
    }
    Ok(())
}

/// Begins or ends what the kernel does as a whole or not at all.
fn edge(kind: i32) -> Vec<u8> {
    let kind = u16::try_from(kind).unwrap_or_default();
    Message::new(kind, 0, 0).raw(&header(0, SUBSYSTEM)).finish()
}

fn table() -> Message {
    change(libc::NFT_MSG_NEWTABLE, 0, 1).text(TABLE_NAME, NAME)
}

fn chain() -> Message {
    change(libc::NFT_MSG_NEWCHAIN, 0, 2)
        .text(CHAIN_TABLE, NAME)
        .text(CHAIN_NAME, NAME)
        .text(CHAIN_TYPE, "nat")
        .nest(CHAIN_HOOK, |hook| {
            hook.number_be(HOOK_NUMBER, POST_ROUTING)
                .number_be(HOOK_PRIORITY, SOURCE_NAT)
        })
}

fn rule() -> Message {
    change(libc::NFT_MSG_NEWRULE, libc::NLM_F_APPEND, 3)
        .text(RULE_TABLE, NAME)
        .text(RULE_CHAIN, NAME)
        .nest(RULE_EXPRESSIONS, |list| {
            list.nest(LIST_ELEMENT, |expression| {
                expression
                    .text(EXPRESSION_NAME, "masq")
                    .nest(EXPRESSION_DATA, |data| {
                        data.number_be(MASQUERADE_FLAGS, RANDOM_PORTS)
                    })
            })
        })
}

fn change(kind: i32, flags: i32, sequence: u32) -> Message {
    let kind = SUBSYSTEM << 8 | u16::try_from(kind).unwrap_or_default();
    let flags = libc::NLM_F_ACK | libc::NLM_F_CREATE | flags;
    let family = u8::try_from(libc::AF_INET).unwrap_or_default();
    Message::new(kind, flags, sequence).raw(&header(family, 0))
}

/// `struct nfgenmsg`.
fn header(family: u8, resource: u16) -> [u8; 4] {
    let [high, low] = resource.to_be_bytes();
    [family, 0, high, low]
}
