//! Users: those who sign in at nodes whose groups require it. What administrators ask about them, and signing in
//! and out at a node.
//!
//! | limit | value |
//! |---|---|
//! | a new password | [`USER_PASSWORD_LEN_MIN`] to [`USER_PASSWORD_LEN_MAX`] bytes: it is asked for beside the machine's key, never alone |
//! | members at whose nodes one may sign in | [`USER_DEVICES_MAX`] |
//! | a sign-in is good for | [`SIGN_IN_S_MIN`] to [`SIGN_IN_S_MAX`] |

use crate::limits::check_name;
use serde::{Deserialize, Serialize};
use std::net::Ipv6Addr;
use utoipa::ToSchema;
use zeroize::Zeroize;

/// The shortest new password, in bytes.
pub const USER_PASSWORD_LEN_MIN: usize = 8;
/// The longest password, in bytes.
pub const USER_PASSWORD_LEN_MAX: usize = 256;
/// Most members at whose nodes one user may sign in.
pub const USER_DEVICES_MAX: usize = 256;
/// The shortest time that a sign-in is good for, in seconds.
pub const SIGN_IN_S_MIN: u64 = 60;
/// The longest time that a sign-in is good for, in seconds: 30 days.
pub const SIGN_IN_S_MAX: u64 = 30 * 86_400;
/// The longest time to wait for an answer, in milliseconds.
const WAIT_MS_MAX: u64 = 120_000;

/// A user's password on its way. It does not show itself, and is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserPassword(pub String);

impl std::fmt::Debug for UserPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserPassword")
    }
}

impl Drop for UserPassword {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Its name.
    pub user: String,
    /// The members at whose nodes it may sign in.
    pub devices: Vec<String>,
    /// It may not sign in at all now.
    pub disabled: bool,
    /// The members at whose nodes it is signed in.
    pub signed_in: Vec<String>,
    /// Wrong passwords since the last right one.
    pub failures: u32,
}

/// What is said of a new user over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Its password.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 256)]
    pub password: UserPassword,
    /// The members at whose nodes it may sign in.
    #[serde(default)]
    #[schema(max_items = 256)]
    pub devices: Vec<String>,
}

/// A user's new password over HTTP: the user is signed in nowhere then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The password.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 256)]
    pub password: UserPassword,
}

/// Where a user may sign in, over HTTP. What is left out stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccess {
    /// The members at whose nodes it may, all of them.
    #[serde(default)]
    #[schema(max_items = 256)]
    pub devices: Option<Vec<String>>,
    /// Whether it may not sign in at all.
    #[serde(default)]
    pub disabled: Option<bool>,
}

/// What a group asks of its members' users, over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSignIn {
    /// For how long a sign-in is good, in seconds; null: it takes none.
    #[schema(minimum = 60, maximum = 2592000)]
    pub period_s: Option<u64>,
}

/// Somebody signs in at the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// A group of the server that is meant, if groups of several ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Who; `None`: who is signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The password.
    pub password: UserPassword,
    /// How long to wait for the answer, in milliseconds.
    pub wait_ms: u64,
}

/// Whoever is signed in at the node signs out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOut {
    /// A group of the server that is meant; `None`: of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How long to wait for the answer, in milliseconds.
    pub wait_ms: u64,
}

/// Somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The server's address F.
    pub server: Ipv6Addr,
    /// Who.
    pub user: String,
    /// Until when, in the group where it ends first, Unix seconds; 0: no group asks for it any more.
    pub until_unix_s: u64,
}

/// Somebody is signed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOut {
    /// The servers know; otherwise they are told when they are in touch, and this node is out already.
    pub told: bool,
}

/// Who is signed in at the node, by the word of one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInState {
    /// The server's address F.
    pub server: Ipv6Addr,
    /// Who; `None`: nobody.
    pub user: Option<String>,
    /// The groups that ask for it.
    pub groups: Vec<SignInGroup>,
}

/// A group that asks for a sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInGroup {
    /// What it is called.
    pub group: String,
    /// Until when somebody is signed in, Unix seconds; `None`: it waits for it.
    pub until_unix_s: Option<u64>,
}

impl SignIn {
    /// Checks every bound of this module.
    ///
    /// # Errors
    /// The name of the first value that is out of range.
    pub fn check(&self) -> Result<(), &'static str> {
        check_optional(self.group.as_deref(), "group")?;
        check_optional(self.user.as_deref(), "user")?;
        let fits = (1..=USER_PASSWORD_LEN_MAX).contains(&self.password.0.len());
        fits.then_some(()).ok_or("password")?;
        check_wait(self.wait_ms)
    }
}

impl SignOut {
    /// As [`SignIn::check`].
    ///
    /// # Errors
    /// The same.
    pub fn check(&self) -> Result<(), &'static str> {
        check_optional(self.group.as_deref(), "group")?;
        check_wait(self.wait_ms)
    }
}

/// Whether a password may be a new one.
pub(crate) fn check_new_password(password: &UserPassword) -> Result<(), &'static str> {
    let range = USER_PASSWORD_LEN_MIN..=USER_PASSWORD_LEN_MAX;
    let fits = range.contains(&password.0.len());
    fits.then_some(()).ok_or("password")
}

pub(crate) fn check_devices(devices: &[String]) -> Result<(), &'static str> {
    let few = devices.len() <= USER_DEVICES_MAX;
    few.then_some(()).ok_or("devices")?;
    devices.iter().try_for_each(|it| check_name(it, "devices"))
}

pub(crate) fn check_period(period_s: Option<u64>) -> Result<(), &'static str> {
    let range = SIGN_IN_S_MIN..=SIGN_IN_S_MAX;
    let fits = period_s.is_none_or(|it| range.contains(&it));
    fits.then_some(()).ok_or("period_s")
}

fn check_optional(name: Option<&str>, what: &'static str) -> Result<(), &'static str> {
    name.map_or(Ok(()), |it| check_name(it, what))
}

fn check_wait(wait_ms: u64) -> Result<(), &'static str> {
    let fits = wait_ms <= WAIT_MS_MAX;
    fits.then_some(()).ok_or("wait_ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_checked_and_a_password_is_not_shown() {
        let sign_in = |len: usize, wait_ms: u64| SignIn {
            group: None,
            user: Some("ada".to_owned()),
            password: UserPassword("x".repeat(len)),
            wait_ms,
        };
        assert_eq!(sign_in(1, 1).check(), Ok(()));
        assert_eq!(sign_in(0, 1).check(), Err("password"));
        assert_eq!(
            sign_in(USER_PASSWORD_LEN_MAX + 1, 1).check(),
            Err("password")
        );
        assert_eq!(sign_in(1, WAIT_MS_MAX + 1).check(), Err("wait_ms"));
        assert!(!format!("{:?}", sign_in(3, 1)).contains("xxx"));
        let password = |len: usize| check_new_password(&UserPassword("x".repeat(len)));
        assert_eq!((password(7), password(8)), (Err("password"), Ok(())));
        assert_eq!(check_period(Some(59)), Err("period_s"));
        assert_eq!(check_period(None), Ok(()));
        assert_eq!(check_devices(&vec![String::new(); 257]), Err("devices"));
    }
}
