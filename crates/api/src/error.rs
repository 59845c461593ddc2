//! Why a node did not do what it was asked: a code and its arguments, never a sentence, so
//! that each client says it in its own language.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// An answer that says no. `args` are the names and values that a sentence about `code`
/// needs; the table of [`Code`] lists them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct ApiError {
    /// What went wrong.
    pub code: Code,
    /// Names and values for the sentence about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
}

impl ApiError {
    /// An error without arguments.
    #[must_use]
    pub fn new(code: Code) -> ApiError {
        ApiError {
            code,
            args: BTreeMap::new(),
        }
    }

    /// The same error with one more argument.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> ApiError {
        self.args.insert(name.to_owned(), value.to_string());
        self
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())?;
        for (name, value) in &self.args {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What went wrong. Arguments are in brackets.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
            /// A code of a newer node that this client does not know.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl Code {
            /// Every code, for catalogues that must have a text for each.
            pub const ALL: &'static [Code] = &[$(Code::$name,)* Code::Unknown];

            /// The code as it is written in JSON and in message catalogues.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)*
                    Code::Unknown => "unknown",
                }
            }
        }
    };
}

codes! {
    /// The request is not valid JSON, or a value is out of range. [detail]
    BadRequest = "bad-request",
    /// The client speaks another version of this interface. [node, client]
    Version = "version",
    /// Something failed inside the node that the client cannot mend. [detail]
    Internal = "internal",
    /// The node is shutting down.
    Stopping = "stopping",
    /// No allowed peer has this address. [peer]
    UnknownPeer = "unknown-peer",
    /// Nothing on this machine or the network says where the peer is. [peer]
    NoPath = "no-path",
    /// The line is not an invite at all.
    NotAnInvite = "not-an-invite",
    /// The invite's checksum is wrong: cut off or mistyped.
    InviteDamaged = "invite-damaged",
    /// The invite was made by a newer version. [version]
    InviteNewer = "invite-newer",
    /// The invite has expired. [expired_unix_s]
    InviteExpired = "invite-expired",
    /// The invite was made by this very node.
    InviteOwn = "invite-own",
    /// The identity inside the invite does not hold. [detail]
    InviteIdentity = "invite-identity",
    /// The invite is fine but its maker did not answer in time. [peer, tried, waited_s]
    JoinTimeout = "join-timeout",
    /// As many invites are open as the node keeps. [max]
    InvitesFull = "invites-full",
    /// The allowlist has as many entries as it may have. [max]
    AllowlistFull = "allowlist-full",
    /// The entry accepts as many prefixes as it may. [max]
    TooManyPrefixes = "too-many-prefixes",
    /// Nobody may announce anything of this prefix. [prefix]
    PrefixRefused = "prefix-refused",
    /// A node does not allow or deny itself.
    OwnAddress = "own-address",
    /// There is no entry for this peer. [who]
    NotListed = "not-listed",
    /// The identity on disk cannot be read. [file, detail]
    IdentityUnreadable = "identity-unreadable",
    /// The identity on disk has another address than the node that runs. [file]
    IdentityOther = "identity-other",
    /// There is no namespace to run a program in. [mode]
    NoInside = "no-inside",
    /// As many forwards as the node keeps. [max]
    ForwardsFull = "forwards-full",
    /// A forward cannot wait for connections there. [listen, detail]
    ForwardListen = "forward-listen",
    /// There is no forward that waits there. [listen]
    NotForwarded = "not-forwarded",
    /// The line is that of a Bridge, not of a peer.
    BridgeLine = "bridge-line",
    /// The line is the invite of a peer, not of a Bridge.
    NotABridge = "not-a-bridge",
    /// The Bridge wants a password.
    BridgePassword = "bridge-password",
    /// The Bridge did not answer in time; it is called on. [bridge, waited_s]
    BridgeTimeout = "bridge-timeout",
    /// The Bridge did not take this node. [bridge, refusal]
    BridgeRefused = "bridge-refused",
    /// As many Bridges are used as may be. [max]
    BridgesFull = "bridges-full",
    /// None of this node's Bridges has this address. [bridge]
    UnknownBridge = "unknown-bridge",
    /// This node is no Bridge.
    NotServing = "not-serving",
    /// As many customers have a password, or as many lines are open, as a Bridge keeps. [max]
    BridgeFull = "bridge-full",
    /// Neither a peer nor a member of a group of this node is called so. [who]
    UnknownName = "unknown-name",
    /// This node is no management server of groups.
    NotManaging = "not-managing",
    /// A management server did not do what it was asked. [refusal, and what the refusal names]
    GroupRefused = "group-refused",
    /// The management server's store cannot be used. [detail]
    GroupStore = "group-store",
    /// The database that was named cannot be used. [problem, place, to, detail]
    GroupDatabase = "group-database",
    /// The key shown is no administrator's of this server, or no more.
    AdminKey = "admin-key",
    /// This is no public half of an admin's key, or was mistyped. [key]
    LockKey = "lock-key",
    /// This is no signature of an admin, or was mistyped.
    SignatureText = "signature-text",
    /// There is too much to do just now.
    Busy = "busy",
    /// The management server did not answer in time; whether it did what was asked is not known.
    Uncertain = "uncertain",
    /// The management server did not answer in time; it is called on. [server, waited_s]
    GroupTimeout = "group-timeout",
    /// User and password do not fit, or the user may not sign in here. [user]
    SignInRefused = "sign-in-refused",
    /// There were too many attempts, or the server has too much to do. [after_s]
    SignInLater = "sign-in-later",
    /// The server that signs in here is not in touch, or does not answer. [server, waited_s: 0 if it was not asked]
    SignInServer = "sign-in-server",
    /// Nobody can be signed in or out as it was asked. [problem: no-group, not-this-group, several, no-user,
    /// signing-out or not-signed-in; group, groups]
    SignInWrong = "sign-in-wrong",
    /// Nothing outside this machine can reach it by what it knows.
    NoEndpoint = "no-endpoint",
    /// The node could not write to its state directory. [file, detail]
    Storage = "storage",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_its_text_and_a_foreign_one_is_unknown() {
        for code in Code::ALL {
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(json, format!("\"{}\"", code.as_str()));
            assert_eq!(serde_json::from_str::<Code>(&json).unwrap(), *code);
        }
        assert_eq!(
            serde_json::from_str::<Code>("\"from-the-future\"").unwrap(),
            Code::Unknown
        );
    }

    #[test]
    fn an_error_shows_its_code_and_arguments() {
        let error = ApiError::new(Code::JoinTimeout)
            .with("peer", "fc00::1")
            .with("waited_s", 20);
        assert_eq!(error.to_string(), "join-timeout peer=fc00::1 waited_s=20");
    }
}
