//! `kumi gms user`: those who sign in at machines whose groups ask for it.

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::password;
use crate::remote::{manage, surprised};
use crate::text::args;
use crate::verbs::access::argument;
use api::{ManageRequest, ManageResponse, PAGE_MAX, Page, User};
use clap::ArgMatches;

/// Runs it.
pub(super) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("add", matches)) => add(context, matches),
        Some(("list", _)) => list(context),
        Some(("set", matches)) => set(context, matches),
        Some(("password", matches)) => set_password(context, matches),
        Some(("remove", matches)) => remove(context, matches),
        _ => Ok(()),
    }
}

fn add(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let user = argument(matches, "NAME").to_owned();
    let devices = devices(matches).unwrap_or_default();
    let request = ManageRequest::AddUser {
        user: user.clone(),
        password: password::new_one(context, matches, &user)?,
        devices: devices.clone(),
    };
    let message = match devices.is_empty() {
        true => "gms-user-added-nowhere",
        false => "gms-user-added",
    };
    done(context, request, &user, (message, &devices.join(", ")))
}

fn set(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let user = argument(matches, "NAME").to_owned();
    let disabled = match (matches.get_flag("disable"), matches.get_flag("enable")) {
        (false, false) => None,
        (disable, _) => Some(disable),
    };
    let devices = devices(matches);
    if disabled.is_none() && devices.is_none() {
        return Err(Failure::new(Exit::Usage, "error-user-set"));
    }
    let request = ManageRequest::ChangeUser {
        user: user.clone(),
        devices,
        disabled,
    };
    done(context, request, &user, ("gms-user-changed", ""))
}

fn set_password(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let user = argument(matches, "NAME").to_owned();
    let request = ManageRequest::SetPassword {
        user: user.clone(),
        password: password::new_one(context, matches, &user)?,
    };
    done(context, request, &user, ("gms-user-password", ""))
}

fn remove(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let user = argument(matches, "NAME").to_owned();
    let request = ManageRequest::RemoveUser { user: user.clone() };
    done(context, request, &user, ("gms-user-removed", ""))
}

/// Gives the order, and says that it is done.
fn done(
    context: &Context,
    request: ManageRequest,
    user: &str,
    (message, devices): (&str, &str),
) -> Result<(), Failure> {
    manage(context, request)?;
    if context.json {
        output::json(&serde_json::json!({ "user": user }));
        return Ok(());
    }
    let args = args!(user = user, devices = devices);
    context.say(&context.text.tr(message, args));
    Ok(())
}

fn list(context: &Context) -> Result<(), Failure> {
    let mut users: Vec<User> = Vec::new();
    loop {
        let page = Page {
            after: users.last().map(|it| it.user.clone()).unwrap_or_default(),
            most: Some(PAGE_MAX),
        };
        let ManageResponse::Users(more) = manage(context, ManageRequest::Users(page))? else {
            return Err(surprised());
        };
        let is_last = more.len() < PAGE_MAX as usize;
        users.extend(more);
        if is_last {
            break;
        }
    }
    if context.json {
        output::json(&serde_json::json!({ "users": users }));
        return Ok(());
    }
    let text = &context.text;
    if users.is_empty() {
        context.say(&text.t("gms-users-none"));
        return Ok(());
    }
    let mut rows = vec![vec![
        text.t("gms-user"),
        text.t("gms-user-on"),
        text.t("gms-user-signed-in"),
        text.t("gms-user-failures"),
    ]];
    rows.extend(users.into_iter().map(|it| {
        let signed_in = match it.disabled {
            true => text.t("gms-user-disabled"),
            false => dashed(&it.signed_in),
        };
        let failures = it.failures.to_string();
        vec![it.user, dashed(&it.devices), signed_in, failures]
    }));
    for line in output::table(&rows) {
        context.say(&line);
    }
    Ok(())
}

fn dashed(names: &[String]) -> String {
    match names {
        [] => "-".to_owned(),
        names => names.join(", "),
    }
}

fn devices(matches: &ArgMatches) -> Option<Vec<String>> {
    let named = matches.get_many::<String>("on");
    named.map(|it| it.cloned().collect())
}
