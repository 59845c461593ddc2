//! What may be asked about Bridges, and the answers: the Bridges that a node uses, and being
//! one.

use crate::limits::{EXPIRES_S_MAX, EXPIRES_S_MIN, LABEL_LEN_MAX};
use crate::reach::{PeerState, Via};
use crate::who::Who;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};

/// The longest name of a customer in bytes of UTF-8.
pub const CUSTOMER_LEN_MAX: usize = 32;
/// The longest password in bytes of UTF-8.
pub const PASSWORD_LEN_MAX: usize = 128;
/// The shortest password in bytes of UTF-8.
pub const PASSWORD_LEN_MIN: usize = 8;

/// A password on its way to the node. It does not show itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// A request about Bridges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum BridgeRequest {
    /// Be a Bridge from now on, also after a restart; with a password for a customer if one is
    /// given: [`crate::Response::BridgeServing`].
    Serve {
        /// Whose the password is; empty for the Bridge's own clients.
        customer: String,
        /// The password, [`PASSWORD_LEN_MIN`] to [`PASSWORD_LEN_MAX`] bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<Password>,
    },
    /// Be none any more: [`crate::Response::Done`].
    Stop,
    /// A line by which a node attaches to this Bridge: [`crate::Response::BridgeLine`].
    Line {
        /// Whose client it will be.
        customer: String,
        /// Its life in seconds, as that of an invite.
        expires_s: u64,
        /// Without a secret, for nodes that say the customer's password; any number of them.
        password: bool,
    },
    /// Admit a client, or change its terms: [`crate::Response::Done`].
    Allow {
        /// Whom.
        who: Who,
        /// Whose client.
        customer: String,
        /// What to call it; `None` keeps the label that it has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// What it may send through the Bridge, in bytes a second; as much as it likes without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rate_bytes_s: Option<u64>,
    },
    /// Admit a client no more; its channels end at once: [`crate::Response::Done`].
    Deny {
        /// Whom.
        who: Who,
    },
    /// The clients of this Bridge: [`crate::Response::BridgeClients`].
    List,
    /// Use a Bridge by its line, and wait until it has taken this node:
    /// [`crate::Response::BridgeUsed`].
    Use {
        /// The line, as it was pasted.
        line: String,
        /// Its password, if it wants one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<Password>,
        /// How long to wait, in milliseconds.
        wait_ms: u64,
    },
    /// Ask every Bridge whether it is there, and try UDP again where a stream is used; what
    /// comes of it is in the status some round trips later: [`crate::Response::Done`].
    Probe,
    /// Use a Bridge no more: [`crate::Response::Done`].
    Forget {
        /// Its address F.
        bridge: Ipv6Addr,
    },
}

impl BridgeRequest {
    /// Checks every bound of this module.
    ///
    /// # Errors
    /// The name of the first value that is out of range.
    pub fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Serve { customer, password } => {
                check_customer(customer)?;
                check_password(password.as_ref())
            }
            Self::Line {
                customer,
                expires_s,
                ..
            } => {
                check_customer(customer)?;
                let range = EXPIRES_S_MIN..=EXPIRES_S_MAX;
                range.contains(expires_s).then_some(()).ok_or("expires_s")
            }
            Self::Allow {
                customer,
                label,
                rate_bytes_s,
                ..
            } => {
                check_customer(customer)?;
                let fits = |label: &String| {
                    (1..=LABEL_LEN_MAX).contains(&label.len())
                        && !label.chars().any(char::is_control)
                };
                if !label.as_ref().is_none_or(fits) {
                    return Err("label");
                }
                let some = rate_bytes_s.is_none_or(|rate| rate > 0);
                some.then_some(()).ok_or("rate_bytes_s")
            }
            Self::Use { password, .. } => check_password(password.as_ref()),
            Self::Stop | Self::Deny { .. } | Self::List | Self::Probe | Self::Forget { .. } => {
                Ok(())
            }
        }
    }
}

fn check_customer(customer: &str) -> Result<(), &'static str> {
    let fits = customer.len() <= CUSTOMER_LEN_MAX && !customer.chars().any(char::is_control);
    fits.then_some(()).ok_or("customer")
}

fn check_password(password: Option<&Password>) -> Result<(), &'static str> {
    let range = PASSWORD_LEN_MIN..=PASSWORD_LEN_MAX;
    let fits = password.is_none_or(|password| range.contains(&password.0.len()));
    fits.then_some(()).ok_or("password")
}

