//! Bridges: the relays that this node uses, and being one (docs/protocol/session.md, section 6).
//!
//! ```text
//!   node ── session ── Bridge ── session ── node        each node attaches to its Bridges
//!     └──── channel ─────┴────── channel ─────┘          and asks them for a channel to F
//!     └═══════════ session of the two ════════┘          which is one more path for a session
//! ```
//!
//! | module | what |
//! |---|---|
//! | `links` | this node's Bridges: calling, keeping, attaching, moving to a stream and back |
//! | `own_channels` | the channels of this node, and what they mean for its sessions |
//! | `invites` | lines that name Bridges, lines of Bridges, tickets |
//! | `serve` | being a Bridge: clients, channels between them |
//! | `admission` | who may be a client |
//! | `streams` | TCP connections |
//! | `status` | what is said about all that |

pub(crate) mod admission;
pub(crate) mod invites;
#[cfg(feature = "sabotage")]
mod lies;
pub(crate) mod links;
pub(crate) mod own_channels;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod streams;

pub use crate::bridging::serving::PASSWORD_TRIES_MAX;
pub use admission::APPLICANTS_MAX;
#[cfg(feature = "sabotage")]
pub use lies::Lie;
pub use links::{LINK_PROBE, LINK_PROBE_LOST};
pub use status::{BridgeStatus, ClientStatus, ServingStatus};
pub use streams::StreamEvent;
