//! What is ready before it is needed; see `prepare`.

use std::collections::BTreeSet;
use std::time::Duration;

use session::handshake::Ephemeral;
use wire::NodeAddr;

/// What is ready, and what is to be done.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) keys: Option<Ephemeral>,
    pub(crate) members: BTreeSet<NodeAddr>,
    pub(crate) due: Option<Duration>,
}
