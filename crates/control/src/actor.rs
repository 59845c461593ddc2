//! Who acts, and by what right.

use identity::crypto::Crypto;
use serde::{Deserialize, Serialize};
use wire::NodeAddr;

/// What an administrator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read everything, the audit trail included.
    Auditor,
    /// And change groups and members.
    Admin,
    /// And say who administers.
    Owner,
}

/// Who gives an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "who")]
pub enum Actor {
    /// Whoever may use the control socket of the server itself.
    Operator,
    /// Somebody who showed the secret of an administrator.
    Admin {
        /// Whose.
        admin: AdminId,
    },
    /// A node, over its session: a member, or somebody who would be one.
    Node {
        /// Its address, proven by the session.
        #[serde(with = "group::serial::addr")]
        f: NodeAddr,
    },
    /// The server, because it is time.
    Clock,
}

impl Role {
    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auditor => "auditor",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

/// Names an administrator: what its secret hashes to, cut to 128 bits. It tells nothing of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AdminId(#[serde(with = "group::serial::hex")] pub [u8; 16]);

impl AdminId {
    /// That of a secret: the first half of `SHA-256("kumihimo admin v1" ‖ secret)`.
    #[must_use]
    pub fn of(crypto: &dyn Crypto, secret: &[u8; 32]) -> Self {
        let hash = crypto.sha256(&[b"kumihimo admin v1", secret]);
        let (half, _) = hash.split_first_chunk().unwrap_or((&[0; 16], &[]));
        Self(*half)
    }
}

/// Names an invite: the id of its credential (docs/protocol/session.md, section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InviteId(#[serde(with = "group::serial::hex")] pub [u8; 16]);
