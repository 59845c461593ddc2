//! What needs processes of its own: the unprivileged namespace, peer credentials of a
//! second user, background start, signals.
//!
//! This program starts itself again with a role as its first argument. Run as root, the
//! roles of ordinary users run as user 65534 without capabilities; run as an ordinary
//! user, they run as that user, and what needs two users says that it is skipped.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test, without libtest

use os::interface::Plan;
use os::{control, files, holder, netlink, netns, process, wait};
use std::net::{Ipv6Addr, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

const NOBODY: u32 = 65_534;
const HERE: Ipv6Addr = Ipv6Addr::new(0xfc01, 0, 0, 0, 0, 0, 0, 1);
const THERE: Ipv6Addr = Ipv6Addr::new(0xfc02, 0, 0, 0, 0, 0, 0, 2);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some(holder::VERB) => return ExitCode::from(holder::serve()),
        Some("rootless") => rootless(),
        Some("held") => held(),
        Some("inside") => inside(args[2].parse().unwrap()),
        Some("stranger") => stranger(Path::new(&args[2])),
        Some("daemon") => daemon(),
        Some("silent-daemon") => return ExitCode::from(3),
        _ => {
            test(
                "an ordinary user has the overlay in a namespace",
                overlay_for_ordinary_users,
            );
            test(
                "the holder ends with a daemon that is killed",
                holder_ends_with_its_daemon,
            );
            test(
                "the control socket refuses a second user",
                control_refuses_strangers,
            );
            test(
                "a daemon says when it is ready and stops on SIGTERM",
                background_start,
            );
            test(
                "a daemon that fails before it is ready is noticed",
                failed_start,
            );
            let _ = std::fs::remove_file(copy_of_this_program());
        }
    }
    ExitCode::SUCCESS
}

fn test(name: &str, body: fn()) {
    body();
    println!("test {name} ... ok");
}

/// This program in another role, as an ordinary user without capabilities. The copy is
/// there because the build directory may be closed to that user.
fn ordinary(role: &str) -> Command {
    let copy = copy_of_this_program();
    if !copy.exists() {
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    }
    let mut command = Command::new(&copy);
    command.arg(role).current_dir("/");
    if process::user_id() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn copy_of_this_program() -> PathBuf {
    std::env::temp_dir().join(format!("kumi-os-system-{}", std::process::id()))
}

fn plan() -> Plan {
    Plan {
        name: "kumi0".to_owned(),
        mtu: 1400,
        offloads: true,
        queues: 2,
        addresses: vec![
            (HERE.into(), 128),
            ("201::1".parse().unwrap(), 128),
            ("10.77.0.1".parse().unwrap(), 24),
        ],
        routes: vec![
            ("fc00::".parse().unwrap(), 8),
            ("200::".parse().unwrap(), 7),
        ],
    }
}

/// Runs the role twice: with `/dev/net/tun` as this system has it, and (as root) with one
/// that everybody may open, as on most systems, in a mount namespace of its own.
fn overlay_for_ordinary_users() {
    assert!(ordinary("rootless").status().unwrap().success());
    if process::user_id() != 0 {
        return;
    }
    let device = std::env::temp_dir().join(format!("kumi-os-tun-{}", std::process::id()));
    let script = format!(
        "mknod -m 0666 {0} c 10 200 && mount --bind {0} /dev/net/tun && shift && \
         exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups \
         --inh-caps=-all --bounding-set=-all \"$@\"",
        device.display()
    );
    let role = ordinary("rootless");
    let status = Command::new("unshare")
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            &script,
            "sh",
            "--",
        ])
        .arg(role.get_program())
        .args(role.get_args())
        .env("KUMI_TEST_EXPECTS", "tun")
        .status();
    let _ = std::fs::remove_file(&device);
    assert!(status.unwrap().success());
}

