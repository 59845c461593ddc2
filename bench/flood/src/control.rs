//! Requests to a running node, over its control socket.

use std::io::Write;
use std::path::Path;

use api::{Reply, Request};

/// Asks one thing.
///
/// # Panics
/// When the node does not run or hangs up.
pub fn ask(state: &Path, request: &Request) -> Reply {
    let socket = os::files::Directories::under(state).runtime.join("control");
    let mut stream = os::control::connect(&socket).unwrap_or_else(|e| panic!("{socket:?}: {e}"));
    let frame = api::encode_request(request).expect("a request that fits");
    stream.write_all(&frame).expect("a node that listens");
    let frame = api::read_frame(&mut stream).expect("an answer");
    api::decode_reply(&frame.expect("an answer before the end")).expect("an answer that fits")
}
