//! What several commands say in the same way.

use super::line;
use crate::context::Context;
use crate::output;
use crate::text::{Text, args};
use api::{
    Kind, Mode, Network, NetworkMode, Notice, Offloads, Prefix, Proxies, Refusal, Services,
    Serving, Status, UsedBridge, Via,
};
use fluent_bundle::FluentValue;
use std::net::SocketAddr;

/// Lines of names and values, the names in one column.
pub(crate) fn pairs(context: &Context, pairs: &[(&str, String)]) {
    let rows: Vec<Vec<String>> = pairs
        .iter()
        .map(|(label, value)| vec![format!("  {}", context.text.tr(label, &[])), value.clone()])
        .collect();
    for line in output::table(&rows) {
        context.say(&line);
    }
}

/// The version of a node, how long it has run at `now_unix_s`, and its process id.
pub(crate) fn title(text: &Text, status: &Status, now_unix_s: u64) -> String {
    let uptime = output::duration(now_unix_s.saturating_sub(status.started_unix_s));
    text.tr(
        "status-title",
        args!(
            version = status.version.clone(),
            uptime = uptime,
            pid = status.pid
        ),
    )
}

/// How many peers are there, may be, and are invited.
pub(crate) fn peer_counts(text: &Text, status: &Status) -> String {
    text.tr(
        "status-peers",
        args!(
            connected = status.peers_connected,
            allowed = status.peers_allowed,
            invites = status.invites_open
        ),
    )
}

/// What was dropped, with its reasons.
pub(crate) fn drops<R: std::fmt::Display>(drops: impl IntoIterator<Item = (R, u64)>) -> String {
    let each = drops.into_iter();
    let texts: Vec<String> = each
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    texts.join(", ")
}

/// What a session runs over.
pub(crate) fn via(text: &Text, via: Via) -> String {
    match via {
        Via::Direct(endpoint) => text.tr("via-direct", args!(endpoint = endpoint.to_string())),
        Via::Stream(endpoint) => text.tr("via-stream", args!(endpoint = endpoint.to_string())),
        Via::Bridge(bridge) => text.tr("via-bridge", args!(bridge = bridge.to_string())),
    }
}

/// ` (name)`, or nothing.
pub(crate) fn label_after(label: Option<&str>) -> String {
    label.map(|label| format!(" ({label})")).unwrap_or_default()
}

/// How programs reach the overlay.
pub(crate) fn network(text: &Text, network: &Network) -> String {
    let name = network.name.clone().unwrap_or_default();
    match network.mode {
        NetworkMode::Kernel => text.tr(
            "status-network-kernel",
            args!(name = name, mtu = network.mtu, queues = network.queues),
        ),
        NetworkMode::Rootless => text.tr(
            "status-network-rootless",
            args!(mtu = network.mtu, queues = network.queues),
        ),
        NetworkMode::None => text.t("status-network-none"),
    }
}

/// How programs that are not in the overlay get into it, and who may use that; `None` when
/// there is no such way.
pub(crate) fn proxies(text: &Text, proxies: &Proxies) -> Option<String> {
    let socks5 = proxies.socks5.map(|at| format!("SOCKS5 {at}"));
    let http = proxies.http.map(|at| format!("HTTP {at}"));
    let forwards =
        (proxies.forwards > 0).then(|| text.tr("status-forwards", args!(count = proxies.forwards)));
    let all: Vec<String> = socks5.into_iter().chain(http).chain(forwards).collect();
    let list = all.join(", ");
    let mut addresses = proxies.socks5.iter().chain(&proxies.http).peekable();
    match (list.is_empty(), addresses.peek()) {
        (true, _) => None,
        (false, None) => Some(list),
        (false, Some(_)) => {
            let local = addresses.all(|address| address.ip().is_loopback());
            let message = if local {
                "status-proxies-local"
            } else {
                "status-proxies-public"
            };
            Some(text.tr(message, args!(list = list)))
        }
    }
}

/// What other machines reach this node by without a Bridge.
pub(crate) fn reached(text: &Text, status: &Status) -> String {
    let list = endpoints(&status.endpoints);
    match reach(status) {
        Reach::None => text.t("status-reached-none"),
        Reach::Lan => text.tr("status-reached-lan", args!(endpoints = list)),
        Reach::Everywhere => list,
    }
}

/// From where a node is reached without a Bridge, as far as its addresses say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    None,
    Lan,
    Everywhere,
}

fn reach(status: &Status) -> Reach {
    match status.endpoints.as_slice() {
        [] => Reach::None,
        some if some.iter().any(|at| api::is_global(at.ip())) => Reach::Everywhere,
        _ => Reach::Lan,
    }
}

/// What to do so that other machines reach this node, if they do not from everywhere.
fn advice(text: &Text, status: &Status) -> Option<String> {
    if reach(status) != Reach::Lan {
        return None;
    }
    if status.serving.is_some() {
        let port = status.listen.port().to_string();
        return Some(text.tr("advice-bridge-lan", args!(port = port)));
    }
    let is_reached = status.bridges.iter().any(|used| used.attached);
    (!is_reached).then(|| text.t("advice-lan"))
}

