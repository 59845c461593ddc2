//! What the node and its proxy process say to each other: over a Unix socket that is the
//! process's standard input, in frames of JSON with a length before them.
//!
//! The node sends a [`Plan`], as often as it changes; the process answers each with an
//! [`Outcome`]. It ends when the node closes the socket, however the node ends.

use api::{Listen, Target};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::net::Ipv6Addr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// Where the overlay is, and the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The process whose namespace has the interface; `None` in the host's own network.
    pub(super) holder_pid: Option<u32>,
    /// The interface.
    pub(super) device: String,
    /// Address F.
    pub(super) address: Ipv6Addr,
    /// The node's control socket: it knows the names of peers.
    pub(super) control: PathBuf,
}

/// Everything that shall wait for connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The same in each plan of one process.
    pub(super) place: Place,
    /// At most [`super::LISTENERS_MAX`].
    pub(super) services: Vec<Service>,
}

/// One thing that waits for connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Service {
    /// Where.
    pub(super) listen: Listen,
    /// What its connections get.
    pub(super) kind: Kind,
}

/// What a connection gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// A SOCKS5 proxy.
    Socks5,
    /// An HTTP proxy.
    Http,
    /// A connection to this target.
    Forward(Target),
}

/// What became of a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Those that do not wait for connections, and why.
    pub(super) failures: Vec<(Listen, String)>,
}

/// Sends one frame.
pub(super) fn send(mut stream: &UnixStream, value: &impl Serialize) -> io::Result<()> {
    let mut frame = vec![0u8; 4];
    serde_json::to_writer(&mut frame, value)?;
    let len = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    frame.splice(..4, len.to_be_bytes());
    stream.write_all(&frame)
}

/// Receives one frame; `None` when the other side has closed.
pub(super) fn receive<T: DeserializeOwned>(mut stream: &UnixStream) -> io::Result<Option<T>> {
    let Some(frame) = api::read_frame(&mut stream).map_err(io::Error::other)? else {
        return Ok(None);
    };
    Ok(Some(serde_json::from_slice(&frame)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_arrives_as_it_was_sent() {
        let (node, part) = UnixStream::pair().unwrap();
        let plan = Plan {
            place: Place {
                holder_pid: Some(7),
                device: "kumi0".to_owned(),
                address: "fc12::1".parse().unwrap(),
                control: "/run/kumihimo/control".into(),
            },
            services: vec![Service {
                listen: "inside:22".parse().unwrap(),
                kind: Kind::Forward("127.0.0.1:22".parse().unwrap()),
            }],
        };
        send(&node, &plan).unwrap();
        assert_eq!(receive(&part).unwrap(), Some(plan));
        drop(node);
        assert_eq!(receive::<Plan>(&part).unwrap(), None);
    }
}
