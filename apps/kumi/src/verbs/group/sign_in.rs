//! `kumi group sign-in`: for how long a sign-in keeps a member in a group.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::remote::manage;
use crate::text::args;
use crate::usage::wrong_value;
use crate::verbs::access::argument;
use crate::verbs::invite;
use api::{ManageRequest, SIGN_IN_S_MAX, SIGN_IN_S_MIN};
use clap::ArgMatches;

/// Runs it.
pub(super) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let group = argument(matches, "GROUP").to_owned();
    let period_s = match argument(matches, "TIME") {
        "off" => None,
        text => Some(seconds(context, "TIME", text)?),
    };
    let request = ManageRequest::RequireSignIn {
        group: group.clone(),
        period_s,
    };
    manage(context, request)?;
    if context.json {
        output::json(&serde_json::json!({ "group": group, "sign_in_s": period_s }));
        return Ok(());
    }
    say(context, &group, period_s);
    Ok(())
}

/// What is said of groups that ask for a sign-in, or do not.
pub(super) fn say(context: &Context, groups: &str, period_s: Option<u64>) {
    let text = &context.text;
    let line = match period_s {
        None => text.tr("group-sign-in-off", args!(groups = groups)),
        Some(period_s) => {
            let period = output::duration(period_s);
            text.tr("group-sign-in-on", args!(groups = groups, period = period))
        }
    };
    context.say(&line);
}

/// `--sign-in` of `kumi group create`.
pub(super) fn option(context: &Context, matches: &ArgMatches) -> Result<Option<u64>, Failure> {
    let text = matches.get_one::<String>("sign-in");
    text.map(|text| seconds(context, "--sign-in", text))
        .transpose()
}

fn seconds(context: &Context, option: &str, text: &str) -> Result<u64, Failure> {
    let range = SIGN_IN_S_MIN..=SIGN_IN_S_MAX;
    let seconds = invite::seconds(text).filter(|it| range.contains(it));
    let expected = || context.text.t("expected-sign-in");
    seconds.ok_or_else(|| wrong_value(option, text, &expected()))
}
