//! The routes of site mode: a table of their own, and the rule that leads there.
//!
//! ```text
//!   ip rule   4648: from all fwmark KUMI goto 4650           the node's own datagrams
//!             4648: from all iif lo lookup 4649              the host's packets
//!             4648: from 192.168.20.0/24 udp 4649 goto 4650  those of elements behind it
//!             4648: to 192.168.20.0/24 goto 4650             those of others to what lies behind it
//!             4649: from 192.168.20.0/24 lookup 4649         those of what lies behind it
//!             4650: nop
//!   table 4649:  192.0.2.0/24 dev kumi0 src 192.0.2.1        what this node decides on
//!                blackhole 192.0.2.0/24 metric 4649          the same while it is not there
//!                throw 192.0.2.7                             in clear: the host's own routes
//! ```
//!
//! All of them have scope global: when the host gets a route by a gateway in such a prefix, the
//! kernel looks the gateway up among the routes of scope link, and must not find it behind kumi0.
//!
//! Packets that only pass through this host meet none of this. After kill -9 the first kind of route goes with the
//! interface, and the second keeps what was encrypted from leaving in clear.

use std::io;
use std::net::IpAddr;

use super::message::{Answer, Message, attributes, read_address, read_u32};
use super::{Netlink, NetlinkError, family};

/// The mark of the node's own sockets: "KUMI".
pub const MARK: u32 = 0x4b55_4d49;
/// The table, and the priority of the rules that lead there.
pub const TABLE: u32 = 4_649;
const PASS: u32 = TABLE - 1;
const AFTER: u32 = TABLE + 1;

