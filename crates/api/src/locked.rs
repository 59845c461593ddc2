//! Locked groups: what waits for the signatures of their admins, each with a key of its own on a machine of its
//! own, and the signatures that are brought.

use crate::group::{Kind, Mode};
use crate::prefix::Prefix;
use serde::{Deserialize, Serialize};
use std::net::Ipv6Addr;
use utoipa::ToSchema;

/// An admission that waits for the signatures of admins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pending {
    /// Into which group.
    pub group: String,
    /// Who is to be admitted.
    pub member: String,
    /// Its node's address F.
    #[schema(value_type = String, format = "ipv6")]
    pub address: Ipv6Addr,
    /// What the node is.
    pub element: Kind,
    /// Its mode.
    pub mode: Mode,
    /// What lies behind it.
    #[schema(value_type = Vec<String>)]
    pub prefixes: Vec<Prefix>,
    /// Since when, Unix seconds.
    pub asked_unix_s: u64,
    /// How many must sign.
    pub threshold: u8,
    /// The admins who have, `kumikey1.…`.
    pub signed: Vec<String>,
    /// What an admin signs on a machine of its own: `kumi group sign REQUEST`.
    pub request: String,
}

/// An admin's signature, on its way to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSignature {
    /// The signature, `kumisig1.…`.
    #[schema(max_length = 1024)]
    pub signature: String,
}

/// How far an admission has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approved {
    /// Into which group.
    pub group: String,
    /// Who.
    pub member: String,
    /// How many admins have signed.
    pub signatures: u8,
    /// How many must.
    pub threshold: u8,
    /// They have: the member is in the group.
    pub in_force: bool,
}
