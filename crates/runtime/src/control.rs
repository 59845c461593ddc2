//! The control thread: accepts programs of the owner, reads one request from each, and
//! writes the answers that the slow path gives.
//!
//! One small thread per connection, at most [`CONNECTIONS_MAX`]; the next one is closed
//! unread. A client that does not send its request in time, or does not read its answers,
//! loses its connection.

use crate::asked::{Asked, REPLIES_LEN_MAX};
use crate::counters::Cause;
use crate::inbox::Inbox;
use crate::netcheck;
use crate::proxy::Proxies;
use crate::shared::{Input, Shared};
use api::{ApiError, Code, Reply, Request};
use os::control::{ControlError, Listener};
use os::wait::readable;
use std::io::Write;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

/// At most this many programs are connected at once.
pub const CONNECTIONS_MAX: usize = 32;
/// How long a program may take to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a program may leave an answer unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);
const STACK_LEN: usize = 128 * 1024;

struct Connection {
    stream: Arc<UnixStream>,
    thread: JoinHandle<()>,
}

/// Serves programs until the node ends, then waits for the answers that are under way.
pub fn run(shared: &Arc<Shared>, listener: &Listener) {
    let mut connections: Vec<Connection> = Vec::new();
    while !shared.is_ending() {
        let waiting = [shared.stop.as_fd(), listener.as_fd()];
        let Ok([stop, ..]) = readable(&waiting, None) else {
            break;
        };
        if stop {
            break;
        }
        shared.counters.woke(Cause::Control);
        connections.retain(|connection| !connection.thread.is_finished());
        match listener.accept() {
            Ok(Some(stream)) if connections.len() < CONNECTIONS_MAX => {
                connections.extend(serve(stream, shared));
            }
            Ok(_) => {}
            Err(error @ ControlError::Stranger { .. }) => tracing::info!(%error, "refused"),
            Err(error) => {
                tracing::warn!(%error, "control socket");
                let _ = readable(&[shared.stop.as_fd()], Some(Duration::from_millis(100)));
            }
        }
    }
    for connection in connections {
        // Those that still owe a request get no answer; the others get theirs.
        let _ = connection.stream.shutdown(Shutdown::Read);
        let _ = connection.thread.join();
    }
}

fn serve(stream: UnixStream, shared: &Arc<Shared>) -> Option<Connection> {
    let stream = Arc::new(stream);
    let (own, shared) = (Arc::clone(&stream), Arc::clone(shared));
    let thread = std::thread::Builder::new()
        .name("kumi-client".to_owned())
        .stack_size(STACK_LEN)
        .spawn(move || {
            let discovery = shared.multicast.is_some();
            let _ = answer(&own, &shared.inbox, &shared.proxies, discovery);
            let _ = own.shutdown(Shutdown::Both);
            shared.answered.wake();
        });
    thread.ok().map(|thread| Connection { stream, thread })
}

fn answer(
    stream: &UnixStream,
    inbox: &Inbox,
    proxies: &Arc<Proxies>,
    discovery: bool,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let mut reader = stream;
    let Ok(Some(frame)) = api::read_frame(&mut reader) else {
        return Ok(());
    };
    // A password may be in it.
    let frame = zeroize::Zeroizing::new(frame);
    let request = match api::decode_request(&frame) {
        Ok(request) => request,
        Err(error) => return write(stream, &Err(error)),
    };
    // Forwards are no business of the slow path, which waits for nothing.
    if let Some(reply) = proxies.handle(&request) {
        return write(stream, &reply);
    }
    // Nor is waiting for the network.
    if let Request::Netcheck { targets } = &request {
        return write(stream, &netcheck::run(inbox, discovery, targets));
    }
    let (reply, replies) = sync_channel(REPLIES_LEN_MAX);
    if !inbox.send(Input::Request(Asked { request, reply })) {
        return write(stream, &Err(ApiError::new(Code::Stopping)));
    }
    let mut any = false;
    for reply in replies {
        any = true;
        write(stream, &reply)?;
    }
    if any {
        Ok(())
    } else {
        write(stream, &Err(ApiError::new(Code::Stopping)))
    }
}

fn write(mut stream: &UnixStream, reply: &Reply) -> std::io::Result<()> {
    let frame = api::encode_reply(reply).map_err(std::io::Error::other)?;
    stream.write_all(&frame)
}
