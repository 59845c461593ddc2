//! Locked groups: what waits for the signatures of their admins, each with a key of its own on a machine of its
//! own, and the signatures that are brought.

use crate::group::{Kind, Mode};
use crate::prefix::Prefix;
use crate::rules::{GroupRule, GroupTest};
use serde::{Deserialize, Serialize};
use std::net::Ipv6Addr;
use utoipa::ToSchema;

/// Something that waits for the signatures of admins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pending {
    /// Of which group.
    pub group: String,
    /// What it says.
    #[serde(flatten)]
    pub asked: Asked,
    /// Since when, Unix seconds.
    pub asked_unix_s: u64,
    /// How many must sign.
    pub threshold: u8,
    /// The admins who have, `kumikey1.…`.
    pub signed: Vec<String>,
    /// What an admin signs on a machine of its own: `kumi group sign REQUEST`.
    pub request: String,
}

/// What admins are asked to sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Asked {
    /// That a member is in the group, and what it is there.
    Admission {
        /// Who is to be admitted.
        member: String,
        /// Its node's address F.
        #[schema(value_type = String, format = "ipv6")]
        address: Ipv6Addr,
        /// What the node is.
        element: Kind,
        /// Its mode.
        mode: Mode,
        /// What lies behind it.
        #[schema(value_type = Vec<String>)]
        prefixes: Vec<Prefix>,
        /// What it is, for the rules of the group.
        #[serde(default)]
        roles: Vec<String>,
        /// It is in the group already, and stays what it is there until this is signed.
        #[serde(default)]
        is_in: bool,
    },
    /// What members of the group may reach at each other. Those in force count until this is signed.
    Rules {
        /// Only what these name; null: everything.
        rules: Option<Vec<GroupRule>>,
        /// The tests that are kept with them, which the server looks at, and nobody signs.
        tests: Vec<GroupTest>,
    },
}

/// An admin's signature, on its way to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSignature {
    /// The signature, `kumisig1.…`.
    #[schema(max_length = 1024)]
    pub signature: String,
}

/// How far an admission has come, or rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approved {
    /// Of which group.
    pub group: String,
    /// Whose admission; left out where it is the group's rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// How many admins have signed.
    pub signatures: u8,
    /// How many must.
    pub threshold: u8,
    /// They have: the member is in the group, the rules count.
    pub in_force: bool,
}
