//! Signing in: a person proves to a management server who sits at a node (docs/protocol/group.md, section 6.1).
//!
//! The password goes inside the session, which proves the server's F; it is wiped where it is dropped, and
//! shows itself nowhere.
//!
//! | limit | value |
//! |---|---|
//! | name of a user | [`USER_LEN_MAX`] bytes |
//! | password | [`PASSWORD_LEN_MAX`] bytes |
//! | groups that a server names to a node | [`SIGN_INS_MAX`]; what is beyond is not named |

use wire::{Malformed, Reader, Writer};
use zeroize::Zeroizing;

use crate::statement::{GroupId, NAME_LEN_MAX};

use super::{cut, len8, read_name};

/// Longest name of a user, in bytes of UTF-8.
pub const USER_LEN_MAX: usize = 63;
/// Longest password, in bytes of UTF-8.
pub const PASSWORD_LEN_MAX: usize = 256;
/// Most groups that a server names to a node: one message has room for them.
pub const SIGN_INS_MAX: usize = 128;

/// Whether a text may be the name of a user: 1 to [`USER_LEN_MAX`] bytes without spaces and control characters.
#[must_use]
pub fn is_user_name(name: &str) -> bool {
    let fits = (1..=USER_LEN_MAX).contains(&name.len());
    fits && !name.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// A password on its way. It does not show itself, and is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// A password of at most [`PASSWORD_LEN_MAX`] bytes; `None`: it is empty or longer.
    #[must_use]
    pub fn new(text: Zeroizing<String>) -> Option<Self> {
        let fits = (1..=PASSWORD_LEN_MAX).contains(&text.len());
        fits.then_some(Self(text))
    }

    /// The password itself.
    #[must_use]
    pub fn secret_text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

/// Who signs in at a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Names the attempt; the answer has it, too.
    pub request: u32,
    /// The user.
    pub user: String,
    /// The password.
    pub password: Password,
}

/// What became of signing in or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInAnswer {
    /// It is done. Signing in: it holds until then in the group where it ends first, Unix seconds; 0: no
    /// group of the node requires it, or signing out.
    Done {
        /// Until when.
        until_unix_s: u64,
    },
    /// User and password do not fit, or not here.
    Refused,
    /// Not now: in so many seconds again.
    Later {
        /// How many.
        after_s: u64,
    },
}

/// A group that requires a sign-in, as a node is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInGroup {
    /// The group.
    pub group: GroupId,
    /// Until when the sign-in holds there, Unix seconds; 0: nobody is signed in.
    pub until_unix_s: u64,
    /// What the group is called.
    pub name: String,
}

/// Who is signed in at a node, and the groups of the node that require it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignIns {
    /// Who; `None`: nobody.
    pub user: Option<String>,
    /// The groups, at most [`SIGN_INS_MAX`].
    pub groups: Vec<SignInGroup>,
}

pub(super) fn write_sign_in(out: &mut Writer, sign_in: &SignIn) {
    out.u32(sign_in.request);
    write_user(out, Some(&sign_in.user));
    out.bytes(sign_in.password.secret_text().as_bytes());
}

pub(super) fn read_sign_in(reader: &mut Reader<'_>) -> Result<SignIn, Malformed> {
    let request = reader.u32()?;
    let user = read_user(reader)?.ok_or_else(|| reader.malformed())?;
    let password = std::str::from_utf8(reader.rest()).ok();
    let password = password.map(|text| Zeroizing::new(text.to_owned()));
    let password = password.and_then(Password::new);
    Ok(SignIn {
        request,
        user,
        password: password.ok_or_else(|| reader.malformed())?,
    })
}

pub(super) fn write_answer(out: &mut Writer, request: u32, answer: SignInAnswer) {
    let (byte, value) = match answer {
        SignInAnswer::Done { until_unix_s } => (0, until_unix_s),
        SignInAnswer::Refused => (1, 0),
        SignInAnswer::Later { after_s } => (2, after_s),
    };
    out.u32(request).u8(byte).u64(value);
}

pub(super) fn read_answer(reader: &mut Reader<'_>) -> Result<(u32, SignInAnswer), Malformed> {
    let (request, byte, value) = (reader.u32()?, reader.u8()?, reader.u64()?);
    let answer = match (byte, value) {
        (0, until_unix_s) => SignInAnswer::Done { until_unix_s },
        (1, 0) => SignInAnswer::Refused,
        (2, after_s) => SignInAnswer::Later { after_s },
        _ => return Err(reader.malformed()),
    };
    Ok((request, answer))
}

pub(super) fn write_sign_ins(out: &mut Writer, sign_ins: &SignIns) {
    write_user(out, sign_ins.user.as_deref());
    for it in sign_ins.groups.iter().take(SIGN_INS_MAX) {
        let name = cut(&it.name, NAME_LEN_MAX);
        out.bytes(&it.group.0).u64(it.until_unix_s);
        out.u8(len8(name.len())).bytes(name.as_bytes());
    }
}

pub(super) fn read_sign_ins(reader: &mut Reader<'_>) -> Result<SignIns, Malformed> {
    let user = read_user(reader)?;
    let mut groups = Vec::new();
    while reader.remaining() > 0 {
        if groups.len() >= SIGN_INS_MAX {
            return Err(reader.malformed());
        }
        groups.push(SignInGroup {
            group: GroupId(*reader.array()?),
            until_unix_s: reader.u64()?,
            name: read_name(reader)?.ok_or_else(|| reader.malformed())?,
        });
    }
    Ok(SignIns { user, groups })
}

fn write_user(out: &mut Writer, user: Option<&str>) {
    let user = cut(user.unwrap_or_default(), USER_LEN_MAX);
    out.u8(len8(user.len())).bytes(user.as_bytes());
}

fn read_user(reader: &mut Reader<'_>) -> Result<Option<String>, Malformed> {
    let len = usize::from(reader.u8()?);
    let bytes = reader.take(len)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let user = std::str::from_utf8(bytes).ok();
    let user = user.filter(|user| is_user_name(user));
    let user = user.ok_or_else(|| reader.malformed())?;
    Ok(Some(user.to_owned()))
}
