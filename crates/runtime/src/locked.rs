//! Locked groups, as far as the server has to do with them: it carries what the admins sign.

use crate::orders::{kind, mode};
use crate::refusals::refused;
use api::{ApiError, Approved, Page};
use control::{LockedGroups, Refusal, Tenant};
use group::signing::{Request, Statement, key_from_text, key_to_text};
use group::statement::{Admission, Genesis, Policy};
use identity::crypto::AwsLc;

/// The keys of a lock that an order names.
///
/// # Errors
/// One of them is none, or was mistyped.
pub fn admins_of(lock: &api::Lock) -> Result<Vec<[u8; 32]>, ApiError> {
    let key = |text: &String| {
        let mistyped = || ApiError::new(api::Code::LockKey).with("key", text);
        key_from_text(&AwsLc, text).ok_or_else(mistyped)
    };
    lock.admins.iter().map(key).collect()
}

/// The order that makes locked groups.
///
/// # Errors
/// A key is none.
pub fn creation(
    groups: &[String],
    (zone, site): (&str, Option<&[wire::Prefix]>),
    lock: &api::Lock,
) -> Result<LockedGroups, ApiError> {
    Ok(LockedGroups {
        groups: groups.to_owned(),
        zone: zone.to_owned(),
        site: site.map(<[_]>::to_vec),
        threshold: lock.threshold,
        admins: admins_of(lock)?,
    })
}

/// What came of it.
pub fn approved(done: control::Approved) -> Approved {
    Approved {
        group: done.group,
        member: done.member,
        signatures: u8::try_from(done.signed.len()).unwrap_or(u8::MAX),
        threshold: done.threshold,
        in_force: done.is_in_force,
    }
}

/// Who admits to a group, if it is locked.
pub fn lock(policy: &Policy) -> Option<api::Lock> {
    let Policy::Locked { threshold, admins } = policy else {
        return None;
    };
    Some(api::Lock {
        threshold: *threshold,
        admins: admins.iter().map(|it| key_to_text(&AwsLc, it)).collect(),
    })
}

/// What waits for signatures, by group and member, after one of them (`GROUP.MEMBER`).
///
/// # Errors
/// The one to begin after is none.
pub fn pending(tenant: &Tenant, page: &Page) -> Result<Vec<api::Pending>, ApiError> {
    let after = match page.after.as_str() {
        "" => None,
        text => {
            let wrong = || refused(&Refusal::Name(text.to_owned()));
            Some(text.split_once('.').ok_or_else(wrong)?)
        }
    };
    let all = tenant.groups.iter().flat_map(|(name, group)| {
        let asked = group.asked.iter();
        asked.map(move |(member, it)| (name.as_str(), member.as_str(), &group.genesis, it))
    });
    let later = all.filter(|(group, member, ..)| after.is_none_or(|it| (*group, *member) > it));
    let most = usize::try_from(page.most.unwrap_or(api::PAGE_DEFAULT)).unwrap_or(usize::MAX);
    let shown = later.map(|(group, member, genesis, it)| one(group, member, genesis, it));
    Ok(shown.take(most).collect())
}

fn one(group: &str, member: &str, genesis: &Genesis, asked: &Admission) -> api::Pending {
    let attributes = asked.attributes().unwrap_or_default();
    let keys = asked.signers().filter_map(|it| genesis.policy.admin(it));
    let request = Request {
        name: group.to_owned(),
        genesis: genesis.clone(),
        statement: Statement::Admission(Box::new(asked.clone())),
    };
    api::Pending {
        group: group.to_owned(),
        member: member.to_owned(),
        address: asked.member.f.to_ipv6(),
        element: kind(asked.kind),
        mode: mode(asked.mode),
        prefixes: attributes.prefixes.into_iter().map(api::Prefix).collect(),
        asked_unix_s: asked.issued_unix_s,
        threshold: genesis.policy.threshold().unwrap_or_default(),
        signed: keys.map(|it| key_to_text(&AwsLc, it)).collect(),
        request: request.to_text(&AwsLc),
    }
}
