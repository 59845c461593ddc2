//! What a node and a management server (GMS) say to each other, in the control stream of their
//! session (docs/protocol/group.md, section 6). Entries and secrets go as they do between members
//! ([`crate::message`]).
//!
//! | limit | value |
//! |---|---|
//! | groups in a resumption | [`HEADS_MAX`] |
//! | text of an answer | [`TEXT_LEN_MAX`] bytes |
//! | endpoints of a node | [`ENDPOINTS_MAX`] |

mod sign_in;

use std::net::SocketAddr;

use wire::invite::SECRET_LEN;
use wire::{Endpoint, Malformed, NodeAddr, Prefix, Reader, Writer};

use crate::chain::Head;
use crate::element::Kind;
use crate::message::Message;
use crate::name::MemberName;
use crate::partner::PartnerMessage;
use crate::statement::{
    Admission, Authority, Genesis, GroupId, LEASE_LEN, Lease, NAME_LEN_MAX, PREFIXES_MAX, Rules,
    is_name,
};

pub use sign_in::{
    PASSWORD_LEN_MAX, Password, SIGN_INS_MAX, SignIn, SignInAnswer, SignInGroup, SignIns,
    USER_LEN_MAX, is_user_name,
};

/// Most groups in a resumption.
pub const HEADS_MAX: usize = crate::keyring::GROUPS_MAX;
/// Longest text of an answer, in bytes.
pub const TEXT_LEN_MAX: usize = 1_024;
/// Most places where a node may be.
pub const ENDPOINTS_MAX: usize = 16;

const ENROL: u16 = 0x16;
const ENROLLED: u16 = 0x17;
const RESUME: u16 = 0x18;
const CURRENT: u16 = 0x1a;
const LOCATE: u16 = 0x1b;
const LOCATED: u16 = 0x1c;
const FIND: u16 = 0x1d;
const FOUND: u16 = 0x1e;
/// Stands where the kind does, if an admission follows, which says it.
const BY_ADMISSION: u8 = 0xff;
const SIGN_IN: u16 = 0x48;
const SIGN_OUT: u16 = 0x49;
const SIGN_IN_ANSWER: u16 = 0x4a;
const SIGN_INS: u16 = 0x4b;

/// How far a member has come in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Have {
    /// The group.
    pub group: GroupId,
    /// The end of the server's own chain as the member has it.
    pub head: Head,
}

/// What a node says of itself when it comes by an invite.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrol {
    /// The secret of the invite.
    pub secret: [u8; SECRET_LEN],
    /// What it is.
    pub kind: Kind,
    /// What it would be called, if the invite does not say.
    pub name: Option<String>,
    /// What lies behind it.
    pub prefixes: Vec<Prefix>,
}

/// Without the secret.
impl std::fmt::Debug for Enrol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrol")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("prefixes", &self.prefixes)
            .finish_non_exhaustive()
    }
}

/// How a node comes by an invite of a locked group.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolLocked {
    /// The secret of the invite, as the server knows it.
    pub secret: [u8; SECRET_LEN],
    /// What the node is then, as the invite's key has signed.
    pub admission: Admission,
}

/// Without the secret.
impl std::fmt::Debug for EnrolLocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolLocked")
            .field("admission", &self.admission)
            .finish_non_exhaustive()
    }
}

/// What became of an enrolment, or of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done; the text is the member's name.
    Done,
    /// It was refused for the reason in the text.
    Refused,
    /// It could not be written down; it may be tried again.
    Later,
}

