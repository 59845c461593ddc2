//! What administrators ask of the management server, answered from what it holds. Orders are in
//! `gms`.

use crate::locked;
use crate::orders::{kind, mode};
use crate::rules;
use api::{ApiError, Code, LogPage, ManageRequest, ManageResponse, PAGE_DEFAULT, Page};
use control::service::{Service, Store};
use control::{Refusal, Tenant};
use group::serial::hex;
use std::collections::BTreeMap;
use std::ops::Bound;
use wire::NodeAddr;

/// Answers a question; `None`: it is an order.
pub fn read(
    service: &Service,
    store: &mut dyn Store,
    f: NodeAddr,
    request: &ManageRequest,
) -> Option<Result<ManageResponse, ApiError>> {
    let tenant = service.tenant();
    let missing = |refusal: Refusal| crate::refusals::refused(&refusal);
    let answer = match request {
        ManageRequest::Server => Ok(ManageResponse::Server(server(service, f))),
        ManageRequest::Groups(page) => {
            let groups = page_of(&tenant.groups, page);
            let groups = groups.map(|(name, it)| managed_group(service, name, it));
            Ok(ManageResponse::Groups(groups.collect()))
        }
        ManageRequest::Group { group } => {
            let found = tenant.groups.get(group);
            let found = found.map(|it| managed_group(service, group, it));
            let found = found.map(ManageResponse::Group);
            found.ok_or_else(|| missing(Refusal::NoGroup(group.clone())))
        }
        ManageRequest::Members(page) => {
            let members = page_of(&tenant.members, page);
            let members = members.map(|(name, it)| member(service, name, it));
            Ok(ManageResponse::Members(members.collect()))
        }
        ManageRequest::Member { member: name } => {
            let found = tenant.members.get(name);
            let found = found.map(|it| ManageResponse::Member(member(service, name, it)));
            found.ok_or_else(|| missing(Refusal::NoMember(name.clone())))
        }
        ManageRequest::Lines(page) => Ok(ManageResponse::Lines(lines(tenant, page))),
        ManageRequest::Admins => Ok(ManageResponse::Admins(admins(tenant))),
        ManageRequest::Log(page) => log(store, *page).map(ManageResponse::Log),
        ManageRequest::Pending(page) => locked::pending(tenant, page).map(ManageResponse::Pending),
        ManageRequest::Users(page) => {
            let users = page_of(&tenant.users, page);
            let users = users.map(|(name, it)| user(tenant, name, it));
            Ok(ManageResponse::Users(users.collect()))
        }
        ManageRequest::User { user: name } => {
            let found = tenant.users.get(name);
            let found = found.map(|it| ManageResponse::User(user(tenant, name, it)));
            found.ok_or_else(|| missing(Refusal::NoUser(name.clone())))
        }
        ManageRequest::AddUser { .. }
        | ManageRequest::SetPassword { .. }
        | ManageRequest::ChangeUser { .. }
        | ManageRequest::RemoveUser { .. }
        | ManageRequest::RequireSignIn { .. }
        | ManageRequest::Withdraw { .. }
        | ManageRequest::Approve(_)
        | ManageRequest::AddAdmin { .. }
        | ManageRequest::RemoveAdmin { .. } => return None,
    };
    Some(answer)
}

/// What a server manages, as the list of the control interface has it.
pub fn managed(service: &Service) -> api::Managed {
    let tenant = service.tenant();
    let trail = service.trail();
    let groups = tenant.groups.iter();
    let members = tenant.members.iter();
    api::Managed {
        rev: trail.rev,
        trail: hex::text(&trail.hash),
        groups: groups
            .map(|(name, it)| managed_group(service, name, it))
            .collect(),
        members: members
            .map(|(name, it)| member(service, name, it))
            .chain(tenant.elsewhere.keys().filter_map(|f| held(service, *f)))
            .collect(),
        lines_open: count(tenant.invites.len()),
    }
}

fn server(service: &Service, f: NodeAddr) -> api::Server {
    let (tenant, trail) = (service.tenant(), service.trail());
    let in_touch = tenant.nodes.keys().filter(|f| service.is_online(**f));
    api::Server {
        address: f.to_ipv6(),
        rev: trail.rev,
        trail: hex::text(&trail.hash),
        groups: count(tenant.groups.len()),
        members: count(tenant.members.len()),
        in_touch: count(in_touch.count()),
        lines_open: count(tenant.invites.len()),
    }
}

/// A member that another server admitted.
fn held(service: &Service, f: NodeAddr) -> Option<api::Member> {
    let tenant = service.tenant();
    let (name, it) = tenant.member_elsewhere(f)?;
    let first = tenant.groups.get(it.groups.first()?)?;
    let (admission, _) = tenant.admission_of(first, f)?;
    let by = admission.signers().next();
    let by = by.and_then(|index| first.authority.server(index));
    Some(api::Member {
        by: by.map(|server| server.f.to_ipv6()),
        ..member(service, &name, &it)
    })
}

