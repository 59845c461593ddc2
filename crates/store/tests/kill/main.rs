//! Killed at every write, and with no room or no right to write: nothing acknowledged is lost, and
//! nothing is half done.
//!
//! `strace` kills the server at the n-th call of each system call that changes a file, for every n
//! until it comes through. What it said it had done must be there afterwards, and what is there must
//! be whole orders. With PostgreSQL ([`database`]) the same, killing the process that asks, and the one
//! of the server that answers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

#[path = "../common/mod.rs"]
mod common;
mod database;

use common::{Folder, Ground, Server, add, come, create, f, remove};
use control::service::Store;
use control::{Actor, Reply, SecretOf};
use std::path::Path;
use std::process::{Command, ExitCode, Output};

/// What changes a file. SQLite uses a part of them; the rest costs one run each.
const WRITES: [&str; 8] = [
    "pwrite64",
    "write",
    "fdatasync",
    "fsync",
    "ftruncate",
    "unlink",
    "linkat",
    "rename",
];

/// No system call is made more often than this.
const CALLS_MAX: usize = 500;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("--child") => return child(Path::new(&args[2]), args.get(3).map(String::as_str)),
        Some("--fill") => return fill(Path::new(&args[2])),
        // What `cargo test` asks of every test.
        Some("--list") => return ExitCode::SUCCESS,
        _ => {}
    }
    killed_at_every_write();
    no_room_is_a_refusal_and_room_again_is_none();
    a_disk_that_may_only_be_read_is_a_refusal();
    database::client_killed_at_every_call();
    database::backend_killed_at_every_message();
    ExitCode::SUCCESS
}

/// The orders of a small installation; each is said once it is acknowledged.
fn child(directory: &Path, url: Option<&str>) -> ExitCode {
    let mut server = Server::of(directory, url, 1).expect("a store");
    let said = |server: &Server| println!("{}", server.service.trail().rev);
    server.order(&create("lab")).expect("an order");
    said(&server);
    for (number, name) in [(1, "ada"), (2, "bob")] {
        let Ok(Reply::Invited { invite, .. }) = server.order(&add(name, "lab")) else {
            panic!("no invite");
        };
        said(&server);
        let actor = Actor::Node { f: f(number) };
        server.act(actor, &come(invite)).expect("an order");
        said(&server);
    }
    server.order(&remove("ada")).expect("an order");
    said(&server);
    ExitCode::SUCCESS
}

fn killed_at_every_write() {
    let whole = boundaries(&Ground::sqlite("whole"));
    let mut runs = 0;
    for call in WRITES {
        for number in 1..=CALLS_MAX {
            let ground = Ground::sqlite("kill");
            let output = killed_at(&ground, call, number);
            runs += 1;
            check(
                &ground,
                acknowledged(&output),
                &whole,
                &format!("{call} {number}"),
            );
            if output.status.success() {
                break;
            }
            assert!(number < CALLS_MAX, "{call}: {output:?}");
        }
    }
    assert!(runs > 40, "only {runs} runs: strace killed nothing");
    println!("killed {runs} times, nothing lost");
}

/// The orders of [`child`], killed at a system call.
fn killed_at(ground: &Ground, call: &str, number: usize) -> Output {
    let mut command = Command::new("strace");
    command
        .args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:signal=KILL:when={number}")])
        .arg(std::env::current_exe().unwrap());
    let output = with_orders(command, ground);
    output.expect("strace; it is a Debian package of this name")
}

fn with_orders(mut command: Command, ground: &Ground) -> std::io::Result<Output> {
    command.arg("--child").arg(&ground.folder.0);
    command.args(ground.url.as_slice()).output()
}

/// The last revision that it said it had reached.
fn acknowledged(output: &Output) -> u64 {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().rev().find_map(|line| line.parse().ok());
    last.unwrap_or(0)
}

