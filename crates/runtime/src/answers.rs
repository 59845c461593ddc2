//! What a node knows, as the values of the control interface. Pure.

use api::{ApiError, Code};
use group::{AllowEntry, AllowError};
use node::{ConnectError, InviteError, JoinError, NodeStatus, PeerStatus, PingError};
use std::time::Duration;
use wire::NodeAddr;

/// A peer for `kumi peers`; `None` while it is only a key.
pub fn peer(peer: PeerStatus) -> Option<api::Peer> {
    let session = peer.session.as_ref();
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    Some(api::Peer {
        address: peer.f?.to_ipv6(),
        label: peer.label.clone().or_else(|| session?.host_label.clone()),
        state: peer_state(peer.state),
        via: session.and(peer.via).map(via),
        rtt_ms: session.and_then(|session| session.rtt).map(millis),
        handshake_age_s: session.map(|session| session.handshake_age.as_secs()),
        heard_age_s: session
            .and_then(|session| session.last_heard)
            .map(|age| age.as_secs()),
        mtu: session.map(|session| u32::from(session.peer_mtu)),
        aead: session.map(|session| session.aead.to_owned()),
        version: session.and_then(|session| session.software_version.clone()),
        root_position: peer.position,
        traffic: traffic(&peer),
        who: Some(api_who(peer.who)),
        accepts: peer.accepts.iter().copied().map(api::Prefix).collect(),
        announces: peer.announces.iter().map(announced).collect(),
        candidates: peer.candidates.iter().map(candidate).collect(),
    })
}

fn announced(row: &node::AnnouncedStatus) -> api::Announced {
    api::Announced {
        prefix: api::Prefix(row.prefix),
        state: match row.state {
            node::PrefixState::Used => api::PrefixState::Used,
            node::PrefixState::NotAccepted => api::PrefixState::NotAccepted,
            node::PrefixState::Contested => api::PrefixState::Contested,
        },
    }
}

/// How a peer or Bridge stands.
pub const fn peer_state(state: node::PeerState) -> api::PeerState {
    match state {
        node::PeerState::Up => api::PeerState::Connected,
        node::PeerState::Connecting => api::PeerState::Connecting,
        node::PeerState::Idle => api::PeerState::Idle,
        node::PeerState::Wanted => api::PeerState::Unreachable,
    }
}

/// What a session runs over.
pub fn via(via: node::Via) -> api::Via {
    match via {
        node::Via::Direct(at) => api::Via::Direct(at),
        node::Via::Stream(at) => api::Via::Stream(at),
        node::Via::Bridge(bridge) => api::Via::Bridge(bridge.to_ipv6()),
    }
}

fn candidate(candidate: &node::CandidateStatus) -> api::Candidate {
    api::Candidate {
        endpoint: candidate.endpoint,
        source: match candidate.source {
            node::Source::Observed => api::CandidateSource::Observed,
            node::Source::Beacon => api::CandidateSource::Beacon,
            node::Source::Told => api::CandidateSource::Told,
            node::Source::Invite => api::CandidateSource::Invite,
        },
        age_s: candidate.age.as_secs(),
    }
}

const fn traffic(peer: &PeerStatus) -> api::Traffic {
    api::Traffic {
        rx_bytes: peer.traffic.rx_bytes,
        tx_bytes: peer.traffic.tx_bytes,
        rx_packets: peer.traffic.rx_packets,
        tx_packets: peer.traffic.tx_packets,
    }
}

/// The traffic of all peers since the start.
pub fn traffic_of(peers: &[PeerStatus]) -> api::Traffic {
    peers
        .iter()
        .map(traffic)
        .fold(api::Traffic::default(), |sum, one| api::Traffic {
            rx_bytes: sum.rx_bytes.saturating_add(one.rx_bytes),
            tx_bytes: sum.tx_bytes.saturating_add(one.tx_bytes),
            rx_packets: sum.rx_packets.saturating_add(one.rx_packets),
            tx_packets: sum.tx_packets.saturating_add(one.tx_packets),
        })
}

/// What the owner should know of the certificate and of this host. `obstacle`: why the
/// certificate was not renewed when it was due.
pub fn notices(
    status: &NodeStatus,
    now_unix_s: u64,
    obstacle: Option<&'static str>,
) -> Vec<api::Notice> {
    let mut notices = Vec::new();
    let end = status.certificate_not_after;
    let root = obstacle.unwrap_or("open");
    if now_unix_s >= end {
        let args: [(&str, &dyn ToString); 2] = [("not_after_unix_s", &end), ("root", &root)];
        notices.push(notice(api::NoticeKind::CertificateExpired, &args));
    } else if end - now_unix_s <= identity::EXPIRY_WARNING_S {
        let days = (end - now_unix_s) / 86_400;
        let args: [(&str, &dyn ToString); 3] =
            [("not_after_unix_s", &end), ("days", &days), ("root", &root)];
        notices.push(notice(api::NoticeKind::CertificateExpiring, &args));
    }
    if status.local_endpoints.is_empty() {
        notices.push(notice(api::NoticeKind::NoEndpoint, &[]));
    }
    notices
}

