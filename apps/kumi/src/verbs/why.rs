//! `kumi why`: what becomes of packets to an address, and the facts that decide it.

use super::access::address_of;
use super::{peers, pit, show};
use crate::client::expect_answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::{Text, args};
use crate::usage::wrong_value;
use api::{Action, Fact, Fate, Mode, PortRange, Request, Response, Why};
use clap::ArgMatches;
use std::net::IpAddr;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let value = matches
        .get_one::<String>("TARGET")
        .map_or("", String::as_str);
    let address = match value.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => address_of(context, value)?.into(),
    };
    let service = match matches.get_one::<String>("port") {
        Some(port) => Some(service(context, port)?),
        None => None,
    };
    let request = Request::Why { address, service };
    let why = expect_answer!(context, &request, Response::Why(why) => why);
    if context.json {
        output::json(&serde_json::json!({
            "address": address, "fate": why.fate, "facts": why.facts,
        }));
        return Ok(());
    }
    let text = &context.text;
    let address = address.to_string();
    context.say(&text.tr(fate(&why), args!(address = address)));
    for it in &why.facts {
        context.say(&format!("  - {}", sentence(text, it)));
    }
    Ok(())
}

/// A service as `tcp/22`, or the number of a TCP port.
fn service(context: &Context, text: &str) -> Result<PortRange, Failure> {
    let port = match text.parse::<u16>() {
        Ok(port) => format!("tcp/{port}"),
        Err(_) => text.to_owned(),
    };
    let parsed: Option<PortRange> = port.parse().ok();
    let expected = || context.text.t("expected-service");
    let is_one = |it: &PortRange| it.lo == it.hi;
    parsed
        .filter(is_one)
        .ok_or_else(|| wrong_value("--port", text, &expected()))
}

fn fate(why: &Why) -> &'static str {
    match why.fate {
        Fate::Own => "why-own",
        Fate::Past => "why-past",
        Fate::Sealed => "why-sealed",
        Fate::Asks => "why-asks",
        Fate::Clear => "why-clear",
        Fate::Discarded => "why-discarded",
    }
}

fn sentence(text: &Text, fact: &Fact) -> String {
    let who = |peer: &std::net::Ipv6Addr, name: &Option<String>| match name {
        Some(name) => format!("{name} ({peer})"),
        None => peer.to_string(),
    };
    match fact {
        Fact::Site { prefix } => text.tr("why-site", args!(prefix = prefix.to_string())),
        Fact::Entry(entry) => {
            let id = match (entry.action, entry.provisional) {
                (Action::Encrypt, true) => "why-entry-provisional",
                (Action::Encrypt, false) => "why-entry-encrypt",
                (Action::Relay, _) => "why-entry-relay",
                (Action::Discard, _) => "why-entry-discard",
                (Action::Clear, _) => "why-entry-clear",
            };
            let peer = entry
                .peer
                .map_or_else(String::new, |peer| who(&peer, &entry.name));
            let here = entry.here.to_string();
            text.tr(id, args!(here = here, peer = peer, left = entry.left_s))
        }
        Fact::OnPath(relay) => pit::past(text, relay),
        Fact::NoEntry => text.t("why-no-entry"),
        Fact::WasMember { peer, name } => text.tr("why-was-member", args!(peer = who(peer, name))),
        Fact::OwnMode { mode } => text.t(match mode {
            Mode::Open => "why-mode-open",
            Mode::Closed => "why-mode-closed",
        }),
        Fact::LeadsTo { peer, name, prefix } => {
            let peer = who(peer, name);
            match prefix {
                Some(prefix) => {
                    let prefix = prefix.to_string();
                    text.tr("why-behind", args!(peer = peer, prefix = prefix))
                }
                None => text.tr("why-leads", args!(peer = peer)),
            }
        }
        Fact::NoRoute => text.t("why-no-route"),
        Fact::Rules { here, there } => {
            let here = show::services(text, here);
            let there = show::services(text, there);
            text.tr("why-rules", args!(here = here, there = there))
        }
        Fact::Permits { group, rules } if rules.is_empty() => {
            text.tr("why-no-permit", args!(group = group.clone()))
        }
        Fact::Permits { group, rules } => {
            let numbers: Vec<String> = rules.iter().map(usize::to_string).collect();
            let (group, rules) = (group.clone(), numbers.join(", "));
            text.tr("why-permits", args!(group = group, rules = rules))
        }
        Fact::Denied => text.t("why-denied"),
        Fact::Allowed { services } => {
            let services = show::services(text, services);
            text.tr("why-allowed", args!(services = services))
        }
        Fact::Member {
            group,
            until_unix_s,
        } => {
            let left = until_unix_s.saturating_sub(os::clock::unix_s());
            let left = output::duration(left);
            text.tr("why-member", args!(group = group.clone(), left = left))
        }
        Fact::Unknown { groups } => text.tr("why-unknown", args!(groups = *groups)),
        Fact::NotSignedIn { group } => text.tr("why-not-signed-in", args!(group = group.clone())),
        Fact::Session { state } => {
            let state = peers::state(text, *state);
            text.tr("why-session", args!(state = state))
        }
        Fact::Runs { via } => text.tr("why-runs", args!(via = show::via(text, *via))),
    }
}
