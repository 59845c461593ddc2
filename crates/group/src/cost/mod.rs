//! How many settings people make: the load model of seeds 002 and 004, computed from a
//! [`Scenario`].
//!
//! The seeds count by hand, for one network each, and by rules that differ; the rules are
//! reconstructed here ([`Rules`]) so that one file gives every figure of its seed, and the same
//! rules can be asked about other networks. All counts are numbers of values that somebody enters,
//! at an element or at a server ("設定項目数", "負荷").
//!
//! | scheme | module |
//! |---|---|
//! | GSCIP with DPRP | `gscip` |
//! | IPsec with IKE, IPsec with KINK | `ipsec` |
//! | the growth with the number of nodes | [`curve`] |
//! | what is typed for our own product, recorded | [`session`] |
//!
//! | limit | value |
//! |---|---|
//! | elements | [`ELEMENTS_MAX`] |
//! | groups | [`GROUPS_MAX`] |
//! | changes | [`CHANGES_MAX`] |

mod gscip;
mod ipsec;
mod scenario;
pub mod session;

pub use scenario::{
    Addition, CHANGES_MAX, Change, ELEMENTS_MAX, GROUPS_MAX, GscipRule, IpsecRule, Joining, Member,
    Move, Rules, Scenario, ScenarioError,
};

use serde::Serialize;

/// A way to get groups that are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// GSCIP with DPRP, as the seeds built it.
    Gscip,
    /// IPsec with IKE and pre-shared keys.
    Ike,
    /// IPsec with Kerberos and KINK.
    Kink,
}

/// What a column of a table counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// Keys and what belongs to them.
    Keys,
    /// What is done with which packets: process information, security policies.
    Policy,
    /// What an element is: its user, its mode, its groups.
    Element,
    /// Who is in which group.
    Membership,
    /// How keys are exchanged.
    Exchange,
}

/// The values entered for one element, or at a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The element; `None` is the server.
    pub element: Option<String>,
    /// One number for each column of the table.
    pub counts: Vec<u32>,
}

impl Row {
    fn of(element: &str, counts: impl Into<Vec<u32>>) -> Self {
        Self {
            element: Some(element.to_owned()),
            counts: counts.into(),
        }
    }

    fn server(counts: impl Into<Vec<u32>>) -> Self {
        Self {
            element: None,
            counts: counts.into(),
        }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.counts.iter().sum()
    }
}

/// What one scheme costs at the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The scheme.
    pub scheme: Scheme,
    /// What is counted.
    pub columns: Vec<Column>,
    /// The elements, and a server last.
    pub rows: Vec<Row>,
}

impl Table {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.rows.iter().map(Row::total).sum()
    }
}

/// What a change costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeCost {
    /// Its title in the scenario.
    pub title: String,
    /// Values entered by scheme.
    pub totals: Vec<(Scheme, u32)>,
}

/// All that a scenario costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// At the beginning.
    pub initial: Vec<Table>,
    /// For each change, in order. Each is counted from the beginning.
    pub changes: Vec<ChangeCost>,
}

/// Counts what a scenario costs by the rules that it names.
///
/// # Errors
/// See [`ScenarioError`].
pub fn cost(scenario: &Scenario) -> Result<Cost, ScenarioError> {
    scenario.check()?;
    let rules = &scenario.rules;
    let mut initial = vec![gscip::initial(scenario, rules.gscip)];
    initial.extend(rules.ipsec.map(|rule| ipsec::ike(scenario, rule)));
    initial.extend(rules.kink.then(|| ipsec::kink(scenario)));
    let changes = scenario.changes.iter().map(|change| {
        let mut totals = vec![(Scheme::Gscip, gscip::change(change, rules.gscip))];
        let ike = |rule| (Scheme::Ike, ipsec::change(scenario, change, rule));
        totals.extend(rules.ipsec.map(ike));
        ChangeCost {
            title: change.title.clone(),
            totals,
        }
    });
    Ok(Cost {
        initial,
        changes: changes.collect(),
    })
}

/// One point of the curves over the number of nodes, all in one group (seed 004).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Nodes.
    pub nodes: u64,
    /// Values for keys: GSCIP, IKE, KINK.
    pub keys: [u64; 3],
    /// Values that say who talks with whom, at all nodes together: GSCIP, IKE, KINK.
    pub peers: [u64; 3],
}

/// The values that `nodes` nodes need.
///
/// Keys: IKE shares one with every peer, identifier and key at both ends, n(n-1)·2; KINK and
/// GSCIP share one with the server, 2n·2. Peers: an SA names both addresses in both directions,
/// 2(n-1)·2 at each node; GSCIP names the group of each node, n.
#[must_use]
pub fn curve(nodes: u64) -> Point {
    let peers = nodes.saturating_sub(1);
    let pairs = nodes.saturating_mul(peers);
    Point {
        nodes,
        keys: [
            nodes.saturating_mul(4),
            pairs.saturating_mul(2),
            nodes.saturating_mul(4),
        ],
        peers: [nodes, pairs.saturating_mul(4), pairs.saturating_mul(4)],
    }
}
