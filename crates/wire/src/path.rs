//! The way a datagram takes between two nodes.
//!
//! A session sends and receives sealed datagrams; this says over what. The lower the
//! [`Path::rank`], the better: nobody between the two ends, then a stream, then a Bridge.

use std::fmt;
use std::net::SocketAddr;

use crate::StreamId;

/// Where datagrams go to and come from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Path {
    /// UDP to and from this address.
    Udp(SocketAddr),
    /// A stream, each datagram behind its length.
    Stream(StreamId),
    /// A channel of a Bridge, by this node's number for it.
    Channel(u32),
}

impl Path {
    /// 0 for UDP, 1 for a stream, 2 for a channel: the lower is preferred.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Udp(_) => 0,
            Self::Stream(_) => 1,
            Self::Channel(_) => 2,
        }
    }

    /// The UDP address, if that is what it is.
    #[must_use]
    pub const fn udp(self) -> Option<SocketAddr> {
        match self {
            Self::Udp(at) => Some(at),
            Self::Stream(_) | Self::Channel(_) => None,
        }
    }

    /// Bytes that every datagram on it takes beside itself, in a UDP payload.
    #[must_use]
    pub const fn overhead(self) -> usize {
        match self {
            Self::Udp(_) | Self::Stream(_) => 0,
            Self::Channel(_) => crate::datagram::RELAY_HEADER_LEN,
        }
    }
}

impl From<SocketAddr> for Path {
    fn from(at: SocketAddr) -> Self {
        Self::Udp(at)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(at) => write!(f, "udp {at}"),
            Self::Stream(id) => write!(f, "stream {}", id.number()),
            Self::Channel(channel) => write!(f, "channel {channel:08x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewer_in_between_the_better() {
        let at = SocketAddr::from(([192, 0, 2, 1], 4649));
        let paths = [at.into(), Path::Stream(StreamId::new(1)), Path::Channel(1)];
        assert!(paths.is_sorted_by_key(|path| path.rank()));
        assert_eq!(paths.map(Path::udp), [Some(at), None, None]);
        assert_eq!(paths.map(Path::overhead), [0, 0, 16]);
        assert_eq!(
            format!("{paths:?}"),
            "[udp 192.0.2.1:4649, stream 1, channel 00000001]"
        );
    }
}