const FRA_DST: u16 = 1;
const FRA_GOTO: u16 = 4;
const FRA_SRC: u16 = 2;
const FRA_IIFNAME: u16 = 3;
const FRA_PRIORITY: u16 = 6;
const FRA_FWMARK: u16 = 10;
const FRA_TABLE: u16 = 15;
const FRA_IP_PROTO: u16 = 22;
const FRA_DPORT_RANGE: u16 = 24;
const FR_ACT_TO_TBL: u8 = 1;
const FR_ACT_GOTO: u8 = 2;
const FR_ACT_NOP: u8 = 3;

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
    /// Adds the rules for a family of addresses: for the host's packets, and for those of `behind`,
    /// of which each is an address and a length in bits of this family. What elements behind the
    /// host send from node to node, to `port`, is theirs. Rules of an earlier run stay, but for those
    /// of other prefixes and of another port.
    ///
    /// # Errors
    /// No right to.
    pub fn set_site_rules(
        &mut self,
        v6: bool,
        behind: &[(IpAddr, u8)],
        port: u16,
    ) -> Result<(), NetlinkError> {
        let ports = range_of(port);
        self.add_rule(v6, (AFTER, FR_ACT_NOP, 0), |message| message)?;
        let marked = |message: Message| message.number(FRA_FWMARK, MARK).number(FRA_GOTO, AFTER);
        self.add_rule(v6, (PASS, FR_ACT_GOTO, 0), marked)?;
        // Of one priority the kernel asks those first that were made first: the host's own packets
        // before those of others.
        let own = |message: Message| message.text(FRA_IIFNAME, "lo").number(FRA_TABLE, TABLE);
        self.add_rule(v6, (PASS, FR_ACT_TO_TBL, 0), own)?;
        for at in behind {
            let to = |message: Message| message.address(FRA_DST, at.0).number(FRA_GOTO, AFTER);
            self.add_rule_between(v6, (PASS, FR_ACT_GOTO), (0, at.1), to)?;
            let from = |message: Message| message.address(FRA_SRC, at.0).number(FRA_TABLE, TABLE);
            self.add_rule(v6, (TABLE, FR_ACT_TO_TBL, at.1), from)?;
            let nodes = |message: Message| {
                let message = message.address(FRA_SRC, at.0).number(FRA_GOTO, AFTER);
                let udp = [libc::IPPROTO_UDP as u8];
                message
                    .attribute(FRA_IP_PROTO, &udp)
                    .attribute(FRA_DPORT_RANGE, &ports)
            };
            self.add_rule(v6, (PASS, FR_ACT_GOTO, at.1), nodes)?;
        }
        let is_now =
            |rule: &Rule| behind.contains(&rule.at) && rule.ports.is_none_or(|its| its == ports);
        for rule in self.site_rules(v6)? {
            if !is_now(&rule) {
                self.remove_rule(v6, rule.priority, Some(rule))?;
            }
        }
        Ok(())
    }

    /// The rules for what lies behind the host, of whatever run.
    fn site_rules(&mut self, v6: bool) -> Result<Vec<Rule>, NetlinkError> {
        let mut rules = Vec::new();
        self.dump(
            libc::RTM_GETRULE,
            family_of(v6),
            "listing rules",
            |answer| rules.extend(read_rule(answer)),
        )?;
        Ok(rules)
    }

    fn add_rule(
        &mut self,
        v6: bool,
        (priority, action, source_len): (u32, u8, u8),
        rest: impl FnOnce(Message) -> Message,
    ) -> Result<(), NetlinkError> {
        self.add_rule_between(v6, (priority, action), (source_len, 0), rest)
    }

    fn add_rule_between(
        &mut self,
        v6: bool,
        (priority, action): (u32, u8),
        (source_len, destination_len): (u8, u8),
        rest: impl FnOnce(Message) -> Message,
    ) -> Result<(), NetlinkError> {
        let mut header = rule_header(v6, action);
        (header[1], header[2]) = (destination_len, source_len);
        let flags = libc::NLM_F_CREATE | libc::NLM_F_EXCL | libc::NLM_F_ACK;
        let sequence = self.next_sequence();
        let message = Message::new(libc::RTM_NEWRULE, flags, sequence).raw(&header);
        let message = rest(message.number(FRA_PRIORITY, priority));
        match self.change(message, || "a rule of site mode".to_owned()) {
            Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            done => done,
        }
    }

    fn remove_rule(
        &mut self,
        v6: bool,
        priority: u32,
        rule: Option<Rule>,
    ) -> Result<(), NetlinkError> {
        let mut header = rule_header(v6, 0);
        match rule {
            Some(rule) if rule.is_to => header[1] = rule.at.1,
            Some(rule) => header[2] = rule.at.1,
            None => {}
        }
        let sequence = self.next_sequence();
        let message = Message::new(libc::RTM_DELRULE, libc::NLM_F_ACK, sequence);
        let mut message = message.raw(&header).number(FRA_PRIORITY, priority);
        if let Some(rule) = rule {
            let side = if rule.is_to { FRA_DST } else { FRA_SRC };
            message = message.address(side, rule.at.0);
            if let Some(ports) = rule.ports {
                message = message.attribute(FRA_DPORT_RANGE, &ports);
            }
        }
        self.change(message, || "a rule of site mode".to_owned())
    }

    /// The address from which the host would send to another past the table, if it would.
    ///
    /// # Errors
    /// The kernel refuses for another reason than that there is no route.
    pub fn source_to(&mut self, to: IpAddr) -> Result<Option<IpAddr>, NetlinkError> {
        let len = if to.is_ipv4() { 32 } else { 128 };
        let sequence = self.next_sequence();
        let mut header = route_header((to, len), libc::RTN_UNSPEC);
        (header[5], header[6]) = (0, 0);
        let message = Message::new(libc::RTM_GETROUTE, 0, sequence)
            .raw(&header)
            .address(libc::RTA_DST, to)
            .number(libc::RTA_MARK, MARK);
        self.ask(
            message,
            || format!("the way to {to}"),
            |answer| {
                let mut rest = attributes(answer.body, 12);
                let source = rest.find(|(kind, _)| *kind == libc::RTA_PREFSRC);
                source.and_then(|(_, value)| read_address(value))
            },
        )
    }

    /// Whether a node that runs has led packets to its interface.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn is_in_site_mode(&mut self) -> Result<bool, NetlinkError> {
        let mut any = false;
        for v6 in [false, true] {
            self.dump(
                libc::RTM_GETROUTE,
                family_of(v6),
                "listing routes",
                |answer| {
                    any |= read_own(answer).is_some_and(|it| it.kind == libc::RTN_UNICAST);
                },
            )?;
        }
        Ok(any)
    }

    /// Removes rules and routes of whatever run. Whether there were any.
    pub fn remove_site(&mut self, v6: bool) -> bool {
        let mut any = false;
        for priority in [PASS, TABLE, AFTER] {
            while self.remove_rule(v6, priority, None).is_ok() {
                any = true;
            }
        }
        let _ = self.keep_site_routes(v6, &[]);
        any
    }

    /// Removes all routes of the table that lead past it, and those to other prefixes than these.
    ///
    /// # Errors
    /// No right to.
    pub fn keep_site_routes(
        &mut self,
        v6: bool,
        keep: &[(IpAddr, u8)],
    ) -> Result<(), NetlinkError> {
        let mut over = Vec::new();
        self.dump(
            libc::RTM_GETROUTE,
            family_of(v6),
            "listing routes",
            |answer| {
                let route = read_own(answer);
                over.extend(
                    route.filter(|it| it.kind == libc::RTN_THROW || !keep.contains(&it.to)),
                );
            },
        )?;
        for route in over {
            self.remove_own(route)?;
        }
        Ok(())
    }

    fn remove_own(&mut self, route: Own) -> Result<(), NetlinkError> {
        let (destination, prefix_len) = route.to;
        // Whoever made it, in whatever scope.
        let mut header = route_header(route.to, route.kind);
        (header[5], header[6]) = (libc::RTPROT_UNSPEC, libc::RT_SCOPE_NOWHERE);
        let sequence = self.next_sequence();
        let flags = libc::NLM_F_ACK;
        let message = Message::new(libc::RTM_DELROUTE, flags, sequence)
            .raw(&header)
            .address(libc::RTA_DST, destination)
            .number(libc::RTA_PRIORITY, route.metric)
            .number(libc::RTA_TABLE, TABLE);
        self.change(message, || {
            format!("the route to {destination}/{prefix_len} of site mode")
        })
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
        let (kind_of_route, metric) = match target {
            SiteTarget::Interface(..) => (libc::RTN_UNICAST, 1),
            SiteTarget::Blackhole => (libc::RTN_BLACKHOLE, TABLE),
            SiteTarget::Throw => (libc::RTN_THROW, 1),
        };
        let (kind, flags) = match add {
            true => (libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_REPLACE),
            false => (libc::RTM_DELROUTE, 0),
        };
        let sequence = self.next_sequence();
        let mut message = Message::new(kind, flags | libc::NLM_F_ACK, sequence)
            .raw(&route_header((destination, prefix_len), kind_of_route))
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

/// A route of the table, as far as it takes to remove it.
struct Own {
    to: (IpAddr, u8),
    kind: u8,
    metric: u32,
}

fn read_own(answer: &Answer<'_>) -> Option<Own> {
    let (prefix_len, kind) = (*answer.body.get(1)?, *answer.body.get(7)?);
    let (mut destination, mut metric, mut table) = (None, 0, 0);
    for (attribute, value) in attributes(answer.body, 12) {
        match attribute {
            libc::RTA_DST => destination = read_address(value),
            libc::RTA_PRIORITY => metric = read_u32(value, 0)?,
            libc::RTA_TABLE => table = read_u32(value, 0)?,
            _ => {}
        }
    }
    let to = (destination.filter(|_| table == TABLE)?, prefix_len);
    Some(Own { to, kind, metric })
}

/// A rule of ours for what lies behind the host: for packets from there, or to there.
#[derive(Clone, Copy)]
struct Rule {
    priority: u32,
    is_to: bool,
    at: (IpAddr, u8),
    /// To which ports, if it asks for any.
    ports: Option<[u8; 4]>,
}

/// `struct fib_rule_port_range` of one port.
fn range_of(port: u16) -> [u8; 4] {
    let [first, second] = port.to_ne_bytes();
    [first, second, first, second]
}

fn read_rule(answer: &Answer<'_>) -> Option<Rule> {
    let (mut source, mut destination, mut priority) = (None, None, 0);
    let mut ports = None;
    for (attribute, value) in attributes(answer.body, 12) {
        match attribute {
            FRA_SRC => source = read_address(value),
            FRA_DST => destination = read_address(value),
            FRA_PRIORITY => priority = read_u32(value, 0)?,
            FRA_DPORT_RANGE => ports = value.first_chunk().copied(),
            _ => {}
        }
    }
    let (destination_len, source_len) = (*answer.body.get(1)?, *answer.body.get(2)?);
    let to = destination.map(|it| (true, (it, destination_len)));
    let from = source.map(|it| (false, (it, source_len)));
    let is_own = [PASS, TABLE].contains(&priority);
    let (is_to, at) = from.or(to).filter(|_| is_own)?;
    Some(Rule {
        priority,
        is_to,
        at,
        ports,
    })
}

/// `struct rtmsg`.
fn route_header((destination, prefix_len): (IpAddr, u8), kind: u8) -> [u8; 12] {
    let mut header = [0; 12];
    header[0] = family(destination);
    header[1] = prefix_len;
    header[5] = libc::RTPROT_STATIC;
    header[6] = libc::RT_SCOPE_UNIVERSE;
    header[7] = kind;
    header
}

/// `struct fib_rule_hdr`.
fn rule_header(v6: bool, action: u8) -> [u8; 12] {
    let mut header = [0; 12];
    header[0] = u8::try_from(family_of(v6)).unwrap_or_default();
    header[7] = action;
    header
}

const fn family_of(v6: bool) -> i32 {
    if v6 { libc::AF_INET6 } else { libc::AF_INET }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netns::tests::in_new_network;

    /// A node that was killed and starts again on another port, or with other networks behind it: what was to go past the
    /// table does so no longer. Needs root.
    #[test]
    fn rules_of_another_port_and_of_other_prefixes_go() {
        in_new_network(|| {
            let mut netlink = Netlink::open().unwrap();
            for (v6, behind) in [
                (false, ["192.168.20.0", "192.168.30.0"]),
                (true, ["fd00:20::", "fd00:30::"]),
            ] {
                let [one, other] = behind.map(|it| (it.parse::<IpAddr>().unwrap(), 24));
                for (behind, port) in [(one, 4_649), (one, 5_000), (other, 5_000)] {
                    for _ in 0..2 {
                        netlink.set_site_rules(v6, &[behind], port).unwrap();
                    }
                    let rules = netlink.site_rules(v6).unwrap();
                    assert_eq!(rules.len(), 3);
                    assert!(rules.iter().all(|rule| rule.at == behind));
                    let ports: Vec<_> = rules.iter().filter_map(|rule| rule.ports).collect();
                    assert_eq!(ports, [range_of(port)]);
                }
            }
        });
    }
}