fn rootless() {
    assert_ne!(process::user_id(), 0);
    assert!(!process::may_configure_network());
    let links = || netlink::Netlink::open().unwrap().links().unwrap();
    let before = links();
    let (holder, queues) = holder::start(&plan()).unwrap();
    let framing = queues[0].framing();
    let is_tun = !matches!(framing, os::tun::Framing::Ethernet(_));
    assert_eq!(queues.len(), if is_tun { 2 } else { 1 });
    if std::env::var_os("KUMI_TEST_EXPECTS").is_some() {
        assert!(matches!(framing, os::tun::Framing::Large { .. }));
    }
    println!("  user {}: {framing:?}", process::user_id());
    assert_eq!(links(), before, "the host's interfaces are as before");

    let routes = holder.routes().unwrap();
    let change = |add, prefix: &str, len| {
        routes.change(add, prefix.parse().unwrap(), len).unwrap();
    };
    change(true, "192.168.30.0", 24);
    change(true, "192.168.30.0", 24); // a second time is refused inside, and harms nothing
    change(false, "192.168.30.0", 24);
    change(true, "192.168.20.0", 24);
    change(true, "fd00:20::", 64);

    // The other end of the overlay is this process: whatever the program inside sends, it
    // answers with both ends swapped.
    let mut inside = Command::new("/proc/self/exe")
        .args(["inside", &holder.pid().to_string()])
        .spawn()
        .unwrap();
    let mut packet = [0u8; 2000];
    let mut answered = 0;
    while inside.try_wait().unwrap().is_none() {
        let descriptors: Vec<_> = queues.iter().map(AsFd::as_fd).collect();
        wait::readable(&descriptors, Some(Duration::from_millis(20))).unwrap();
        let next = |packet: &mut [u8]| {
            let mut reads = queues.iter().map(|device| (device, device.recv(packet)));
            let (device, read) = reads.find(|(_, read)| read.is_ok())?;
            Some((device, read.unwrap()))
        };
        while let Some((device, (len, offload))) = next(&mut packet) {
            if packet[6] == 17 {
                // The kernel leaves the checksum to whoever takes the packet out.
                let frame = packet[..len].to_vec();
                let cutter = wire::offload::Cutter::new(&frame, offload).unwrap();
                cutter.write(0, &mut packet).unwrap();
                let (ip, udp) = packet[..len].split_at_mut(40);
                let (source, destination) = ip[8..40].split_at_mut(16);
                source.swap_with_slice(destination);
                udp[..4].rotate_left(2);
                device.send(&packet[..len]).unwrap();
                answered += 1;
            }
        }
    }
    assert!(inside.wait().unwrap().success());
    assert!(answered >= 1);
    assert!(!wait::readable(&[holder.as_fd()], Some(Duration::ZERO)).unwrap()[0]);
    let pid = holder.pid();
    drop(holder);
    assert!(!process::is_alive(pid));
}