/// A member's group, as a server gives it: everything but entries and secrets, which follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// What the group is called.
    pub name: String,
    /// How it began.
    pub genesis: Genesis,
    /// Who manages it.
    pub authority: Authority,
    /// The member's admission.
    pub admission: Admission,
    /// Its lease.
    pub lease: Lease,
    /// What members may reach; `None`: everything.
    pub rules: Option<Rules>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentMessage {
    /// Node to server: I come by this invite.
    Enrol(Enrol),
    /// Node to server: I come by this invite of a locked group, whose key has signed this.
    EnrolLocked(Box<EnrolLocked>),
    /// Server to node: what became of it.
    Enrolled {
        /// Whether it worked.
        answer: Answer,
        /// The name, or why not, at most [`TEXT_LEN_MAX`] bytes.
        text: String,
    },
    /// Node to server: tell me what happened since.
    Resume {
        /// The last revision that it was told of; 0: none.
        rev: u64,
        /// It wants its leases renewed.
        renew: bool,
        /// Go on after this group, where an answer had no more room; zeros: from the first on.
        after: GroupId,
        /// How far it has come.
        have: Vec<Have>,
    },
    /// Server to node: you are in this group.
    Welcome(Box<Given>),
    /// Server to node: that was all up to this revision.
    Current {
        /// The revision.
        rev: u64,
        /// It was not: more follows after this group, if the node resumes there. Zeros: it was.
        next: GroupId,
    },
    /// Node to server: where is this node?
    Locate {
        /// Which.
        f: NodeAddr,
    },
    /// Server to node: there.
    Located {
        /// Which.
        f: NodeAddr,
        /// Where it may be.
        endpoints: Vec<SocketAddr>,
        /// Its identity, as in message 2 of session.md, section 5; empty: it is not known here.
        identity: Vec<u8>,
    },
    /// Node to server: who is called so?
    Find(MemberName),
    /// Server to node: this member, by its admission and lease; `None`: nobody.
    Found {
        /// The name that was asked for.
        name: MemberName,
        /// Whose it is.
        member: Option<Box<(Lease, Admission)>>,
    },
    /// Node to server: this user signs in here.
    SignIn(Box<SignIn>),
    /// Node to server: whoever is signed in here signs out.
    SignOut {
        /// Names the request; the answer has it, too.
        request: u32,
    },
    /// Server to node: what became of signing in or out.
    SignInAnswer {
        /// Which.
        request: u32,
        /// What.
        answer: SignInAnswer,
    },
    /// Server to node: who is signed in there, and the groups that require it.
    SignIns(SignIns),
    /// To a server, of a group that several servers manage ([`crate::partner`]).
    Partner(PartnerMessage),
}

/// What a server tells a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToMember {
    /// As a server.
    Agent(AgentMessage),
    /// As a member would.
    Member(Message),
}

impl AgentMessage {
    /// The type of [`AgentMessage::Welcome`].
    pub const WELCOME: u16 = 0x19;

    /// Its type in the control stream.
    #[must_use]
    pub fn kind(&self) -> u16 {
        match self {
            Self::Partner(message) => message.kind(),
            Self::Enrol(_) | Self::EnrolLocked(_) => ENROL,
            Self::Enrolled { .. } => ENROLLED,
            Self::Resume { .. } => RESUME,
            Self::Welcome(_) => Self::WELCOME,
            Self::Current { .. } => CURRENT,
            Self::Locate { .. } => LOCATE,
            Self::Located { .. } => LOCATED,
            Self::Find(_) => FIND,
            Self::Found { .. } => FOUND,
            Self::SignIn(_) => SIGN_IN,
            Self::SignOut { .. } => SIGN_OUT,
            Self::SignInAnswer { .. } => SIGN_IN_ANSWER,
            Self::SignIns(_) => SIGN_INS,
        }
    }

    /// Whether a node says it to a server; the others a server says to a node.
    #[must_use]
    pub const fn is_for_server(&self) -> bool {
        matches!(
            self,
            Self::Enrol(_)
                | Self::EnrolLocked(_)
                | Self::Resume { .. }
                | Self::Locate { .. }
                | Self::Find(_)
                | Self::SignIn(_)
                | Self::SignOut { .. }
                | Self::Partner(_)
        )
    }

