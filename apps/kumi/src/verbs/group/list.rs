//! `kumi group list`: the groups of this node, and those that it manages.

use crate::client::{self, expect_answer};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::remote::{Remote, is_carried, surprised};
use crate::text::{Text, args};
use api::{
    GroupRequest, GroupServer, Groups, Kind, Managed, Member, Membership, Mode, Request, Response,
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
            let member_of = own.and_then(|own| match own {
                Response::Groups(own) => Some(own.member_of),
                _ => None,
            });
            Groups {
                member_of: member_of.unwrap_or_default(),
                ..*groups
            }
        }
    };
    if context.json {
        output::json(&groups);
        return Ok(());
    }
    let text = &context.text;
    if groups.member_of.is_empty() && groups.managed.is_none() {
        context.say(&text.t("groups-none"));
        return Ok(());
    }
    let mut lines = Vec::new();
    if !groups.member_of.is_empty() {
        lines.extend(memberships(text, &groups.member_of));
    }
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
            group.group.clone(),
            group.name.clone().unwrap_or_else(|| "-".to_owned()),
            mode(text, group.mode),
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
        text.t("groups-members"),
        text.t("groups-servers"),
    ]];
    rows.extend(managed.groups.iter().map(|group| {
        let dash = || "-".to_owned();
        vec![
            group.group.clone(),
            group.epoch.to_string(),
            group.next_unix_s.map_or_else(dash, output::time),
            group.zone.clone(),
            join(group.members.iter().cloned()),
            join(
                group
                    .servers
                    .iter()
                    .filter(|it| !it.own)
                    .map(|it| server(text, it)),
            ),
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
        text.t("peers-state"),
    ]];
    rows.extend(managed.members.iter().map(|member| row(text, member)));
    lines.push(String::new());
    lines.extend(output::table(&rows));
    lines
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
    let kind = |kind| match kind {
        Kind::Ges => "GES".to_owned(),
        Kind::Gen => "GEN".to_owned(),
        Kind::Gea => "GEA".to_owned(),
    };
    vec![
        member.name.clone(),
        member.address.map_or_else(dash, |it| it.to_string()),
        member.element.map_or_else(dash, kind),
        mode(text, member.mode),
        join(member.groups.iter().cloned()),
        match member.by {
            None => text.t(state),
            Some(_) => text.tr("groups-by-other", args!(state = text.t(state))),
        },
    ]
}

fn mode(text: &Text, mode: Mode) -> String {
    text.t(match mode {
        Mode::Open => "groups-open",
        Mode::Closed => "groups-closed",
    })
}

/// The texts with commas, or a dash if there are none.
fn join(texts: impl Iterator<Item = String>) -> String {
    let joined = texts.collect::<Vec<_>>().join(", ");
    match joined.is_empty() {
        true => "-".to_owned(),
        false => joined,
    }
}
