//! What a comparison of two samples looks like: lines for people, an object for programs.

use super::sample::{Measured, Rates, Span, View};
use crate::output;
use crate::text::{Text, args};
use crate::verbs::show;
use api::Peer;
use serde_json::{Value, json};
use std::ops::Range;

/// The size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Columns.
    pub(crate) columns: usize,
    /// Rows.
    pub(crate) rows: usize,
}

/// Names get at most this part of a terminal's width, so that rates stay in sight.
const NAME_PART: usize = 4;

/// The columns of the table that hold numbers: rates of both directions, and the time.
const NUMBERS: Range<usize> = 1..6;

/// As wide as most rates, so that columns do not jump from one sample to the next.
const RATE_WIDTH: usize = 10;

/// The lines for people; with a size, what fits above the line of the cursor.
pub(crate) fn lines(text: &Text, view: &View<'_>, size: Option<Size>) -> Vec<String> {
    let mut lines = head(text, view);
    lines.push(String::new());
    if view.peers.is_empty() {
        lines.push(text.t("peers-none"));
    } else {
        lines.extend(output::table_aligned(&rows(text, view, size), NUMBERS));
    }
    let Some(size) = size else {
        return lines;
    };
    let room = size.rows.saturating_sub(1);
    // The line that says how many do not fit takes the place of one more.
    let hidden = lines.len().saturating_sub(room) + 1;
    let is_cut = lines.len() > room;
    lines.truncate(room);
    if is_cut && hidden <= view.peers.len() {
        lines.pop();
        lines.push(text.tr("top-more", args!(count = hidden)));
    }
    for line in &mut lines {
        line.truncate(output::fitting(line, size.columns).len());
    }
    lines
}

fn head(text: &Text, view: &View<'_>) -> Vec<String> {
    let status = &view.now.status;
    let now_s = view.now.unix_ms / 1000;
    let title = show::title(text, status, now_s);
    let peers = show::peer_counts(text, status);
    let span = match view.span {
        Span::First => text.t("top-first"),
        Span::Restarted => text.t("top-restarted"),
        Span::Seconds(seconds) => text.tr("top-span", args!(seconds = format!("{seconds:.1}"))),
    };
    let average = |value: Option<f64>| value.map_or_else(dash, |value| format!("{value:.1}"));
    let calls = text.tr(
        "top-calls",
        args!(
            sent = average(view.datagrams_per_send()),
            received = average(view.datagrams_per_receive())
        ),
    );
    let pairs = [
        ("label-peers", peers),
        ("label-offloads", show::offloads(text, view.offloads())),
        ("label-span", span),
        ("label-calls", calls),
        ("label-drops", drops(text, view)),
    ];
    let pairs = pairs.map(|(label, value)| vec![format!("  {}", text.t(label)), value]);
    let mut lines = vec![title];
    lines.extend(output::table(&pairs));
    lines
}

fn drops(text: &Text, view: &View<'_>) -> String {
    if !matches!(view.span, Span::Seconds(_)) {
        return dash();
    }
    let drops = view.drops.iter();
    let drops = show::drops(drops.map(|(reason, count)| (reason, *count)));
    if drops.is_empty() {
        return text.t("top-drops-none");
    }
    drops
}

fn rows(text: &Text, view: &View<'_>, size: Option<Size>) -> Vec<Vec<String>> {
    let name_width = size.map_or(usize::MAX, |size| size.columns / NAME_PART);
    let mut rows = vec![vec![
        text.t("peers-name"),
        text.t("top-received"),
        text.t("top-packets"),
        text.t("top-sent"),
        text.t("top-packets"),
        text.t("peers-rtt"),
        text.t("peers-via"),
    ]];
    let mut total = vec![text.t("top-total")];
    total.extend(cells(view.total));
    rows.push(total);
    let peers = view.peers.iter();
    rows.extend(peers.map(|(peer, measured)| row(text, peer, *measured, name_width)));
    rows
}

