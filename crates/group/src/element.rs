//! What an element of a group is: its kind and its mode.

use serde::{Deserialize, Serialize};
use wire::{Malformed, Reader};

/// Whether an element talks to those outside its groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// With anybody: encrypted within a group, in clear text otherwise (OP, 開放モード).
    Open,
    /// Only within its groups (CL, 閉域モード).
    Closed,
}

/// How an element is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Software on a host.
    Ges,
    /// A router that protects the terminals behind it.
    Gen,
    /// An adapter in front of a server.
    Gea,
}

impl Mode {
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Closed => 1,
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.u8()? {
            0 => Ok(Self::Open),
            1 => Ok(Self::Closed),
            _ => Err(reader.malformed()),
        }
    }
}

impl Kind {
    /// The mode of those that nobody gave one: what others depend on is closed, what people sit
    /// at is open (seed 002, section 3.1).
    #[must_use]
    pub const fn usual_mode(self) -> Mode {
        match self {
            Self::Ges => Mode::Open,
            Self::Gen | Self::Gea => Mode::Closed,
        }
    }

    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Ges => 0,
            Self::Gen => 1,
            Self::Gea => 2,
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.u8()? {
            0 => Ok(Self::Ges),
            1 => Ok(Self::Gen),
            2 => Ok(Self::Gea),
            _ => Err(reader.malformed()),
        }
    }
}