/// How this node stands as a Bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// Clients that are here.
    pub clients: u32,
    /// Channels between them.
    pub channels: u32,
    /// Lines that can still be used.
    pub lines_open: u32,
    /// Customers with a password; the empty name is the Bridge's own.
    pub passwords: Vec<String>,
    /// The TCP port that it listens on beside UDP; `None` when it could not be had.
    #[serde(default)]
    pub tcp_port: Option<u16>,
}

/// A line of a Bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeLine {
    /// The line. Without a password whoever has it first gets in, so it is a secret.
    pub line: String,
    /// When it expires, Unix seconds.
    pub expires_unix_s: u64,
    /// The endpoints written in it.
    pub endpoints: Vec<SocketAddr>,
    /// Whether a password is needed beside it.
    pub password: bool,
}

/// A client of this Bridge, admitted or here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// The entry that names it.
    pub who: Who,
    /// Its address F, where known.
    pub address: Option<Ipv6Addr>,
    /// What it is called.
    pub label: Option<String>,
    /// Whose client it is; empty for the Bridge's own.
    pub customer: String,
    /// What it may send, in bytes a second.
    pub rate_bytes_s: Option<u64>,
    /// When it was admitted, Unix seconds.
    pub added_unix_s: u64,
    /// Whether it is here.
    pub attached: bool,
    /// Where it is.
    pub via: Option<Via>,
    /// Its channels.
    pub channels: u32,
    /// Datagrams relayed for it since it came.
    pub relayed_packets: u64,
    /// Bytes relayed for it since it came.
    pub relayed_bytes: u64,
}

/// A Bridge that this node uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsedBridge {
    /// Its address F.
    pub address: Ipv6Addr,
    /// Where it listens.
    pub endpoints: Vec<SocketAddr>,
    /// Whether there is a session with it.
    pub state: PeerState,
    /// Whether it has taken this node as a client.
    pub attached: bool,
    /// Where it sees this node: its address outside of a NAT.
    pub observed: Option<SocketAddr>,
    /// Why it has not taken it.
    pub refusal: Option<Refusal>,
    /// What the session runs over: UDP or a stream.
    pub via: Option<Via>,
    /// Round-trip time in milliseconds, once measured.
    pub rtt_ms: Option<f64>,
    /// Time since the last packet from it in milliseconds.
    #[serde(default)]
    pub heard_age_ms: Option<u64>,
    /// The largest datagram that is known to pass, in bytes of UDP payload.
    #[serde(default)]
    pub datagram_max: Option<u32>,
    /// Channels over it.
    pub channels: u32,
}

/// Why a Bridge has not taken a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// No list of it names the node, and it has no password.
    NotAdmitted,
    /// The password is missing or wrong.
    Password,
    /// Too many passwords were tried; again in a minute.
    TryLater,
    /// It has no room.
    Full,
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A Bridge that has taken this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeUsed {
    /// Its address F.
    pub bridge: Ipv6Addr,
    /// What the session with it runs over.
    pub via: Option<Via>,
    /// Where it sees this node.
    pub observed: Option<SocketAddr>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_checked_and_a_password_does_not_show_itself() {
        let serve = |customer: &str, password: &str| BridgeRequest::Serve {
            customer: customer.to_owned(),
            password: Some(Password(password.to_owned())),
        };
        assert_eq!(serve("club", "open sesame").check(), Ok(()));
        assert_eq!(serve("club", "short").check(), Err("password"));
        assert_eq!(serve("club", &"x".repeat(129)).check(), Err("password"));
        assert_eq!(serve("c\n", "open sesame").check(), Err("customer"));
        assert_eq!(
            serve(&"c".repeat(33), "open sesame").check(),
            Err("customer")
        );
        assert!(!format!("{:?}", serve("club", "open sesame")).contains("sesame"));
        let line = |expires_s| BridgeRequest::Line {
            customer: String::new(),
            expires_s,
            password: false,
        };
        assert_eq!(line(3600).check(), Ok(()));
        assert_eq!(line(1).check(), Err("expires_s"));
        let allow = |label: &str, rate| BridgeRequest::Allow {
            who: Who::Address("fc00::1".parse().unwrap()),
            customer: String::new(),
            label: Some(label.to_owned()),
            rate_bytes_s: Some(rate),
        };
        assert_eq!(allow("nas", 1).check(), Ok(()));
        assert_eq!(allow("", 1).check(), Err("label"));
        assert_eq!(allow("nas", 0).check(), Err("rate_bytes_s"));
    }

    #[test]
    fn a_refusal_of_a_newer_node_is_unknown() {
        let read = |text: &str| serde_json::from_str::<Refusal>(text).unwrap();
        assert_eq!(read("\"try-later\""), Refusal::TryLater);
        assert_eq!(read("\"on-sundays\""), Refusal::Unknown);
    }
}
