//! Two real nodes on a small network: start, invite, join, ping, traffic through their
//! namespaces, idle costs, kill -9, removal, stop.
//!
//! ```text
//!  network of this test (a namespace)      lan0 192.0.2.1 ---- lan1 (the other end)
//!    node a: UDP, beacons   -> holder -> its own namespace with kumi0
//!    node b: UDP, beacons   -> holder -> its own namespace with kumi0
//! ```
//!
//! The program starts itself again in other roles. As root the nodes run as user 65534
//! without capabilities; an ordinary user's nodes run as that user.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test, without libtest

use api::{Request, Response};
use identity::crypto::{AwsLc, HashRng};
use identity::{
    HotKeys, Inception, LocalIdentity, PublicIdentity, Scopes, Terms, issue_certificate,
};
use os::{control, files, holder, netlink, netns, process};
use runtime::{InterfaceMode, Routes, Settings, names};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv6Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const NOBODY: u32 = 65_534;
const TRANSFER_LEN: usize = 8 * 1024 * 1024;
/// Issue 2: the resident size of an idle node, in KiB.
const RESIDENT_KIB_MAX: u64 = 12 * 1024;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let arg = |at: usize| args[at].as_str();
    match args.get(1).map(String::as_str) {
        Some(holder::VERB) => return ExitCode::from(holder::serve()),
        Some("node") => node(Path::new(arg(2)), arg(3).parse().unwrap()),
        Some("inside") => inside(arg(2).parse().unwrap(), arg(3), arg(4).parse().unwrap()),
        Some("world") => world(),
        _ => {
            let copy = std::env::temp_dir().join(format!("kumi-running-{}", std::process::id()));
            std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
            let status = Command::new(&copy).arg("world").status().unwrap();
            std::fs::remove_file(&copy).unwrap();
            assert!(status.success());
        }
    }
    ExitCode::SUCCESS
}

/// This program, readable by every user.
fn this() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn identity(seed: u8) -> LocalIdentity {
    let mut rng = HashRng::new([seed; 32]);
    let new = Inception::create(&AwsLc, &mut rng, None).unwrap();
    let hot = HotKeys::generate(&AwsLc, &mut rng);
    let terms = Terms {
        counter: 1,
        not_before_unix_s: 1_700_000_000,
        not_after_unix_s: 4_000_000_000,
        scopes: Scopes::ALL,
    };
    let certificate = issue_certificate(&AwsLc, &new.root, &new.history, &hot, &terms).unwrap();
    LocalIdentity::new(
        PublicIdentity {
            history: new.history,
            certificate,
        },
        hot,
    )
    .unwrap()
}

fn node(state: &Path, seed: u8) {
    let settings = Settings {
        site: Vec::new(),
        group_sites: true,
        directories: files::Directories::under(state),
        identity: identity(seed),
        reload: Box::new(move || Ok(identity(seed))),
        renew: Box::new(|| Ok(runtime::Renewal::Missing)),
        port: 0,
        interface: "kumi0".to_owned(),
        mode: InterfaceMode::Rootless,
        routes: Routes::Overlay,
        mtu: 1400,
        addresses: vec![([10, 77, 0, seed].into(), 32)],
        announce: Vec::new(),
        offloads: true,
        queues: 2,
        discovery: true,
        https: None,
        proxies: runtime::ProxySettings::default(),
        label: Some(format!("node {seed}")),
        version: "test".to_owned(),
    };
    runtime::run(settings, |ready| {
        process::report_ready(&ready.address.to_string()).unwrap();
    })
    .unwrap();
}

/// A running node.
struct Running {
    child: Child,
    state: PathBuf,
    address: Ipv6Addr,
}

