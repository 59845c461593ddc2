//! `kumi gms admin`: who administers a management server.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::remote::{manage, surprised};
use crate::text::args;
use crate::usage::wrong_value;
use crate::verbs::access::argument;
use crate::verbs::invite;
use api::{ADMIN_S_MAX, Admin, Key, ManageRequest, ManageResponse, Role};
use clap::ArgMatches;

/// Makes one, and prints its key.
pub(super) fn add(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let admin = argument(matches, "NAME").to_owned();
    let role = match matches.get_one::<String>("role") {
        None => Role::Admin,
        Some(text) => {
            let known = Role::ALL.into_iter().find(|role| role.name() == text);
            let expected = || context.text.t("expected-role");
            known.ok_or_else(|| wrong_value("--role", text, &expected()))?
        }
    };
    let expires_s = matches.get_one::<String>("expires").map(|text| {
        let seconds = invite::seconds(text).filter(|it| (1..=ADMIN_S_MAX).contains(it));
        let expected = || context.text.t("expected-admin-expires");
        seconds.ok_or_else(|| wrong_value("--expires", text, &expected()))
    });
    let request = ManageRequest::AddAdmin {
        admin: admin.clone(),
        role,
        expires_s: expires_s.transpose()?,
    };
    let ManageResponse::Key(Key {
        key,
        expires_unix_s,
    }) = manage(context, request)?
    else {
        return Err(surprised());
    };
    if context.json {
        output::json(&serde_json::json!({
            "admin": admin, "role": role, "key": key, "expires_unix_s": expires_unix_s,
        }));
        return Ok(());
    }
    // The key alone goes to standard output, so that it can be piped.
    context.say(&key);
    let args = args!(admin = admin, role = role.name());
    eprintln!("{}", context.text.tr("gms-admin-key", args));
    Ok(())
}

/// Shows all.
pub(super) fn list(context: &Context) -> Result<(), Failure> {
    let ManageResponse::Admins(admins) = manage(context, ManageRequest::Admins)? else {
        return Err(surprised());
    };
    if context.json {
        output::json(&serde_json::json!({ "admins": admins }));
        return Ok(());
    }
    let text = &context.text;
    if admins.is_empty() {
        context.say(&text.t("gms-admins-none"));
        return Ok(());
    }
    let mut rows = vec![vec![
        text.t("gms-admin"),
        text.t("gms-role"),
        text.t("gms-until"),
        text.t("gms-id"),
    ]];
    rows.extend(admins.into_iter().map(|it: Admin| {
        let until = it.expires_unix_s.map(output::time);
        let name = it.role.name().to_owned();
        let until = until.unwrap_or_else(|| "-".to_owned());
        vec![it.admin, name, until, it.id]
    }));
    for line in output::table(&rows) {
        context.say(&line);
    }
    Ok(())
}

/// Takes one's rights away.
pub(super) fn remove(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let admin = argument(matches, "NAME").to_owned();
    let request = ManageRequest::RemoveAdmin {
        admin: admin.clone(),
    };
    manage(context, request)?;
    if context.json {
        output::json(&serde_json::json!({ "removed": admin }));
        return Ok(());
    }
    let args = args!(admin = admin);
    context.say(&context.text.tr("gms-admin-removed", args));
    Ok(())
}
