//! A request from the control socket on its way to the slow path.

use api::{Reply, Request};
use std::sync::mpsc::SyncSender;

/// At most this many answers wait for a client that does not read them.
pub const REPLIES_LEN_MAX: usize = 64;

/// A request and the way back to who asked.
#[derive(Debug)]
pub struct Asked {
    /// The request.
    pub request: Request,
    /// Takes the answers; dropping it ends them.
    pub reply: SyncSender<Reply>,
}
