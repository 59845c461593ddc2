//! Locked groups, as far as the server has to do with them: it carries what the admins sign.
//!
//! | limit | value |
//! |---|---|
//! | what waits, in one answer | [`PENDING_LEN_MAX`] bytes, or one |

use crate::orders::{kind, mode};
use crate::refusals::refused;
use crate::rules;
use api::{ApiError, Approved, Asked, Page};
use control::{AskedRules, Group, LockedGroups, Refusal, Tenant};
use group::signing::{Request, Statement, key_from_text, key_to_text};
use group::statement::{Admission, Policy};
use identity::crypto::AwsLc;

/// The longest part of what waits that is answered at once, in bytes of JSON: rules may be long, and an answer is
/// one frame.
const PENDING_LEN_MAX: usize = 256 * 1_024;

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

/// What waits for signatures, by group and member, after one of them (`GROUP.MEMBER`); the rules of a group come
/// before its members (`GROUP.`). At least one, and no more than fit into an answer.
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
    let first = after.map_or("", |(group, _)| group).to_owned();
    let all = tenant.groups.range(first..).flat_map(|(name, group)| {
        let rules = group.asked_rules.iter();
        let rules = rules.map(move |it| (name, "", group, Wanted::Rules(it)));
        let asked = group.asked.iter();
        let asked = asked.map(move |(member, it)| {
            let wanted = Wanted::Admission(member, it);
            (name, member.as_str(), group, wanted)
        });
        rules.chain(asked)
    });
    let later =
        all.filter(|(group, member, ..)| after.is_none_or(|it| (group.as_str(), *member) > it));
    let most = usize::try_from(page.most.unwrap_or(api::PAGE_DEFAULT)).unwrap_or(usize::MAX);
    let mut shown = Vec::new();
    let mut len = 0;
    for (name, _, group, wanted) in later.take(most) {
        let it = one(name, group, &wanted);
        // Texts and numbers: this cannot fail.
        len += serde_json::to_vec(&it).map_or(0, |json| json.len());
        if len > PENDING_LEN_MAX && !shown.is_empty() {
            break;
        }
        shown.push(it);
    }
    Ok(shown)
}

/// What is to be signed.
enum Wanted<'a> {
    /// Of a member.
    Admission(&'a str, &'a Admission),
    /// Of the group.
    Rules(&'a AskedRules),
}

fn one(name: &str, group: &Group, wanted: &Wanted<'_>) -> api::Pending {
    let (asked, asked_unix_s, statement) = match wanted {
        Wanted::Admission(member, it) => {
            let statement = Statement::Admission(Box::new((*it).clone()));
            (admission(group, member, it), it.issued_unix_s, statement)
        }
        Wanted::Rules(it) => {
            let asked = Asked::Rules {
                rules: it.rules.permits.as_deref().map(rules::written),
                tests: rules::tests(&it.tests),
            };
            let statement = Statement::Rules(Box::new(it.rules.clone()));
            (asked, it.rules.issued_unix_s, statement)
        }
    };
    let policy = &group.genesis.policy;
    let signers = statement.signers().into_iter();
    let keys = signers.filter_map(|it| policy.admin(it));
    let signed = keys.map(|it| key_to_text(&AwsLc, it)).collect();
    let request = Request {
        name: name.to_owned(),
        genesis: group.genesis.clone(),
        statement,
    };
    api::Pending {
        group: name.to_owned(),
        asked,
        asked_unix_s,
        threshold: policy.threshold().unwrap_or_default(),
        signed,
        request: request.to_text(&AwsLc),
    }
}

fn admission(group: &Group, member: &str, asked: &Admission) -> Asked {
    let attributes = asked.attributes().unwrap_or_default();
    Asked::Admission {
        member: member.to_owned(),
        address: asked.member.f.to_ipv6(),
        element: kind(asked.kind),
        mode: mode(asked.mode),
        prefixes: attributes.prefixes.into_iter().map(api::Prefix).collect(),
        roles: attributes.roles,
        is_in: group.admissions.contains_key(member),
    }
}

#[cfg(test)]
#[path = "locked_tests.rs"]
mod tests;
