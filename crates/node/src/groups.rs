//! Groups: proving to peers that this node is in one, and what servers tell of them
//! (docs/protocol/group.md).
//!
//! ```text
//!   node ── handshake: slots ── node       both hold a secret of the group
//!        ── membership ────────            each shows that it belongs to it: packets pass
//!        ── heads, entries, secrets        whoever is behind is told
//!   node ── resume ── server (GMS)         the same from where it comes
//! ```
//!
//! | module | what |
//! |---|---|
//! | `proofs` | what is offered and matched in the handshake, and what follows from it |
//! | `members` | memberships, entries and secrets between members |
//! | `rules` | what members may reach at each other |
//! | `agent` | keeping in touch with servers |
//! | `instances` | one server, reached at several F |
//! | `enrol` | lines of servers |
//! | `partners` | groups with several servers |
//! | `server` | being a server, as far as sessions go: the rest is in `control` |
//! | `sign_in` | signing in at this node, where groups require it |
//! | `status` | what is said about all that |

pub(crate) mod agent;
pub(crate) mod enrol;
mod instances;
pub(crate) mod members;
mod partners;
pub(crate) mod proofs;
mod rules;
pub(crate) mod server;
pub(crate) mod sign_in;
pub(crate) mod status;
mod waiting;

pub use proofs::{HELD_MAX, PROVING};
pub use server::NEWCOMERS_MAX;
pub use sign_in::{ENDING as SIGN_IN_ENDING, SignInsStatus};
pub use status::{GroupStatus, ServerStatus};