/// What the kernel does for many packets at once, and what it does not.
pub(crate) fn offloads(text: &Text, offloads: Offloads) -> String {
    let all = [
        (offloads.interface_tcp, text.t("offload-interface-tcp")),
        (offloads.interface_udp, text.t("offload-interface-udp")),
        (offloads.send, text.t("offload-send")),
        (offloads.receive, text.t("offload-receive")),
    ];
    let list = |wanted: bool| {
        let names = all.iter().filter(|(in_use, _)| *in_use == wanted);
        let names: Vec<&str> = names.map(|(_, name)| name.as_str()).collect();
        match names.as_slice() {
            [] => "none".to_owned(),
            some => some.join(", "),
        }
    };
    let (used, idle) = (list(true), list(false));
    text.tr("status-offloads", args!(used = used, idle = idle))
}

/// Endpoints in one line.
fn endpoints(endpoints: &[SocketAddr]) -> String {
    let list: Vec<String> = endpoints.iter().map(SocketAddr::to_string).collect();
    list.join(", ")
}

/// A Bridge that this node uses: where it is, and whether it has taken this node.
pub(crate) fn bridge(text: &Text, used: &UsedBridge) -> String {
    let bridge = used.address.to_string();
    let known = || endpoints(&used.endpoints);
    if let Some(refusal) = used.refusal {
        let endpoint = known();
        let args = args!(
            endpoint = endpoint,
            bridge = bridge,
            refusal = refused(refusal)
        );
        return text.tr("status-bridge-refused", args);
    }
    match (used.attached, used.via) {
        (true, Some(via)) => {
            let (endpoint, carrier) = match via {
                Via::Stream(endpoint) => (endpoint.to_string(), "TCP"),
                Via::Direct(endpoint) => (endpoint.to_string(), "UDP"),
                Via::Bridge(other) => (other.to_string(), "-"),
            };
            let args = args!(endpoint = endpoint, carrier = carrier, bridge = bridge);
            text.tr("status-bridge-attached", args)
        }
        _ => {
            let args = args!(endpoint = known(), bridge = bridge);
            text.tr("status-bridge-calling", args)
        }
    }
}

/// The word of a refusal, which a message selects by.
fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotAdmitted => "not-admitted",
        Refusal::Password => "password",
        Refusal::TryLater => "try-later",
        Refusal::Full => "full",
        Refusal::Unknown => "unknown",
    }
}

/// How this node stands as a Bridge.
pub(crate) fn serving(text: &Text, serving: &Serving) -> String {
    let tcp = serving.tcp_port;
    let tcp = tcp.map_or_else(|| "none".to_owned(), |port| port.to_string());
    text.tr(
        "status-serving",
        args!(
            clients = serving.clients,
            channels = serving.channels,
            lines = serving.lines_open,
            tcp = tcp
        ),
    )
}

/// Through which Bridges an invite leads, if it names any.
pub(crate) fn invite_bridges(text: &Text, line: &str) -> Option<String> {
    let bridges = line::bridges(line).join(", ");
    (!bridges.is_empty()).then(|| text.tr("invite-bridges", args!(bridges = bridges)))
}

/// What a peer may reach.
pub(crate) fn services(text: &Text, services: &Services) -> String {
    match services {
        Services::All => text.t("list-everything"),
        Services::Ports(ports) if ports.is_empty() => text.t("list-answers"),
        Services::Ports(ports) => {
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            ports.join(", ")
        }
    }
}

/// Prefixes in one line.
pub(crate) fn prefixes(prefixes: &[Prefix]) -> String {
    let texts: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// What the node wants its owner to know, one line each.
pub(crate) fn notices(text: &Text, status: &Status) -> Vec<String> {
    let label = text.t("notice-label");
    let sentence = |notice: &Notice| {
        let args: Vec<_> = notice
            .args
            .iter()
            .map(|(name, value)| (name.as_str(), FluentValue::from(value.as_str())))
            .collect();
        text.tr(&format!("notice-{}", notice.kind.as_str()), &args)
    };
    status
        .notices
        .iter()
        .map(&sentence)
        .chain(advice(text, status))
        .map(|sentence| format!("{label} {sentence}"))
        .collect()
}

/// What an element is, in its short form.
pub(crate) const fn element(kind: Kind) -> &'static str {
    match kind {
        Kind::Ges => "GES",
        Kind::Gen => "GEN",
        Kind::Gea => "GEA",
    }
}

/// The mode of an element.
pub(crate) fn mode(text: &Text, mode: Mode) -> String {
    text.t(match mode {
        Mode::Open => "groups-open",
        Mode::Closed => "groups-closed",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn an_offload_that_is_not_in_use_is_named() {
        let text = Text::new(Language::En);
        let all = Offloads {
            interface_tcp: true,
            interface_udp: true,
            send: true,
            receive: true,
        };
        let said = offloads(&text, all);
        assert!(said.starts_with("in use: interface TCP (TSO), "), "{said}");
        assert!(!said.contains("not in use"), "{said}");
        let old_kernel = Offloads {
            interface_udp: false,
            ..all
        };
        let said = offloads(&text, old_kernel);
        assert!(said.contains("; not in use: interface UDP (USO)"), "{said}");
        let said = offloads(&text, Offloads::default());
        assert!(
            said.starts_with("not in use: interface TCP (TSO), "),
            "{said}"
        );
        let said = offloads(&Text::new(Language::Ja), old_kernel);
        assert!(said.contains("未使用: インターフェースの UDP"), "{said}");
    }
}