/// A notice with these arguments.
pub fn notice(kind: api::NoticeKind, args: &[(&str, &dyn ToString)]) -> api::Notice {
    let args = args
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.to_string()));
    api::Notice {
        kind,
        args: args.collect(),
    }
}

/// An entry of the allowlist for `kumi list`.
pub fn entry(entry: &AllowEntry) -> api::Entry {
    api::Entry {
        who: api_who(entry.who),
        services: allowed(&entry.services),
        label: entry.label.clone(),
        accepts: entry.accepts.iter().copied().map(api::Prefix).collect(),
        added_unix_s: entry.added_unix_s,
    }
}

/// What a peer may reach.
pub fn allowed(services: &group::Services) -> api::Services {
    match services {
        group::Services::All => api::Services::All,
        group::Services::Ports(ranges) => {
            api::Services::Ports(ranges.iter().map(api_range).collect())
        }
    }
}

/// Whom an entry names.
pub fn api_who(who: group::Who) -> api::Who {
    match who {
        group::Who::Address(f) => api::Who::Address(f.to_ipv6()),
        group::Who::RootKey(key) => api::Who::RootKey(key),
    }
}

fn api_range(range: &group::PortRange) -> api::PortRange {
    let proto = match range.proto {
        group::Proto::Tcp => api::Proto::Tcp,
        group::Proto::Udp => api::Proto::Udp,
    };
    api::PortRange {
        proto,
        lo: range.lo,
        hi: range.hi,
    }
}

/// Whom a request names.
pub fn who(who: api::Who) -> group::Who {
    match who {
        api::Who::Address(address) => group::Who::Address(NodeAddr(address.octets())),
        api::Who::RootKey(key) => group::Who::RootKey(key),
    }
}

/// A protocol of a request.
pub const fn proto(proto: api::Proto) -> group::Proto {
    match proto {
        api::Proto::Tcp => group::Proto::Tcp,
        api::Proto::Udp => group::Proto::Udp,
    }
}

/// What a request allows.
pub fn services(services: &api::Services) -> group::Services {
    let range = |range: &api::PortRange| group::PortRange {
        proto: proto(range.proto),
        lo: range.lo,
        hi: range.hi,
    };
    match services {
        api::Services::All => group::Services::All,
        api::Services::Ports(ranges) => group::Services::Ports(ranges.iter().map(range).collect()),
    }
}

/// Why an entry was not taken.
pub fn allow_error(error: &AllowError) -> ApiError {
    match error {
        AllowError::Full => ApiError::new(Code::AllowlistFull).with("max", group::ENTRIES_MAX),
        AllowError::Own => ApiError::new(Code::OwnAddress),
        AllowError::TooManyPrefixes => {
            ApiError::new(Code::TooManyPrefixes).with("max", group::ACCEPTED_MAX)
        }
        AllowError::Prefix(prefix) => ApiError::new(Code::PrefixRefused).with("prefix", prefix),
        other => ApiError::new(Code::BadRequest).with("detail", other),
    }
}

/// Why no invite was made.
pub fn invite_error(error: InviteError) -> ApiError {
    match error {
        InviteError::NoEndpoint => ApiError::new(Code::NoEndpoint),
        InviteError::TooMany => ApiError::new(Code::InvitesFull).with("max", node::INVITES_MAX),
        other => ApiError::new(Code::Internal).with("detail", other),
    }
}

/// Why an invite line was not taken.
pub fn join_error(error: &JoinError) -> ApiError {
    use wire::invite::InviteError as Line;
    match error {
        JoinError::Line(Line::NotAnInvite) => ApiError::new(Code::NotAnInvite),
        JoinError::Line(Line::Damaged) => ApiError::new(Code::InviteDamaged),
        JoinError::Line(Line::NewerVersion { version }) => {
            ApiError::new(Code::InviteNewer).with("version", version)
        }
        JoinError::Expired { expired_unix_s } => {
            ApiError::new(Code::InviteExpired).with("expired_unix_s", expired_unix_s)
        }
        JoinError::NotAdmitted(group) => {
            let error = ApiError::new(Code::GroupRefused);
            error.with("refusal", "not-admitted").with("group", group)
        }
        JoinError::Own => ApiError::new(Code::InviteOwn),
        JoinError::Bridge => ApiError::new(Code::BridgeLine),
        JoinError::Allow(error) => allow_error(error),
        JoinError::Line(_) | JoinError::Identity(_) => {
            ApiError::new(Code::InviteIdentity).with("detail", error)
        }
        other => ApiError::new(Code::Internal).with("detail", other),
    }
}

/// Why a ping was not sent.
pub fn ping_error(error: PingError, peer: std::net::Ipv6Addr) -> ApiError {
    match error {
        PingError::Connect(ConnectError::Own(_)) => ApiError::new(Code::OwnAddress),
        PingError::Connect(
            ConnectError::NotANode(_) | ConnectError::Denied(_) | ConnectError::NotAllowed(_),
        ) => ApiError::new(Code::UnknownPeer).with("peer", peer),
        other => ApiError::new(Code::Internal).with("detail", other),
    }
}
