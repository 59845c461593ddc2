//! A NAT in the current network namespace, by `nf_tables(7)` over netlink: what leaves through any
//! interface gets that one's address, and a port that nobody can foresee.
//!
//! For namespaces of our own only, such as the demo's: a host's firewall is its owner's. So nothing
//! here removes anything, and the table goes with its namespace.

use super::message::Message;
use super::{NetlinkError, nf};
use std::io;

/// What the table and its chain are called.
const NAME: &str = "kumihimo";

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
    nf::commit(&nf::open()?, [table(), chain(), rule()])
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
    nf::change(libc::AF_INET, kind, libc::NLM_F_CREATE | flags, sequence)
}
