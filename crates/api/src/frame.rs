//! Length-prefixed JSON, and the version around it. [`read_frame`] is generic over the
//! reader; nothing here opens anything.

use crate::error::{ApiError, Code};
use crate::{Reply, Request, Response, VERSION};
use serde::{Deserialize, Serialize};
use std::io::Read;

/// The longest frame in bytes, without its length: 1 MiB.
pub const FRAME_LEN_MAX: usize = 1 << 20;

/// Why bytes are not a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// It ended before its length said so, or the reader failed.
    #[error("the other side hung up or cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// Its length is above [`FRAME_LEN_MAX`].
    #[error("a frame of {len} bytes, above the maximum of {FRAME_LEN_MAX}")]
    TooLong {
        /// The length that it has.
        len: usize,
    },
    /// It is not what it should be.
    #[error("not a frame of this interface: {0}")]
    Json(#[from] serde_json::Error),
    /// A reply of another version.
    #[error("version {0} of the interface, not {VERSION}")]
    Version(u32),
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    v: u32,
    #[serde(flatten)]
    body: T,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Ok(Response),
    Error(ApiError),
}

/// A request as a frame, its length included.
///
/// # Errors
/// [`FrameError::TooLong`] or [`FrameError::Json`].
pub fn encode_request(request: &Request) -> Result<Vec<u8>, FrameError> {
    frame(&Envelope {
        v: VERSION,
        body: request,
    })
}

/// Reads a request from the bytes of a frame without its length.
///
/// # Errors
/// What to answer: [`Code::Version`] or [`Code::BadRequest`].
pub fn decode_request(bytes: &[u8]) -> Result<Request, ApiError> {
    let bad = |error: serde_json::Error| ApiError::new(Code::BadRequest).with("detail", error);
    let version: VersionOnly = serde_json::from_slice(bytes).map_err(bad)?;
    if version.v != VERSION {
        return Err(ApiError::new(Code::Version)
            .with("node", VERSION)
            .with("client", version.v));
    }
    let envelope: Envelope<Request> = serde_json::from_slice(bytes).map_err(bad)?;
    match envelope.body.check() {
        Ok(()) => Ok(envelope.body),
        Err(what) => Err(ApiError::new(Code::BadRequest).with("detail", what)),
    }
}

/// A reply as a frame, its length included.
///
/// # Errors
/// [`FrameError::TooLong`] or [`FrameError::Json`].
pub fn encode_reply(reply: &Reply) -> Result<Vec<u8>, FrameError> {
    let body = match reply.clone() {
        Ok(response) => Outcome::Ok(response),
        Err(error) => Outcome::Error(error),
    };
    frame(&Envelope { v: VERSION, body })
}

/// Reads a reply from the bytes of a frame without its length.
///
/// # Errors
/// [`FrameError::Version`] or [`FrameError::Json`].
pub fn decode_reply(bytes: &[u8]) -> Result<Reply, FrameError> {
    let version: VersionOnly = serde_json::from_slice(bytes)?;
    if version.v != VERSION {
        return Err(FrameError::Version(version.v));
    }
    let envelope: Envelope<Outcome> = serde_json::from_slice(bytes)?;
    Ok(match envelope.body {
        Outcome::Ok(response) => Ok(response),
        Outcome::Error(error) => Err(error),
    })
}

/// The length of the frame that follows these four bytes.
///
/// # Errors
/// [`FrameError::TooLong`].
pub fn frame_len(prefix: [u8; 4]) -> Result<usize, FrameError> {
    let len = usize::try_from(u32::from_be_bytes(prefix)).unwrap_or(usize::MAX);
    if len > FRAME_LEN_MAX {
        return Err(FrameError::TooLong { len });
    }
    Ok(len)
}

