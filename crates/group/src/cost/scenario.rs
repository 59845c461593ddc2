//! A network with groups, as a file describes it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::element::{Kind, Mode};

/// Most elements.
pub const ELEMENTS_MAX: usize = 1_000;
/// Most groups.
pub const GROUPS_MAX: usize = 1_000;
/// Most changes.
pub const CHANGES_MAX: usize = 100;

/// A network, its groups, and changes to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows.
    pub title: String,
    /// Where it is from.
    #[serde(default)]
    pub source: String,
    /// The names of the groups.
    pub groups: Vec<String>,
    /// How to count.
    pub rules: Rules,
    /// The elements.
    #[serde(rename = "element")]
    pub elements: Vec<Member>,
    /// Changes, each to the network as it is at the beginning.
    #[serde(rename = "change", default)]
    pub changes: Vec<Change>,
}

/// By which rules to count. The seeds use several; a file names those of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// GSCIP.
    pub gscip: GscipRule,
    /// IPsec with IKE, if it is compared.
    #[serde(default)]
    pub ipsec: Option<IpsecRule>,
    /// Whether IPsec with KINK is compared.
    #[serde(default)]
    pub kink: bool,
}

/// How the seeds count GSCIP. `g` is the number of an element's groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GscipRule {
    /// Seed 002, tables 3 and 4: 3 for each key (group, key, version), user, mode, 1 a group:
    /// 2 + 4g for an element.
    Paper,
    /// Seed 002, slides: the same and the key shared with the server: 3 + 4g.
    Slides,
    /// Seed 004, table 1: 3 at each element (user, key, server); at the server 2 an element
    /// and 1 a membership, and 4 a group. The seed prints the sums 13 and 8 only.
    Thesis,
    /// Seed 004, slides: 3 at each element; at the server 3 an element, 3 a group, 2 a
    /// membership.
    ThesisSlides,
}

/// How the seeds count IPsec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IpsecRule {
    /// Seed 002: a policy and a key for each peer, 12 for IKE.
    Paper,
    /// Seed 004: one policy for all peers unless a tunnel is among them, 11 for IKE.
    Thesis,
}

/// An element and its groups.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its mode.
    pub mode: Mode,
    /// Its groups.
    pub groups: Vec<String>,
    /// The GEN that it is behind, if it is behind one.
    #[serde(default)]
    pub behind: Option<String>,
}

/// A change, which is a move or an addition.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What happens.
    pub title: String,
    /// An element goes to another place.
    #[serde(default, rename = "move", skip_serializing_if = "Option::is_none")]
    pub moves: Option<Move>,
    /// An element comes.
    #[serde(default, rename = "add", skip_serializing_if = "Option::is_none")]
    pub adds: Option<Addition>,
}

/// An element goes to another place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Which.
    pub element: String,
    /// The GEN that it is behind then, if any.
    #[serde(default)]
    pub behind: Option<String>,
}

/// An element comes, and others may join groups because of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Addition {
    /// The element.
    pub element: Member,
    /// Groups that there were not before.
    #[serde(default)]
    pub new_groups: Vec<String>,
    /// Elements that join groups.
    #[serde(default)]
    pub join: Vec<Joining>,
    /// With IPsec: the elements that it gets a policy with, and that get one with it. Without it
    /// all that share a group.
    #[serde(default)]
    pub ipsec_peers: Option<Vec<String>>,
}

/// An element that joins a group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Joining {
    /// Which.
    pub element: String,
    /// What it joins.
    pub group: String,
}

/// Why a scenario makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// More than the limits allow.
    #[error("more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// Two things have one name.
    #[error("`{name}` is there twice; give one of them another name")]
    Twice {
        /// The name.
        name: String,
    },
    /// A name that nothing has.
    #[error("`{by}` names `{name}`, which is not there")]
    Unknown {
        /// Who names it.
        by: String,
        /// What it names.
        name: String,
    },
    /// Only a GEN has terminals and elements behind it.
    #[error("`{by}` is behind `{name}`, which is no GEN")]
    NotRouter {
        /// What is behind it.
        by: String,
        /// What it is behind.
        name: String,
    },
    /// An element of no group needs no key, and there is nothing to count.
    #[error("`{name}` is in no group; put it in one or leave it out")]
    NoGroup {
        /// The element.
        name: String,
    },
    /// A change is one thing.
    #[error("the change `{title}` must be either a move or an addition")]
    NotOneChange {
        /// Its title.
        title: String,
    },
}

