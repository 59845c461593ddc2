//! Addresses in sets of an `nf_tables(7)` filter that stands already: much cheaper than a start of
//! `nft` for each.

use super::message::Message;
use super::{NetlinkError, nf};
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

// linux/netfilter/nf_tables.h
const NESTED: u16 = 0x8000;
const ELEMENTS_TABLE: u16 = 1;
const ELEMENTS_SET: u16 = 2;
const ELEMENTS: u16 = 3 | NESTED;
const LIST_ELEMENT: u16 = 1 | NESTED;
const ELEMENT_KEY: u16 = 1 | NESTED;
const DATA_VALUE: u16 = 1;

/// The sets of a table of the family `inet`.
#[derive(Debug)]
pub struct Sets {
    socket: OwnedFd,
    table: &'static str,
}

impl Sets {
    /// Opens a socket for the sets of a table.
    ///
    /// # Errors
    /// The kernel has no `nf_tables` for this process.
    pub fn open(table: &'static str) -> Result<Self, NetlinkError> {
        let socket = nf::open().map_err(|source| NetlinkError {
            what: "opening nf_tables".to_owned(),
            source,
        })?;
        Ok(Self { socket, table })
    }

    /// Puts an address into a set, or takes it out. What is so already stays so.
    ///
    /// # Errors
    /// There is no such set, or no right to.
    pub fn change(&mut self, set: &str, address: IpAddr, add: bool) -> Result<(), NetlinkError> {
        let (kind, flags, as_it_is) = match add {
            true => (
                libc::NFT_MSG_NEWSETELEM,
                libc::NLM_F_CREATE,
                io::ErrorKind::AlreadyExists,
            ),
            false => (libc::NFT_MSG_DELSETELEM, 0, io::ErrorKind::NotFound),
        };
        let change = nf::change(libc::NFPROTO_INET, kind, flags, 1)
            .text(ELEMENTS_TABLE, self.table)
            .text(ELEMENTS_SET, set)
            .nest(ELEMENTS, |list| {
                list.nest(LIST_ELEMENT, |element| key(element, address))
            });
        match nf::commit(&self.socket, [change]) {
            Err(error) if error.kind() == as_it_is => Ok(()),
            Err(source) => Err(NetlinkError {
                what: format!("{address} in the set {set}"),
                source,
            }),
            Ok(()) => Ok(()),
        }
    }
}

fn key(element: Message, address: IpAddr) -> Message {
    element.nest(ELEMENT_KEY, |data| data.address(DATA_VALUE, address))
}