/// The revisions at which an order is whole.
fn boundaries(ground: &Ground) -> Vec<u64> {
    let output = with_orders(Command::new(std::env::current_exe().unwrap()), ground).unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = text.lines().map(|line| line.parse().unwrap());
    [0].into_iter().chain(said).collect()
}

/// What a start finds: everything acknowledged, whole orders, every secret; and it goes on.
fn check(ground: &Ground, acknowledged: u64, whole: &[u64], at: &str) {
    // With other random numbers: the same would make the same group.
    let opened = ground.of(2);
    let mut server = opened.unwrap_or_else(|error| panic!("{at}: {error}"));
    let rev = server.service.trail().rev;
    assert!(
        rev >= acknowledged,
        "{at}: {acknowledged} was acknowledged, {rev} is there"
    );
    assert!(
        whole.contains(&rev),
        "{at}: {rev} is in the middle of an order: {whole:?}"
    );
    for group in server.service.tenant().groups.values() {
        for epoch in group.chain.epochs() {
            let (group, number) = (group.id, epoch.entry.number);
            let secret = server.store.secret(SecretOf { group, number });
            assert!(matches!(secret, Ok(Some(_))), "{at}: {secret:?}");
        }
        let root = server.store.root_seed(group.id);
        assert!(matches!(root, Ok(Some(_))), "{at}: {root:?}");
    }
    server
        .order(&create("another"))
        .unwrap_or_else(|error| panic!("{at}: {error}"));
}

/// Runs a part of this test with a file system of its own, of this size.
fn with_small_disk(part: &str, label: &str) -> String {
    let folder = Folder::new(label);
    let own = std::env::current_exe().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=600k none {0} && exec {1} {part} {0}",
        folder.0.display(),
        own.display()
    );
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", &script])
        .output()
        .expect("unshare of util-linux");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    text
}

/// Orders until there is no room, then with room again.
fn fill(directory: &Path) -> ExitCode {
    let mut server = Server::of(directory, None, 1).expect("a store");
    server.order(&create("lab")).expect("an order");
    let filler = directory.join("filler");
    std::fs::write(&filler, vec![0; 300 << 10]).expect("room for a filler");
    let mut added = 0;
    let refused = loop {
        match server.order(&add(&format!("m{added}"), "lab")) {
            Ok(_) => added += 1,
            Err(error) => break error,
        }
        assert!(added < 10_000, "it never filled up");
    };
    assert!(refused.to_string().contains("full"), "{refused}");
    assert_eq!(
        server.service.tenant().members.len(),
        added,
        "the refused one is not there"
    );
    assert!(
        server.order(&add("again", "lab")).is_err(),
        "nor with the next try"
    );
    std::fs::remove_file(&filler).expect("to remove it");
    server
        .order(&add("room", "lab"))
        .expect("there is room again");
    drop(server);
    let again = Server::of(directory, None, 1).expect("a store");
    assert_eq!(again.service.tenant().members.len(), added + 1);
    println!("{added}");
    ExitCode::SUCCESS
}

fn no_room_is_a_refusal_and_room_again_is_none() {
    let added = with_small_disk("--fill", "full");
    assert!(
        added.trim().parse::<u32>().is_ok_and(|it| it > 10),
        "{added}"
    );
}

fn a_disk_that_may_only_be_read_is_a_refusal() {
    let folder = Folder::new("readonly");
    let mut server = Server::of(&folder.0, None, 1).unwrap();
    server.order(&create("lab")).unwrap();
    drop(server);
    // The same files where nothing may be written.
    let own = std::env::current_exe().unwrap();
    let script = format!(
        "mount --bind {0} {0} && mount -o remount,bind,ro {0} && exec {1} --child {0}",
        folder.0.display(),
        own.display()
    );
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", &script])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(errors.contains("readonly"), "{errors}");
    let again = Server::of(&folder.0, None, 1).unwrap();
    assert_eq!(again.service.tenant().groups.len(), 1);
}
