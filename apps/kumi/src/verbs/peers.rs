//! `kumi peers`.

use super::show;
use crate::client::expect_answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::Text;
use api::{Peer, PeerState, Request, Response};

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
    Ok(())
}

/// Asks the node.
pub(crate) fn fetch(context: &Context) -> Result<Vec<Peer>, Failure> {
    Ok(expect_answer!(context, &Request::Peers, Response::Peers { peers } => peers))
}

fn row(text: &Text, peer: &Peer) -> Vec<String> {
    let state = match peer.state {
        PeerState::Connected => text.t("peer-connected"),
        PeerState::Connecting => text.t("peer-connecting"),
        PeerState::Idle => text.t("peer-idle"),
        PeerState::Unreachable => text.t("peer-unreachable"),
    };
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
