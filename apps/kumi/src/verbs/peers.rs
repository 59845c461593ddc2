//! `kumi peers`.

use super::show;
use crate::client::expect_answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::{Text, args};
use api::{Peer, PeerState, Prefix, PrefixState, Request, Response};

/// Runs it.
pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let peers = fetch(context)?;
    if context.json {
        output::json(&serde_json::json!({ "peers": peers }));
        return Ok(());
    }
    let text = &context.text;
    if peers.is_empty() {
        context.say(&text.t("peers-none"));
        return Ok(());
    }
    let mut rows = vec![vec![
        text.t("peers-name"),
        text.t("peers-address"),
        text.t("peers-state"),
        text.t("peers-via"),
        text.t("peers-rtt"),
        text.t("peers-traffic"),
    ]];
    rows.extend(peers.iter().map(|peer| row(text, peer)));
    for line in output::table(&rows) {
        context.say(&line);
    }
    for line in peers.iter().flat_map(|peer| announced(text, peer)) {
        context.say(&line);
    }
    Ok(())
}

/// What a peer announces: a line for each thing that became of it.
fn announced(text: &Text, peer: &Peer) -> Vec<String> {
    let who = peer
        .who
        .map_or_else(|| peer.address.to_string(), |who| who.to_string());
    let name = peer
        .label
        .clone()
        .unwrap_or_else(|| peer.address.to_string());
    let line = |id: &str, state: PrefixState| {
        let rows = peer.announces.iter().filter(|row| row.state == state);
        let prefixes: Vec<Prefix> = rows.map(|row| row.prefix).collect();
        let options = prefixes.iter().map(|prefix| format!("--accept {prefix}"));
        let accept = options.collect::<Vec<_>>().join(" ");
        let prefixes = show::prefixes(&prefixes);
        let (who, name) = (who.clone(), name.clone());
        (!prefixes.is_empty()).then(|| {
            text.tr(
                id,
                args!(name = name, who = who, prefixes = prefixes, accept = accept),
            )
        })
    };
    let lines = [
        line("peers-prefixes-used", PrefixState::Used),
        line("peers-prefixes-not-accepted", PrefixState::NotAccepted),
        line("peers-prefixes-contested", PrefixState::Contested),
    ];
    lines.into_iter().flatten().collect()
}

/// Asks the node.
pub(crate) fn fetch(context: &Context) -> Result<Vec<Peer>, Failure> {
    Ok(expect_answer!(context, &Request::Peers, Response::Peers { peers } => peers))
}

/// How a session stands.
pub(crate) fn state(text: &Text, state: PeerState) -> String {
    text.t(match state {
        PeerState::Connected => "peer-connected",
        PeerState::Connecting => "peer-connecting",
        PeerState::Idle => "peer-idle",
        PeerState::Unreachable => "peer-unreachable",
    })
}

fn row(text: &Text, peer: &Peer) -> Vec<String> {
    let state = state(text, peer.state);
    let dash = || "-".to_owned();
    vec![
        peer.label.clone().unwrap_or_else(dash),
        peer.address.to_string(),
        state,
        peer.via.map_or_else(dash, |via| show::via(text, via)),
        peer.rtt_ms.map_or_else(dash, |rtt| format!("{rtt:.1} ms")),
        format!(
            "{} / {}",
            output::bytes(peer.traffic.rx_bytes),
            output::bytes(peer.traffic.tx_bytes)
        ),
    ]
}
