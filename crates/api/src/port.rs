//! Services: ports of TCP and UDP, or everything.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What an allowed peer may reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Services {
    /// Everything.
    All,
    /// These ports only (1 to [`crate::PORTS_MAX`] of them in a rule of the allowlist); echo and ICMPv6 errors are always part of it.
    Ports(Vec<PortRange>),
}

/// A protocol with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proto {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Proto {
    /// `tcp` or `udp`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Proto::Tcp => "tcp",
            Proto::Udp => "udp",
        }
    }

    /// The number in IP headers: 6 or 17.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Proto::Tcp => 6,
            Proto::Udp => 17,
        }
    }
}

/// Ports of one protocol, written `tcp/22` or `udp/6000-6100`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortRange {
    /// The protocol.
    pub proto: Proto,
    /// The first port, 1 to 65,535.
    pub lo: u16,
    /// The last port, not below the first.
    pub hi: u16,
}

/// The text is not `tcp/PORT`, `udp/PORT` or a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a port such as tcp/22 or udp/6000-6100")]
pub struct PortRangeError;

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<PortRange, PortRangeError> {
        let (proto, ports) = text.split_once('/').ok_or(PortRangeError)?;
        let proto = match proto {
            "tcp" => Proto::Tcp,
            "udp" => Proto::Udp,
            _ => return Err(PortRangeError),
        };
        let (lo, hi) = ports.split_once('-').unwrap_or((ports, ports));
        let lo = lo.parse().map_err(|_| PortRangeError)?;
        let hi = hi.parse().map_err(|_| PortRangeError)?;
        if lo == 0 || hi < lo {
            return Err(PortRangeError);
        }
        Ok(PortRange { proto, lo, hi })
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.proto.as_str(), self.lo)?;
        if self.hi != self.lo {
            write!(f, "-{}", self.hi)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_read_as_they_are_written() {
        for text in ["tcp/22", "udp/6000-6100", "tcp/1-65535"] {
            assert_eq!(text.parse::<PortRange>().unwrap().to_string(), text);
        }
        for wrong in [
            "22",
            "tcp",
            "tcp/",
            "tcp/0",
            "tcp/9-8",
            "sctp/1",
            "tcp/70000",
            "tcp/1-",
        ] {
            assert_eq!(wrong.parse::<PortRange>(), Err(PortRangeError), "{wrong}");
        }
    }
}
