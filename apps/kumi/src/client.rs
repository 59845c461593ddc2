//! The running node, as a command sees it: requests go over the control socket, and what
//! fails on the way becomes a [`Failure`].

use crate::context::Context;
use crate::failure::{Exit, Failure};
use api::{FrameError, Request, Response};
use os::control::ControlError;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// One connection, for one request.
pub(crate) struct Client {
    stream: UnixStream,
    log: PathBuf,
}

impl Client {
    /// Connects to the node of this context.
    ///
    /// # Errors
    /// It does not run ([`Exit::NotRunning`]) or is somebody else's ([`Exit::Denied`]).
    pub(crate) fn connect(context: &Context) -> Result<Client, Failure> {
        let stream = match os::control::connect(&context.socket()) {
            // One that was started without XDG_RUNTIME_DIR, by cron for example, listens here.
            Err(ControlError::NotRunning(path)) => {
                let other = context.directories.state.join(runtime::names::SOCKET);
                os::control::connect(&other).map_err(|_| ControlError::NotRunning(path))
            }
            found => found,
        };
        let stream = stream.map_err(|error| match error {
            ControlError::NotRunning(path) => {
                Failure::new(Exit::NotRunning, "error-not-running").with("path", path.display())
            }
            ControlError::NotPermitted(path) => {
                Failure::new(Exit::Denied, "error-socket-denied").with("path", path.display())
            }
            other => Failure::new(Exit::Failed, "error-socket").with("detail", other),
        })?;
        Ok(Client {
            stream,
            log: context.log(),
        })
    }

    /// Sends the request.
    ///
    /// # Errors
    /// The node has hung up.
    pub(crate) fn send(&mut self, request: &Request) -> Result<(), Failure> {
        let frame = api::encode_request(request).map_err(|error| self.broken(&error))?;
        // A password may be in it.
        let frame = zeroize::Zeroizing::new(frame);
        let sent = self.stream.write_all(&frame);
        sent.map_err(|error| self.broken(&FrameError::Read(error)))
    }

    /// The next answer.
    ///
    /// # Errors
    /// The node says no or has hung up.
    pub(crate) fn next(&mut self) -> Result<Response, Failure> {
        match api::read_frame(&mut self.stream) {
            Ok(Some(bytes)) => match api::decode_reply(&bytes) {
                Ok(reply) => Ok(reply?),
                Err(error) => Err(self.broken(&error)),
            },
            Ok(None) => {
                let eof = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                Err(self.broken(&FrameError::Read(eof)))
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// The failure for an answer that does not belong to the request.
    pub(crate) fn surprised(&self) -> Failure {
        surprised()
    }

    fn broken(&self, error: &FrameError) -> Failure {
        match error {
            FrameError::Version(_) | FrameError::Json(_) => {
                Failure::new(Exit::Failed, "error-version-mismatch").with("detail", error)
            }
            _ => Failure::new(Exit::Failed, "error-hung-up")
                .with("detail", error)
                .with("log", self.log.display()),
        }
    }
}

/// The failure for an answer to another question.
pub(crate) fn surprised() -> Failure {
    Failure::new(Exit::Failed, "error-version-mismatch").with("detail", "?")
}

/// Sends one request and returns its one answer.
///
/// # Errors
/// Any of [`Client`]'s.
pub(crate) fn ask(context: &Context, request: &Request) -> Result<Response, Failure> {
    let mut client = Client::connect(context)?;
    client.send(request)?;
    client.next()
}

/// `expect_answer!(context, request, Response::Kind(value) => value)`: the one answer that
/// belongs to the request.
macro_rules! expect_answer {
    ($context:expr, $request:expr, $pattern:pat => $value:expr) => {{
        let mut client = $crate::client::Client::connect($context)?;
        client.send($request)?;
        match client.next()? {
            $pattern => $value,
            _ => return Err(client.surprised()),
        }
    }};
}
pub(crate) use expect_answer;
