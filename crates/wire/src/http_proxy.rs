//! The head of an HTTP/1.1 request to a proxy (RFC 9110, RFC 9112): CONNECT, or a request for
//! an absolute `http://` URI, which is rewritten for the server that it names.
//!
//! A connection carries one request: the rewritten head says `Connection: close`, and
//! [`Body`] says how many of the client's bytes still belong to it, so that no second
//! request slips through to a server that it was not meant for.

use crate::destination::{Destination, Host};

/// The longest head, in bytes.
pub const HEAD_LEN_MAX: usize = 16 * 1024;
/// The port of `http://` URIs that name none.
const PORT_DEFAULT: u16 = 80;
/// Ends a head.
const END: &[u8] = b"\r\n\r\n";
/// Fields about the connection between client and proxy, and those that the proxy writes anew.
const DROPPED: [&str; 8] = [
    "connection",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "upgrade",
];
/// Fields that `Connection` cannot take away: they say where the request ends.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];

/// Why a request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// It is not a request of HTTP/1.
    #[error("not a request of HTTP/1")]
    Malformed,
    /// Its head is longer than [`HEAD_LEN_MAX`].
    #[error("a head of more than {HEAD_LEN_MAX} bytes")]
    TooLong,
    /// It is for this host and not for a proxy, or the scheme is not `http`.
    #[error("neither CONNECT nor an absolute http URI")]
    NotForProxy,
}

impl HttpError {
    /// The status to answer with.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Malformed | Self::NotForProxy => Status::BadRequest,
            Self::TooLong => Status::HeadTooLong,
        }
    }
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A stream to this destination.
    Connect(Destination),
    /// One request to the server there.
    Fetch {
        /// The server.
        destination: Destination,
        /// The head to send it, in origin form.
        head: Vec<u8>,
        /// What follows it.
        body: Body,
    },
}

/// How much of the client's stream belongs to a request, after its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// So many bytes.
    Length(u64),
    /// It says itself where it ends (chunked); everything.
    Chunked,
}

impl Request {
    /// Reads the head of a request from the beginning of a stream, and its length in bytes;
    /// `None` while it is not complete.
    ///
    /// # Errors
    /// Any of [`HttpError`]; answer with its [`HttpError::status`].
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, HttpError> {
        let searched = bytes.get(..HEAD_LEN_MAX).unwrap_or(bytes);
        let Some(at) = searched.windows(END.len()).position(|four| four == END) else {
            return match bytes.len() {
                len if len >= HEAD_LEN_MAX => Err(HttpError::TooLong),
                _ => Ok(None),
            };
        };
        let text = bytes
            .get(..at)
            .and_then(|head| std::str::from_utf8(head).ok());
        let request = Self::read(text.ok_or(HttpError::Malformed)?)?;
        Ok(Some((request, at + END.len())))
    }

    /// Reads a whole head, without its end.
    fn read(text: &str) -> Result<Self, HttpError> {
        let mut lines = text.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(HttpError::Malformed);
        };
        let plain = target.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_token(method) || !plain || !matches!(version, "HTTP/1.0" | "HTTP/1.1") {
            return Err(HttpError::Malformed);
        }
        let fields: Vec<Field<'_>> = lines.map(Field::read).collect::<Result<_, _>>()?;
        if method == "CONNECT" {
            return Ok(Self::Connect(destination(target, None)?));
        }
        let (authority, path) = absolute(target)?;
        Ok(Self::Fetch {
            destination: destination(authority, Some(PORT_DEFAULT))?,
            head: origin_form(method, authority, path, version, &fields),
            body: body(&fields)?,
        })
    }
}

/// A header field.
struct Field<'a> {
    name: &'a str,
    value: &'a str,
}

