//! What an admission, and the bounds of an invite, say beyond kind and mode (docs/protocol/group.md, section 2).

use wire::prefix::{PREFIX_LEN, Prefix};
use wire::{Malformed, Tlvs, Unencodable, Writer};

/// Longest list of attributes, in bytes.
pub const ATTRIBUTES_LEN_MAX: usize = 1_024;
/// Longest name in a group, in bytes.
pub const NAME_LEN_MAX: usize = 63;
/// Most prefixes behind a member.
pub const PREFIXES_MAX: usize = 32;
/// Most prefixes that a group protects.
pub const SITE_MAX: usize = 16;

/// What an admission says beyond kind and mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Its name in the group (`name.group.kumi`): 1 to [`NAME_LEN_MAX`] bytes.
    pub name: Option<String>,
    /// What lies behind it, at most [`PREFIXES_MAX`].
    pub prefixes: Vec<Prefix>,
    /// Ordinary addresses that the group protects, and its member with it (site mode); at most
    /// [`SITE_MAX`].
    pub site: Vec<Prefix>,
}

/// Whether there are only attributes that this version knows, each once.
pub(super) fn are_known(attributes: &[u8]) -> bool {
    let kinds = Tlvs::new(attributes, "group attributes").map(|tlv| tlv.ok().map(|(kind, _)| kind));
    let Some(mut kinds) = kinds.collect::<Option<Vec<u16>>>() else {
        return false;
    };
    let all = kinds.len();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.len() == all && kinds.iter().all(|kind| (1..=3).contains(kind))
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

/// Whether a text may be a name in a group: one label of a host name, in any script.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let fits = (1..=NAME_LEN_MAX).contains(&name.len());
    let is_wrong = |letter: char| letter.is_control() || letter.is_whitespace() || letter == '.';
    fits && !name.contains(is_wrong)
}
