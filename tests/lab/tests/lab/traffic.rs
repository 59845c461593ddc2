//! Real programs between two nodes, with and without privileges, and an eavesdropper on the cable.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use lab::account::Account;
use lab::capture::Capture;
use lab::host::{Host, connect};
use lab::ns::eventually;
use lab::ssh::{Sshd, own};
use lab::wire::Cable;
use lab::{CANARY, http, need_root, sh};

const LIMIT: Duration = Duration::from_secs(240);

pub(crate) fn args(argv: &[String]) -> Vec<&str> {
    argv.iter().map(String::as_str).collect()
}

pub(crate) fn sha256(path: &str) -> String {
    sh("sha256sum", &[path])
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// A file of `len` bytes: the canary in every KiB, random bytes between.
pub(crate) fn canary_file(host: &Host<'_>, name: &str, len: usize) -> String {
    let path = host.dir.join(name);
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("a file"));
    let mut x = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..len / 1024 {
        file.write_all(CANARY).expect("room");
        let mut block = [0u8; 1024 - 32];
        for chunk in block.chunks_mut(8) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            chunk.copy_from_slice(&x.to_be_bytes());
        }
        file.write_all(&block).expect("room");
    }
    file.flush().expect("room");
    drop(file);
    own(host, &path);
    path
}

pub(crate) fn ssh_and_scp(a: &Host<'_>, b: &Host<'_>, f_b: &str) {
    let sshd = Sshd::start(b, a, f_b);
    let login = a.run_inside(&args(&sshd.ssh(&["echo logged in as $(id -un)"])), LIMIT);
    assert_eq!(login.trim(), format!("logged in as {}", b.account.name()));
    let from = canary_file(a, "gib", 1 << 30);
    let to = b.dir.join("gib-arrived");
    a.run_inside(&args(&sshd.scp_to(&from, &to)), LIMIT);
    assert_eq!(sha256(&from), sha256(&to), "1 GiB arrived changed");
    for path in [from, to] {
        std::fs::remove_file(path).expect("to remove it");
    }
}

pub(crate) fn curl(a: &Host<'_>, b: &Host<'_>, f_b: &str) {
    let path = canary_file(b, "page", 16 << 20);
    let _server = http::serve(b, f_b, 8080);
    let (url, out) = (http::url(f_b, 8080, "page"), a.dir.join("fetched"));
    http::wait_for(a, &url);
    a.run_inside(
        &["curl", "-sS", "--max-time", "30", "-g", "-o", &out, &url],
        LIMIT,
    );
    assert_eq!(sha256(&path), sha256(&out));
}

pub(crate) fn iperf3(a: &Host<'_>, b: &Host<'_>, f_b: &str) {
    let _server = b.spawn_inside(&["iperf3", "-s", "-B", f_b]);
    for reverse in [&[][..], &["-R"]] {
        // With -J iperf3 3.12 ends with 0 even when it could not connect, and says so inside.
        let json = eventually(Duration::from_secs(20), "iperf3 to connect", || {
            let argv = a.inside(&[&["iperf3", "-c", f_b, "-t", "2", "-J"], reverse].concat());
            let out = a.ns.output(a.account, &a.home(), &args(&argv), LIMIT);
            let json: serde_json::Value = serde_json::from_slice(&out.stdout).ok()?;
            (out.status.success() && json["error"].is_null()).then_some(json)
        });
        let bits = json["end"]["sum_received"]["bits_per_second"]
            .as_f64()
            .unwrap_or(0.0);
        println!("iperf3 {reverse:?}: {:.0} Mbit/s", bits / 1e6);
        let bytes = json["end"]["sum_received"]["bytes"].as_u64();
        assert!(bytes.is_some_and(|n| n > 1 << 20), "{reverse:?}: {json:#}");
    }
}

fn all(account_a: Account, account_b: Account, label: &str) {
    all_with(account_a, account_b, label, true);
}

/// Whether an account may open the TUN device of this machine.
fn may_open_tun(account: Account) -> bool {
    let device = std::fs::metadata("/dev/net/tun").expect("a TUN device");
    account == Account::Root || device.permissions().mode() & 0o006 == 0o006
}

/// Has the nodes of a machine ask the kernel for no large frames.
fn without_offloads(host: &Host<'_>) {
    let folder = host.dir.join(".config/kumihimo");
    std::fs::create_dir_all(&folder).expect("a folder");
    let text = "[tun]\noffloads = false\n";
    std::fs::write(format!("{folder}/kumi.toml"), text).expect("a config");
}

fn all_with(account_a: Account, account_b: Account, label: &str, offloads: bool) {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, account_a, &format!("{label}-a"));
    let b = Host::new(&cable.b, account_b, &format!("{label}-b"));
    if !offloads {
        without_offloads(&a);
        without_offloads(&b);
    }
    let capture = Capture::start(&cable.a, "eth0");
    let (f_a, f_b) = connect(&a, &b);
    a.kumi(&["ping", &f_b, "-c", "3"]);
    b.kumi(&["ping", &f_a, "-c", "3"]);
    b.run_inside(&["ping", "-c", "3", "-W", "2", &f_a], LIMIT);
    curl(&a, &b, &f_b);
    curl(&b, &a, &f_a);
    iperf3(&a, &b, &f_b);
    ssh_and_scp(&a, &b, &f_b);
    for host in [&a, &b] {
        let used = &host.json(&["status"])["offloads"];
        // The pair that stands in for a TUN passes no large frames.
        let interface = offloads && may_open_tun(host.account);
        for (what, expected) in [
            ("interface_tcp", interface),
            ("interface_udp", interface),
            ("send", offloads),
            ("receive", offloads),
        ] {
            assert_eq!(used[what], expected, "{label} {what}: {used:#}");
        }
    }
    let heard = capture.stop();
    println!("{label}: eavesdropper {heard:?}");
    assert_eq!(heard.canaries, 0, "plaintext on the wire");
    assert!(
        heard.bytes > 1 << 30,
        "the eavesdropper heard too little to say anything: {heard:?}"
    );
    for host in [&a, &b] {
        host.kumi(&["down"]);
    }
}

#[test]
fn root_to_root() {
    all(Account::Root, Account::Root, "rr");
}

#[test]
fn ordinary_account_to_ordinary_account() {
    all(Account::A, Account::B, "uu");
}

#[test]
fn ordinary_account_to_root() {
    all(Account::A, Account::Root, "ur");
}

#[test]
fn without_large_frames() {
    all_with(Account::A, Account::Root, "old", false);
}

#[test]
fn the_eavesdropper_does_hear_what_is_in_clear() {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, Account::Root, "clear-a");
    let path = canary_file(&a, "page", 1 << 20);
    let capture = Capture::start(&cable.b, "eth0");
    let dir = a.dir.join("");
    let _server = cable.a.spawn(
        Account::Root,
        &a.home(),
        &[
            "python3",
            "-m",
            "http.server",
            "8080",
            "--bind",
            "192.0.2.1",
            "--directory",
            &dir,
        ],
    );
    eventually(Duration::from_secs(20), "curl in clear", || {
        let argv = [
            "curl",
            "-sS",
            "-o",
            "/dev/null",
            "http://192.0.2.1:8080/page",
        ];
        cable
            .b
            .output(Account::Root, &a.home(), &argv, LIMIT)
            .status
            .success()
            .then_some(())
    });
    let heard = capture.stop();
    assert!(
        heard.canaries > 900,
        "an eavesdropper that hears nothing proves nothing: {heard:?}, {path}"
    );
}