fn managed_group(service: &Service, name: &str, group: &control::Group) -> api::ManagedGroup {
    let tenant = service.tenant();
    let now_unix_s = os::clock::unix_s();
    // Those who are not in it before somebody has signed in are its members, too.
    let granted = |it: &&String| tenant.members.get(*it).is_some_and(|it| it.f.is_some());
    let asks = group.sign_in_s.is_some();
    let waiting = tenant
        .members
        .iter()
        .filter(|(_, it)| asks && it.groups.contains(name));
    let waiting = waiting.map(|(member, _)| member).filter(granted);
    let held = group.held().filter_map(|(_, it)| control::name_in(it));
    let own = group.admissions.keys().chain(waiting).cloned();
    let members: std::collections::BTreeSet<String> = own.chain(held).collect();
    let ahead = group.chain.epochs_ahead(now_unix_s);
    let next = ahead.iter().map(|epoch| epoch.activates_unix_s);
    let own = group.authority.server(group.chain.index()).map(|it| it.key);
    // Who is in and is to be something else does not wait to be let in.
    let waiting = group.asked.keys();
    let waiting = waiting.filter(|it| !group.admissions.contains_key(*it));
    let servers = group.authority.servers.iter().flatten();
    let servers = servers.map(|server| {
        let is_own = Some(server.key) == own;
        api::GroupServer {
            address: server.f.to_ipv6(),
            own: is_own,
            in_touch: is_own || service.is_partner_online(server.f),
        }
    });
    api::ManagedGroup {
        id: group.id.to_string(),
        group: name.to_owned(),
        zone: group.zone_name.clone(),
        epoch: ahead.first().map_or(0, |epoch| epoch.number),
        next_unix_s: next.filter(|at| *at > now_unix_s).min(),
        sign_in_s: group.sign_in_s,
        members: members.into_iter().collect(),
        servers: servers.collect(),
        rules: rules::rules(group),
        tests: rules::tests(&group.tests),
        rules_pending: group.asked_rules.is_some(),
        locked: locked::lock(&group.genesis.policy),
        pending: waiting.cloned().collect(),
    }
}

fn user(tenant: &Tenant, name: &str, user: &control::sign_in::User) -> api::User {
    let now_unix_s = os::clock::unix_s();
    let is_there = |device: &&String| {
        let member = tenant.members.get(*device);
        let is_it = |it: &&control::Member| it.signed_in.as_ref().is_some_and(|it| it.user == name);
        let groups = member.filter(is_it).into_iter();
        let mut groups = groups.flat_map(|it| tenant.sign_in_groups(it));
        groups.any(|(group, _)| tenant.is_in_force(now_unix_s, device, group))
    };
    api::User {
        user: name.to_owned(),
        devices: user.devices.iter().cloned().collect(),
        disabled: user.disabled,
        signed_in: user.devices.iter().filter(is_there).cloned().collect(),
        failures: user.failures.count,
    }
}

fn member(service: &Service, name: &str, member: &control::Member) -> api::Member {
    api::Member {
        name: name.to_owned(),
        address: member.f.map(NodeAddr::to_ipv6),
        element: member.kind.map(kind),
        mode: mode(member.mode_in_force()),
        prefixes: member.prefixes.iter().copied().map(api::Prefix).collect(),
        groups: member.groups.iter().cloned().collect(),
        roles: rules::roles(&member.roles),
        in_touch: member.f.is_some_and(|f| service.is_online(f)),
        by: None,
    }
}

fn lines(tenant: &Tenant, page: &Page) -> Vec<api::OpenLine> {
    let open = tenant.invites.iter().map(|(id, made)| api::OpenLine {
        id: hex::text(&id.0),
        member: made.member.clone(),
        groups: made.groups.clone(),
        uses_left: made.uses_left,
        expires_unix_s: made.expires_unix_s,
    });
    // Ids are ordered as their digits are.
    let later = open.filter(|line| line.id > page.after);
    later.take(most(page.most)).collect()
}

fn admins(tenant: &Tenant) -> Vec<api::Admin> {
    let all = tenant.admins.iter().map(|(id, admin)| api::Admin {
        admin: admin.name.clone(),
        id: hex::text(&id.0),
        role: role(admin.role),
        expires_unix_s: admin.expires_unix_s,
    });
    let mut all: Vec<api::Admin> = all.collect();
    all.sort_by(|a, b| a.admin.cmp(&b.admin));
    all
}

fn log(store: &mut dyn Store, page: LogPage) -> Result<Vec<api::LogRecord>, ApiError> {
    let failed = |detail: String| ApiError::new(Code::GroupStore).with("detail", detail);
    let records = store.records(page.after, most(page.most));
    let records = records.map_err(|error| failed(error.to_string()))?;
    let said = records.into_iter().map(|record| {
        Ok(api::LogRecord {
            rev: record.rev,
            at_unix_s: record.at_unix_s,
            actor: serde_json::to_value(record.actor)?,
            event: serde_json::to_value(&record.event)?,
            hash: hex::text(&record.hash),
        })
    });
    let said: Result<Vec<_>, serde_json::Error> = said.collect();
    said.map_err(|error| failed(error.to_string()))
}

/// The part of a map that follows a name.
fn page_of<'a, T>(
    map: &'a BTreeMap<String, T>,
    page: &Page,
) -> impl Iterator<Item = (&'a String, &'a T)> {
    let after = match page.after.is_empty() {
        true => Bound::Unbounded,
        false => Bound::Excluded(page.after.clone()),
    };
    map.range((after, Bound::Unbounded)).take(most(page.most))
}

fn most(most: Option<u32>) -> usize {
    usize::try_from(most.unwrap_or(PAGE_DEFAULT)).unwrap_or(usize::MAX)
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

const fn role(role: control::Role) -> api::Role {
    match role {
        control::Role::Auditor => api::Role::Auditor,
        control::Role::Admin => api::Role::Admin,
        control::Role::Owner => api::Role::Owner,
    }
}