impl<'a> Field<'a> {
    fn read(line: &'a str) -> Result<Self, HttpError> {
        let (name, value) = line.split_once(':').ok_or(HttpError::Malformed)?;
        let printable = |c: char| c == '\t' || !c.is_control();
        if !is_token(name) || !value.chars().all(printable) {
            return Err(HttpError::Malformed);
        }
        let value = value.trim_matches([' ', '\t']);
        Ok(Self { name, value })
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

/// The authority of an `http://` URI, and what follows it (without a fragment, which nobody
/// sends).
fn absolute(target: &str) -> Result<(&str, &str), HttpError> {
    const SCHEME: &str = "http://";
    let (scheme, rest) = target
        .split_at_checked(SCHEME.len())
        .ok_or(HttpError::NotForProxy)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(HttpError::NotForProxy);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    Ok(rest.split_at_checked(end).unwrap_or((rest, "")))
}

/// `host:port`; without a port the default, if there is one.
fn destination(authority: &str, default: Option<u16>) -> Result<Destination, HttpError> {
    // A colon inside the brackets of an IPv6 address is none before a port.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port).filter(|p| !p.is_empty())),
        _ => (authority, None),
    };
    let port = match port {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok(),
        Some(_) => None,
        None => default,
    };
    let bare_v6 = !host.starts_with('[') && host.contains(':');
    let odd = host.contains(['@', '/', '?', '#', '\\', '%']);
    match (Host::from_text(host), port) {
        (Some(host), Some(port)) if port != 0 && !bare_v6 && !odd => Ok(Destination { host, port }),
        _ => Err(HttpError::Malformed),
    }
}

fn origin_form(
    method: &str,
    authority: &str,
    path: &str,
    version: &str,
    fields: &[Field<'_>],
) -> Vec<u8> {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut head = format!("{method} {slash}{path} {version}\r\nHost: {authority}\r\n");
    let named = fields.iter().filter(|field| field.is("connection"));
    let named: Vec<&str> = named
        .flat_map(|field| field.value.split(',').map(str::trim))
        .collect();
    let among = |names: &[&str], field: &Field<'_>| names.iter().any(|name| field.is(name));
    for field in fields {
        let dropped = among(&DROPPED, field) || among(&named, field) && !among(&FRAMING, field);
        if !dropped {
            head.push_str(&format!("{}: {}\r\n", field.name, field.value));
        }
    }
    head.push_str("Connection: close\r\n\r\n");
    head.into_bytes()
}

/// What follows the head (RFC 9112, 6.3). Two answers to that are none: they are how a second
/// request is hidden inside a first.
fn body(fields: &[Field<'_>]) -> Result<Body, HttpError> {
    let values = |name: &'static str| {
        let found = fields.iter().filter(move |field| field.is(name));
        found.map(|field| field.value)
    };
    let mut lengths = values("content-length");
    let mut codings = values("transfer-encoding");
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(Body::Length(0)),
        (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => match codings.next() {
            None => Ok(Body::Chunked),
            Some(_) => Err(HttpError::Malformed),
        },
        (Some(length), None) if lengths.all(|other| other == length) => {
            let digits = length.bytes().all(|byte| byte.is_ascii_digit());
            let length = length.parse().ok().filter(|_| digits);
            length.map(Body::Length).ok_or(HttpError::Malformed)
        }
        _ => Err(HttpError::Malformed),
    }
}

/// The answer to CONNECT; the stream follows.
pub const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// Why a request was not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is wrong.
    BadRequest,
    /// Its destination is not one that this proxy connects to.
    Forbidden,
    /// It took too long to come.
    RequestTimeout,
    /// Its head is too long.
    HeadTooLong,
    /// Its destination cannot be reached.
    BadGateway,
    /// Its destination does not answer.
    GatewayTimeout,
}

impl Status {
    /// The answer, without a body.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let line = match self {
            Self::BadRequest => "400 Bad Request",
            Self::Forbidden => "403 Forbidden",
            Self::RequestTimeout => "408 Request Timeout",
            Self::HeadTooLong => "431 Request Header Fields Too Large",
            Self::BadGateway => "502 Bad Gateway",
            Self::GatewayTimeout => "504 Gateway Timeout",
        };
        format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
    }
}

#[cfg(test)]
#[path = "http_proxy_tests.rs"]
mod tests;
