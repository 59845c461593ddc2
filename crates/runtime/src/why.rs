//! The answer to "why".

use std::net::IpAddr;

use api::Response;
use node::{Fact, Node, Verdict};
use wire::{NodeAddr, Now};

use crate::answers;
use crate::{groups, orders};

/// Why packets to an address, and to a service there, go the way they do.
pub fn why(
    node: &Node,
    now: Now,
    (address, service): (IpAddr, Option<api::PortRange>),
) -> Response {
    let service = service.map(|it| (answers::proto(it.proto), it.lo));
    let why = node.why(now, address, service);
    let facts = why.facts.into_iter().map(|it| fact(node, now, it));
    Response::Why(api::Why {
        fate: match why.verdict {
            Verdict::Own => api::Fate::Own,
            Verdict::Past => api::Fate::Past,
            Verdict::Sealed => api::Fate::Sealed,
            Verdict::Asks => api::Fate::Asks,
            Verdict::Clear => api::Fate::Clear,
            Verdict::Discarded => api::Fate::Discarded,
        },
        facts: facts.collect(),
    })
}

fn fact(node: &Node, now: Now, fact: Fact) -> api::Fact {
    let name = |f: NodeAddr| groups::name(node, now, f);
    match fact {
        Fact::Site(prefix) => api::Fact::Site {
            prefix: api::Prefix(prefix),
        },
        Fact::Entry(entry) => api::Fact::Entry(groups::pit_entry(node, now, entry)),
        Fact::OnPath(relay) => api::Fact::OnPath(groups::on_path(node, now, &relay)),
        Fact::NoEntry => api::Fact::NoEntry,
        Fact::WasMember(f) => api::Fact::WasMember {
            peer: f.to_ipv6(),
            name: name(f),
        },
        Fact::OwnMode(mode) => api::Fact::OwnMode {
            mode: orders::mode(mode),
        },
        Fact::LeadsTo { f, prefix } => api::Fact::LeadsTo {
            peer: f.to_ipv6(),
            name: name(f),
            prefix: prefix.map(api::Prefix),
        },
        Fact::NoRoute => api::Fact::NoRoute,
        Fact::Rules(reach) => api::Fact::Rules {
            here: answers::allowed(&reach.here),
            there: answers::allowed(&reach.there),
        },
        Fact::Permits { group, rules } => api::Fact::Permits { group, rules },
        Fact::Denied => api::Fact::Denied,
        Fact::Allowed { services } => api::Fact::Allowed {
            services: answers::allowed(&services),
        },
        Fact::Member {
            group,
            until_unix_s,
        } => api::Fact::Member {
            group,
            until_unix_s,
        },
        Fact::NotSignedIn { group } => api::Fact::NotSignedIn { group },
        Fact::Unknown { groups } => api::Fact::Unknown { groups },
        Fact::Session(state) => api::Fact::Session {
            state: answers::peer_state(state),
        },
        Fact::Runs(via) => api::Fact::Runs {
            via: answers::via(via),
        },
    }
}
