//! What IPsec costs by the seeds' own rules.
//!
//! | setting | seed 002 | seed 004 |
//! |---|---|---|
//! | key for each peer (identifier, key) | 2 | 2 |
//! | transport policy | 14 for each peer | 14 for all; with a tunnel beside it 2 more for each further peer |
//! | tunnel policy | 16 for each gateway | 16 for each gateway |
//! | gateway: none 8, discard 8 | 16 | 16 |
//! | IKE | 12 | 11, with a tunnel 2 more |
//! | KINK: identifier and key of each group, server | | 1 + 2 for each group |
//! | KINK itself | | 1 for each group, 1 with a tunnel |
//! | KINK at the server: identifier, key, group | | 3 for each membership |
//! | a host moves: its own address, in both directions of each policy | 2 for each peer | 2 for each peer |
//!
//! A host has a transport policy with each other host (GES or GEA) that it shares a group with, and
//! a tunnel to each gateway (GEN) that it shares a group with and is not behind. The seeds give
//! a gateway one key, whether or not it has a tunnel.

use super::gscip::count;
use crate::element::Kind;

use super::{Addition, Change, Column, IpsecRule, Member, Row, Scenario, Scheme, Table};

const TRANSPORT: u32 = 14;
const TUNNEL: u32 = 16;
const GATEWAY: u32 = 8 + 8;
const KEY: u32 = 2;

/// With whom an element has to do.
#[derive(Clone, Copy)]
struct Peers {
    transport: u32,
    tunnels: u32,
}

/// The settings at the beginning with IKE.
pub(super) fn ike(scenario: &Scenario, rule: IpsecRule) -> Table {
    let rows = scenario.elements.iter().map(|element| {
        let peers = peers(scenario, element);
        if element.kind == Kind::Gen {
            let keys = match rule {
                IpsecRule::Paper => 1,
                IpsecRule::Thesis => peers.tunnels.max(1),
            };
            return Row::of(&element.name, [KEY * keys, GATEWAY, exchange(rule, false)]);
        }
        Row::of(&element.name, host(peers, rule))
    });
    Table {
        scheme: Scheme::Ike,
        columns: vec![Column::Keys, Column::Policy, Column::Exchange],
        rows: rows.collect(),
    }
}

/// The settings at the beginning with KINK. Only seed 004 has figures.
pub(super) fn kink(scenario: &Scenario) -> Table {
    let mut rows: Vec<Row> = Vec::new();
    let mut memberships = 0;
    for element in &scenario.elements {
        let groups = count(&element.groups);
        let peers = peers(scenario, element);
        memberships += groups;
        let (policy, exchange) = match element.kind {
            Kind::Gen => (GATEWAY, groups),
            Kind::Ges | Kind::Gea => {
                let tunnel = u32::from(peers.tunnels > 0);
                (policies(peers, IpsecRule::Thesis), groups + tunnel)
            }
        };
        rows.push(Row::of(&element.name, [1 + 2 * groups, policy, exchange]));
    }
    rows.push(Row::server([3 * memberships, 0, 0]));
    Table {
        scheme: Scheme::Kink,
        columns: vec![Column::Keys, Column::Policy, Column::Exchange],
        rows,
    }
}

/// The settings of a change with IKE.
pub(super) fn change(scenario: &Scenario, change: &Change, rule: IpsecRule) -> u32 {
    match (&change.moves, &change.adds) {
        (Some(moves), _) => scenario.element(&moves.element).map_or(0, |before| {
            let after = Member {
                behind: moves.behind.clone(),
                ..before.clone()
            };
            let (was, is) = (peers(scenario, before), peers(scenario, &after));
            2 * was.transport + TUNNEL * is.tunnels.saturating_sub(was.tunnels)
        }),
        (None, Some(adds)) => addition(scenario, adds, rule),
        (None, None) => 0,
    }
}

/// A new host, and a policy more at each of its peers.
fn addition(scenario: &Scenario, adds: &Addition, rule: IpsecRule) -> u32 {
    let mut peers = peers(scenario, &adds.element);
    let joined = adds.join.iter().filter(|joining| {
        let shared_before = scenario
            .element(&joining.element)
            .is_some_and(|other| share_group(other, &adds.element));
        !shared_before && adds.element.groups.contains(&joining.group)
    });
    peers.transport += count(&joined.collect::<Vec<_>>());
    if let Some(named) = &adds.ipsec_peers {
        peers = Peers {
            transport: count(named),
            tunnels: 0,
        };
    }
    host(peers, rule).iter().sum::<u32>() + TRANSPORT * peers.transport
}

/// Keys, policies and IKE of a host.
fn host(peers: Peers, rule: IpsecRule) -> [u32; 3] {
    [
        KEY * (peers.transport + peers.tunnels),
        policies(peers, rule),
        exchange(rule, peers.tunnels > 0),
    ]
}

fn policies(peers: Peers, rule: IpsecRule) -> u32 {
    let transport = match rule {
        IpsecRule::Paper => TRANSPORT * peers.transport,
        IpsecRule::Thesis if peers.transport == 0 => 0,
        IpsecRule::Thesis if peers.tunnels == 0 => TRANSPORT,
        IpsecRule::Thesis => TRANSPORT + 2 * (peers.transport - 1),
    };
    transport + TUNNEL * peers.tunnels
}

const fn exchange(rule: IpsecRule, has_tunnel: bool) -> u32 {
    match (rule, has_tunnel) {
        (IpsecRule::Paper, _) => 12,
        (IpsecRule::Thesis, false) => 11,
        (IpsecRule::Thesis, true) => 13,
    }
}

/// Of a host its transport peers and gateways; of a gateway the hosts that have a tunnel to it.
fn peers(scenario: &Scenario, element: &Member) -> Peers {
    let mut peers = Peers {
        transport: 0,
        tunnels: 0,
    };
    for other in &scenario.elements {
        if other.name == element.name || !share_group(other, element) {
            continue;
        }
        match (element.kind, other.kind) {
            (Kind::Gen, Kind::Gen) => {}
            (Kind::Gen, _) => peers.tunnels += u32::from(!is_behind(other, element)),
            (_, Kind::Gen) => peers.tunnels += u32::from(!is_behind(element, other)),
            _ => peers.transport += 1,
        }
    }
    peers
}

fn is_behind(host: &Member, gateway: &Member) -> bool {
    host.behind.as_ref() == Some(&gateway.name)
}

fn share_group(one: &Member, other: &Member) -> bool {
    one.groups.iter().any(|group| other.groups.contains(group))
}
