//! What a node answers. Counters count since the node started.

use crate::bridge::{BridgeLine, BridgeUsed, Client, Serving, UsedBridge};
use crate::port::Services;
use crate::prefix::Prefix;
use crate::reach::{PeerState, Via};
use crate::who::Who;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};

/// One answer of a running node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Response {
    /// To [`crate::Request::Status`].
    Status(Box<Status>),
    /// To [`crate::Request::Peers`], in order of address.
    Peers {
        /// Every allowed peer that an address is known of.
        peers: Vec<Peer>,
    },
    /// To [`crate::Request::Invite`].
    Invited(Invited),
    /// To [`crate::Request::Join`].
    Joined(Joined),
    /// To [`crate::Request::List`], in order of [`Who`].
    List {
        /// The allowlist.
        entries: Vec<Entry>,
    },
    /// One echo of [`crate::Request::Ping`]; more follow.
    Echo(Echo),
    /// The end of the answers to [`crate::Request::Ping`].
    PingDone(PingDone),
    /// To [`crate::Request::IdentityChanged`].
    Told(Told),
    /// To [`crate::Request::Inside`].
    Inside(Inside),
    /// To [`crate::Request::Bugreport`].
    Report(Report),
    /// To [`crate::Request::Forwards`], in order of [`crate::Listen`].
    Forwards {
        /// The forwards.
        forwards: Vec<crate::ForwardStatus>,
    },
    /// To [`crate::BridgeRequest::Serve`].
    BridgeServing(Serving),
    /// To [`crate::BridgeRequest::Line`].
    BridgeLine(BridgeLine),
    /// To [`crate::BridgeRequest::List`].
    BridgeClients {
        /// How this node stands as a Bridge; `None`: it is none.
        serving: Option<Serving>,
        /// Its clients.
        clients: Vec<Client>,
    },
    /// To [`crate::BridgeRequest::Use`].
    BridgeUsed(BridgeUsed),
    /// To [`crate::Request::Join`] with the line of a management server.
    Enrolled(crate::Enrolled),
    /// To [`crate::Request::SignIn`].
    SignedIn(crate::SignedIn),
    /// To [`crate::Request::SignOut`].
    SignedOut(crate::SignedOut),
    /// To [`crate::GroupRequest::Create`].
    GroupsMade(crate::GroupsMade),
    /// To [`crate::GroupRequest::Accept`].
    GroupsShared(crate::GroupsShared),
    /// To [`crate::GroupRequest::Plan`].
    Planned(Box<crate::Planned>),
    /// To [`crate::GroupRequest::Add`], [`crate::GroupRequest::Invite`] and
    /// [`crate::GroupRequest::Share`].
    GroupLine(crate::GroupLine),
    /// To [`crate::Request::Pit`], by address.
    Pit {
        /// The entries.
        entries: Vec<crate::PitEntry>,
    },
    /// To [`crate::Request::Why`].
    Why(crate::Why),
    /// To [`crate::Request::PitForget`].
    PitForgotten {
        /// Whether a member had been there.
        was_member: bool,
    },
    /// To [`crate::Request::Find`].
    Found {
        /// The member's address F.
        address: Ipv6Addr,
    },
    /// To [`crate::GroupRequest::Move`] and [`crate::GroupRequest::Backup`], several times: how far it
    /// is.
    Carried {
        /// Rows that are there.
        done: u64,
        /// Of how many.
        all: u64,
    },
    /// To [`crate::GroupRequest::List`].
    Groups(Box<crate::Groups>),
    /// To [`crate::Request::Manage`].
    Manage(Box<crate::ManageResponse>),
    /// To [`crate::Request::Netcheck`].
    Netcheck(Box<crate::Netcheck>),
    /// It is done and there is nothing to say about it.
    Done,
}

