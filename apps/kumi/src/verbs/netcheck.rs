//! `kumi netcheck`: what this network lets through.

use super::waiting;
use crate::client::expect_answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::{Text, args};
use crate::usage::wrong_value;
use api::{
    BridgeCheck, Nat, Netcheck, Request, Response, TARGETS_MAX, TcpCheck, TcpFailure, Via,
    is_global,
};
use clap::ArgMatches;
use std::net::SocketAddr;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let targets = targets(context, matches)?;
    let request = Request::Netcheck { targets };
    let spinner = waiting::spinner(context);
    spinner.set_message(context.text.t("netcheck-waiting"));
    let found = (|| -> Result<Netcheck, Failure> {
        Ok(*expect_answer!(context, &request, Response::Netcheck(found) => found))
    })();
    spinner.finish_and_clear();
    let found = found?;
    if context.json {
        output::json(&found);
        return Ok(());
    }
    let text = &context.text;
    for line in local(text, &found) {
        context.say(&line);
    }
    for line in found.bridges.iter().flat_map(|check| bridge(text, check)) {
        context.say(&line);
    }
    if !found.targets.is_empty() {
        context.say(&text.t("netcheck-targets"));
    }
    for check in &found.targets {
        context.say(&format!("  TCP {}", tcp(text, check)));
    }
    context.say(&format!("\n{}", verdict(text, &found)));
    Ok(())
}

/// `HOST:PORT`, as it was typed; the node asks the resolver.
fn targets(context: &Context, matches: &ArgMatches) -> Result<Vec<String>, Failure> {
    let targets = matches.get_many::<String>("HOST:PORT").unwrap_or_default();
    let wrong = |value: &str, id: &str| {
        let expected = context.text.tr(id, &[]);
        wrong_value("HOST:PORT", value, &expected)
    };
    if let Some(target) = targets.clone().nth(TARGETS_MAX) {
        return Err(wrong(target, "expected-places"));
    }
    targets
        .map(|target| {
            let port = target.rsplit_once(':').and_then(|(host, port)| {
                // An IPv6 address stands in brackets.
                let plain = !host.is_empty() && (!host.contains(':') || host.ends_with(']'));
                port.parse::<u16>().ok().filter(|port| plain && *port > 0)
            });
            port.map(|_| target.clone())
                .ok_or_else(|| wrong(target, "expected-place"))
        })
        .collect()
}

/// What this machine knows by itself.
fn local(text: &Text, found: &Netcheck) -> Vec<String> {
    let ips = |v4: bool| {
        let same = found.endpoints.iter().filter(|at| at.is_ipv4() == v4);
        let list: Vec<String> = same.map(|at| at.ip().to_string()).collect();
        list.join(", ")
    };
    let version = |ips: String| match ips.is_empty() {
        true => text.t("netcheck-none"),
        false => ips,
    };
    let discovery = if found.discovery {
        "netcheck-discovery"
    } else {
        "netcheck-no-discovery"
    };
    let row = |name: String, value: String| vec![format!("  {name}"), value];
    let mut lines = vec![text.t("netcheck-local")];
    lines.extend(output::table(&[
        row("IPv4".to_owned(), version(ips(true))),
        row("IPv6".to_owned(), version(ips(false))),
        row(text.t("netcheck-port"), format!("UDP {}", found.udp_port)),
        row(text.t("netcheck-lan"), text.tr(discovery, &[])),
        row("NAT".to_owned(), text.tr(nat(found.nat), &[])),
    ]));
    lines
}

fn nat(nat: Nat) -> &'static str {
    match nat {
        Nat::Unknown => "netcheck-nat-unknown",
        Nat::None => "netcheck-nat-none",
        Nat::Behind => "netcheck-nat-behind",
        Nat::Same => "netcheck-nat-same",
        Nat::Differs => "netcheck-nat-differs",
    }
}

/// What came of a Bridge.
fn bridge(text: &Text, check: &BridgeCheck) -> Vec<String> {
    let bridge = check.address.to_string();
    let mut lines = vec![text.tr("netcheck-bridge", args!(bridge = bridge))];
    let udp = check.endpoints.iter().map(SocketAddr::to_string);
    let udp = match check.via {
        Some(Via::Direct(at)) => at.to_string(),
        _ => udp.collect::<Vec<_>>().join(", "),
    };
    let answer = if check.udp {
        "netcheck-answers"
    } else {
        "netcheck-silent"
    };
    lines.push(format!("  UDP {udp}: {}", text.tr(answer, &[])));
    lines.extend(
        check
            .tcp
            .iter()
            .map(|check| format!("  TCP {}", tcp(text, check))),
    );
    if let (Some(rtt), Some(max)) = (check.rtt_ms, check.datagram_max) {
        let args = args!(rtt = format!("{rtt:.1}"), mtu = path_mtu(check.via, max));
        lines.push(format!("  {}", text.tr("netcheck-session", args)));
    }
    if let Some(observed) = check.observed {
        let args = args!(observed = observed.to_string());
        lines.push(format!("  {}", text.tr("netcheck-observed", args)));
    }
    if !check.attached {
        lines.push(format!("  {}", text.t("netcheck-not-attached")));
    }
    lines
}

/// The MTU of the path that a datagram of this length needs, with the headers of UDP and IP.
fn path_mtu(via: Option<Via>, datagram_max: u32) -> u32 {
    match via {
        Some(Via::Direct(at)) if at.is_ipv4() => datagram_max + 28,
        Some(Via::Direct(_)) => datagram_max + 48,
        _ => datagram_max,
    }
}

fn tcp(text: &Text, check: &TcpCheck) -> String {
    let target = &check.target;
    let failure = check.failure.unwrap_or(TcpFailure::Other);
    match check.took_ms {
        Some(took) => {
            let took = format!("{took:.1}");
            let taken = text.tr("netcheck-tcp", args!(took = took));
            format!("{target}: {taken}")
        }
        None => format!("{target}: {}", text.tr(why(failure), &[])),
    }
}

fn why(failure: TcpFailure) -> &'static str {
    match failure {
        TcpFailure::Name => "netcheck-tcp-name",
        TcpFailure::Refused => "netcheck-tcp-refused",
        TcpFailure::Silent => "netcheck-silent",
        TcpFailure::Unreachable => "netcheck-tcp-unreachable",
        TcpFailure::Other => "netcheck-tcp-other",
    }
}

fn verdict(text: &Text, found: &Netcheck) -> String {
    let global = found.endpoints.iter().find(|at| is_global(at.ip()));
    let global = global.map_or_else(String::new, |at| at.to_string());
    let id = format!("netcheck-verdict-{}", found.verdict.as_str());
    let port = found.udp_port.to_string();
    text.tr(&id, args!(endpoint = global, port = port))
}
