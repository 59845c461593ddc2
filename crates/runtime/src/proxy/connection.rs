//! One connection, from its first byte to its end, on a thread of its own.

use super::copy::{Early, copy};
use super::ground::Ground;
use super::link::Kind;
use api::{Entry, Request, Response, Target, Who};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;
use wire::destination::{Destination, Host};
use wire::http_proxy::{self, Body, ESTABLISHED, HttpError, Status};
use wire::socks5::{self, Greeting, ReplyCode};

/// A client has so long to say where it wants to go, however slowly it sends.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// A target has so long to accept: time for a handshake with its node and a few lost packets.
const CONNECT_MAX: Duration = Duration::from_secs(20);
/// The node has so long to say whose name it is.
const NAME_MAX: Duration = Duration::from_secs(5);
/// Bytes that are read from a client at once before its connection stands.
const PART_LEN: usize = 4096;

/// Serves a connection that was just accepted.
pub(super) fn serve(client: &TcpStream, kind: Kind, ground: &Ground) -> io::Result<()> {
    match kind {
        Kind::Forward(target) => {
            let server = ground.connect(target, CONNECT_MAX)?;
            copy(client, &server, Early::default())
        }
        Kind::Socks5 => socks5(client, ground),
        Kind::Http => http(client, ground),
    }
}

fn socks5(client: &TcpStream, ground: &Ground) -> io::Result<()> {
    let mut incoming = Incoming::new(client, HANDSHAKE_MAX)?;
    let greeting = incoming.next(|bytes| Greeting::parse(bytes).map_err(io::Error::other))?;
    incoming.answer(&greeting.answer())?;
    if !greeting.without_authentication {
        return Ok(());
    }
    let asked = incoming.next(|bytes| match socks5::parse_request(bytes) {
        Ok(found) => Ok(found.map(|(destination, len)| (Ok(destination), len))),
        Err(error) => Ok(Some((Err(error), 0))),
    })?;
    let server = match asked {
        Ok(destination) => reach(ground, &destination),
        Err(error) => return incoming.answer(&error.code().encode()),
    };
    let server = match server {
        Ok(server) => server,
        Err(error) => return incoming.answer(&code(error.kind()).encode()),
    };
    incoming.answer(&ReplyCode::Connected.encode())?;
    copy(client, &server, incoming.early(Vec::new(), None))
}

fn http(client: &TcpStream, ground: &Ground) -> io::Result<()> {
    let mut incoming = Incoming::new(client, HANDSHAKE_MAX)?;
    let asked = incoming.next(|bytes| match http_proxy::Request::parse(bytes) {
        Ok(found) => Ok(found.map(|(request, len)| (Ok(request), len))),
        Err(error) => Ok(Some((Err(error), 0))),
    });
    let asked = match asked {
        Err(error) if error.kind() == ErrorKind::TimedOut => {
            return incoming.answer(&Status::RequestTimeout.encode());
        }
        other => other?,
    };
    let refused = |error: HttpError| error.status();
    let reached = asked.map_err(refused).and_then(|request| {
        let (destination, head, left) = match request {
            http_proxy::Request::Connect(destination) => (destination, None, None),
            http_proxy::Request::Fetch {
                destination,
                head,
                body,
            } => match body {
                Body::Length(len) => (destination, Some(head), Some(len)),
                Body::Chunked => (destination, Some(head), None),
            },
        };
        let server = reach(ground, &destination).map_err(|error| status(error.kind()))?;
        Ok((server, head, left))
    });
    match reached {
        Ok((server, Some(head), left)) => copy(client, &server, incoming.early(head, left)),
        Ok((server, None, _)) => {
            incoming.answer(ESTABLISHED)?;
            copy(client, &server, incoming.early(Vec::new(), None))
        }
        Err(status) => incoming.answer(&status.encode()),
    }
}

/// What a client sends before its connection stands.
struct Incoming<'s> {
    client: &'s TcpStream,
    bytes: Vec<u8>,
    until: Duration,
}

impl<'s> Incoming<'s> {
    fn new(client: &'s TcpStream, limit: Duration) -> io::Result<Self> {
        client.set_write_timeout(Some(limit))?;
        Ok(Self {
            client,
            bytes: Vec::new(),
            until: os::clock::monotonic().saturating_add(limit),
        })
    }