impl Running {
    fn start(state: &Path, seed: u8) -> Self {
        let mut command = Command::new(this());
        command
            .arg("node")
            .arg(state)
            .arg(seed.to_string())
            .stdout(Stdio::piped());
        if process::user_id() == 0 {
            std::os::unix::fs::chown(state, Some(NOBODY), Some(NOBODY)).unwrap();
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut child = command.spawn().unwrap();
        let address = line(child.stdout.take().unwrap()).parse().unwrap();
        Self {
            child,
            state: state.to_owned(),
            address,
        }
    }

    fn ask(&self, request: Request) -> Response {
        let mut answers = self.stream(request);
        assert_eq!(answers.len(), 1);
        answers.remove(0)
    }

    fn stream(&self, request: Request) -> Vec<Response> {
        let mut stream = control::connect(&self.state.join(names::SOCKET)).unwrap();
        stream
            .write_all(&api::encode_request(&request).unwrap())
            .unwrap();
        std::iter::from_fn(|| api::read_frame(&mut stream).unwrap())
            .map(|frame| api::decode_reply(&frame).unwrap().unwrap())
            .collect()
    }

    fn status(&self) -> api::Status {
        match self.ask(Request::Status) {
            Response::Status(status) => *status,
            other => panic!("{other:?}"),
        }
    }

    fn holder(&self) -> u32 {
        match self.ask(Request::Inside) {
            Response::Inside(inside) => inside.holder_pid,
            other => panic!("{other:?}"),
        }
    }

    /// Echoes answered by the peer.
    fn ping(&self, peer: &Running, count: u32) -> u32 {
        let ping = api::Ping {
            peer: peer.address,
            count,
            interval_ms: 50,
            timeout_ms: 8000,
        };
        let answers = self.stream(Request::Ping(ping));
        assert_eq!(answers.len(), count as usize + 1);
        match answers.last() {
            Some(Response::PingDone(done)) => done.received,
            other => panic!("{other:?}"),
        }
    }

    fn program(&self, role: &str, peer: IpAddr) -> Child {
        let mut command = Command::new(this());
        command.args([
            "inside",
            &self.holder().to_string(),
            role,
            &peer.to_string(),
        ]);
        if process::user_id() == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.stdout(Stdio::piped()).spawn().unwrap()
    }

    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.child.wait().unwrap().success());
        assert!(!self.state.join(names::SOCKET).exists());
    }
}

