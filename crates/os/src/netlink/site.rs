//! The routes of site mode: a table of their own, and the rule that leads there.
//!
//! ```text
//!   ip rule   4649: not from all fwmark KUMI lookup 4649
//!   table 4649:  192.0.2.0/24 dev kumi0 src 192.0.2.1        what this node decides on
//!                blackhole 192.0.2.0/24 metric 4649          the same while it is not there
//!                throw 192.0.2.7                             in clear: the host's own routes
//! ```
//!
//! All of them have scope global: when the host gets a route by a gateway in such a prefix, the
//! kernel looks the gateway up among the routes of scope link, and must not find it behind kumi0.
//!
//! The node's own sockets carry the mark. After kill -9 the first kind of route goes with the
//! interface, and the second keeps what was encrypted from leaving in clear.

use std::net::IpAddr;

use super::message::Message;
use super::{Netlink, NetlinkError};

/// The mark of the node's own sockets: "KUMI".
pub const MARK: u32 = 0x4b55_4d49;
/// The table, and the priority of its rule.
pub const TABLE: u32 = 4_649;

const FRA_PRIORITY: u16 = 6;
const FRA_FWMARK: u16 = 10;
const FRA_TABLE: u16 = 15;
const FIB_RULE_INVERT: u32 = 2;
const FR_ACT_TO_TBL: u8 = 1;

/// Where a route of the table leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteTarget {
    /// To the interface with this number, from this address where it is known.
    Interface(u32, Option<IpAddr>),
    /// Nowhere.
    Blackhole,
    /// To the host's other tables.
    Throw,
}

impl Netlink {
    /// Adds or removes the rule for a family of addresses.
    ///
    /// # Errors
    /// No right to; or it is there, or is not, already.
    pub fn site_rule(&mut self, v6: bool, add: bool) -> Result<(), NetlinkError> {
        let family = if v6 { libc::AF_INET6 } else { libc::AF_INET };
        let mut header = [0u8; 12];
        header[0] = u8::try_from(family).unwrap_or_default();
        header[7] = FR_ACT_TO_TBL;
        header[8..12].copy_from_slice(&FIB_RULE_INVERT.to_ne_bytes());
        let (kind, flags) = match add {
            true => (libc::RTM_NEWRULE, libc::NLM_F_CREATE | libc::NLM_F_EXCL),
            false => (libc::RTM_DELRULE, 0),
        };
        let sequence = self.next_sequence();
        let message = Message::new(kind, flags | libc::NLM_F_ACK, sequence)
            .raw(&header)
            .number(FRA_PRIORITY, TABLE)
            .number(FRA_FWMARK, MARK)
            .number(FRA_TABLE, TABLE);
        self.change(message, || "the rule of site mode".to_owned())
    }

    /// Adds or removes a route of the table. Routes that lead nowhere count less than others.
    ///
    /// # Errors
    /// No right to, or there is no such route to remove.
    pub fn site_route(
        &mut self,
        (destination, prefix_len): (IpAddr, u8),
        target: SiteTarget,
        add: bool,
    ) -> Result<(), NetlinkError> {
        let family = if destination.is_ipv6() {
            libc::AF_INET6
        } else {
            libc::AF_INET
        };
        let (kind_of_route, metric) = match target {
            SiteTarget::Interface(..) => (libc::RTN_UNICAST, 1),
            SiteTarget::Blackhole => (libc::RTN_BLACKHOLE, TABLE),
            SiteTarget::Throw => (libc::RTN_THROW, 1),
        };
        let mut header = [0u8; 12];
        header[0] = u8::try_from(family).unwrap_or_default();
        header[1] = prefix_len;
        header[5] = libc::RTPROT_STATIC;
        header[6] = libc::RT_SCOPE_UNIVERSE;
        header[7] = kind_of_route;
        let (kind, flags) = match add {
            true => (libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_REPLACE),
            false => (libc::RTM_DELROUTE, 0),
        };
        let sequence = self.next_sequence();
        let mut message = Message::new(kind, flags | libc::NLM_F_ACK, sequence)
            .raw(&header)
            .address(libc::RTA_DST, destination)
            .number(libc::RTA_PRIORITY, metric)
            .number(libc::RTA_TABLE, TABLE);
        if let SiteTarget::Interface(index, source) = target {
            message = message.number(libc::RTA_OIF, index);
            if let Some(source) = source {
                message = message.address(libc::RTA_PREFSRC, source);
            }
        }
        self.change(message, || {
            format!("the route to {destination}/{prefix_len} of site mode")
        })
    }
}
