//! What an admission, and the bounds of an invite, say beyond kind and mode (docs/protocol/group.md, section 2).

use wire::prefix::{PREFIX_LEN, Prefix};
use wire::{Malformed, Reader, Tlvs, Unencodable, Writer};

use crate::name::is_name;
use crate::rules::{ROLES_MAX, is_role};

/// Longest list of attributes, in bytes.
pub const ATTRIBUTES_LEN_MAX: usize = 1_024;
/// Most prefixes behind a member.
pub const PREFIXES_MAX: usize = 32;
/// Most prefixes that a group protects.
pub const SITE_MAX: usize = 16;

/// What an admission says beyond kind and mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Its name in the group (`name.group.kumi`): 1 to [`crate::statement::NAME_LEN_MAX`] bytes.
    pub name: Option<String>,
    /// What lies behind it, at most [`PREFIXES_MAX`].
    pub prefixes: Vec<Prefix>,
    /// Ordinary addresses that the group protects, and its member with it (site mode); at most
    /// [`SITE_MAX`].
    pub site: Vec<Prefix>,
    /// What it is in the group, for the group's rules: at most [`ROLES_MAX`], ascending.
    pub roles: Vec<String>,
}

/// Whether there are only attributes of this version, each once: the others no admin sees, and no invite bounds.
pub(super) fn are_known(attributes: &[u8]) -> bool {
    let kinds = Tlvs::new(attributes, "group attributes").map(|tlv| tlv.ok().map(|(kind, _)| kind));
    let Some(mut kinds) = kinds.collect::<Option<Vec<u16>>>() else {
        return false;
    };
    let all = kinds.len();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.len() == all && kinds.iter().all(|kind| (1..=4).contains(kind))
}

impl Attributes {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        let mut writer = Writer::default();
        if let Some(name) = &self.name {
            if !is_name(name) {
                return Err(Unencodable { what: "group name" });
            }
            writer.tlv(1, name.as_bytes())?;
        }
        for (kind, prefixes, most) in [(2, &self.prefixes, PREFIXES_MAX), (3, &self.site, SITE_MAX)]
        {
            if prefixes.len() > most {
                return Err(Unencodable { what: "prefixes" });
            }
            if !prefixes.is_empty() {
                let prefixes = prefixes.iter().flat_map(|prefix| prefix.to_bytes());
                writer.tlv(kind, &prefixes.collect::<Vec<u8>>())?;
            }
        }
        if !self.roles.is_empty() {
            let mut roles = Writer::default();
            for role in &self.roles {
                let len = u8::try_from(role.len()).unwrap_or(u8::MAX);
                roles.u8(len).bytes(role.as_bytes());
            }
            if !are_roles(&self.roles) {
                return Err(Unencodable { what: "roles" });
            }
            writer.tlv(4, roles.as_slice())?;
        }
        Ok(writer.finish())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let malformed = || Malformed {
            what: "group attributes",
        };
        let mut attributes = Self::default();
        for tlv in Tlvs::new(bytes, "group attributes") {
            match tlv? {
                (1, name) => {
                    let name = std::str::from_utf8(name).ok().filter(|name| is_name(name));
                    attributes.name = Some(name.ok_or_else(malformed)?.to_owned());
                }
                (2, prefixes) => attributes.prefixes = read_prefixes(prefixes, PREFIXES_MAX)?,
                (3, prefixes) => attributes.site = read_prefixes(prefixes, SITE_MAX)?,
                (4, roles) => attributes.roles = read_roles(roles)?,
                _ => {}
            }
        }
        Ok(attributes)
    }
}

fn read_prefixes(bytes: &[u8], most: usize) -> Result<Vec<Prefix>, Malformed> {
    let (prefixes, rest) = bytes.as_chunks::<PREFIX_LEN>();
    if !rest.is_empty() || prefixes.len() > most {
        let what = "group attributes";
        return Err(Malformed { what });
    }
    prefixes.iter().map(Prefix::from_bytes).collect()
}

fn read_roles(bytes: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut reader = Reader::new(bytes, "group attributes");
    let mut roles = Vec::new();
    while reader.remaining() > 0 && roles.len() <= ROLES_MAX {
        let len = usize::from(reader.u8()?);
        let role = std::str::from_utf8(reader.take(len)?);
        roles.push(role.map_err(|_| reader.malformed())?.to_owned());
    }
    if are_roles(&roles) {
        Ok(roles)
    } else {
        Err(reader.malformed())
    }
}

fn are_roles(roles: &[String]) -> bool {
    let ascend = roles.is_sorted_by(|one, next| one < next);
    ascend && roles.len() <= ROLES_MAX && roles.iter().all(|role| is_role(role))
}
