//! What programs are told that ask by DNS what a member is called, and who an address is
//! (docs/protocol/names.md).
//!
//! Pure: [`Asked::of`] reads what is asked, whoever knows members finds out, and [`answer`] writes the
//! message that says so. A message that no answer belongs to gives [`None`].
//!
//! | asked for | is |
//! |---|---|
//! | `NAME.kumi`, `NAME.GROUP.kumi` | a member, as everywhere ([`MemberName`]) |
//! | `names.work.here.kumi` | always there: the responder's own address. No member can be called so |
//! | below `c.f.ip6.arpa`, `2.0.ip6.arpa`, `3.0.ip6.arpa` | whoever has that address of the overlay |
//! | everything else | refused |

use std::net::Ipv6Addr;

use wire::NodeAddr;
use wire::dns::{Answer, Code, Name, Query, Record, class, kind};

use crate::name::{MemberName, is_name};
use crate::punycode;

/// Where the node answers programs of its own machine, inside the overlay. No node has this address: it would
/// have to find a key whose hash is that.
pub const ADDRESS: Ipv6Addr = Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0x53);
/// The port there.
pub const PORT: u16 = 53;
/// How long an answer may be kept, in seconds: whoever is removed is soon found nowhere.
pub const TTL_S: u32 = 10;
/// How long it may be kept that an address is nobody's, in seconds: whoever has it may show itself at once, and
/// programs ask for the name of an address before they send the first packet there.
pub const STRANGER_TTL_S: u32 = 1;
/// The zone of members' names.
pub const ZONE: &str = "kumi";
/// A name that is found wherever names are, for whoever wants to know.
pub const PROBE: &str = "names.work.here.kumi";

/// The zones of addresses, the last labels first.
const REVERSE: [[&str; REVERSE_LABELS]; 3] = [
    ["arpa", "ip6", "f", "c"],
    ["arpa", "ip6", "0", "2"],
    ["arpa", "ip6", "0", "3"],
];
const REVERSE_LABELS: usize = 4;
/// Labels of a whole address below `ip6.arpa`.
const NIBBLES: usize = 32;
/// Labels of a name that are looked at; a name may have 127.
const LABELS_MAX: usize = NIBBLES + 2;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Who is called so.
    Member(MemberName),
    /// What the node at this address is called.
    Address(NodeAddr),
    /// What needs nobody to be asked.
    Plain(Found),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The member's address.
    Address(Ipv6Addr),
    /// What the node is called, and the group.
    Name(String, String),
    /// There are names below this one, and nothing here.
    Empty,
    /// The zone itself.
    Zone,
    /// There is no such name.
    Unknown,
    /// Whoever might know is not in touch.
    Later,
    /// This responder does not answer that.
    Wrong(Code),
}

impl Asked {
    /// What a message asks. `None`: it is none, or itself an answer.
    #[must_use]
    pub fn of(message: &[u8]) -> Option<Self> {
        let query = Query::parse(message).ok()?;
        Some(match query.question {
            Err(code) => Self::Plain(Found::Wrong(code)),
            Ok(question) if !matches!(question.class, class::IN | class::ANY) => {
                Self::Plain(Found::Wrong(Code::Refused))
            }
            Ok(question) => Self::about(&question.name),
        })
    }

    fn about(name: &Name<'_>) -> Self {
        let labels: Vec<&[u8]> = name.labels().collect();
        match zone_of(&labels) {
            None => Self::Plain(Found::Wrong(Code::Refused)),
            Some(1) => member(&labels),
            Some(_) => address(&labels),
        }
    }
}

/// The zone of this responder that a name is in: so many labels at its end.
fn zone_of(labels: &[&[u8]]) -> Option<usize> {
    let ends_in = |zone: &[&str]| {
        let same = |(one, other): (&&str, &&[u8])| other.eq_ignore_ascii_case(one.as_bytes());
        labels.len() >= zone.len() && zone.iter().zip(labels.iter().rev()).all(same)
    };
    if ends_in(&[ZONE]) {
        return Some(1);
    }
    let found = REVERSE.iter().any(|zone| ends_in(zone));
    found.then_some(REVERSE_LABELS)
}

