//! Messages between a node and its Bridge, in their control stream (protocol section 6).
//!
//! | type | from | value |
//! |---|---|---|
//! | 0x30 | node | [`Attach`]: take me as a client |
//! | 0x31 | Bridge | [`Attached`]: taken, or why not |
//! | 0x32 | node | [`Ticket`]: let in whoever proves this secret |
//! | 0x33 | Bridge | [`TicketAnswer`] |
//! | 0x34 | node | F (16): open a channel to this client |
//! | 0x35 | Bridge | [`Channel`]: opened (by either end), or not |
//! | 0x36 | node | F (16): close the channel to it |

use std::fmt;
use std::net::SocketAddr;

use crate::addr::{Endpoint, NodeAddr};
use crate::codec::{Malformed, Reader, Tlvs, Unencodable, Writer};
use crate::invite::SECRET_LEN;
use crate::whole_identity::IdentityUpdate;

/// Message type: attach.
pub const TYPE_ATTACH: u16 = 0x30;
/// Message type: attached.
pub const TYPE_ATTACHED: u16 = 0x31;
/// Message type: ticket.
pub const TYPE_TICKET: u16 = 0x32;
/// Message type: ticket answer.
pub const TYPE_TICKET_ANSWER: u16 = 0x33;
/// Message type: open.
pub const TYPE_OPEN: u16 = 0x34;
/// Message type: channel.
pub const TYPE_CHANNEL: u16 = 0x35;
/// Message type: close.
pub const TYPE_CLOSE: u16 = 0x36;

/// Longest password in bytes of UTF-8.
pub const PASSWORD_LEN_MAX: usize = 128;

/// A message of a node to its Bridge or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BridgeMessage<'a> {
    /// See there.
    Attach(Attach<'a>),
    /// See there.
    Attached(Attached),
    /// See there.
    Ticket(Ticket),
    /// See there.
    TicketAnswer(TicketAnswer),
    /// Open a channel to this client.
    Open(NodeAddr),
    /// See there.
    Channel(Channel<'a>),
    /// Close the channel to this client.
    Close(NodeAddr),
}

impl<'a> BridgeMessage<'a> {
    /// Reads the value of a message of this type; `None` for a type that is none of these.
    pub(crate) fn decode(
        kind: u16,
        value: &'a [u8],
    ) -> Result<Option<BridgeMessage<'a>>, Malformed> {
        Ok(Some(match kind {
            TYPE_ATTACH => Self::Attach(Attach::decode(value)?),
            TYPE_ATTACHED => Self::Attached(Attached::decode(value)?),
            TYPE_TICKET => Self::Ticket(Ticket::decode(value)?),
            TYPE_TICKET_ANSWER => Self::TicketAnswer(TicketAnswer::decode(value)?),
            TYPE_OPEN => Self::Open(decode_f(value)?),
            TYPE_CHANNEL => Self::Channel(Channel::decode(value)?),
            TYPE_CLOSE => Self::Close(decode_f(value)?),
            _ => return Ok(None),
        }))
    }

    /// Its type on the wire.
    #[must_use]
    pub const fn kind(&self) -> u16 {
        match self {
            Self::Attach(_) => TYPE_ATTACH,
            Self::Attached(_) => TYPE_ATTACHED,
            Self::Ticket(_) => TYPE_TICKET,
            Self::TicketAnswer(_) => TYPE_TICKET_ANSWER,
            Self::Open(_) => TYPE_OPEN,
            Self::Channel(_) => TYPE_CHANNEL,
            Self::Close(_) => TYPE_CLOSE,
        }
    }

    /// Encodes the value. Errors: a field beyond its bound.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        let mut out = Writer::default();
        match self {
            Self::Attach(attach) => attach.encode(&mut out)?,
            Self::Attached(attached) => attached.encode(&mut out),
            Self::Ticket(ticket) => {
                out.bytes(&ticket.secret).u64(ticket.expires_unix_s);
            }
            Self::TicketAnswer(answer) => {
                out.bytes(&answer.id).u8(answer.status.to_byte());
            }
            Self::Open(f) | Self::Close(f) => {
                out.bytes(f.as_bytes());
            }
            Self::Channel(channel) => channel.encode(&mut out)?,
        }
        Ok(out.finish())
    }
}

fn decode_f(value: &[u8]) -> Result<NodeAddr, Malformed> {
    let mut reader = Reader::new(value, "channel address");
    let f = NodeAddr(*reader.array()?);
    reader.finish()?;
    Ok(f)
}

/// Take me as a client: TLVs, of which 1 is a password.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Attach<'a> {
    /// For a node that no list of the Bridge names, at most [`PASSWORD_LEN_MAX`] bytes.
    pub password: Option<&'a str>,
}

impl fmt::Debug for Attach<'_> {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attach").finish_non_exhaustive()
    }
}

impl<'a> Attach<'a> {
    fn decode(value: &'a [u8]) -> Result<Self, Malformed> {
        let what = "attach password";
        let mut attach = Self::default();
        for tlv in Tlvs::new(value, "attach") {
            if let (1, value) = tlv? {
                let text = std::str::from_utf8(value).map_err(|_| Malformed { what })?;
                if text.len() > PASSWORD_LEN_MAX {
                    return Err(Malformed { what });
                }
                attach.password = Some(text);
            }
        }
        Ok(attach)
    }

