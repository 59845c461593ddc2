//! The filter of site mode: what the kernel takes in clear, as a table of nftables.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};

use os::netlink::COPY_LEN_MAX;
use wire::Prefix;

use super::Ground;

/// What the table is called.
pub(super) const TABLE: &str = "kumi_site";

/// The sets of the addresses from which nothing in clear is taken.
const SEALED_SETS: [&str; 2] = ["sealed4", "sealed6"];
/// Those of who is behind this node.
pub(super) const INNER_SETS: [&str; 2] = ["inner4", "inner6"];
/// What each of the two holds.
const SET_TYPES: [&str; 2] = ["ipv4_addr", "ipv6_addr"];

/// The one of the sealed sets that an address is in.
pub(super) const fn set_of(address: IpAddr) -> &'static str {
    of_family(SEALED_SETS, address)
}

/// The one of the sets of who is behind.
pub(super) const fn set_inner(address: IpAddr) -> &'static str {
    of_family(INNER_SETS, address)
}

const fn of_family([v4, v6]: [&'static str; 2], address: IpAddr) -> &'static str {
    if address.is_ipv4() { v4 } else { v6 }
}

/// How every datagram of a node begins: its type, and three zeros (session.md, section 2).
const SHAPE: &str = "@th,64,8 1-7 @th,72,24 0";
/// How the question of an element to another begins, and how long it is with its UDP header (dprp.md, section 2).
const DDE_SHAPE: &str = "@th,64,8 6 @th,72,24 0";
const DDE_UDP_LEN: usize = 8 + group::dprp::DDE_LEN;
/// Most elements behind this node, of each family.
pub(super) const INNER_MAX: usize = 65_536;
/// The log group that copies of what passes go to.
pub(super) const LOG_GROUP: u16 = 4_649;
/// Most copies in a second: the node answers fewer.
pub(super) const COPIES_PER_SECOND_MAX: u32 = 100;

/// Takes the filter away.
pub(super) const NOTHING: &str = "table inet kumi_site\ndelete table inet kumi_site\n";

/// The chains, all of which there may be.
const CHAINS: [&str; 5] = ["input", "prerouting", "output", "forward", "relayed"];

/// Lays the filter over what there was, in one transaction. Who is behind this node stays known, also after
/// kill -9: a router that had forgotten it would speak for elements as if they were plain terminals.
pub(super) fn lay(rules: &str) -> Result<(), String> {
    // A set of another version that is not the same gives way with all the rest.
    nft(&format!("{}{rules}", chains_away())).or_else(|error| {
        tracing::debug!(error, "the filter that stands gives way");
        nft(&format!("{NOTHING}{}{rules}", chains_away()))
    })
}

/// Leaves of the filter who is behind this node.
fn chains_away() -> String {
    let mut text = format!("table inet {TABLE} {{\n");
    for (name, kind) in SEALED_SETS.into_iter().zip(SET_TYPES) {
        let _ = writeln!(text, " set {name} {{ type {kind}; }}");
    }
    for (name, kind) in INNER_SETS.into_iter().zip(SET_TYPES) {
        let _ = writeln!(
            text,
            " set {name} {{ type {kind}; flags dynamic, timeout; timeout 1h; size {INNER_MAX}; }}"
        );
    }
    for chain in CHAINS {
        let _ = writeln!(text, " chain {chain} {{ }}");
    }
    let _ = writeln!(text, "}}\nflush table inet {TABLE}");
    for set in SEALED_SETS {
        let _ = writeln!(text, "flush set inet {TABLE} {set}");
    }
    for chain in CHAINS {
        let _ = writeln!(text, "delete chain inet {TABLE} {chain}");
    }
    text
}

/// Who is sealed, and the chains, for [`lay`]. If the node `reports`, it gets copies of questions that pass.
pub(super) fn ruleset(
    ground: &Ground,
    sealed: &BTreeSet<IpAddr>,
    (closed, reports): (bool, bool),
) -> String {
    let (interface, port) = (&ground.interface, ground.port);
    let mut text = String::new();
    for set in SEALED_SETS {
        let members = sealed.iter().filter(|ip| set_of(**ip) == set);
        let members: Vec<String> = members.map(ToString::to_string).collect();
        if !members.is_empty() {
            let members = members.join(", ");
            let _ = writeln!(text, "add element inet {TABLE} {set} {{ {members} }}");
        }
    }
    let _ = writeln!(text, "table inet {TABLE} {{");
    text.push_str(" chain input { type filter hook input priority -5; policy accept;\n");
    let _ = writeln!(text, "  iifname {{ \"{interface}\", \"lo\" }} accept");
    let _ = writeln!(text, "  udp dport {port} accept\n  tcp dport {port} accept");
    text.push_str(
        "  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept\n",
    );
    text.push_str("  ip saddr @sealed4 drop\n  ip6 saddr @sealed6 drop\n");
    if closed {
        for line in sources(&ground.prefixes) {
            let _ = writeln!(text, "  {line} drop");
        }
    }
    text.push_str(" }\n");
    if !ground.behind.is_empty() {
        behind(&mut text, ground, closed);
        if reports {
            relayed(&mut text, port);
        }
    }
    text.push_str("}\n");
    text
}

/// What lies behind this node: it speaks for it, and filters for it. Elements behind it speak for
/// themselves: who sends as a node does is one, for the next hour.
fn behind(text: &mut String, ground: &Ground, closed: bool) {
    let (interface, port) = (&ground.interface, ground.port);
    text.push_str(" chain prerouting { type nat hook prerouting priority dstnat; policy accept;\n");
    for prefix in &ground.behind {
        let Family { ip, inner, .. } = family(*prefix);
        let to = format!("{ip} daddr {prefix} {ip} daddr != @{inner}");
        let _ = writeln!(text, "  {to} udp dport {port} redirect to :{port}");
    }
    text.push_str(" }\n");
    errors(text, ground);
    text.push_str(" chain forward { type filter hook forward priority -5; policy accept;\n");
    // What a host asks its neighbours is of one link (RFC 4861); an adapter answers it, and the question goes nowhere.
    text.push_str(
        "  icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, \
         nd-neighbor-advert, nd-redirect } drop\n",
    );
    for prefix in &ground.behind {
        let Family { ip, inner, sealed } = family(*prefix);
        let node = format!("{ip} saddr {prefix} udp sport {port} {SHAPE}");
        let _ = writeln!(text, "  {node} update @{inner} {{ {ip} saddr }}");
        if closed {
            let _ = writeln!(text, "  {ip} saddr @{inner} oifname \"{interface}\" drop");
        }
        let _ = writeln!(
            text,
            "  {ip} daddr @{inner} udp dport {port} {SHAPE} accept"
        );
        let _ = writeln!(text, "  iifname \"{interface}\" accept");
        let _ = writeln!(text, "  {ip} daddr {prefix} {ip} saddr @{sealed} drop");
        if closed {
            let own = sources(&ground.prefixes).filter(|it| it.starts_with(&format!("{ip} ")));
            for line in own {
                let _ = writeln!(text, "  {ip} daddr {prefix} {line} drop");
            }
        }
    }
    let _ = writeln!(text, "  oifname \"{interface}\" accept");
    // What passes by is relayed if it is sealed, and in clear only through an open node.
    let _ = writeln!(text, "  udp dport {port} {SHAPE} accept");
    let _ = writeln!(text, "  udp sport {port} {SHAPE} accept");
    let _ = writeln!(text, "  tcp dport {port} accept\n  tcp sport {port} accept");
    if closed {
        for prefix in &ground.prefixes {
            let Family { ip, .. } = family(*prefix);
            let _ = writeln!(text, "  {ip} saddr {prefix} drop");
            let _ = writeln!(text, "  {ip} daddr {prefix} drop");
        }
    }
    text.push_str(" }\n");
}

/// Copies of what elements ask each other through this host, after everybody's filters: what those drop is not relayed.
fn relayed(text: &mut String, port: u16) {
    text.push_str(" chain relayed { type filter hook forward priority 300; policy accept;\n");
    let _ = writeln!(
        text,
        "  udp dport {port} udp length {DDE_UDP_LEN} {DDE_SHAPE} \
         limit rate {COPIES_PER_SECOND_MAX}/second burst 50 packets \
         log group {LOG_GROUP} snaplen {COPY_LEN_MAX} queue-threshold 1"
    );
    text.push_str(" }\n");
}

/// What the kernel says about packets that it forwards from behind this node (too long, its hops are used up) goes back
/// there: it is no flow of this host's own, which a closed node would discard.
fn errors(text: &mut String, ground: &Ground) {
    text.push_str(" chain output { type route hook output priority mangle; policy accept;\n");
    for prefix in &ground.behind {
        let types = match prefix.is_v4() {
            true => "icmp type { destination-unreachable, time-exceeded, parameter-problem }",
            false => {
                "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, \
                 parameter-problem }"
            }
        };
        let ip = family(*prefix).ip;
        let mark = os::netlink::MARK;
        let _ = writeln!(text, "  {types} {ip} daddr {prefix} meta mark set {mark}");
    }
    text.push_str(" }\n");
}

/// What things are called in a family of addresses.
struct Family {
    ip: &'static str,
    inner: &'static str,
    sealed: &'static str,
}

fn family(prefix: Prefix) -> Family {
    let address = prefix.ip();
    Family {
        ip: if prefix.is_v4() { "ip" } else { "ip6" },
        inner: set_inner(address),
        sealed: set_of(address),
    }
}

fn sources(prefixes: &[Prefix]) -> impl Iterator<Item = String> {
    prefixes.iter().map(|prefix| {
        let family = if prefix.is_v4() { "ip" } else { "ip6" };
        format!("{family} saddr {prefix}")
    })
}

pub(super) fn nft(script: &str) -> Result<(), String> {
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("nft (package nftables): {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(script.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::path::PathBuf;

    pub(in crate::site) fn ground(behind: &[&str]) -> Ground {
        Ground {
            interface: "kumi0".to_owned(),
            port: 4_649,
            prefixes: vec![
                "192.0.2.0/24".parse().unwrap(),
                "2001:db8::/64".parse().unwrap(),
            ],
            behind: behind.iter().map(|it| it.parse().unwrap()).collect(),
            notes: PathBuf::new(),
        }
    }

    /// Addresses come and go in a filter that stands, also those that are there already.
    fn one_more_and_none(sealed: &BTreeSet<IpAddr>) {
        let mut sets = os::netlink::Sets::open(TABLE).unwrap();
        let all =
            ["192.0.2.7", "192.0.2.8", "2001:db8::7", "2001:db8::8"].map(|it| it.parse().unwrap());
        for add in [true, false] {
            for address in all.iter().chain(&all).copied() {
                sets.change(set_of(address), address, add).unwrap();
            }
            let listed = listed();
            for address in all {
                assert_eq!(
                    listed.contains(&address.to_string()),
                    add,
                    "{sealed:?} {listed}"
                );
            }
        }
        assert!(sets.change("no such set", all[0], true).is_err());
    }

    #[test]
    fn the_kernel_takes_every_filter() {
        in_new_network(|| {
            let sealed = ["192.0.2.7", "2001:db8::7"].map(|it| it.parse().unwrap());
            for mode in [(false, false), (false, true), (true, false), (true, true)] {
                for behind in [&[][..], &["192.168.20.0/24", "fd00:20::/64"]] {
                    for sealed in [BTreeSet::new(), BTreeSet::from(sealed)] {
                        lay(&ruleset(&ground(behind), &sealed, mode)).unwrap();
                        one_more_and_none(&sealed);
                    }
                }
            }
        });
    }

    pub(in crate::site) fn in_new_network(test: impl FnOnce() + Send + 'static) {
        let test = std::thread::spawn(|| match os::netns::unshare_network() {
            Ok(_) => test(),
            Err(error) => eprintln!("skipped: {error}"),
        });
        test.join().unwrap();
    }

    fn listed() -> String {
        let listed = Command::new("nft")
            .args(["list", "table", "inet", TABLE])
            .output();
        String::from_utf8(listed.unwrap().stdout).unwrap()
    }

    #[test]
    fn who_is_behind_stays_known_when_the_filter_is_laid_anew() {
        in_new_network(|| {
            let sealed = BTreeSet::from(["192.0.2.7".parse().unwrap()]);
            let behind = ground(&["192.168.20.0/24"]);
            for _ in 0..2 {
                lay(&ruleset(&behind, &sealed, (true, true))).unwrap();
                assert!(listed().contains("192.0.2.7"));
            }
            nft(&format!(
                "add element inet {TABLE} inner4 {{ 192.168.20.2 }}"
            ))
            .unwrap();
            lay(&ruleset(&behind, &BTreeSet::new(), (false, false))).unwrap();
            let text = listed();
            assert!(text.contains("192.168.20.2 "), "{text}");
            assert!(
                !text.contains("192.0.2.7") && !text.contains("log group"),
                "{text}"
            );
            assert_eq!(text.matches("chain forward").count(), 1);
            lay(&ruleset(&ground(&[]), &sealed, (true, true))).unwrap();
            let text = listed();
            assert!(
                text.contains("192.0.2.7") && !text.contains("chain forward"),
                "{text}"
            );
            // Of another version, with other sets.
            let other = "set inner4 { type ipv4_addr; }; set sealed4 { type ipv6_addr; }";
            nft(&format!("{NOTHING}table inet {TABLE} {{ {other}; }}")).unwrap();
            lay(&ruleset(&behind, &sealed, (true, true))).unwrap();
            assert!(listed().contains("flags dynamic,timeout"));
        });
    }

    #[test]
    fn an_open_node_drops_what_should_be_sealed_and_a_closed_one_all_that_is_clear() {
        let sealed = BTreeSet::from(["192.0.2.7".parse().unwrap()]);
        let open = ruleset(&ground(&[]), &sealed, (false, true));
        assert!(open.contains("sealed4 { 192.0.2.7 }") && open.contains("@sealed4 drop"));
        assert!(!open.contains("ip saddr 192.0.2.0/24 drop"));
        assert!(!open.contains("log group"), "nothing lies behind it");
        assert!(
            ruleset(&ground(&["192.168.20.0/24"]), &sealed, (true, true)).contains("log group")
        );
        let closed = ruleset(&ground(&["192.168.20.0/24"]), &sealed, (true, false));
        assert!(closed.contains("ip saddr 192.0.2.0/24 drop"));
        assert!(closed.contains("ip daddr 192.168.20.0/24 ip saddr 192.0.2.0/24 drop"));
        assert!(!closed.contains("ip daddr 192.168.20.0/24 ip6"));
        assert!(closed.contains("ip daddr 192.0.2.0/24 drop"));
    }
}
