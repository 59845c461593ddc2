//! The filter of site mode: what the kernel takes in clear, as a table of nftables.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};

use wire::Prefix;

use super::Ground;

/// What the table is called.
pub(super) const TABLE: &str = "kumi_site";

/// The set of the addresses from which nothing in clear is taken.
pub(super) const fn set_of(address: IpAddr) -> &'static str {
    if address.is_ipv4() {
        "sealed4"
    } else {
        "sealed6"
    }
}

/// How every datagram of a node begins: its type, and three zeros (session.md, section 2).
const SHAPE: &str = "@th,64,8 1-7 @th,72,24 0";
/// Most elements behind this node.
const INNER_MAX: usize = 65_536;

/// Takes the filter away.
pub(super) const NOTHING: &str = "table inet kumi_site\ndelete table inet kumi_site\n";

/// The whole filter, as `nft` reads it: what there was gives way in one transaction.
pub(super) fn ruleset(ground: &Ground, sealed: &BTreeSet<IpAddr>, closed: bool) -> String {
    let (interface, port) = (&ground.interface, ground.port);
    let mut text = String::from(NOTHING);
    text.push_str("table inet kumi_site {\n");
    for (name, v4) in [("sealed4", true), ("sealed6", false)] {
        let kind = if v4 { "ipv4_addr" } else { "ipv6_addr" };
        let members = sealed.iter().filter(|ip| ip.is_ipv4() == v4);
        let members: Vec<String> = members.map(ToString::to_string).collect();
        let _ = write!(text, " set {name} {{ type {kind}; ");
        if !members.is_empty() {
            let _ = write!(text, "elements = {{ {} }}; ", members.join(", "));
        }
        text.push_str("}\n");
    }
    for (name, kind) in [("inner4", "ipv4_addr"), ("inner6", "ipv6_addr")] {
        let _ = writeln!(
            text,
            " set {name} {{ type {kind}; flags dynamic, timeout; timeout 1h; size {INNER_MAX}; }}"
        );
    }
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
    let (ip, inner, sealed) = match prefix.is_v4() {
        true => ("ip", "inner4", "sealed4"),
        false => ("ip6", "inner6", "sealed6"),
    };
    Family { ip, inner, sealed }
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
mod tests {
    use super::*;

    fn ground(behind: &[&str]) -> Ground {
        Ground {
            interface: "kumi0".to_owned(),
            port: 4_649,
            prefixes: vec![
                "192.0.2.0/24".parse().unwrap(),
                "2001:db8::/64".parse().unwrap(),
            ],
            behind: behind.iter().map(|it| it.parse().unwrap()).collect(),
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
            let listed = Command::new("nft")
                .args(["list", "table", "inet", TABLE])
                .output();
            let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
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
        let test = std::thread::spawn(|| {
            if let Err(error) = os::netns::unshare_network() {
                eprintln!("skipped: {error}");
                return;
            }
            let sealed = ["192.0.2.7", "2001:db8::7"].map(|it| it.parse().unwrap());
            for closed in [false, true] {
                for behind in [&[][..], &["192.168.20.0/24", "fd00:20::/64"]] {
                    for sealed in [BTreeSet::new(), BTreeSet::from(sealed)] {
                        nft(&ruleset(&ground(behind), &sealed, closed)).unwrap();
                        one_more_and_none(&sealed);
                    }
                }
            }
        });
        test.join().unwrap();
    }

    #[test]
    fn an_open_node_drops_what_should_be_sealed_and_a_closed_one_all_that_is_clear() {
        let sealed = BTreeSet::from(["192.0.2.7".parse().unwrap()]);
        let open = ruleset(&ground(&[]), &sealed, false);
        assert!(open.contains("elements = { 192.0.2.7 }") && open.contains("@sealed4 drop"));
        assert!(!open.contains("ip saddr 192.0.2.0/24 drop"));
        let closed = ruleset(&ground(&["192.168.20.0/24"]), &sealed, true);
        assert!(closed.contains("ip saddr 192.0.2.0/24 drop"));
        assert!(closed.contains("ip daddr 192.168.20.0/24 ip saddr 192.0.2.0/24 drop"));
        assert!(!closed.contains("ip daddr 192.168.20.0/24 ip6"));
        assert!(closed.contains("ip daddr 192.0.2.0/24 drop"));
    }
}
