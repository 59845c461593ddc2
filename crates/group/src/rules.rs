//! What the members of a group may reach at each other.
//!
//! Members of a group may reach everything, until somebody gives the group rules: then only what a
//! [`Permit`] names. Permits speak of *roles*, which an admission gives its member, so rules do not grow with
//! the members, and whoever shows its admission has shown all that they ask for.
//!
//! Rules bind at the element that decrypts: it knows its own roles, its peer's, and the rules, each signed. The
//! element that encrypts knows the same and refuses at once what would be refused there.
//!
//! | a packet from A to B passes | if |
//! |---|---|
//! | to a service | a permit names a role of A (or anybody), a role of B (or anybody), and the service |
//! | as an answer | B started the flow |
//! | as ICMP echo request | A may reach any service of B |
//! | as ICMP error or echo reply | always, if it is about a packet of B's |
//!
//! | limit | value |
//! |---|---|
//! | permits of a group | [`PERMITS_MAX`] |
//! | port ranges of all permits | [`RANGES_MAX`] |
//! | roles of a member in a group | [`ROLES_MAX`] |
//! | a role's name | [`ROLE_LEN_MAX`] bytes |

use serde::{Deserialize, Serialize};

use crate::name::is_name;
use crate::{PortRange, Proto, Services};

/// Most permits of a group.
pub const PERMITS_MAX: usize = 64;
/// Most port ranges of all permits of a group together.
pub const RANGES_MAX: usize = 255;
/// Most roles of a member in a group.
pub const ROLES_MAX: usize = 8;
/// Longest name of a role, in bytes.
pub const ROLE_LEN_MAX: usize = 32;

/// How people write [`Party::Anybody`].
pub const ANYBODY: &str = "*";

/// Some members of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// Every member.
    Anybody,
    /// Those that have this role.
    Role(String),
}

/// That some members may reach services of some members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// Who may.
    pub from: Party,
    /// Whose services.
    pub to: Party,
    /// Which; a list is not empty.
    pub services: Services,
}

/// Why permits are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// A role that cannot be one.
    #[error(
        "`{0}` cannot be a role: 1 to {ROLE_LEN_MAX} bytes without spaces, dots and control \
         characters, and not `*`"
    )]
    Role(String),
    /// A list of services without any.
    #[error("a rule names no service; name some, or `all`")]
    NoServices,
    /// A range that ends before it begins.
    #[error("the ports {lo}-{hi} end before they begin")]
    Backwards {
        /// The first port.
        lo: u16,
        /// The last one.
        hi: u16,
    },
    /// Too many.
    #[error("a group has at most {most} {what}")]
    Many {
        /// Of what.
        what: &'static str,
        /// How many.
        most: usize,
    },
}

impl Party {
    fn takes_in(&self, roles: &[String]) -> bool {
        match self {
            Self::Anybody => true,
            Self::Role(role) => roles.contains(role),
        }
    }
}

/// Whether a text may be the name of a role.
#[must_use]
pub fn is_role(name: &str) -> bool {
    is_name(name) && name.len() <= ROLE_LEN_MAX && name != ANYBODY
}

/// Whether permits are within their limits.
///
/// # Errors
/// See [`RulesError`].
pub fn check(permits: &[Permit]) -> Result<(), RulesError> {
    let most = PERMITS_MAX;
    if permits.len() > most {
        let what = "rules";
        return Err(RulesError::Many { what, most });
    }
    let mut ranges = 0;
    for permit in permits {
        for party in [&permit.from, &permit.to] {
            if let Party::Role(role) = party
                && !is_role(role)
            {
                return Err(RulesError::Role(role.clone()));
            }
        }
        let Services::Ports(ports) = &permit.services else {
            continue;
        };
        if ports.is_empty() {
            return Err(RulesError::NoServices);
        }
        if let Some(&PortRange { lo, hi, .. }) = ports.iter().find(|range| range.lo > range.hi) {
            return Err(RulesError::Backwards { lo, hi });
        }
        ranges += ports.len();
    }
    let most = RANGES_MAX;
    if ranges > most {
        let what = "port ranges in its rules";
        return Err(RulesError::Many { what, most });
    }
    Ok(())
}

/// What a member with the roles `from` may reach at one with the roles `to`: compiled, that is
/// sorted and without overlaps.
#[must_use]
pub fn services(permits: &[Permit], from: &[String], to: &[String]) -> Services {
    let matching = permits
        .iter()
        .filter(|it| it.from.takes_in(from) && it.to.takes_in(to));
    let all = matching.map(|permit| permit.services.clone());
    all.fold(Services::Ports(Vec::new()), Services::or)
}

/// The permits that let a member reach a service, each with its place.
pub fn permitting<'a>(
    permits: &'a [Permit],
    (from, to): (&'a [String], &'a [String]),
    (proto, port): (Proto, u16),
) -> impl Iterator<Item = (usize, &'a Permit)> {
    permits.iter().enumerate().filter(move |(_, permit)| {
        permit.from.takes_in(from)
            && permit.to.takes_in(to)
            && permit.services.clone().compiled().hold(proto, port)
    })
}

impl Services {
    /// What one or the other allows; compiled.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Ports(mut one), Self::Ports(other)) => {
                one.extend(other);
                Self::Ports(one).compiled()
            }
            (Self::All, _) | (_, Self::All) => Self::All,
        }
    }

    /// The same as a flat table: sorted, and without ranges that overlap or touch, so that a packet
    /// finds its range by bisection.
    #[must_use]
    pub fn compiled(self) -> Self {
        let Self::Ports(mut ranges) = self else {
            return self;
        };
        ranges.sort_unstable();
        let mut merged: Vec<PortRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last)
                    if last.proto == range.proto && range.lo <= last.hi.saturating_add(1) =>
                {
                    last.hi = last.hi.max(range.hi);
                }
                _ => merged.push(range),
            }
        }
        Self::Ports(merged)
    }

    /// Whether a compiled table holds a port.
    #[must_use]
    pub fn hold(&self, proto: Proto, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Ports(ranges) => range_of(ranges, proto.number(), port).is_some(),
        }
    }
}

/// The range of a compiled table that holds a port of an IP protocol.
pub(crate) fn range_of(ranges: &[PortRange], proto: u8, port: u16) -> Option<&PortRange> {
    let after = ranges.partition_point(|it| (it.proto.number(), it.lo) <= (proto, port));
    let last = ranges.get(after.checked_sub(1)?)?;
    (last.proto.number() == proto && port <= last.hi).then_some(last)
}

#[cfg(test)]
mod tests;