/// The routes that were asked for after the start, in the order of asking.
fn routes_inside() {
    let mut left = 100;
    loop {
        let routes = netlink::Netlink::open().unwrap().routes().unwrap();
        let has = |prefix: &str, len| {
            let wanted = (prefix.parse().unwrap(), len);
            routes
                .iter()
                .any(|r| (r.destination, r.prefix_len) == wanted)
        };
        assert!(has("10.77.0.0", 24), "that of the interface's own address");
        if has("fd00:20::", 64) && has("192.168.20.0", 24) {
            return assert!(!has("192.168.30.0", 24), "was taken away before");
        }
        assert!(left > 0, "{routes:?}");
        left -= 1;
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What `kumi run` does, then what the program that it runs would do.
fn inside(pid: u32) {
    let user = process::user_id();
    netns::enter(pid).unwrap();
    assert_eq!(process::user_id(), user);
    let links = netlink::Netlink::open().unwrap().links().unwrap();
    assert!(
        links
            .iter()
            .any(|link| link.name == "kumi0" && link.mtu == 1400 && link.running)
    );
    assert!(links.iter().any(|link| link.loopback && link.running));
    routes_inside();
    // Executing drops the capabilities that entering gave.
    let status = Command::new("grep")
        .args(["^CapEff:", "/proc/self/status"])
        .output()
        .unwrap();
    let capabilities = String::from_utf8(status.stdout).unwrap();
    assert_eq!(
        capabilities.trim().trim_start_matches("CapEff:").trim(),
        "0000000000000000"
    );
    let socket = UdpSocket::bind((HERE, 7)).unwrap(); // a low port, without capabilities
    // The kernel starts to use a new address a moment after it was added.
    let wait = Some(Duration::from_millis(50));
    socket.set_read_timeout(wait).unwrap();
    let mut heard = [0u8; 64];
    for _ in 0..100 {
        socket.send_to(b"over the overlay", (THERE, 7)).unwrap();
        if let Ok((len, from)) = socket.recv_from(&mut heard) {
            assert_eq!(&heard[..len], b"over the overlay");
            assert_eq!(from.ip(), THERE);
            return;
        }
    }
    panic!("no answer over the overlay");
}

fn holder_ends_with_its_daemon() {
    let mut daemon = ordinary("held").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(daemon.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    let holder: u32 = line.trim().parse().unwrap();
    assert!(process::is_alive(holder));
    daemon.kill().unwrap(); // SIGKILL
    daemon.wait().unwrap();
    for _ in 0..200 {
        // Nobody reaps it here if there is no init, so a zombie counts as ended.
        let state = std::fs::read_to_string(format!("/proc/{holder}/stat")).unwrap_or_default();
        if state.is_empty() || state.contains(") Z ") {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the holder {holder} still runs");
}

fn held() {
    let (holder, _device) = holder::start(&plan()).unwrap();
    println!("{}", holder.pid());
    std::thread::sleep(Duration::from_secs(60));
}

fn scratch(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("kumi-os-{name}-{}", std::process::id()));
    files::private_directory(&directory).unwrap();
    directory
}

fn control_refuses_strangers() {
    if process::user_id() != 0 {
        println!("  skipped: needs root to become a second user");
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let directory = scratch("control");
    let path = directory.join("control");
    let listener = control::Listener::bind(&path).unwrap();
    // Even when every file permission is wide open, the credentials decide.
    for open in [&directory, &path] {
        std::fs::set_permissions(open, PermissionsExt::from_mode(0o777)).unwrap();
    }
    let mut stranger = ordinary("stranger").arg(&path).spawn().unwrap();
    assert!(wait::readable(&[listener.as_fd()], Some(Duration::from_secs(5))).unwrap()[0]);
    match listener.accept() {
        Err(control::ControlError::Stranger { user: NOBODY, pid }) => {
            assert_eq!(pid.cast_unsigned(), stranger.id());
        }
        other => panic!("{other:?}"),
    }
    assert!(stranger.wait().unwrap().success());
    // And the file's mode alone keeps that user out as well.
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    assert!(
        !ordinary("stranger")
            .arg(&path)
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    );
    std::fs::remove_dir_all(&directory).unwrap();
}

fn stranger(path: &Path) {
    use std::io::Read;
    let mut stream = control::connect(path).unwrap();
    assert_eq!(
        stream.read(&mut [0u8; 1]).unwrap(),
        0,
        "closed without a word"
    );
}

fn background_start() {
    let directory = scratch("daemon");
    let log = std::fs::File::create(directory.join("log")).unwrap();
    let daemon = process::spawn_daemon(&["daemon".into()], log).unwrap();
    let pid = daemon.pid;
    assert_eq!(
        daemon.wait_ready().unwrap().as_deref(),
        Some("ready, on two lines")
    );
    let signal = |name: &str| {
        assert!(
            Command::new("kill")
                .args([name, &pid.to_string()])
                .status()
                .unwrap()
                .success()
        );
    };
    signal("-HUP");
    signal("-TERM");
    for _ in 0..500 {
        let log = std::fs::read_to_string(directory.join("log")).unwrap();
        if log == "after ready\nReload\nStop\n" {
            std::fs::remove_dir_all(&directory).unwrap();
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("log: {:?}", std::fs::read_to_string(directory.join("log")));
}

fn daemon() {
    let signals = process::Signals::catch().unwrap();
    process::forbid_dumps().unwrap();
    process::keep_memory_small();
    process::raise_open_files_limit();
    assert!(process::resident_kib().unwrap() > 100);
    let own = rustix::process::getsid(None).unwrap();
    assert_eq!(own, rustix::process::getpid(), "a session of its own");
    process::report_ready("ready,\non two lines").unwrap();
    println!("after ready"); // goes to the log now
    loop {
        wait::readable(&[signals.as_fd()], None).unwrap();
        while let Some(signal) = signals.next() {
            println!("{signal:?}");
            if signal == process::Signal::Stop {
                return;
            }
        }
    }
}

fn failed_start() {
    let directory = scratch("silent");
    let log = std::fs::File::create(directory.join("log")).unwrap();
    let daemon = process::spawn_daemon(&["silent-daemon".into()], log).unwrap();
    assert_eq!(daemon.wait_ready().unwrap(), None);
    std::fs::remove_dir_all(&directory).unwrap();
}