    /// Its bytes. What is beyond its limit is cut off.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Self::Partner(message) => return message.encode(),
            Self::Enrol(enrol) => write_enrol(&mut out, enrol),
            Self::EnrolLocked(enrol) => {
                out.bytes(&enrol.secret).u8(BY_ADMISSION);
                out.bytes(&enrol.admission.encode());
            }
            Self::Enrolled { answer, text } => {
                let answer = match answer {
                    Answer::Done => 0,
                    Answer::Refused => 1,
                    Answer::Later => 2,
                };
                out.u8(answer).bytes(cut(text, TEXT_LEN_MAX).as_bytes());
            }
            Self::Resume {
                rev,
                renew,
                after,
                have,
            } => {
                out.u64(*rev).u8(u8::from(*renew)).bytes(&after.0);
                for Have { group, head } in have.iter().take(HEADS_MAX) {
                    out.bytes(&group.0).u32(head.number).bytes(&head.hash);
                }
            }
            Self::Welcome(given) => write_given(&mut out, given),
            Self::Current { rev, next } => {
                out.u64(*rev).bytes(&next.0);
            }
            Self::Locate { f } => {
                out.bytes(f.as_bytes());
            }
            Self::Located {
                f,
                endpoints,
                identity,
            } => {
                let endpoints = endpoints.iter().take(ENDPOINTS_MAX);
                out.bytes(f.as_bytes()).u8(len8(endpoints.len()));
                for at in endpoints {
                    out.bytes(&Endpoint::new(*at).to_bytes());
                }
                out.bytes(identity);
            }
            Self::Find(name) => write_member_name(&mut out, name),
            Self::Found { name, member } => {
                write_member_name(&mut out, name);
                if let Some((lease, admission)) = member.as_deref() {
                    out.bytes(&lease.encode()).bytes(&admission.encode());
                }
            }
            Self::SignIn(sign_in) => sign_in::write_sign_in(&mut out, sign_in),
            Self::SignOut { request } => {
                out.u32(*request);
            }
            Self::SignInAnswer { request, answer } => {
                sign_in::write_answer(&mut out, *request, *answer);
            }
            Self::SignIns(sign_ins) => sign_in::write_sign_ins(&mut out, sign_ins),
        }
        out.finish()
    }

    /// Reads a message of a type; `None`: it is none of these. Nothing in it is verified.
    ///
    /// # Errors
    /// The bytes are not the message, or it holds more than it may.
    pub fn decode(kind: u16, bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut reader = Reader::new(bytes, "agent message");
        let message = match kind {
            ENROL if bytes.get(SECRET_LEN) == Some(&BY_ADMISSION) => {
                let secret = *reader.array()?;
                reader.u8()?;
                let admission = Admission::decode(reader.rest())?;
                Self::EnrolLocked(Box::new(EnrolLocked { secret, admission }))
            }
            ENROL => Self::Enrol(read_enrol(&mut reader)?),
            ENROLLED => Self::Enrolled {
                answer: match reader.u8()? {
                    0 => Answer::Done,
                    1 => Answer::Refused,
                    2 => Answer::Later,
                    _ => return Err(reader.malformed()),
                },
                text: read_text(&mut reader, TEXT_LEN_MAX)?,
            },
            RESUME => read_resume(&mut reader)?,
            Self::WELCOME => Self::Welcome(Box::new(read_given(&mut reader)?)),
            CURRENT => Self::Current {
                rev: reader.u64()?,
                next: GroupId(*reader.array()?),
            },
            LOCATE => Self::Locate {
                f: NodeAddr(*reader.array()?),
            },
            LOCATED => read_located(&mut reader)?,
            FIND => Self::Find(read_member_name(&mut reader)?),
            FOUND => Self::Found {
                name: read_member_name(&mut reader)?,
                member: read_member(&mut reader)?,
            },
            SIGN_IN => Self::SignIn(Box::new(sign_in::read_sign_in(&mut reader)?)),
            SIGN_OUT => Self::SignOut {
                request: reader.u32()?,
            },
            SIGN_IN_ANSWER => {
                let (request, answer) = sign_in::read_answer(&mut reader)?;
                Self::SignInAnswer { request, answer }
            }
            SIGN_INS => Self::SignIns(sign_in::read_sign_ins(&mut reader)?),
            _ => return Ok(PartnerMessage::decode(kind, bytes)?.map(Self::Partner)),
        };
        reader.finish()?;
        Ok(Some(message))
    }
}

fn write_enrol(out: &mut Writer, enrol: &Enrol) {
    let name = cut(enrol.name.as_deref().unwrap_or_default(), NAME_LEN_MAX);
    out.bytes(&enrol.secret).u8(enrol.kind.byte());
    out.u8(len8(name.len())).bytes(name.as_bytes());
    for prefix in enrol.prefixes.iter().take(PREFIXES_MAX) {
        out.bytes(&prefix.to_bytes());
    }
}

fn read_enrol(reader: &mut Reader<'_>) -> Result<Enrol, Malformed> {
    let secret = *reader.array()?;
    let kind = Kind::read(reader)?;
    let name = read_name(reader)?;
    let mut prefixes = Vec::new();
    while reader.remaining() > 0 {
        if prefixes.len() >= PREFIXES_MAX {
            return Err(reader.malformed());
        }
        prefixes.push(Prefix::from_bytes(reader.array()?)?);
    }
    Ok(Enrol {
        secret,
        kind,
        name,
        prefixes,
    })
}

