//! Managing groups with another server, by its line: what this server says there, and what comes of it.

use super::{Server, answer};
use crate::orders::FromGms;
use crate::refusals::order_error;
use crate::shared::Input;
use api::{ApiError, Code, Reply, Response};
use control::Actor;
use group::partner::Come;
use std::sync::mpsc::SyncSender;
use store::Place;
use wire::NodeAddr;
use wire::invite::SECRET_LEN;

impl Server {
    /// The slow path says it there.
    pub(super) fn accept_line(
        &mut self,
        (server, secret): (NodeAddr, [u8; SECRET_LEN]),
        line: String,
        wait_ms: u64,
        reply: SyncSender<Reply>,
    ) {
        let said = match self.come_to(server, secret) {
            Ok(come) => FromGms::Come {
                line,
                come: Box::new(come),
                wait_ms,
                reply,
            },
            Err(error) => return answer(&reply, Err(error)),
        };
        self.inbox.send(Input::Gms(said));
    }

    /// What to say to the server at F. This node becomes a server by that, if it is none.
    fn come_to(&mut self, server: NodeAddr, secret: [u8; SECRET_LEN]) -> Result<Come, ApiError> {
        if !Place::is_known(&self.state) {
            self.serve(None, None)?;
        }
        let (service, ..) = self.opened()?;
        Ok(service.come(server, secret))
    }

    /// It has named this server: the groups are written down.
    pub(super) fn accepted(&mut self, now_unix_s: u64, server: NodeAddr, took_ms: u64) -> Reply {
        self.catch_up()?;
        let (service, store, rng) = self.opened()?;
        let done = service.accepted(store, now_unix_s, rng, Actor::Operator, server);
        match done.map_err(|error| order_error(&error))? {
            control::Reply::Shared { groups } => Ok(Response::GroupsShared(api::GroupsShared {
                server: server.to_ipv6(),
                groups,
                took_ms,
            })),
            _ => Err(ApiError::new(Code::Internal).with("detail", "another answer")),
        }
    }
}
