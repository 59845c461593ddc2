//! Elements between ordinary addresses, and flows between them.

use std::net::Ipv4Addr;

use group::Mode;
use node::NodeConfig;

use super::common::s;
use super::world::{Groups, create};

/// What became of a flow, as its sender sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Encrypted,
    Clear,
    Discarded,
}

/// A server at host 0, and nodes in site mode at the others; each in its group and mode.
pub(super) fn site(members: &[(&str, Mode)]) -> Groups {
    let mut groups = Groups::new(members.len() as u8 + 1);
    // The LAN finds nobody here: DPRP does.
    groups.world.lan = false;
    let mut names: Vec<&str> = members.iter().map(|(group, _)| *group).collect();
    names.sort_unstable();
    names.dedup();
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        groups.order(create(name)).unwrap();
    }
    for (at, (group, mode)) in members.iter().enumerate() {
        let index = at + 1;
        let config = NodeConfig {
            site: ["192.0.2.0/24", "192.168.0.0/16"]
                .map(|it| it.parse().unwrap())
                .to_vec(),
            ..NodeConfig::default()
        };
        groups.world.configure(index, config);
        here(&mut groups, index);
        if !group.is_empty() {
            groups.join_as(index, &format!("m{index}"), group, Some(*mode));
        }
    }
    groups
}

/// The node learns its own address, as from its shell.
pub(super) fn here(groups: &mut Groups, index: usize) {
    let at = groups.world.hosts[index].at;
    groups.world.with(index, |node, now| {
        node.handle_local_endpoints(now, vec![at])
    });
}

pub(super) fn v4(groups: &Groups, index: usize) -> Ipv4Addr {
    match groups.world.hosts[index].at.ip() {
        std::net::IpAddr::V4(ip) => ip,
        other => panic!("{other}"),
    }
}

/// A UDP packet between the ordinary addresses of two hosts.
pub(super) fn packet(groups: &Groups, from: usize, to: usize, data: &[u8]) -> Vec<u8> {
    let (from, to) = (v4(groups, from), v4(groups, to));
    let segment = super::common::udp_segment((1_000, 2_000), data);
    super::common::ipv4(&from.to_string(), &to.to_string(), 17, true, &segment)
}

pub(super) fn send(groups: &mut Groups, from: usize, to: usize, data: &[u8]) {
    let packet = packet(groups, from, to, data);
    groups
        .world
        .with(from, |node, now| node.handle_inside(now, &packet));
    groups.settle();
}

pub(super) fn flow(groups: &mut Groups, from: usize, to: usize, data: &[u8]) -> Flow {
    flow_while(groups, (from, to), data, |groups| groups.world.run(s(2)))
}

/// The same while something else happens, too.
pub(super) fn flow_while(
    groups: &mut Groups,
    (from, to): (usize, usize),
    data: &[u8],
    meanwhile: impl FnOnce(&mut Groups),
) -> Flow {
    let (inside, clear) = (
        groups.world.hosts[to].inside.len(),
        groups.world.hosts[from].clear.len(),
    );
    send(groups, from, to, data);
    meanwhile(groups);
    groups.settle();
    let arrived = groups.world.hosts[to].inside[inside..].to_vec();
    let cleared = groups.world.hosts[from].clear[clear..].to_vec();
    match (arrived.as_slice(), cleared.as_slice()) {
        ([one], []) if one.ends_with(data) => Flow::Encrypted,
        ([], [one]) if one.ends_with(data) => Flow::Clear,
        ([], []) => Flow::Discarded,
        other => panic!("{other:?}"),
    }
}
