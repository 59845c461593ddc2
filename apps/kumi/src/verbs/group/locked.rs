//! Locked groups on the side of the management server: what waits for signatures, and signatures that are
//! brought.

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::remote::{manage, surprised};
use crate::text::{Text, args};
use crate::usage::wrong_value;
use crate::verbs::access::argument;
use api::{Approved, Lock, ManageRequest, ManageResponse, NewSignature, PAGE_MAX, Page, Pending};
use clap::ArgMatches;

/// Runs `kumi group pending`.
pub(super) fn pending(context: &Context) -> Result<(), Failure> {
    let all = all(context)?;
    if context.json {
        output::json(&serde_json::json!({ "pending": all }));
        return Ok(());
    }
    let text = &context.text;
    if all.is_empty() {
        context.say(&text.t("group-pending-none"));
        return Ok(());
    }
    let mut rows = vec![vec![
        text.t("groups-member"),
        text.t("groups-group"),
        text.t("groups-node"),
        text.t("group-pending-signed"),
    ]];
    rows.extend(all.iter().map(|it| {
        let signed = format!("{}/{}", it.signed.len(), it.threshold);
        let (member, group) = (it.member.clone(), it.group.clone());
        vec![member, group, it.address.to_string(), signed]
    }));
    for line in output::table(&rows) {
        context.say(&line);
    }
    context.say(&text.t("group-pending-next"));
    Ok(())
}

/// Runs `kumi group request`: the text alone goes to standard output.
pub(super) fn request(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let (member, group) = (argument(matches, "MEMBER"), argument(matches, "GROUP"));
    let mut all = all(context)?.into_iter();
    let found = all.find(|it| it.member == member && it.group == group);
    let found = found.ok_or_else(|| {
        Failure::new(Exit::Failed, "error-not-pending")
            .with("member", member)
            .with("group", group)
    })?;
    if context.json {
        output::json(&found);
        return Ok(());
    }
    context.say(&found.request);
    eprintln!("{}", context.text.t("group-request-next"));
    Ok(())
}

/// Runs `kumi group approve`.
pub(super) fn approve(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let signatures = matches.get_many::<String>("SIGNATURE").unwrap_or_default();
    let mut last = None;
    for signature in signatures {
        let signature = signature.trim().to_owned();
        let request = ManageRequest::Approve(NewSignature { signature });
        let ManageResponse::Approved(approved) = manage(context, request)? else {
            return Err(surprised());
        };
        context.say(&how_far(&context.text, &approved));
        let is_in_force = approved.in_force;
        last = Some(approved);
        if is_in_force {
            // What is left would be refused: nothing waits for it any more.
            break;
        }
    }
    if context.json {
        output::json(&last);
    }
    Ok(())
}

fn how_far(text: &Text, approved: &Approved) -> String {
    let (member, group) = (approved.member.clone(), approved.group.clone());
    let (have, need) = (approved.signatures, approved.threshold);
    match approved.in_force {
        true => text.tr("group-approved", args!(member = member, group = group)),
        false => text.tr(
            "group-approved-more",
            args!(member = member, group = group, have = have, need = need),
        ),
    }
}

/// Of these groups those in which a member waits for admins, and those that it is in.
pub(super) fn waiting(
    context: &Context,
    member: &str,
    groups: Vec<String>,
) -> Result<(Vec<String>, Vec<String>), Failure> {
    let all = all(context)?;
    let waits = |group: &String| {
        let mut all = all.iter();
        all.any(|it| it.member == member && it.group == *group)
    };
    Ok(groups.into_iter().partition(waits))
}

fn all(context: &Context) -> Result<Vec<Pending>, Failure> {
    let mut all: Vec<Pending> = Vec::new();
    loop {
        let last = all.last().map(|it| format!("{}.{}", it.group, it.member));
        let page = Page {
            after: last.unwrap_or_default(),
            most: Some(PAGE_MAX),
        };
        let ManageResponse::Pending(more) = manage(context, ManageRequest::Pending(page))? else {
            return Err(surprised());
        };
        let is_last = more.len() < PAGE_MAX as usize;
        all.extend(more);
        if is_last {
            return Ok(all);
        }
    }
}

/// The lock of groups that are to be made, as it is typed.
pub(super) fn lock(context: &Context, matches: &ArgMatches) -> Result<Option<Lock>, Failure> {
    let Some(threshold) = matches.get_one::<String>("locked") else {
        return Ok(None);
    };
    let admins = matches.get_many::<String>("admin-key").unwrap_or_default();
    let admins: Vec<String> = admins.map(|it| it.trim().to_owned()).collect();
    let expected = || context.text.t("expected-locked");
    let wrong = || wrong_value("--locked", threshold, &expected());
    let lock = Lock {
        threshold: threshold.parse().map_err(|_| wrong())?,
        admins,
    };
    lock.check().map_err(|_| wrong())?;
    Ok(Some(lock))
}
