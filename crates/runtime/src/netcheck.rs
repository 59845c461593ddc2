//! What this network lets through: `kumi netcheck`.
//!
//! Runs on the thread of the program that asks. Every Bridge is asked over the session with it,
//! which tries UDP again where it is over a stream ([`api::BridgeRequest::Probe`]); beside
//! that plain TCP connections are made to the Bridges' ports and to the places that were
//! named, each on a thread of its own. One check at a time, at most [`LIMIT`].
//!
//! | limit | value |
//! |---|---|
//! | checks at once | 1 |
//! | TCP connections of one check | 2 for each of `node::BRIDGES_MAX`, and `api::TARGETS_MAX` |

use crate::asked::{Asked, REPLIES_LEN_MAX};
use crate::inbox::Inbox;
use crate::shared::Input;
use api::{
    ApiError, BridgeCheck, BridgeRequest, Code, Nat, Netcheck, Reply, Request, Response, Status,
    TcpCheck, TcpFailure, UsedBridge, Verdict, Via,
};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::time::{Duration, Instant};

/// A check takes no longer.
pub const LIMIT: Duration = Duration::from_secs(5);
/// How long Bridges are given to answer.
const BRIDGES_LIMIT: Duration = Duration::from_secs(3);
/// How long a TCP connection is given.
const TCP_LIMIT: Duration = Duration::from_secs(3);
/// How often the Bridges are looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long the slow path may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// The resolver is the C library's.
const STACK_LEN: usize = 512 * 1024;

static TURN: Mutex<()> = Mutex::new(());

/// A TCP connection that was asked for: by its place in the list, how long it took.
type Dialled = (usize, Result<Duration, TcpFailure>);

/// Looks what the network lets through.
///
/// # Errors
/// Another check runs, or the node is stopping.
pub fn run(inbox: &Inbox, discovery: bool, targets: &[String]) -> Reply {
    let Ok(_turn) = TURN.try_lock() else {
        return Err(ApiError::new(Code::Internal).with("detail", "another netcheck is running"));
    };
    let begun = Instant::now();
    ask(inbox, Request::Bridge(BridgeRequest::Probe))?;
    let known = status(inbox)?.bridges;
    let ports = known.iter().flat_map(one_of_each_version);
    let mut dials: Vec<String> = ports.map(|at| at.to_string()).collect();
    dials.extend_from_slice(targets);
    let dialled = dial_all(&dials);
    let status = wait_for_bridges(inbox, begun)?;
    let results = collect(&dialled, dials.len(), begun);
    let tcp = |target: String| {
        let at = dials.iter().position(|dial| *dial == target);
        let result = at.and_then(|at| results.get(&at)).copied();
        tcp_check(target, result.unwrap_or(Err(TcpFailure::Silent)))
    };
    let bridges: Vec<BridgeCheck> = status
        .bridges
        .iter()
        .map(|used| {
            let ports = one_of_each_version(used).map(|at| tcp(at.to_string()));
            bridge_check(used, ports.collect(), begun.elapsed())
        })
        .collect();
    let nat = nat(&status.endpoints, &bridges);
    Ok(Response::Netcheck(Box::new(Netcheck {
        verdict: verdict(&status.endpoints, &bridges, nat),
        udp_port: status.listen.port(),
        discovery,
        targets: targets.iter().cloned().map(tcp).collect(),
        endpoints: status.endpoints,
        bridges,
        nat,
    })))
}

fn ask(inbox: &Inbox, request: Request) -> Reply {
    let stopping = || ApiError::new(Code::Stopping);
    let (reply, replies) = sync_channel(REPLIES_LEN_MAX);
    if !inbox.send(Input::Request(Asked { request, reply })) {
        return Err(stopping());
    }
    replies
        .recv_timeout(ANSWER_LIMIT)
        .unwrap_or_else(|_| Err(stopping()))
}

fn status(inbox: &Inbox) -> Result<Status, ApiError> {
    match ask(inbox, Request::Status)? {
        Response::Status(status) => Ok(*status),
        _ => Err(ApiError::new(Code::Internal)),
    }
}

/// The first endpoint of IPv4 and that of IPv6.
fn one_of_each_version(used: &UsedBridge) -> impl Iterator<Item = SocketAddr> + use<> {
    let first = |v4: bool| used.endpoints.iter().find(|at| at.is_ipv4() == v4).copied();
    first(true).into_iter().chain(first(false))
}