/// How a node stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The version of the software.
    pub version: String,
    /// Address F.
    pub address: Ipv6Addr,
    /// The alias in 200::/7.
    pub alias: Ipv6Addr,
    /// The label that it tells its peers, if it has one.
    pub label: Option<String>,
    /// Process id.
    pub pid: u32,
    /// When it started, Unix seconds.
    pub started_unix_s: u64,
    /// The UDP address that it listens on.
    pub listen: SocketAddr,
    /// What other machines may reach it by, the most useful first.
    pub endpoints: Vec<SocketAddr>,
    /// How programs on this machine reach the overlay.
    pub network: Network,
    /// The node certificate in use.
    pub certificate: Certificate,
    /// Position of the root key in the rotation log; 0 = never rotated.
    pub root_position: u32,
    /// What it announces: its IPv4 addresses inside, and what lies behind it.
    #[serde(default)]
    pub announces: Vec<Prefix>,
    /// The groups that it is in.
    #[serde(default)]
    pub groups: Vec<InGroup>,
    /// Entries of the allowlist.
    pub peers_allowed: u32,
    /// Peers with a session now.
    pub peers_connected: u32,
    /// Invites that have neither been used nor expired.
    pub invites_open: u32,
    /// The Bridges that it uses.
    #[serde(default)]
    pub bridges: Vec<UsedBridge>,
    /// How it stands as a Bridge, if it is one.
    #[serde(default)]
    pub serving: Option<Serving>,
    /// Bytes and packets of all sessions.
    pub traffic: Traffic,
    /// Datagrams and packets that were dropped, by reason.
    pub drops: BTreeMap<String, u64>,
    /// Wake-ups of the node, by reason.
    pub wakeups: BTreeMap<String, u64>,
    /// What the kernel does for many packets at once.
    #[serde(default)]
    pub offloads: Offloads,
    /// What the data threads did.
    #[serde(default)]
    pub work: Work,
    /// The ways into the overlay for programs that are not in it.
    #[serde(default)]
    pub proxies: crate::Proxies,
    /// Who is signed in, by server, and the groups that ask for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sign_ins: Vec<crate::SignInState>,
    /// What its owner should know.
    pub notices: Vec<Notice>,
}

/// A group that a node is in, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InGroup {
    /// What it is called.
    pub group: String,
    /// What the node is called in it.
    pub name: Option<String>,
    /// It is locked: so many admins must agree, of so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<(u8, u8)>,
}

/// What the kernel does for many packets at once; found out while the node runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offloads {
    /// The interface passes large TCP frames, and leaves checksums to the node.
    pub interface_tcp: bool,
    /// The interface takes large UDP frames.
    pub interface_udp: bool,
    /// Datagrams leave in messages that the kernel cuts.
    pub send: bool,
    /// Datagrams come joined.
    pub receive: bool,
}

/// What the data threads did since the node started. The kernel was called for the first four; a
/// batch is one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Reads from the interface, also those that found nothing.
    pub interface_reads: u64,
    /// Writes to the interface.
    pub interface_writes: u64,
    /// Calls that sent datagrams.
    pub sends: u64,
    /// Calls that received datagrams.
    pub receives: u64,
    /// Datagrams sent.
    pub datagrams_out: u64,
    /// Datagrams received.
    pub datagrams_in: u64,
}

/// How programs reach the overlay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Where the TUN device is.
    pub mode: NetworkMode,
    /// Its name; `None` without one.
    pub name: Option<String>,
    /// Its MTU in bytes; 0 without one.
    pub mtu: u32,
    /// Its queues, each with a thread of the node; 0 without one.
    #[serde(default)]
    pub queues: u32,
}

/// Where the TUN device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// In the machine's own network: every program sees it.
    Kernel,
    /// In an unprivileged namespace: `kumi run` puts programs there.
    Rootless,
    /// There is none: sessions and `kumi ping` work, programs cannot use them.
    None,
}

/// A node certificate's times and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Its counter.
    pub counter: u64,
    /// Valid from, Unix seconds.
    pub not_before_unix_s: u64,
    /// Valid until, Unix seconds.
    pub not_after_unix_s: u64,
}

/// Bytes and packets of sessions: whole datagrams with header and tag, as UDP carries them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Packets sent.
    pub tx_packets: u64,
}

/// Something that the owner of a node should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// Names and values for the sentence about it, as documented at the kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
}

