//! `kumi login` and `kumi logout`: a person at this machine, for groups that ask for one.

use super::waiting;
use crate::client::{ask, expect_answer, surprised};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::password;
use crate::text::{Text, args};
use api::{Request, Response, SignIn, SignInState, SignOut, SignedIn, SignedOut};
use clap::ArgMatches;

/// How long to wait for a server that has many passwords to check, in seconds.
const WAIT_S_DEFAULT: u64 = 20;
/// How long to wait for the answer to a sign-out, in milliseconds.
const SIGN_OUT_WAIT_MS: u64 = 5_000;

/// Runs `kumi login`.
pub(crate) fn login(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let states =
        expect_answer!(context, &Request::Status, Response::Status(status) => status.sign_ins);
    let group = matches.get_one::<String>("group").cloned();
    let user = matches.get_one::<String>("NAME").cloned();
    // Whom to ask for which password; the node says what is wrong with it, if anything is.
    let named = |it: &&SignInState| {
        let mut groups = it.groups.iter();
        group
            .as_ref()
            .is_none_or(|name| groups.any(|it| it.group == *name))
    };
    let last = states.iter().find(named).and_then(|it| it.user.clone());
    if states.iter().find(named).is_none() || (user.is_none() && last.is_none()) {
        return Err(nobody(&states, group.as_deref(), user.is_none()));
    }
    let shown = user.clone().or(last).unwrap_or_default();
    let password = password::existing(context, matches, &shown)?;
    let request = Request::SignIn(SignIn {
        group,
        user,
        password,
        wait_ms: waiting::wait_ms(context, matches, WAIT_S_DEFAULT)?,
    });
    let Response::SignedIn(signed_in) = ask(context, &request)? else {
        return Err(surprised());
    };
    if context.json {
        output::json(&signed_in);
        return Ok(());
    }
    say_signed_in(context, &signed_in);
    Ok(())
}

/// Nothing asks for a sign-in, or nobody is named.
fn nobody(states: &[SignInState], group: Option<&str>, is_unnamed: bool) -> Failure {
    let asks = states.iter().flat_map(|it| &it.groups);
    let is_there = |name: &str| asks.clone().any(|it| it.group == name);
    let problem = match group {
        Some(name) if !is_there(name) => "not-this-group",
        None if states.is_empty() => "no-group",
        _ if is_unnamed => "no-user",
        _ => "no-group",
    };
    let failure = Failure::new(Exit::Usage, "api-sign-in-wrong").with("problem", problem);
    let failure = failure.with("groups", "");
    failure.with("group", group.unwrap_or_default())
}

fn say_signed_in(context: &Context, signed_in: &SignedIn) {
    let text = &context.text;
    let user = signed_in.user.clone();
    if signed_in.until_unix_s == 0 {
        return context.say(&text.tr("login-needless", args!(user = user)));
    }
    let left = signed_in.until_unix_s.saturating_sub(os::clock::unix_s());
    let args = args!(
        user = user,
        until = output::time(signed_in.until_unix_s),
        left = output::duration(left)
    );
    context.say(&text.tr("login-done", args));
}

/// Runs `kumi logout`.
pub(crate) fn logout(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let request = Request::SignOut(SignOut {
        group: matches.get_one::<String>("group").cloned(),
        wait_ms: SIGN_OUT_WAIT_MS,
    });
    let SignedOut { told } =
        expect_answer!(context, &request, Response::SignedOut(signed_out) => signed_out);
    if context.json {
        output::json(&serde_json::json!({ "signed_out": true, "told": told }));
        return Ok(());
    }
    context.say(&context.text.t(match told {
        true => "logout-done",
        false => "logout-untold",
    }));
    Ok(())
}

/// Lines about who is signed in, for `kumi status` and `kumi group list`.
pub(super) fn lines(text: &Text, states: &[SignInState]) -> Vec<String> {
    let now = os::clock::unix_s();
    let line = |state: &SignInState, group: &api::SignInGroup| {
        let name = group.group.clone();
        match (group.until_unix_s, state.user.clone()) {
            (Some(until), Some(user)) => {
                let left = output::duration(until.saturating_sub(now));
                let until = output::time(until);
                let args = args!(group = name, user = user, until = until, left = left);
                text.tr("sign-in-holds", args)
            }
            _ => text.tr("sign-in-waits", args!(group = name)),
        }
    };
    let groups = states
        .iter()
        .flat_map(|state| state.groups.iter().map(move |group| line(state, group)));
    groups.collect()
}