impl Scenario {
    /// Whether all names are of something, and nothing is too large.
    ///
    /// # Errors
    /// See [`ScenarioError`].
    pub fn check(&self) -> Result<(), ScenarioError> {
        let sizes = [
            ("elements", self.elements.len(), ELEMENTS_MAX),
            ("groups", self.groups.len(), GROUPS_MAX),
            ("changes", self.changes.len(), CHANGES_MAX),
        ];
        for (what, len, most) in sizes {
            if len > most {
                return Err(ScenarioError::TooMany { what, most });
            }
        }
        let groups = distinct(self.groups.iter())?;
        distinct(self.elements.iter().map(|element| &element.name))?;
        for element in &self.elements {
            self.check_member(element, &groups)?;
        }
        self.changes
            .iter()
            .try_for_each(|change| self.check_change(change))
    }

    /// An element by its name.
    #[must_use]
    pub fn element(&self, name: &str) -> Option<&Member> {
        self.elements.iter().find(|element| element.name == name)
    }

    fn check_member(&self, it: &Member, groups: &BTreeSet<&str>) -> Result<(), ScenarioError> {
        if it.groups.is_empty() {
            let name = it.name.clone();
            return Err(ScenarioError::NoGroup { name });
        }
        let own = distinct(it.groups.iter())?;
        if let Some(name) = own.difference(groups).next() {
            return Err(unknown(&it.name, name));
        }
        self.check_place(&it.name, it.behind.as_deref())
    }

    fn check_place(&self, by: &str, behind: Option<&str>) -> Result<(), ScenarioError> {
        let Some(name) = behind else {
            return Ok(());
        };
        match self.element(name) {
            Some(router) if router.kind == Kind::Gen && name != by => Ok(()),
            Some(_) => Err(ScenarioError::NotRouter {
                by: by.to_owned(),
                name: name.to_owned(),
            }),
            None => Err(unknown(by, name)),
        }
    }

    fn check_change(&self, change: &Change) -> Result<(), ScenarioError> {
        let title = &change.title;
        let known = |name: &str| self.element(name).ok_or_else(|| unknown(title, name));
        match (&change.moves, &change.adds) {
            (Some(moves), None) => {
                known(&moves.element)?;
                self.check_place(&moves.element, moves.behind.as_deref())
            }
            (None, Some(adds)) => {
                let groups = distinct(self.groups.iter().chain(&adds.new_groups))?;
                distinct(self.elements.iter().chain([&adds.element]).map(|e| &e.name))?;
                self.check_member(&adds.element, &groups)?;
                for joining in &adds.join {
                    known(&joining.element)?;
                    if !groups.contains(&*joining.group) {
                        return Err(unknown(title, &joining.group));
                    }
                }
                let peers = adds.ipsec_peers.iter().flatten();
                peers.into_iter().try_for_each(|peer| known(peer).map(drop))
            }
            _ => Err(ScenarioError::NotOneChange {
                title: title.clone(),
            }),
        }
    }
}

fn unknown(by: &str, name: &str) -> ScenarioError {
    ScenarioError::Unknown {
        by: by.to_owned(),
        name: name.to_owned(),
    }
}

/// The names, if no two are the same.
fn distinct<'a>(
    names: impl Iterator<Item = &'a String>,
) -> Result<BTreeSet<&'a str>, ScenarioError> {
    let mut all = BTreeSet::new();
    for name in names {
        if !all.insert(name.as_str()) {
            let name = name.clone();
            return Err(ScenarioError::Twice { name });
        }
    }
    Ok(all)
}