    fn encode(&self, out: &mut Writer) -> Result<(), Unencodable> {
        if let Some(password) = self.password {
            if password.len() > PASSWORD_LEN_MAX {
                return Err(Unencodable {
                    what: "attach password",
                });
            }
            out.tlv(1, password.as_bytes())?;
        }
        Ok(())
    }
}

/// What a Bridge says to a node that wants to be its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttachStatus {
    /// It is a client now.
    Attached,
    /// No list of the Bridge names it, and the Bridge has no password.
    NotAdmitted,
    /// No list names it, and the password is missing or wrong.
    Password,
    /// Too many passwords were tried; again in a minute.
    TryLater,
    /// The Bridge has no room for another client.
    Full,
    /// A status of a newer version.
    Other(u8),
}

impl AttachStatus {
    const fn to_byte(self) -> u8 {
        match self {
            Self::Attached => 0,
            Self::NotAdmitted => 1,
            Self::Password => 2,
            Self::TryLater => 3,
            Self::Full => 4,
            Self::Other(byte) => byte,
        }
    }

    const fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Attached,
            1 => Self::NotAdmitted,
            2 => Self::Password,
            3 => Self::TryLater,
            4 => Self::Full,
            byte => Self::Other(byte),
        }
    }
}

/// The Bridge's answer: status (1) ‖ endpoint (18). Said again when the endpoint changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Taken, or why not.
    pub status: AttachStatus,
    /// Where the Bridge sees the node: its address outside of a NAT.
    pub observed: SocketAddr,
}

impl Attached {
    fn decode(value: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(value, "attached");
        let status = AttachStatus::from_byte(reader.u8()?);
        let observed = Endpoint::from_bytes(reader.array()?).socket_addr();
        reader.finish()?;
        Ok(Self { status, observed })
    }

    fn encode(&self, out: &mut Writer) {
        out.u8(self.status.to_byte())
            .bytes(&Endpoint::new(self.observed).to_bytes());
    }
}

/// A ticket: secret (16) ‖ expiry (8). Who proves the secret as a credential of the handshake
/// becomes a client beside the node that registered it. One node, once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The secret of the credential.
    pub secret: [u8; SECRET_LEN],
    /// From when on it is of no use, Unix seconds.
    pub expires_unix_s: u64,
}

impl fmt::Debug for Ticket {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("expires_unix_s", &self.expires_unix_s)
            .finish_non_exhaustive()
    }
}

impl Ticket {
    fn decode(value: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(value, "ticket");
        let ticket = Self {
            secret: *reader.array()?,
            expires_unix_s: reader.u64()?,
        };
        reader.finish()?;
        Ok(ticket)
    }
}

/// What became of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TicketStatus {
    /// It can be used.
    Taken,
    /// Too many are open.
    TooMany,
    /// The node is no client.
    NotAttached,
    /// A status of a newer version.
    Other(u8),
}

impl TicketStatus {
    const fn to_byte(self) -> u8 {
        match self {
            Self::Taken => 0,
            Self::TooMany => 1,
            Self::NotAttached => 2,
            Self::Other(byte) => byte,
        }
    }
}

/// The answer to a ticket: id of its credential (16) ‖ status (1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketAnswer {
    /// Which ticket.
    pub id: [u8; 16],
    /// What became of it.
    pub status: TicketStatus,
}

impl TicketAnswer {
    fn decode(value: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(value, "ticket answer");
        let id = *reader.array()?;
        let status = match reader.u8()? {
            0 => TicketStatus::Taken,
            1 => TicketStatus::TooMany,
            2 => TicketStatus::NotAttached,
            byte => TicketStatus::Other(byte),
        };
        reader.finish()?;
        Ok(Self { id, status })
    }
}

/// How a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelState<'a> {
    /// It carries datagrams.
    Open {
        /// Its number, not 0.
        channel: u32,
        /// Who the other end is; not verified.
        identity: IdentityUpdate<'a>,
    },
    /// The other end is not a client now. The Bridge opens the channel when it comes, for two
    /// minutes.
    Absent,
    /// It was closed: the other end is gone or closed it.
    Closed,
    /// The Bridge has no room for it.
    Refused,
}

/// A channel to another client: F (16) ‖ state (1) ‖ channel (4) ‖ identity, if open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel<'a> {
    /// The other end.
    pub peer: NodeAddr,
    /// How it stands.
    pub state: ChannelState<'a>,
}

impl<'a> Channel<'a> {
    fn decode(value: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(value, "channel");
        let peer = NodeAddr(*reader.array()?);
        let (state, channel) = (reader.u8()?, reader.u32()?);
        let state = match state {
            0 if channel != 0 => ChannelState::Open {
                channel,
                identity: IdentityUpdate::decode(reader.rest())?,
            },
            0 => return Err(reader.malformed()),
            1 => ChannelState::Absent,
            2 => ChannelState::Closed,
            // A state of a newer version is no channel either.
            _ => ChannelState::Refused,
        };
        reader.finish()?;
        Ok(Self { peer, state })
    }

    fn encode(&self, out: &mut Writer) -> Result<(), Unencodable> {
        out.bytes(self.peer.as_bytes());
        match self.state {
            ChannelState::Open { channel, identity } => {
                out.u8(0).u32(channel).bytes(&identity.encode()?);
            }
            ChannelState::Absent => {
                out.u8(1).u32(0);
            }
            ChannelState::Closed => {
                out.u8(2).u32(0);
            }
            ChannelState::Refused => {
                out.u8(3).u32(0);
            }
        }
        Ok(())
    }
}