/// What a [`Notice`] is about; arguments in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// Another machine holds this node's keys. [address, endpoint]
    CloneSelf,
    /// Two machines hold a peer's keys. [address, endpoint, endpoint_other]
    ClonePeer,
    /// The node certificate ends within 10 days. `root` says why it was not renewed: `sealed`,
    /// `missing`, `failed`, or `open` when that was not tried. [not_after_unix_s, days, root]
    CertificateExpiring,
    /// The node certificate has ended. [not_after_unix_s, root]
    CertificateExpired,
    /// The TUN device could not be made. [detail]
    NoTun,
    /// A group protects ordinary addresses, and this node cannot capture their flows. [prefixes,
    /// detail]
    NoSite,
    /// Beacons can be neither sent nor received. [detail]
    NoBeacon,
    /// The system clock is behind the time that the node has stored. [behind_s]
    ClockBehind,
    /// Nothing outside this machine can reach the node by what it knows. []
    NoEndpoint,
    /// A proxy or a forward does not wait for connections. [listen, detail]
    NotListening,
    /// Beyond the gateway these announced or accepted prefixes are ordinary IP. [prefixes]
    BeyondGateway,
    /// A peer announces what is not accepted. [who, name, prefixes, accept: the options of
    /// `kumi allow` that would accept it]
    NotAccepted,
    /// A peer announces what another one, or this node, announces as well: neither has an
    /// effect, or only this node's. [who, name, prefixes]
    Contested,
    /// A prefix of a peer leads elsewhere on this machine. [prefix, device]
    PrefixElsewhere,
    /// A prefix is announced, and this machine does not forward. [prefix, sysctl]
    NotForwarding,
    /// A prefix is announced, but the interface is not in the machine's network. [prefix]
    NothingBehind,
    /// Groups wait for somebody to sign in. [groups]
    SignInNeeded,
    /// The sign-in ends soon. [groups, until_unix_s]
    SignInEnding,
    /// A notice of a newer node.
    #[serde(other)]
    Unknown,
}

impl NoticeKind {
    /// Every kind, for catalogues that must have a text for each.
    pub const ALL: &'static [NoticeKind] = &[
        NoticeKind::CloneSelf,
        NoticeKind::ClonePeer,
        NoticeKind::CertificateExpiring,
        NoticeKind::CertificateExpired,
        NoticeKind::NoTun,
        NoticeKind::NoSite,
        NoticeKind::NoBeacon,
        NoticeKind::ClockBehind,
        NoticeKind::NoEndpoint,
        NoticeKind::NotListening,
        NoticeKind::BeyondGateway,
        NoticeKind::NotAccepted,
        NoticeKind::Contested,
        NoticeKind::PrefixElsewhere,
        NoticeKind::NotForwarding,
        NoticeKind::NothingBehind,
        NoticeKind::SignInNeeded,
        NoticeKind::SignInEnding,
        NoticeKind::Unknown,
    ];

    /// The kind as it is written in JSON and in message catalogues.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeKind::CloneSelf => "clone-self",
            NoticeKind::ClonePeer => "clone-peer",
            NoticeKind::CertificateExpiring => "certificate-expiring",
            NoticeKind::CertificateExpired => "certificate-expired",
            NoticeKind::NoTun => "no-tun",
            NoticeKind::NoSite => "no-site",
            NoticeKind::NoBeacon => "no-beacon",
            NoticeKind::ClockBehind => "clock-behind",
            NoticeKind::NoEndpoint => "no-endpoint",
            NoticeKind::NotListening => "not-listening",
            NoticeKind::BeyondGateway => "beyond-gateway",
            NoticeKind::NotAccepted => "not-accepted",
            NoticeKind::Contested => "contested",
            NoticeKind::PrefixElsewhere => "prefix-elsewhere",
            NoticeKind::NotForwarding => "not-forwarding",
            NoticeKind::NothingBehind => "nothing-behind",
            NoticeKind::SignInNeeded => "sign-in-needed",
            NoticeKind::SignInEnding => "sign-in-ending",
            NoticeKind::Unknown => "unknown",
        }
    }
}

