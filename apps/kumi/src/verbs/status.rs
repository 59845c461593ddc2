//! `kumi status`.

use super::show;
use crate::client::expect_answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::{Text, args};
use api::{Request, Response, Status};

/// Runs it.
pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let status = fetch(context)?;
    if context.json {
        let mut value = serde_json::json!(status);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("listen_port".to_owned(), status.listen.port().into());
        }
        output::json(&value);
        return Ok(());
    }
    let text = &context.text;
    context.say(&show::title(text, &status, os::clock::unix_s()));
    let mut pairs = summary(text, &status);
    pairs.extend(details(text, &status));
    show::pairs(context, &pairs);
    for notice in show::notices(text, &status) {
        context.say(&notice);
    }
    Ok(())
}

/// Asks the node.
pub(crate) fn fetch(context: &Context) -> Result<Status, Failure> {
    Ok(expect_answer!(context, &Request::Status, Response::Status(status) => *status))
}

/// The lines that `kumi up` prints too.
pub(crate) fn summary(text: &Text, status: &Status) -> Vec<(&'static str, String)> {
    let mut pairs = vec![("label-address", status.address.to_string())];
    if let Some(label) = &status.label {
        pairs.push(("label-label", label.clone()));
    }
    let sign_ins = super::sign_in::lines(text, &status.sign_ins).into_iter();
    pairs.extend(sign_ins.map(|line| ("label-sign-in", line)));
    pairs.push(("label-reached", show::reached(text, status)));
    pairs.extend(
        status
            .bridges
            .iter()
            .map(|used| ("label-bridge", show::bridge(text, used))),
    );
    let serving = status.serving.as_ref();
    pairs.extend(serving.map(|serving| ("label-serving", show::serving(text, serving))));
    pairs.push(("label-network", show::network(text, &status.network)));
    pairs.extend(show::proxies(text, &status.proxies).map(|line| ("label-proxies", line)));
    pairs
}

fn details(text: &Text, status: &Status) -> Vec<(&'static str, String)> {
    let until = status.certificate.not_after_unix_s;
    let left = until.saturating_sub(os::clock::unix_s());
    let counter = status.certificate.counter;
    let certificate = if left == 0 {
        text.tr(
            "status-certificate-over",
            args!(counter = counter, until = output::time(until)),
        )
    } else {
        text.tr(
            "status-certificate",
            args!(
                counter = counter,
                until = output::time(until),
                left = output::duration(left)
            ),
        )
    };
    let peers = show::peer_counts(text, status);
    let traffic = text.tr(
        "status-traffic",
        args!(
            received = output::bytes(status.traffic.rx_bytes),
            sent = output::bytes(status.traffic.tx_bytes)
        ),
    );
    let drops = show::drops(status.drops.iter().map(|(reason, count)| (reason, *count)));
    let mut pairs = vec![("label-alias", status.alias.to_string())];
    if !status.announces.is_empty() {
        pairs.push(("label-announces", show::prefixes(&status.announces)));
    }
    if !status.groups.is_empty() {
        pairs.push(("label-groups", groups(text, status)));
    }
    pairs.extend([
        ("label-listen", status.listen.to_string()),
        ("label-peers", peers),
        ("label-certificate", certificate),
        ("label-rotations", status.root_position.to_string()),
        ("label-traffic", traffic),
        ("label-offloads", show::offloads(text, status.offloads)),
    ]);
    if !drops.is_empty() {
        pairs.push(("label-drops", drops));
    }
    pairs
}

/// The groups that this node is in, and which of them are locked.
fn groups(text: &Text, status: &Status) -> String {
    let each = status.groups.iter().map(|it| match it.locked {
        None => it.group.clone(),
        Some((need, all)) => {
            let locked = text.tr("groups-locked", args!(need = need, all = all));
            format!("{} {locked}", it.group)
        }
    });
    each.collect::<Vec<_>>().join(", ")
}