fn member(labels: &[&[u8]]) -> Asked {
    let found = match labels {
        [_] => Found::Zone,
        [member, _] => return member_of(member, None),
        [member, group, _] => return member_of(member, Some(group)),
        _ if is_probe(labels) => Found::Address(ADDRESS),
        _ => Found::Unknown,
    };
    Asked::Plain(found)
}

fn is_probe(labels: &[&[u8]]) -> bool {
    let probe = PROBE.split('.');
    let same = |(one, other): (&str, &&[u8])| other.eq_ignore_ascii_case(one.as_bytes());
    probe.clone().count() == labels.len() && probe.zip(labels).all(same)
}

fn member_of(member: &[u8], group: Option<&[u8]>) -> Asked {
    let unknown = Asked::Plain(Found::Unknown);
    let Some(member) = label(member) else {
        return unknown;
    };
    let group = match group.map(label) {
        Some(None) => return unknown,
        group => group.flatten(),
    };
    Asked::Member(MemberName { member, group })
}

/// The name that a label stands for. Resolvers write other letters than ASCII in their own way (RFC 3492).
fn label(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let name = match text.split_at_checked(4) {
        Some((mark, coded)) if mark.eq_ignore_ascii_case("xn--") => punycode::decode(coded)?,
        _ => text.to_owned(),
    };
    is_name(&name).then_some(name)
}

/// Each digit of an address is a label, the last first (RFC 3596).
fn address(labels: &[&[u8]]) -> Asked {
    if labels.len() > LABELS_MAX {
        return Asked::Plain(Found::Unknown);
    }
    let digits = labels.iter().rev().skip(2).map(|label| match label {
        [digit] => char::from(*digit).to_digit(16),
        _ => None,
    });
    let Some(digits) = digits.collect::<Option<Vec<u32>>>() else {
        return Asked::Plain(Found::Unknown);
    };
    if digits.len() < NIBBLES {
        return Asked::Plain(Found::Empty);
    }
    let number = digits
        .iter()
        .fold(0u128, |sum, digit| (sum << 4) | u128::from(*digit));
    match Ipv6Addr::from(number) {
        ADDRESS => Asked::Plain(Found::Empty),
        ip => Asked::Address(ip.into()),
    }
}

/// The message that answers `message`. `None`: it is none, or itself an answer.
#[must_use]
pub fn answer(message: &[u8], found: &Found) -> Option<Vec<u8>> {
    let query = Query::parse(message).ok()?;
    let Ok(question) = query.question else {
        let code = match found {
            Found::Wrong(code) => *code,
            _ => Code::FormErr,
        };
        return Some(query.answer(&Answer::of(code)));
    };
    let wanted = question.kind;
    let is = |kind: u16| wanted == kind || wanted == kind::ANY;
    let labels: Vec<&[u8]> = question.name.labels().collect();
    let mut answer = Answer {
        code: Code::NoError,
        zone_labels: zone_of(&labels),
        record: None,
        ttl_s: TTL_S,
    };
    let name;
    match found {
        Found::Address(address) if is(kind::AAAA) => answer.record = Some(Record::Aaaa(*address)),
        Found::Name(member, group) if is(kind::PTR) => {
            name = [member.as_bytes(), group.as_bytes(), ZONE.as_bytes()];
            answer.record = Some(Record::Ptr(&name));
        }
        Found::Zone if is(kind::SOA) => answer.record = Some(Record::Soa),
        Found::Address(_) | Found::Name(..) | Found::Zone | Found::Empty => {}
        Found::Unknown => {
            answer.code = Code::NxDomain;
            if answer.zone_labels == Some(REVERSE_LABELS) {
                answer.ttl_s = STRANGER_TTL_S;
            }
        }
        Found::Later => answer = Answer::of(Code::ServFail),
        Found::Wrong(code) => answer = Answer::of(*code),
    }
    Some(query.answer(&answer))
}

#[cfg(test)]
#[path = "responder_tests.rs"]
mod tests;