/// A peer and its session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// Address F.
    pub address: Ipv6Addr,
    /// What this node calls it, else what it calls itself.
    pub label: Option<String>,
    /// Whether there is a session.
    pub state: PeerState,
    /// What its packets come by and go by, with a session.
    pub via: Option<Via>,
    /// Smoothed round-trip time in milliseconds, once measured.
    pub rtt_ms: Option<f64>,
    /// Age of the newest handshake in seconds.
    pub handshake_age_s: Option<u64>,
    /// Time since the last packet from it in seconds.
    pub heard_age_s: Option<u64>,
    /// The largest inner packet of the session in bytes.
    pub mtu: Option<u32>,
    /// The AEAD of the session, e.g. `AES-256-GCM`.
    pub aead: Option<String>,
    /// Its software version, once it has said so.
    pub version: Option<String>,
    /// Position of its root key in the rotation log, once known.
    pub root_position: Option<u32>,
    /// Bytes and packets.
    pub traffic: Traffic,
    /// The entry that allows it: its address, or a root key.
    #[serde(default)]
    pub who: Option<Who>,
    /// What it may announce.
    #[serde(default)]
    pub accepts: Vec<Prefix>,
    /// What it announces.
    #[serde(default)]
    pub announces: Vec<Announced>,
    /// Where it may be, the best first.
    #[serde(default)]
    pub candidates: Vec<Candidate>,
}

/// A prefix that a peer announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The prefix.
    pub prefix: Prefix,
    /// What became of it.
    pub state: PrefixState,
}

/// What became of a prefix that a peer announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrefixState {
    /// It leads to the peer.
    Used,
    /// No allow entry accepts it.
    NotAccepted,
    /// Another accepted peer, or this node, announces the same.
    Contested,
}

/// Where a peer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Address and UDP port.
    pub endpoint: SocketAddr,
    /// Who says so.
    pub source: CandidateSource,
    /// How long ago that was last said, in seconds.
    #[serde(default)]
    pub age_s: u64,
}

/// Who says where a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateSource {
    /// Its invite.
    Invite,
    /// Its beacon on this LAN.
    Beacon,
    /// Its packets came from there.
    Observed,
    /// It told in a session.
    Told,
}

/// A new invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// The line: whoever has it first gets in, so it is a secret.
    pub line: String,
    /// When it expires, Unix seconds.
    pub expires_unix_s: u64,
    /// The endpoints written in it.
    pub endpoints: Vec<SocketAddr>,
}

/// An invite that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The peer's address F.
    pub peer: Ipv6Addr,
    /// What this node calls it, else what it calls itself.
    pub label: Option<String>,
    /// What the session runs over.
    pub via: Via,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// An entry of the allowlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Who.
    pub who: Who,
    /// What it may reach.
    pub services: Services,
    /// What it is called.
    pub label: Option<String>,
    /// What it may announce.
    #[serde(default)]
    pub accepts: Vec<Prefix>,
    /// When it was added, Unix seconds.
    pub added_unix_s: u64,
}

/// One echo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Echo {
    /// Its number, from 1.
    pub seq: u32,
    /// What came of it.
    pub result: EchoResult,
}

/// What came of an echo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EchoResult {
    /// The answer came.
    Answered {
        /// Round-trip time in milliseconds.
        rtt_ms: f64,
        /// What it came by.
        via: Via,
    },
    /// No answer in time.
    Lost,
}

/// The end of a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingDone {
    /// Echoes sent.
    pub sent: u32,
    /// Answers received.
    pub received: u32,
}

/// The identity was read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Connected peers that were told.
    pub peers: u32,
}

/// Where `kumi run` finds the overlay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// The process that holds the namespaces.
    pub holder_pid: u32,
    /// Address F inside.
    pub address: Ipv6Addr,
}

/// What a bug report needs beside status and peers. No key, secret or payload is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Named texts, e.g. `events`, `threads`, `journal`.
    pub sections: Vec<ReportSection>,
}

/// A named part of a bug report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportSection {
    /// Its name.
    pub name: String,
    /// Its lines.
    pub lines: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_written_as_its_text_and_a_foreign_one_is_unknown() {
        for kind in NoticeKind::ALL {
            let json = serde_json::to_string(kind).unwrap();
            assert_eq!(json, format!("\"{}\"", kind.as_str()));
        }
        assert_eq!(
            serde_json::from_str::<NoticeKind>("\"later\"").unwrap(),
            NoticeKind::Unknown
        );
    }
}