/// Reads one frame and returns it without its length; `None` when the other side has hung
/// up between frames.
///
/// # Errors
/// [`FrameError::Read`] or [`FrameError::TooLong`].
pub fn read_frame(reader: &mut impl Read) -> Result<Option<Vec<u8>>, FrameError> {
    let mut prefix = [0u8; 4];
    let (first, rest) = prefix.split_at_mut(1);
    loop {
        match reader.read(first) {
            Ok(0) => return Ok(None),
            Ok(_) => break,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    reader.read_exact(rest)?;
    let mut bytes = vec![0u8; frame_len(prefix)?];
    reader.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

fn frame<T: Serialize>(value: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0u8; 4];
    serde_json::to_writer(&mut bytes, value)?;
    let len = bytes.len() - 4;
    let prefix = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
    if len > FRAME_LEN_MAX {
        return Err(FrameError::TooLong { len });
    }
    bytes.splice(..4, prefix);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Accept, Allow, Echo, EchoResult, Ping, Services, Via};

    fn body(frame: &[u8]) -> Vec<u8> {
        read_frame(&mut &*frame).unwrap().unwrap()
    }

    #[test]
    fn requests_come_back_as_they_were_sent() {
        let requests = [
            Request::Status,
            Request::Deny {
                who: "fc00::1".parse().unwrap(),
            },
            Request::Allow(Allow {
                who: "fc00::1".parse().unwrap(),
                services: Some(Services::Ports(vec!["tcp/22".parse().unwrap()])),
                label: None,
                accept: Some(Accept::Add(vec!["192.168.20.0/24".parse().unwrap()])),
            }),
            Request::Ping(Ping {
                peer: "fc00::1".parse().unwrap(),
                count: 3,
                interval_ms: 1000,
                timeout_ms: 5000,
            }),
        ];
        for request in requests {
            let frame = encode_request(&request).unwrap();
            assert_eq!(decode_request(&body(&frame)), Ok(request));
        }
    }

    #[test]
    fn replies_come_back_as_they_were_sent() {
        let echo = Response::Echo(Echo {
            seq: 1,
            result: EchoResult::Answered {
                rtt_ms: 0.5,
                via: Via::Direct("[2001:db8::1]:4649".parse().unwrap()),
            },
        });
        let error = ApiError::new(Code::UnknownPeer).with("peer", "fc00::1");
        for reply in [Ok(echo), Ok(Response::Done), Err(error)] {
            let frame = encode_reply(&reply).unwrap();
            assert_eq!(decode_reply(&body(&frame)).unwrap(), reply);
        }
    }

    #[test]
    fn the_json_is_what_the_documentation_says() {
        let request = String::from_utf8(body(&encode_request(&Request::Status).unwrap())).unwrap();
        assert_eq!(request, r#"{"v":1,"verb":"status"}"#);
        let reply = String::from_utf8(body(&encode_reply(&Ok(Response::Done)).unwrap())).unwrap();
        assert_eq!(reply, r#"{"v":1,"ok":{"kind":"done"}}"#);
    }

    #[test]
    fn another_version_and_wrong_values_are_refused_by_name() {
        let newer = decode_request(br#"{"v":2,"verb":"dance"}"#).unwrap_err();
        assert_eq!(newer.to_string(), "version client=2 node=1");
        let unknown = decode_request(br#"{"v":1,"verb":"dance"}"#).unwrap_err();
        assert_eq!(unknown.code, Code::BadRequest);
        let range = decode_request(br#"{"v":1,"verb":"invite","expires_s":1}"#).unwrap_err();
        assert_eq!(range.to_string(), "bad-request detail=expires_s");
    }

    #[test]
    fn a_frame_has_a_maximum_and_an_end() {
        let mut long = u32::try_from(FRAME_LEN_MAX + 1)
            .unwrap()
            .to_be_bytes()
            .to_vec();
        long.extend_from_slice(b"{}");
        assert!(matches!(
            read_frame(&mut &*long),
            Err(FrameError::TooLong { .. })
        ));
        assert!(matches!(
            read_frame(&mut &[0, 0, 0, 9, b'{'][..]),
            Err(FrameError::Read(_))
        ));
        assert!(read_frame(&mut &[][..]).unwrap().is_none());
        let line = "x".repeat(FRAME_LEN_MAX);
        let join = Request::Join(crate::Join {
            line,
            label: None,
            wait_ms: 0,
        });
        assert!(matches!(
            encode_request(&join),
            Err(FrameError::TooLong { .. })
        ));
    }
}
