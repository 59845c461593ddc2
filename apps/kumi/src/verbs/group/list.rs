//! `kumi group list`: the groups of this node, and those that it manages.

use crate::client::{self, expect_answer};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::remote::{Remote, is_carried, surprised};
use crate::text::{Text, args};
use crate::verbs::{show, sign_in};
use api::{
    GroupRequest, GroupServer, Groups, Lock, Managed, ManagedGroup, Member, Membership, Request,
    Response,
};

/// Runs it.
pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let request = Request::Group(GroupRequest::List);
    let groups = match Remote::load(context)? {
        None => expect_answer!(context, &request, Response::Groups(groups) => *groups),
        Some(remote) => {
            is_carried(context, &remote)?;
            let Response::Groups(groups) = remote.ask(&request)? else {
                return Err(surprised());
            };
            // Those of the node here, if it runs.
            let own = client::ask(context, &request).ok();
            let own = own.and_then(|own| match own {
                Response::Groups(own) => Some((own.member_of, own.sign_ins)),
                _ => None,
            });
            let (member_of, sign_ins) = own.unwrap_or_default();
            Groups {
                member_of,
                sign_ins,
                ..*groups
            }
        }
    };
    if context.json {
        output::json(&groups);
        return Ok(());
    }
    let text = &context.text;
    let waits = sign_in::lines(text, &groups.sign_ins);
    if groups.member_of.is_empty() && groups.managed.is_none() && waits.is_empty() {
        context.say(&text.t("groups-none"));
        return Ok(());
    }
    let mut lines = Vec::new();
    if !groups.member_of.is_empty() {
        lines.extend(memberships(text, &groups.member_of));
    }
    lines.extend(waits);
    if let Some(managed) = &groups.managed {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(served(text, managed));
    }
    for line in lines {
        context.say(&line);
    }
    Ok(())
}

fn memberships(text: &Text, groups: &[Membership]) -> Vec<String> {
    let mut rows = vec![vec![
        text.t("groups-group"),
        text.t("groups-name"),
        text.t("groups-mode"),
        text.t("groups-epoch"),
        text.t("groups-lease"),
        text.t("groups-server"),
        text.t("groups-in-touch"),
    ]];
    rows.extend(groups.iter().map(|group| {
        let epochs = group.epochs.iter().map(u32::to_string);
        let reached = group.servers.iter().any(|server| server.in_touch);
        let names = group.members.iter().map(|member| {
            let address = || member.address.to_string();
            member.name.clone().unwrap_or_else(address)
        });
        vec![
            titled(text, &group.group, group.locked.as_ref()),
            group.name.clone().unwrap_or_else(|| "-".to_owned()),
            show::mode(text, group.mode),
            join(epochs),
            output::time(group.lease_until_unix_s),
            text.t(match reached {
                true => "groups-server-there",
                false => "groups-server-away",
            }),
            join(names),
        ]
    }));
    [text.t("groups-member-of")]
        .into_iter()
        .chain(output::table(&rows))
        .collect()
}

fn served(text: &Text, managed: &Managed) -> Vec<String> {
    let rev = managed.rev.to_string();
    let mut lines = vec![text.tr("groups-managed", args!(rev = rev))];
    let mut rows = vec![vec![
        text.t("groups-group"),
        text.t("groups-epoch"),
        text.t("groups-next"),
        text.t("groups-zone"),
        text.t("groups-sign-in"),
        text.t("groups-members"),
        text.t("groups-rules"),
        text.t("groups-servers"),
    ]];
    rows.extend(managed.groups.iter().map(|group| {
        let dash = || "-".to_owned();
        vec![
            titled(text, &group.group, group.locked.as_ref()),
            group.epoch.to_string(),
            group.next_unix_s.map_or_else(dash, output::time),
            group.zone.clone(),
            group.sign_in_s.map_or_else(dash, output::duration),
            join(members(text, group)),
            match &group.rules {
                Some(rules) => rules.len().to_string(),
                None => dash(),
            },
            join(others(text, group)),
        ]
    }));
    lines.extend(output::table(&rows));
    if managed.members.is_empty() {
        return lines;
    }
    let mut rows = vec![vec![
        text.t("groups-member"),
        text.t("groups-node"),
        text.t("groups-element"),
        text.t("groups-mode"),
        text.t("groups-of"),
        text.t("groups-roles"),
        text.t("peers-state"),
    ]];
    rows.extend(managed.members.iter().map(|member| row(text, member)));
    lines.push(String::new());
    lines.extend(output::table(&rows));
    lines
}

/// The other servers that manage a group.
fn others<'a>(text: &'a Text, group: &'a ManagedGroup) -> impl Iterator<Item = String> + 'a {
    let others = group.servers.iter().filter(|it| !it.own);
    others.map(|it| server(text, it))
}

/// Another server, and whether it is in touch.
fn server(text: &Text, server: &GroupServer) -> String {
    let state = match server.in_touch {
        true => "groups-server-there",
        false => "groups-server-away",
    };
    format!("{} ({})", server.address, text.t(state))
}

fn row(text: &Text, member: &Member) -> Vec<String> {
    let dash = || "-".to_owned();
    let state = match (member.address, member.in_touch) {
        (None, _) => "groups-invited",
        (Some(_), true) => "groups-here",
        (Some(_), false) => "groups-away",
    };
    let kind = |kind| show::element(kind).to_owned();
    vec![
        member.name.clone(),
        member.address.map_or_else(dash, |it| it.to_string()),
        member.element.map_or_else(dash, kind),
        show::mode(text, member.mode),
        join(member.groups.iter().cloned()),
        join(member.roles.iter().cloned()),
        match member.by {
            None => text.t(state),
            Some(_) => text.tr("groups-by-other", args!(state = text.t(state))),
        },
    ]
}

/// A group, and that it is locked.
fn titled(text: &Text, group: &str, locked: Option<&Lock>) -> String {
    match locked {
        None => group.to_owned(),
        Some(lock) => {
            let (need, all) = (lock.threshold, lock.admins.len());
            let locked = text.tr("groups-locked", args!(need = need, all = all));
            format!("{group} {locked}")
        }
    }
}

/// The members of a group, and who waits for its admins.
fn members(text: &Text, group: &ManagedGroup) -> impl Iterator<Item = String> {
    let waits = |name: &String| text.tr("groups-pending", args!(member = name.clone()));
    let pending: Vec<String> = group.pending.iter().map(waits).collect();
    group.members.clone().into_iter().chain(pending)
}

/// The texts with commas, or a dash if there are none.
fn join(texts: impl Iterator<Item = String>) -> String {
    let joined = texts.collect::<Vec<_>>().join(", ");
    match joined.is_empty() {
        true => "-".to_owned(),
        false => joined,
    }
}
