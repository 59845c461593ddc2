//! New nodes that attach to the Bridge, each by a line of its own, one after the other.
//!
//! Each is a real node with a UDP socket for a shell. Its time is from the first datagram until the
//! Bridge has taken it as a client, which is a handshake and two messages.

use std::net::UdpSocket;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use identity::crypto::{AwsLc, HashRng};
use identity::{
    HotKeys, Inception, LocalIdentity, PublicIdentity, Scopes, Terms, issue_certificate,
};
use node::{Event, Node, NodeConfig, Output, Stored, StreamEvent};
use wire::ip::Ecn;
use wire::{Now, Path};

/// After this a node gives up.
const PATIENCE: Duration = Duration::from_secs(8);

/// Attaches a node for each line of the file, one every `every_ms`, and prints their times in
/// milliseconds as JSON: `null` for those that gave up.
///
/// # Panics
/// When there is no such file.
pub fn attach_all(lines: &str, every_ms: u64) {
    let lines = std::fs::read_to_string(lines).expect("a file of lines");
    let ready: Vec<_> = lines
        .lines()
        .map(|line| (identity(), line.to_owned()))
        .collect();
    let start = Instant::now();
    let mut threads: Vec<JoinHandle<Option<Duration>>> = Vec::new();
    for ((me, line), n) in ready.into_iter().zip(0_u32..) {
        let due = Duration::from_millis(every_ms) * n;
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        threads.push(std::thread::spawn(move || attach(me, &line)));
    }
    let times: Vec<Option<f64>> = threads
        .into_iter()
        .map(|thread| thread.join().expect("no panic"))
        .map(|time| time.map(|time| time.as_secs_f64() * 1_000.0))
        .collect();
    println!("{}", serde_json::json!(times));
}

fn identity() -> LocalIdentity {
    let mut rng = HashRng::new(os::random::seed().expect("entropy"));
    let new = Inception::create(&AwsLc, &mut rng, None).expect("an inception record");
    let hot = HotKeys::generate(&AwsLc, &mut rng);
    let now_unix_s = os::clock::unix_s();
    let terms = Terms {
        counter: 1,
        not_before_unix_s: now_unix_s - 60,
        not_after_unix_s: now_unix_s + 86_400,
        scopes: Scopes::ALL,
    };
    let certificate = issue_certificate(&AwsLc, &new.root, &new.history, &hot, &terms);
    let public = PublicIdentity {
        history: new.history,
        certificate: certificate.expect("a certificate"),
    };
    LocalIdentity::new(public, hot).expect("an identity")
}

fn now() -> Now {
    Now {
        mono: os::clock::monotonic(),
        unix_s: os::clock::unix_s(),
    }
}

fn attach(me: LocalIdentity, line: &str) -> Option<Duration> {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    let config = NodeConfig {
        discovery: false,
        ..NodeConfig::default()
    };
    let (crypto, seed) = (Arc::new(AwsLc), os::random::seed().expect("entropy"));
    let mut node = Node::new(config, me, Stored::default(), crypto, seed, now()).expect("a node");
    let start = Instant::now();
    node.add_bridge(now(), line, None)
        .expect("a line of the Bridge");
    let mut buffer = [0; 2_048];
    while start.elapsed() < PATIENCE {
        if drain(&mut node, &socket) {
            return Some(start.elapsed());
        }
        let due = node.poll_timeout().map(|(at, _)| at);
        let wait = due.map_or(PATIENCE, |at| at.saturating_sub(now().mono));
        let wait = wait.clamp(Duration::from_millis(1), Duration::from_millis(500));
        socket.set_read_timeout(Some(wait)).expect("a timeout");
        if let Ok((len, from)) = socket.recv_from(&mut buffer) {
            node.handle_datagram(now(), from, Ecn::NotEct, &mut buffer[..len]);
        } else {
            node.handle_timeout(now());
        }
    }
    None
}

/// Does what the node asks for; whether the Bridge has taken it.
fn drain(node: &mut Node, socket: &UdpSocket) -> bool {
    let mut taken = false;
    while let Some(output) = node.poll_output() {
        match output {
            Output::Transmit {
                to: Path::Udp(to),
                payload,
                ..
            } => {
                let _ = socket.send_to(&payload, to);
            }
            Output::Dial { at, .. } => node.handle_stream(now(), StreamEvent::Failed { at }),
            Output::Event(Event::BridgeUp { .. }) => taken = true,
            _ => {}
        }
    }
    taken
}