/// Waits until every Bridge has answered over UDP, or as long as they are given.
fn wait_for_bridges(inbox: &Inbox, begun: Instant) -> Result<Status, ApiError> {
    loop {
        let status = status(inbox)?;
        let elapsed = begun.elapsed();
        let answered = |used: &UsedBridge| is_udp(used, elapsed) && used.rtt_ms.is_some();
        if elapsed >= BRIDGES_LIMIT || status.bridges.iter().all(answered) {
            return Ok(status);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Whether something came from it over UDP since then.
fn is_udp(used: &UsedBridge, elapsed: Duration) -> bool {
    matches!(used.via, Some(Via::Direct(_))) && was_heard(used, elapsed)
}

fn was_heard(used: &UsedBridge, elapsed: Duration) -> bool {
    used.heard_age_ms
        .is_some_and(|age| u128::from(age) <= elapsed.as_millis())
}

fn bridge_check(used: &UsedBridge, tcp: Vec<TcpCheck>, elapsed: Duration) -> BridgeCheck {
    let heard = was_heard(used, elapsed);
    BridgeCheck {
        address: used.address,
        endpoints: used.endpoints.clone(),
        udp: is_udp(used, elapsed),
        tcp,
        attached: used.attached && heard,
        refusal: used.refusal,
        via: used.via.filter(|_| heard),
        rtt_ms: used.rtt_ms.filter(|_| heard),
        observed: used.observed.filter(|_| heard),
        datagram_max: used.datagram_max.filter(|_| heard),
    }
}

/// Makes all connections at once; those that come too late are not waited for.
fn dial_all(targets: &[String]) -> Receiver<Dialled> {
    let (sender, results) = channel();
    for (index, target) in targets.iter().cloned().enumerate() {
        let sender = sender.clone();
        let thread = std::thread::Builder::new().name("kumi-netcheck".to_owned());
        let spawned = thread.stack_size(STACK_LEN).spawn(move || {
            let _ = sender.send((index, dial(&target)));
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "netcheck");
        }
    }
    results
}

fn dial(target: &str) -> Result<Duration, TcpFailure> {
    let mut found = target.to_socket_addrs().map_err(|_| TcpFailure::Name)?;
    let at = found.next().ok_or(TcpFailure::Name)?;
    let begun = Instant::now();
    match TcpStream::connect_timeout(&at, TCP_LIMIT) {
        Ok(_) => Ok(begun.elapsed()),
        Err(error) => Err(match error.kind() {
            ErrorKind::ConnectionRefused => TcpFailure::Refused,
            ErrorKind::TimedOut | ErrorKind::WouldBlock => TcpFailure::Silent,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => TcpFailure::Unreachable,
            _ => TcpFailure::Other,
        }),
    }
}

fn collect(
    results: &Receiver<Dialled>,
    count: usize,
    begun: Instant,
) -> BTreeMap<usize, Result<Duration, TcpFailure>> {
    let mut all = BTreeMap::new();
    while all.len() < count {
        let left = LIMIT.saturating_sub(begun.elapsed());
        let Ok((index, result)) = results.recv_timeout(left) else {
            break;
        };
        all.insert(index, result);
    }
    all
}

fn tcp_check(target: String, result: Result<Duration, TcpFailure>) -> TcpCheck {
    TcpCheck {
        target,
        took_ms: result.ok().map(|took| took.as_secs_f64() * 1000.0),
        failure: result.err(),
    }
}

/// What lies between this machine and its Bridges, by what they see. Only what was seen over
/// UDP compares: a stream has a port of its own.
fn nat(own: &[SocketAddr], bridges: &[BridgeCheck]) -> Nat {
    let seen = |bridge: &BridgeCheck| bridge.observed;
    let own_ip = |at: SocketAddr| own.iter().any(|own| own.ip() == at.ip());
    if bridges.iter().filter_map(seen).any(own_ip) {
        return Nat::None;
    }
    let over_udp = bridges.iter().filter(|bridge| bridge.udp).filter_map(seen);
    let (v4, v6): (Vec<SocketAddr>, Vec<_>) = over_udp.partition(SocketAddr::is_ipv4);
    let several = [v4, v6].into_iter().find(|seen| seen.len() > 1);
    match several {
        Some(seen) if seen.windows(2).all(|pair| pair.first() == pair.last()) => Nat::Same,
        Some(_) => Nat::Differs,
        None if bridges.iter().any(|bridge| bridge.observed.is_some()) => Nat::Behind,
        None => Nat::Unknown,
    }
}

fn verdict(own: &[SocketAddr], bridges: &[BridgeCheck], nat: Nat) -> Verdict {
    let attached = |udp: bool| move |b: &BridgeCheck| b.attached && (b.udp || !udp);
    let is_there =
        |b: &BridgeCheck| b.refusal.is_some() || b.udp || b.tcp.iter().any(|t| t.failure.is_none());
    if bridges.iter().any(attached(true)) {
        return match nat {
            Nat::None => Verdict::Open,
            _ => Verdict::Nat,
        };
    }
    if bridges.iter().any(attached(false)) {
        return Verdict::TcpOnly;
    }
    match (bridges.is_empty(), own) {
        _ if bridges.iter().any(is_there) => Verdict::Refused,
        (_, []) => Verdict::Offline,
        (false, _) => Verdict::Blocked,
        (true, own) if own.iter().any(|at| api::is_global(at.ip())) => Verdict::Global,
        (true, _) => Verdict::LanOnly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// A Bridge that has taken this node over UDP, or over a stream, and sees it there.
    fn bridge(udp: bool, observed: &str) -> BridgeCheck {
        BridgeCheck {
            address: "fc00::1".parse().unwrap(),
            endpoints: vec![at("192.0.2.2:4649")],
            udp,
            tcp: vec![tcp_check("192.0.2.2:4649".to_owned(), Ok(LOOK_AGAIN))],
            attached: true,
            refusal: None,
            via: None,
            rtt_ms: None,
            observed: Some(at(observed)),
            datagram_max: None,
        }
    }

    #[test]
    fn what_bridges_see_tells_of_a_nat() {
        let own = [at("192.168.1.2:4649")];
        let of = |bridges: &[BridgeCheck]| nat(&own, bridges);
        assert_eq!(of(&[]), Nat::Unknown);
        assert_eq!(of(&[bridge(true, "192.168.1.2:4649")]), Nat::None);
        let (one, same) = (
            bridge(true, "203.0.113.2:700"),
            bridge(true, "203.0.113.2:700"),
        );
        let other = bridge(true, "203.0.113.2:701");
        assert_eq!(of(std::slice::from_ref(&one)), Nat::Behind);
        assert_eq!(of(&[one.clone(), same]), Nat::Same);
        assert_eq!(of(&[one.clone(), other]), Nat::Differs);
        // A stream's port is not that of UDP, and IPv6 does not compare with IPv4.
        assert_eq!(
            of(&[one.clone(), bridge(false, "203.0.113.2:9")]),
            Nat::Behind
        );
        assert_eq!(of(&[one, bridge(true, "[2001:db8::1]:700")]), Nat::Behind);
    }

    #[test]
    fn the_verdict_is_the_best_that_any_bridge_offers() {
        let own = [at("192.168.1.2:4649")];
        let of = |bridges: &[BridgeCheck]| verdict(&own, bridges, nat(&own, bridges));
        let (udp, tcp) = (
            bridge(true, "203.0.113.2:700"),
            bridge(false, "203.0.113.2:9"),
        );
        let mut full = tcp.clone();
        (full.attached, full.observed) = (false, None);
        let mut dead = full.clone();
        dead.tcp = vec![tcp_check(
            "192.0.2.2:4649".to_owned(),
            Err(TcpFailure::Silent),
        )];
        assert_eq!(of(&[tcp.clone(), udp, dead.clone()]), Verdict::Nat);
        assert_eq!(of(&[bridge(true, "192.168.1.2:1")]), Verdict::Open);
        assert_eq!(of(&[dead.clone(), tcp]), Verdict::TcpOnly);
        assert_eq!(of(&[dead.clone(), full]), Verdict::Refused);
        assert_eq!(of(&[dead]), Verdict::Blocked);
        assert_eq!(of(&[]), Verdict::LanOnly);
        assert_eq!(verdict(&[], &[], Nat::Unknown), Verdict::Offline);
        let global = [at("198.51.100.7:4649")];
        assert_eq!(verdict(&global, &[], Nat::Unknown), Verdict::Global);
    }

    #[test]
    fn a_connection_is_made_refused_or_has_no_name() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let targets = [format!("127.0.0.1:{port}"), "no port".to_owned()];
        let results = collect(&dial_all(&targets), 2, Instant::now());
        assert!(results[&0].is_ok(), "{results:?}");
        assert_eq!(results[&1], Err(TcpFailure::Name));
        drop(listener);
        assert_eq!(dial(&targets[0]), Err(TcpFailure::Refused));
    }
}