fn line(stdout: ChildStdout) -> String {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// Everything, in a network of its own.
fn world() {
    if process::user_id() == 0 {
        netns::unshare_network().unwrap();
    } else {
        netns::unshare_user_and_network().unwrap();
    }
    let mut netlink = netlink::Netlink::open().unwrap();
    netlink.add_veth("lan0", "lan1").unwrap();
    for name in ["lo", "lan0", "lan1"] {
        let index = netlink.link(name).unwrap().index;
        netlink.set_up(index, true).unwrap();
    }
    let index = netlink.link("lan0").unwrap().index;
    netlink
        .add_address(index, "192.0.2.1".parse().unwrap(), 24, false)
        .unwrap();

    let root = std::env::temp_dir().join(format!("kumi-running-{}.d", std::process::id()));
    let state = |name: &str| {
        let path = root.join(name);
        files::private_directory(&path).unwrap();
        path
    };
    let (state_a, state_b) = (state("a"), state("b"));
    std::fs::set_permissions(&root, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let a = Running::start(&state_a, 1);
    let b = Running::start(&state_b, 2);
    println!("nodes {} and {}", a.address, b.address);

    join(&a, &b);
    assert_eq!(b.ping(&a, 3), 3);
    traffic(&a, &b, a.address.into(), b.address.into());
    over_ipv4(&a, &b);
    idle(&a);
    second_start_is_refused(&a);
    let a = killed(a, &b);
    removed(&a, &b);
    a.stop();
    assert_eq!(b.ask(Request::Stop), Response::Done);
    let mut b = b;
    assert!(b.child.wait().unwrap().success());
    std::fs::remove_dir_all(&root).unwrap();
}

fn join(a: &Running, b: &Running) {
    // The invite names this node's addresses, which its LAN thread tells it at once.
    let deadline = Instant::now() + Duration::from_secs(5);
    while a.status().endpoints.is_empty() {
        assert!(Instant::now() < deadline, "no endpoints: {:?}", a.status());
        std::thread::sleep(Duration::from_millis(10));
    }
    let line = match a.ask(Request::Invite(api::Invite { expires_s: 3600 })) {
        Response::Invited(invited) => invited.line,
        other => panic!("{other:?}"),
    };
    let join = api::Join {
        line,
        label: Some("first".to_owned()),
        wait_ms: 10_000,
    };
    match b.ask(Request::Join(join)) {
        Response::Joined(joined) => {
            assert_eq!(joined.peer, a.address);
            assert_eq!(joined.label.as_deref(), Some("first"));
            println!("joined in {} ms", joined.took_ms);
        }
        other => panic!("{other:?}"),
    }
    // The inviter counts the session when the first packet of the joiner has come.
    let deadline = Instant::now() + Duration::from_secs(5);
    while (a.status().peers_connected, b.status().peers_connected) != (1, 1) {
        assert!(Instant::now() < deadline, "not connected: {:?}", a.status());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The same over IPv4 addresses inside, once each end accepts the other's.
fn over_ipv4(a: &Running, b: &Running) {
    let accept = |of: &Running| api::Allow {
        who: api::Who::Address(of.address),
        services: None,
        label: None,
        accept: Some(api::Accept::Add(vec!["10.77.0.0/24".parse().unwrap()])),
    };
    let announces = |of: &Running| match of.ask(Request::Peers) {
        Response::Peers { peers } => peers[0].announces.clone(),
        other => panic!("{other:?}"),
    };
    let told = announces(a);
    assert_eq!(told[0].prefix, "10.77.0.2/32".parse().unwrap());
    assert_eq!(told[0].state, api::PrefixState::NotAccepted);
    assert_eq!(a.ask(Request::Allow(accept(b))), Response::Done);
    assert_eq!(b.ask(Request::Allow(accept(a))), Response::Done);
    assert_eq!(announces(a)[0].state, api::PrefixState::Used);
    traffic(a, b, [10, 77, 0, 1].into(), [10, 77, 0, 2].into());
}

fn traffic(a: &Running, b: &Running, at_a: IpAddr, at_b: IpAddr) {
    let mut server = a.program("serve", at_b);
    assert_eq!(line(server.stdout.take().unwrap()), "listening");
    let started = Instant::now();
    let mut client = b.program("send", at_a);
    assert!(client.wait().unwrap().success());
    assert!(server.wait().unwrap().success());
    let rate = TRANSFER_LEN as f64 / started.elapsed().as_secs_f64() / 1e6;
    println!("{TRANSFER_LEN} bytes there and back, {rate:.0} MB/s each way");
    assert!(a.status().traffic.rx_bytes > TRANSFER_LEN as u64);
}

/// The programs that `kumi run` would run: one sends, the other sends back.
fn inside(holder: u32, role: &str, peer: IpAddr) {
    netns::enter(holder).unwrap();
    let byte = |at: usize| (at % 251) as u8;
    let data: Vec<u8> = (0..TRANSFER_LEN).map(byte).collect();
    let mut got = vec![0; TRANSFER_LEN];
    if role == "serve" {
        let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 22)).unwrap();
        println!("listening");
        let (mut stream, from) = listener.accept().unwrap();
        assert_eq!(from.ip().to_canonical(), peer);
        stream.read_exact(&mut got).unwrap();
        stream.write_all(&got).unwrap();
    } else {
        let address = (peer, 22).into();
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.write_all(&data).unwrap();
        stream.read_exact(&mut got).unwrap();
    }
    assert!(got == data);
}

fn idle(a: &Running) {
    std::thread::sleep(Duration::from_secs(3)); // let delayed acknowledgements and such end
    let total =
        |wakeups: &std::collections::BTreeMap<String, u64>| -> u64 { wakeups.values().sum() };
    let before = a.status().wakeups;
    std::thread::sleep(Duration::from_secs(5));
    let after = a.status().wakeups;
    // The second status itself: one program, one thing for the slow path. What else there
    // is are timers of the session (a keepalive, ten seconds after the traffic).
    let woken = total(&after) - total(&before);
    println!("woken {woken} times in 5 s: {before:?} -> {after:?}");
    assert!(woken <= 8, "{woken}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", a.child.id())).unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    println!("resident {}", resident.trim());
    let kib: u64 = resident
        .split_ascii_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(kib <= RESIDENT_KIB_MAX);
}

/// One node per state directory; the one that runs is not disturbed.
fn second_start_is_refused(a: &Running) {
    let mut command = Command::new(this());
    command.arg("node").arg(&a.state).arg("1");
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    if process::user_id() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains(&format!("pid: Some({})", a.child.id())),
        "{words}"
    );
    assert_eq!(a.status().peers_connected, 1);
}

/// After kill -9 the next start cleans up and the peer comes back.
fn killed(mut a: Running, b: &Running) -> Running {
    let holder = a.holder();
    a.child.kill().unwrap();
    a.child.wait().unwrap();
    assert!(a.state.join(names::SOCKET).exists(), "what kill -9 leaves");
    let again = Running::start(&a.state, 1);
    assert_eq!(again.address, a.address);
    assert_ne!(again.holder(), holder);
    assert_eq!(again.status().peers_allowed, 1, "the journal has the peer");
    assert!(again.ping(b, 1) == 1);
    again
}

/// A peer that is denied loses its session at once.
fn removed(a: &Running, b: &Running) {
    assert_eq!(b.status().peers_connected, 1);
    assert_eq!(
        a.ask(Request::Deny {
            who: api::Who::Address(b.address)
        }),
        Response::Done
    );
    assert_eq!(a.status().peers_connected, 0);
    let deadline = Instant::now() + Duration::from_secs(2);
    while b.status().peers_connected != 0 {
        assert!(
            Instant::now() < deadline,
            "the other end still has a session"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