fn row(text: &Text, peer: &Peer, measured: Measured, name_width: usize) -> Vec<String> {
    let name = peer.label.clone();
    let name = name.unwrap_or_else(|| peer.address.to_string());
    let mut row = vec![shortened(&name, name_width)];
    let mut rates = cells(measured.rates());
    let why = match measured {
        Measured::Appeared => Some(text.t("top-appeared")),
        Measured::Reset => Some(text.t("top-reset")),
        Measured::NotYet | Measured::Rates(_) => None,
    };
    if let (Some(first), Some(why)) = (rates.first_mut(), why) {
        *first = why;
    }
    row.extend(rates);
    let rtt = peer.rtt_ms.map(|rtt| format!("{rtt:.1} ms"));
    row.push(rtt.unwrap_or_else(dash));
    row.push(peer.via.map_or_else(dash, |via| show::via(text, via)));
    row
}

/// Both rates of both directions.
fn cells(rates: Option<Rates>) -> [String; 4] {
    let Some(rates) = rates else {
        return [dash(), dash(), dash(), dash()];
    };
    let bits = |value: f64| format!("{:>RATE_WIDTH$}", output::bits_per_s(value));
    let packets = |value: f64| match value {
        few if few > 0.0 && few < 10.0 => format!("{few:.1}"),
        many => format!("{many:.0}"),
    };
    [
        bits(rates.rx_bits_per_s),
        packets(rates.rx_packets_per_s),
        bits(rates.tx_bits_per_s),
        packets(rates.tx_packets_per_s),
    ]
}

fn shortened(name: &str, width: usize) -> String {
    let fitting = output::fitting(name, width);
    if fitting.len() == name.len() {
        return name.to_owned();
    }
    format!("{}…", output::fitting(name, width.saturating_sub(1)))
}

fn dash() -> String {
    "-".to_owned()
}

/// The object for programs. What was not measured is null; what counts something is named
/// after it.
pub(crate) fn object(view: &View<'_>) -> Value {
    let status = &view.now.status;
    let interval_s = match view.span {
        Span::Seconds(seconds) => Some(seconds),
        Span::First | Span::Restarted => None,
    };
    let peers: Vec<Value> = view
        .peers
        .iter()
        .map(|(peer, measured)| peer_object(peer, *measured))
        .collect();
    let mut work = json!(view.work.unwrap_or_default());
    if let Some(fields) = work.as_object_mut() {
        let per_call = [
            ("datagrams_per_send", view.datagrams_per_send()),
            ("datagrams_per_receive", view.datagrams_per_receive()),
        ];
        fields.extend(per_call.map(|(name, value)| (name.to_owned(), json!(value))));
    }
    json!({
        "at_unix_ms": view.now.unix_ms,
        "interval_s": interval_s,
        "restarted": view.span == Span::Restarted,
        "pid": status.pid,
        "started_unix_s": status.started_unix_s,
        "peers_connected": status.peers_connected,
        "peers_allowed": status.peers_allowed,
        "total": view.total,
        "peers": peers,
        "drops": view.drops,
        "offloads": view.offloads(),
        "work": view.work.map(|_| work),
    })
}

fn peer_object(peer: &Peer, measured: Measured) -> Value {
    let rates = measured.rates();
    let not_measured = match measured {
        Measured::NotYet => Some("restarted"),
        Measured::Appeared => Some("appeared"),
        Measured::Reset => Some("reset"),
        Measured::Rates(_) => None,
    };
    json!({
        "address": peer.address,
        "label": peer.label,
        "state": peer.state,
        "via": peer.via,
        "rtt_ms": peer.rtt_ms,
        "rx_bits_per_s": rates.map(|rates| rates.rx_bits_per_s),
        "tx_bits_per_s": rates.map(|rates| rates.tx_bits_per_s),
        "rx_packets_per_s": rates.map(|rates| rates.rx_packets_per_s),
        "tx_packets_per_s": rates.map(|rates| rates.tx_packets_per_s),
        "not_measured": not_measured,
    })
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