fn read_resume(reader: &mut Reader<'_>) -> Result<AgentMessage, Malformed> {
    let rev = reader.u64()?;
    let renew = match reader.u8()? {
        0 => false,
        1 => true,
        _ => return Err(reader.malformed()),
    };
    let after = GroupId(*reader.array()?);
    let mut have = Vec::new();
    while reader.remaining() > 0 {
        if have.len() >= HEADS_MAX {
            return Err(reader.malformed());
        }
        let group = GroupId(*reader.array()?);
        let head = Head {
            number: reader.u32()?,
            hash: *reader.array()?,
        };
        have.push(Have { group, head });
    }
    Ok(AgentMessage::Resume {
        rev,
        renew,
        after,
        have,
    })
}

fn write_given(out: &mut Writer, given: &Given) {
    let name = cut(&given.name, NAME_LEN_MAX);
    out.u8(len8(name.len())).bytes(name.as_bytes());
    out.bytes(&given.lease.encode());
    let rules = given.rules.as_ref().map(Rules::encode);
    for part in [
        given.genesis.encode(),
        given.authority.encode(),
        rules.unwrap_or_default(),
    ] {
        out.u16(u16::try_from(part.len()).unwrap_or(u16::MAX));
        out.bytes(&part);
    }
    out.bytes(&given.admission.encode());
}

fn read_given(reader: &mut Reader<'_>) -> Result<Given, Malformed> {
    let name = read_name(reader)?.ok_or_else(|| reader.malformed())?;
    let lease = Lease::decode(reader.array::<LEASE_LEN>()?)?;
    let genesis_len = usize::from(reader.u16()?);
    let genesis = Genesis::decode(reader.take(genesis_len)?)?;
    let authority_len = usize::from(reader.u16()?);
    let authority = Authority::decode(reader.take(authority_len)?)?;
    let rules_len = usize::from(reader.u16()?);
    let rules = match reader.take(rules_len)? {
        [] => None,
        rules => Some(Rules::decode(rules)?),
    };
    let admission = Admission::decode(reader.rest())?;
    Ok(Given {
        name,
        genesis,
        authority,
        admission,
        lease,
        rules,
    })
}

fn read_located(reader: &mut Reader<'_>) -> Result<AgentMessage, Malformed> {
    let f = NodeAddr(*reader.array()?);
    let count = usize::from(reader.u8()?);
    if count > ENDPOINTS_MAX {
        return Err(reader.malformed());
    }
    let endpoints = (0..count).map(|_| Ok(Endpoint::from_bytes(reader.array()?).socket_addr()));
    let endpoints = endpoints.collect::<Result<_, Malformed>>()?;
    Ok(AgentMessage::Located {
        f,
        endpoints,
        identity: reader.rest().to_vec(),
    })
}

fn write_member_name(out: &mut Writer, name: &MemberName) {
    for part in [
        name.member.as_str(),
        name.group.as_deref().unwrap_or_default(),
    ] {
        let part = cut(part, NAME_LEN_MAX);
        out.u8(len8(part.len())).bytes(part.as_bytes());
    }
}

fn read_member_name(reader: &mut Reader<'_>) -> Result<MemberName, Malformed> {
    Ok(MemberName {
        member: read_name(reader)?.ok_or_else(|| reader.malformed())?,
        group: read_name(reader)?,
    })
}

fn read_member(reader: &mut Reader<'_>) -> Result<Option<Box<(Lease, Admission)>>, Malformed> {
    if reader.remaining() == 0 {
        return Ok(None);
    }
    let lease = Lease::decode(reader.array::<LEASE_LEN>()?)?;
    Ok(Some(Box::new((lease, Admission::decode(reader.rest())?))))
}

/// A name behind its length; `None`: it has no bytes.
fn read_name(reader: &mut Reader<'_>) -> Result<Option<String>, Malformed> {
    let len = usize::from(reader.u8()?);
    let bytes = reader.take(len)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let name = std::str::from_utf8(bytes).ok().filter(|name| is_name(name));
    let name = name.ok_or_else(|| reader.malformed())?;
    Ok(Some(name.to_owned()))
}

fn read_text(reader: &mut Reader<'_>, most: usize) -> Result<String, Malformed> {
    let bytes = reader.rest();
    let text = std::str::from_utf8(bytes).ok();
    let text = text.filter(|_| bytes.len() <= most);
    text.map(str::to_owned).ok_or_else(|| reader.malformed())
}

fn cut(text: &str, most: usize) -> &str {
    let at = (0..=most.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    text.split_at(at.unwrap_or_default()).0
}

fn len8(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;
