//! What the owner should know of IPv4 inside and announced prefixes.

use crate::answers::notice;
use api::{NetworkMode, Notice, NoticeKind};
use node::{PeerStatus, PrefixState};
use wire::Prefix;

/// Notices of one kind are given for at most this many peers, and so many prefixes are named in
/// one.
pub const NAMED_MAX: usize = 16;

/// What is known of this node's own side.
#[derive(Debug, Clone, Copy)]
pub struct Own<'a> {
    /// What it announces beside its own addresses.
    pub behind: &'a [Prefix],
    /// Where its interface is.
    pub mode: NetworkMode,
    /// Prefixes of peers that lead to other interfaces, and to which.
    pub elsewhere: &'a [(Prefix, String)],
}

/// Everything about prefixes.
pub fn notices(own: Own<'_>, peers: &[PeerStatus]) -> Vec<Notice> {
    let mut notices = Vec::new();
    let used = peers.iter().flat_map(|peer| of(peer, PrefixState::Used));
    let plain: Vec<Prefix> = own.behind.iter().copied().chain(used).collect();
    if !plain.is_empty() {
        let prefixes = listed(&plain);
        notices.push(notice(
            NoticeKind::BeyondGateway,
            &[("prefixes", &prefixes)],
        ));
    }
    notices.extend(gateway(own));
    for (prefix, device) in own.elsewhere.iter().take(NAMED_MAX) {
        let args: [(&str, &dyn ToString); 2] = [("prefix", prefix), ("device", device)];
        notices.push(notice(NoticeKind::PrefixElsewhere, &args));
    }
    let without_effect = |state| {
        let affected = peers
            .iter()
            .filter(move |peer| of(peer, state).next().is_some());
        affected.take(NAMED_MAX)
    };
    for peer in without_effect(PrefixState::NotAccepted) {
        let prefixes: Vec<Prefix> = of(peer, PrefixState::NotAccepted).collect();
        let texts = prefixes.iter().map(|prefix| format!("--accept {prefix}"));
        let accept = texts.collect::<Vec<_>>().join(" ");
        let args: [(&str, &dyn ToString); 4] = [
            ("who", &crate::answers::api_who(peer.who)),
            ("name", &name(peer)),
            ("prefixes", &listed(&prefixes)),
            ("accept", &accept),
        ];
        notices.push(notice(NoticeKind::NotAccepted, &args));
    }
    for peer in without_effect(PrefixState::Contested) {
        let prefixes: Vec<Prefix> = of(peer, PrefixState::Contested).collect();
        let args: [(&str, &dyn ToString); 3] = [
            ("who", &crate::answers::api_who(peer.who)),
            ("name", &name(peer)),
            ("prefixes", &listed(&prefixes)),
        ];
        notices.push(notice(NoticeKind::Contested, &args));
    }
    notices
}

/// Whether what lies behind this node can be reached through it.
fn gateway(own: Own<'_>) -> Vec<Notice> {
    let of_family = |is_v6: bool| own.behind.iter().find(|prefix| prefix.is_v4() != is_v6);
    let Some(any) = own.behind.first() else {
        return Vec::new();
    };
    if own.mode != NetworkMode::Kernel {
        return vec![notice(NoticeKind::NothingBehind, &[("prefix", any)])];
    }
    let mut notices = Vec::new();
    for is_v6 in [false, true] {
        if let Some(prefix) = of_family(is_v6)
            && !os::interface::is_forwarding(is_v6)
        {
            let sysctl = os::interface::forwarding_sysctl(is_v6);
            let args: [(&str, &dyn ToString); 2] = [("prefix", prefix), ("sysctl", &sysctl)];
            notices.push(notice(NoticeKind::NotForwarding, &args));
        }
    }
    notices
}

fn of(peer: &PeerStatus, state: PrefixState) -> impl Iterator<Item = Prefix> {
    let announced = peer.announces.iter().filter(move |row| row.state == state);
    announced.map(|row| row.prefix)
}

/// What the owner calls a peer, else its address.
fn name(peer: &PeerStatus) -> String {
    let address = || peer.f.map(|f| f.to_string());
    peer.label.clone().or_else(address).unwrap_or_default()
}

fn listed(prefixes: &[Prefix]) -> String {
    let mut texts: Vec<String> = prefixes
        .iter()
        .take(NAMED_MAX)
        .map(ToString::to_string)
        .collect();
    if prefixes.len() > NAMED_MAX {
        texts.push("…".to_owned());
    }
    texts.join(", ")
}