    /// Reads until `parse` has found something and says how long it is. `parse` bounds what
    /// it waits for.
    fn next<T>(
        &mut self,
        parse: impl Fn(&[u8]) -> io::Result<Option<(T, usize)>>,
    ) -> io::Result<T> {
        loop {
            if let Some((found, len)) = parse(&self.bytes)? {
                self.bytes.drain(..len.min(self.bytes.len()));
                return Ok(found);
            }
            let left = self.until.saturating_sub(os::clock::monotonic());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            self.client.set_read_timeout(Some(left))?;
            let mut part = [0u8; PART_LEN];
            match self.client.read(&mut part) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(len) => self.bytes.extend(part.iter().take(len)),
                // The time is over, which the next round says.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn answer(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.client.write_all(bytes)
    }

    /// `head`, then what came after what was read; `left` bytes of that in all.
    fn early(self, head: Vec<u8>, left: Option<u64>) -> Early {
        let (mut bytes, mut rest) = (head, self.bytes);
        let left = left.map(|left| {
            rest.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left.saturating_sub(rest.len() as u64)
        });
        bytes.append(&mut rest);
        Early { bytes, left }
    }
}

/// Connects to what a client asked for: only through the overlay.
fn reach(ground: &Ground, destination: &Destination) -> io::Result<TcpStream> {
    let address = match &destination.host {
        Host::Address(address) => *address,
        Host::Name(name) => address_of(ground, name)?,
    };
    // Never anything of the host or the namespace itself.
    if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
        return Err(ErrorKind::PermissionDenied.into());
    }
    let target = Target::Inside(SocketAddr::new(address, destination.port));
    ground.connect(target, CONNECT_MAX)
}

/// The address of the one peer that this node's own list calls so. What peers call themselves
/// does not count, and no name is asked for outside.
fn address_of(ground: &Ground, name: &str) -> io::Result<IpAddr> {
    let address = match ground.ask(&Request::List, NAME_MAX)? {
        Response::List { entries } => called(name, &entries),
        _ => None,
    };
    address
        .map(IpAddr::V6)
        .ok_or_else(|| ErrorKind::PermissionDenied.into())
}

/// The one address that is called so; browsers write names in small letters.
fn called(name: &str, entries: &[Entry]) -> Option<Ipv6Addr> {
    let mut found = entries.iter().filter_map(|entry| match entry.who {
        Who::Address(address) => {
            let same = entry.label.as_deref()?.eq_ignore_ascii_case(name);
            same.then_some(address)
        }
        Who::RootKey(_) => None,
    });
    found.next().filter(|_| found.next().is_none())
}

const fn code(why: ErrorKind) -> ReplyCode {
    match why {
        ErrorKind::PermissionDenied => ReplyCode::NotAllowed,
        ErrorKind::NetworkUnreachable => ReplyCode::NetworkUnreachable,
        ErrorKind::HostUnreachable | ErrorKind::TimedOut => ReplyCode::HostUnreachable,
        ErrorKind::ConnectionRefused => ReplyCode::Refused,
        _ => ReplyCode::Failed,
    }
}

const fn status(why: ErrorKind) -> Status {
    match why {
        ErrorKind::PermissionDenied => Status::Forbidden,
        ErrorKind::TimedOut => Status::GatewayTimeout,
        _ => Status::BadGateway,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_client_that_never_finishes_its_request_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (served, _) = listener.accept().unwrap();
        let limit = Duration::from_millis(300);
        let start = os::clock::monotonic();
        let slow = std::thread::spawn(move || {
            // A byte now and then does not buy more time.
            while client.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let mut incoming = Incoming::new(&served, limit).unwrap();
        let never = |_: &[u8]| Ok(None::<((), usize)>);
        assert_eq!(
            incoming.next(never).unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        let took = os::clock::monotonic() - start;
        assert!(took >= limit && took < limit * 10, "{took:?}");
        drop(served);
        slow.join().unwrap();
    }

    #[test]
    fn a_name_is_one_peer_on_the_list_or_nobody() {
        let entry = |who: &str, label: &str| Entry {
            who: who.parse().unwrap(),
            services: api::Services::All,
            label: Some(label.to_owned()),
            accepts: Vec::new(),
            added_unix_s: 0,
        };
        let mut entries = vec![
            entry("fc12::1", "Server"),
            entry("fc12::2", "laptop"),
            entry(&"ab".repeat(32), "key"),
        ];
        entries.push(Entry {
            label: None,
            ..entry("fc12::3", "")
        });
        assert_eq!(called("server", &entries), "fc12::1".parse().ok());
        for nobody in ["", "key", "example.com", "serve"] {
            assert_eq!(called(nobody, &entries), None, "{nobody}");
        }
        entries.push(entry("fc12::4", "LAPTOP"));
        assert_eq!(called("laptop", &entries), None, "one of two");
    }

    #[test]
    fn what_follows_a_head_goes_with_it_as_far_as_it_belongs_to_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let early = |left| {
            let mut incoming = Incoming::new(&client, HANDSHAKE_MAX).unwrap();
            incoming.bytes = b"abcdef".to_vec();
            let early = incoming.early(b"head ".to_vec(), left);
            (String::from_utf8(early.bytes).unwrap(), early.left)
        };
        assert_eq!(early(None), ("head abcdef".to_owned(), None));
        assert_eq!(early(Some(0)), ("head ".to_owned(), Some(0)));
        assert_eq!(early(Some(4)), ("head abcd".to_owned(), Some(0)));
        assert_eq!(early(Some(10)), ("head abcdef".to_owned(), Some(4)));
    }
}
