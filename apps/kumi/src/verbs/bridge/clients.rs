//! The clients of this Bridge: `kumi bridge allow`, `deny` and `list`.

use super::customer;
use crate::client::{ask, expect_answer};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::{Text, args};
use crate::usage::wrong_value;
use crate::verbs::access::{argument, by_name, label};
use crate::verbs::show;
use api::{BridgeRequest, Client, Request, Response, Serving, Who};
use clap::ArgMatches;

/// Runs `kumi bridge allow`.
pub(super) fn allow(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let value = argument(matches, "WHO");
    let expected = |id: &str| context.text.tr(id, &[]);
    let who: Who = value
        .parse()
        .map_err(|_| wrong_value("ADDR|KEY", value, &expected("expected-who")))?;
    let rate_bytes_s = match matches.get_one::<String>("rate") {
        None => None,
        Some(value) => Some(
            bytes_s(value)
                .ok_or_else(|| wrong_value("--rate", value, &expected("expected-rate")))?,
        ),
    };
    let request = BridgeRequest::Allow {
        who,
        customer: customer(context, matches)?,
        label: label(context, matches)?,
        rate_bytes_s,
    };
    ask(context, &Request::Bridge(request))?;
    if context.json {
        output::json(&serde_json::json!({ "allowed": who, "rate_bytes_s": rate_bytes_s }));
        return Ok(());
    }
    let who = who.to_string();
    context.say(&context.text.tr("bridge-allowed", args!(who = who)));
    context.say(&context.text.t("bridge-allowed-next"));
    Ok(())
}

/// Runs `kumi bridge deny`.
pub(super) fn deny(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let value = argument(matches, "WHO");
    let who = match value.parse() {
        Ok(who) => who,
        Err(_) => {
            let (_, clients) = fetch(context)?;
            let names = clients.into_iter().filter_map(|c| Some((c.label?, c.who)));
            by_name(value, names.collect())?
        }
    };
    ask(context, &Request::Bridge(BridgeRequest::Deny { who }))?;
    if context.json {
        output::json(&serde_json::json!({ "denied": who }));
        return Ok(());
    }
    let who = who.to_string();
    context.say(&context.text.tr("bridge-denied", args!(who = who)));
    Ok(())
}

/// Runs `kumi bridge list`.
pub(super) fn list(context: &Context) -> Result<(), Failure> {
    let (serving, clients) = fetch(context)?;
    if context.json {
        output::json(&serde_json::json!({ "serving": serving, "clients": clients }));
        return Ok(());
    }
    let text = &context.text;
    context.say(&match &serving {
        Some(serving) => show::serving(text, serving),
        None => text.t("bridge-not-serving"),
    });
    if clients.is_empty() {
        context.say(&text.t("bridge-clients-none"));
        return Ok(());
    }
    let mut rows = vec![vec![
        text.t("peers-name"),
        text.t("list-who"),
        text.t("bridge-customer"),
        text.t("peers-state"),
        text.t("peers-via"),
        text.t("bridge-channels"),
        text.t("bridge-relayed"),
        text.t("bridge-rate"),
    ]];
    rows.extend(clients.iter().map(|client| row(text, client)));
    for line in output::table(&rows) {
        context.say(&line);
    }
    Ok(())
}

/// How this node stands as a Bridge, and its clients.
///
/// # Errors
/// The node does not answer.
pub(crate) fn fetch(context: &Context) -> Result<(Option<Serving>, Vec<Client>), Failure> {
    let request = Request::Bridge(BridgeRequest::List);
    Ok(expect_answer!(
        context, &request, Response::BridgeClients { serving, clients } => (serving, clients)))
}

fn row(text: &Text, client: &Client) -> Vec<String> {
    let dash = || "-".to_owned();
    let who = match client.address {
        Some(address) => address.to_string(),
        None => client.who.to_string(),
    };
    let customer = Some(client.customer.clone()).filter(|name| !name.is_empty());
    let state = if client.attached {
        "bridge-client-here"
    } else {
        "bridge-client-away"
    };
    let rate = client.rate_bytes_s;
    vec![
        client.label.clone().unwrap_or_else(dash),
        who,
        customer.unwrap_or_else(dash),
        text.tr(state, &[]),
        client.via.map_or_else(dash, |via| show::via(text, via)),
        client.channels.to_string(),
        output::bytes(client.relayed_bytes),
        rate.map_or_else(dash, |rate| output::rate(rate, 1.0)),
    ]
}

/// `500K`, `10M`, `1G` or a plain number: bits a second in powers of ten, as `tc` and
/// `iperf3` mean it; `10mbit` is the same as `10M`. The result is bytes a second.
fn bytes_s(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let text = text.strip_suffix("bit").unwrap_or(&text);
    let (digits, factor) = match text.char_indices().last()? {
        (at, 'k') => (text.get(..at)?, 1_000),
        (at, 'm') => (text.get(..at)?, 1_000_000),
        (at, 'g') => (text.get(..at)?, 1_000_000_000),
        _ => (text, 1),
    };
    let bits = digits.parse::<u64>().ok()?.checked_mul(factor)?;
    Some(bits / 8).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_bits_a_second_in_powers_of_ten() {
        assert_eq!(bytes_s("10M"), Some(1_250_000));
        assert_eq!(bytes_s("10mbit"), Some(1_250_000));
        assert_eq!(bytes_s("500K"), Some(62_500));
        assert_eq!(bytes_s("1g"), Some(125_000_000));
        assert_eq!(bytes_s("8"), Some(1));
        for wrong in [
            "",
            "0",
            "7",
            "M",
            "10X",
            "-1M",
            "10MB",
            "99999999999999G",
            "1０M",
        ] {
            assert_eq!(bytes_s(wrong), None, "{wrong}");
        }
    }
}
