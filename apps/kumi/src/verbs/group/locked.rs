//! Locked groups on the side of the management server: what waits for signatures, and signatures that are
//! brought.

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::remote::{manage, surprised};
use crate::text::{Text, args};
use crate::usage::wrong_value;
use crate::verbs::access::argument;
use api::{
    Approved, Asked, Lock, ManageRequest, ManageResponse, NewSignature, PAGE_MAX, Page, Pending,
};
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
        text.t("groups-group"),
        text.t("groups-member"),
        text.t("group-pending-what"),
        text.t("groups-node"),
        text.t("group-pending-signed"),
    ]];
    rows.extend(all.iter().map(|it| {
        let dash = || "-".to_owned();
        let (member, node) = match &it.asked {
            Asked::Admission {
                member, address, ..
            } => (member.clone(), address.to_string()),
            Asked::Rules { .. } => (dash(), dash()),
        };
        let signed = format!("{}/{}", it.signed.len(), it.threshold);
        vec![
            it.group.clone(),
            member,
            what(text, &it.asked),
            node,
            signed,
        ]
    }));
    for line in output::table(&rows) {
        context.say(&line);
    }
    let is_rules = |it: &Pending| matches!(it.asked, Asked::Rules { .. });
    if all.iter().any(|it| !is_rules(it)) {
        context.say(&text.t("group-pending-next"));
    }
    if all.iter().any(is_rules) {
        context.say(&text.t("group-pending-next-rules"));
    }
    Ok(())
}

/// What somebody is to be, or what is to count.
fn what(text: &Text, asked: &Asked) -> String {
    match asked {
        Asked::Admission { roles, is_in, .. } => {
            let message = match (*is_in, roles.is_empty()) {
                (false, true) => "group-pending-enters",
                (false, false) => "group-pending-enters-as",
                (true, true) => "group-pending-none-more",
                (true, false) => "group-pending-becomes",
            };
            text.tr(message, args!(roles = roles.join(", ")))
        }
        Asked::Rules { rules: None, .. } => text.t("group-pending-no-rules"),
        Asked::Rules {
            rules: Some(rules), ..
        } => text.tr("group-pending-rules", args!(count = rules.len())),
    }
}

/// Runs `kumi group request`: the text alone goes to standard output.
pub(super) fn request(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let all = all(context)?;
    let found = match matches.get_one::<String>("rules") {
        Some(group) => rules_of(&all, group).ok_or_else(|| {
            Failure::new(Exit::Failed, "error-rules-not-pending").with("group", group)
        })?,
        None => {
            let (member, group) = (argument(matches, "MEMBER"), argument(matches, "GROUP"));
            admission_of(&all, member, group).ok_or_else(|| {
                Failure::new(Exit::Failed, "error-not-pending")
                    .with("member", member)
                    .with("group", group)
            })?
        }
    };
    if context.json {
        output::json(found);
        return Ok(());
    }
    context.say(&found.request);
    eprintln!("{}", context.text.t("group-request-next"));
    Ok(())
}

fn rules_of<'a>(all: &'a [Pending], group: &str) -> Option<&'a Pending> {
    let is_it = |it: &&Pending| it.group == group && matches!(it.asked, Asked::Rules { .. });
    all.iter().find(is_it)
}

fn admission_of<'a>(all: &'a [Pending], member: &str, group: &str) -> Option<&'a Pending> {
    let is_of =
        |asked: &Asked| matches!(asked, Asked::Admission { member: of, .. } if of == member);
    let is_it = |it: &&Pending| it.group == group && is_of(&it.asked);
    all.iter().find(is_it)
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
    let group = approved.group.clone();
    let (have, need) = (approved.signatures, approved.threshold);
    match (&approved.member, approved.in_force) {
        (Some(member), true) => {
            let args = args!(member = member.clone(), group = group);
            text.tr("group-approved", args)
        }
        (Some(member), false) => text.tr(
            "group-approved-more",
            args!(
                member = member.clone(),
                group = group,
                have = have,
                need = need
            ),
        ),
        (None, true) => text.tr("group-approved-rules", args!(group = group)),
        (None, false) => text.tr(
            "group-approved-rules-more",
            args!(group = group, have = have, need = need),
        ),
    }
}

/// Whether rules of a group wait for its admins.
pub(super) fn rules_wait(context: &Context, group: &str) -> Result<bool, Failure> {
    Ok(rules_of(&all(context)?, group).is_some())
}

/// The groups in which a member that is there is to be something else, once the admins have signed.
pub(super) fn changes(context: &Context, member: &str) -> Result<Vec<String>, Failure> {
    let all = all(context)?.into_iter();
    let of = all.filter(
        |it| matches!(&it.asked, Asked::Admission { member: of, is_in: true, .. } if of == member),
    );
    Ok(of.map(|it| it.group).collect())
}

/// Of these groups those in which a member waits for admins, and those that it is in.
pub(super) fn waiting(
    context: &Context,
    member: &str,
    groups: Vec<String>,
) -> Result<(Vec<String>, Vec<String>), Failure> {
    let all = all(context)?;
    let waits = |group: &String| admission_of(&all, member, group).is_some();
    Ok(groups.into_iter().partition(waits))
}

fn all(context: &Context) -> Result<Vec<Pending>, Failure> {
    let mut all: Vec<Pending> = Vec::new();
    loop {
        let last = all.last().map(|it| {
            let member = match &it.asked {
                Asked::Admission { member, .. } => member.as_str(),
                Asked::Rules { .. } => "",
            };
            format!("{}.{member}", it.group)
        });
        let page = Page {
            after: last.unwrap_or_default(),
            most: Some(PAGE_MAX),
        };
        let ManageResponse::Pending(more) = manage(context, ManageRequest::Pending(page))? else {
            return Err(surprised());
        };
        // A short page may be so because what is in it is long.
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
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
