//! What members are called: `NAME`, `NAME.GROUP`, `NAME.GROUP.kumi`.
//!
//! Programs ask for names in whatever case they like, and DNS knows no difference (RFC 4343): neither is there
//! one here between the letters of ASCII, unless two members differ in nothing else.

/// Longest name in a group, in bytes.
pub const NAME_LEN_MAX: usize = 63;

/// Whether a text may be a name in a group: one label of a host name, in any script.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let fits = (1..=NAME_LEN_MAX).contains(&name.len());
    let is_wrong = |letter: char| letter.is_control() || letter.is_whitespace() || letter == '.';
    fits && !name.contains(is_wrong)
}

/// A member's name, in one group or in any that the node is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberName {
    /// What the member is called.
    pub member: String,
    /// The group.
    pub group: Option<String>,
}

impl MemberName {
    /// Reads `member`, `member.group` or `member.group.kumi`; `None`: it is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix(".kumi").unwrap_or(text);
        let (member, group) = match text.split_once('.') {
            Some((member, group)) => (member, Some(group)),
            None => (text, None),
        };
        let fits = is_name(member) && group.is_none_or(is_name);
        fits.then(|| Self {
            member: member.to_owned(),
            group: group.map(str::to_owned),
        })
    }

    /// Whether it may be the name of a member of this group.
    #[must_use]
    pub fn is_in(&self, group: &str) -> bool {
        let named = self.group.as_deref();
        named.is_none_or(|named| named.eq_ignore_ascii_case(group))
    }

    /// Whether a member is called so in its group.
    #[must_use]
    pub fn is_of(&self, member: &str) -> bool {
        self.member.eq_ignore_ascii_case(member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(member: &str, group: Option<&str>) -> MemberName {
        MemberName {
            member: member.to_owned(),
            group: group.map(str::to_owned),
        }
    }

    #[test]
    fn a_members_name_has_up_to_three_parts() {
        assert_eq!(MemberName::parse("ada"), Some(name("ada", None)));
        assert_eq!(MemberName::parse("ada.lab"), Some(name("ada", Some("lab"))));
        assert_eq!(
            MemberName::parse("ada.lab.kumi"),
            Some(name("ada", Some("lab")))
        );
        for wrong in [
            "",
            ".lab",
            "ada.",
            "a b",
            "ada.lab.office",
            "ada.lab.kumi.kumi",
        ] {
            assert_eq!(MemberName::parse(wrong), None, "{wrong}");
        }
    }
}
