//! Where the proxy process stands: in the host's network, with a way into the namespace.
//!
//! A socket stays in the network in which it was made. So a thread goes inside, makes one, and
//! that is all it takes.

use super::link::Place;
use api::{Listen, Request, Response, Target};
use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Where connections are made.
#[derive(Debug)]
pub(super) struct Ground {
    place: Place,
    /// The network namespace with the interface (`None` when it is this one), or why it cannot
    /// be entered.
    inside: Result<Option<OwnedFd>, String>,
    /// One question to the node at a time.
    asking: Mutex<()>,
}

impl Ground {
    /// Enters the user namespace of the holder, if there is one; before any other thread starts.
    pub(super) fn enter(place: &Place) -> Self {
        let inside = place.holder_pid.map(os::netns::enter_user).transpose();
        Self {
            place: place.clone(),
            inside: inside.map_err(|error| error.to_string()),
            asking: Mutex::default(),
        }
    }

    fn inside(&self) -> io::Result<Option<&OwnedFd>> {
        match &self.inside {
            Ok(inside) => Ok(inside.as_ref()),
            Err(why) => Err(io::Error::other(why.clone())),
        }
    }

    /// Moves this thread to where the interface is.
    fn go_inside(&self) -> io::Result<()> {
        match self.inside()? {
            Some(inside) => os::netns::enter_network(inside).map_err(io::Error::other),
            None => Ok(()),
        }
    }

    /// Waits for connections there, from whichever thread it is called.
    pub(super) fn listen(&self, at: Listen) -> io::Result<TcpListener> {
        // Without the inside no service is of any use.
        self.inside()?;
        match at {
            Listen::Host(address) => os::tcp::listen(address),
            Listen::Inside(port) => {
                let address = SocketAddr::new(self.place.address.into(), port);
                let bind = || self.go_inside().and_then(|()| os::tcp::listen(address));
                std::thread::scope(|scope| scope.spawn(bind).join())
                    .unwrap_or_else(|_| Err(ErrorKind::Other.into()))
            }
        }
    }

    /// Connects to `target`, on a thread that is used for nothing else afterwards.
    pub(super) fn connect(&self, target: Target, timeout: Duration) -> io::Result<TcpStream> {
        match target {
            Target::Host(address) => os::tcp::connect(address, None, timeout),
            Target::Inside(address) => {
                self.go_inside()?;
                // The socket is bound to the interface as well; but then an address that it
                // does not lead to is tried for a long time.
                let device = &self.place.device;
                match os::tcp::leads_through(address, device)? {
                    true => os::tcp::connect(address, Some(device), timeout),
                    false => Err(ErrorKind::PermissionDenied.into()),
                }
            }
        }
    }

    /// Asks the node something.
    pub(super) fn ask(&self, request: &Request, timeout: Duration) -> io::Result<Response> {
        let _alone = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stream = os::control::connect(&self.place.control).map_err(io::Error::other)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        stream.write_all(&api::encode_request(request).map_err(io::Error::other)?)?;
        let frame = api::read_frame(&mut stream).map_err(io::Error::other)?;
        let reply = api::decode_reply(&frame.unwrap_or_default()).map_err(io::Error::other)?;
        reply.map_err(io::Error::other)
    }
}
