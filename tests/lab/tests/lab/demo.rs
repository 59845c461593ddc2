//! `kumi demo`, as anybody, in both languages: a story that ends well in under a minute.

use std::time::{Duration, Instant};

use lab::account::{self, Account, Dir};
use lab::ns::Ns;
use lab::{kumi, need_root};

fn demo(account: Account, language: &str, more: &[&str]) -> String {
    need_root();
    account::prepare();
    let ns = Ns::new("demo");
    let home = Dir::new(account, "demo");
    let kumi = kumi().to_string_lossy().into_owned();
    let mut argv = vec!["env", language, kumi.as_str(), "demo"];
    argv.extend(more);
    let begun = Instant::now();
    let text = ns.run(account, &home.join(""), &argv, Duration::from_secs(60));
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(
        ns.pids().is_empty(),
        "the demo left processes behind: {:?}",
        ns.pids()
    );
    text
}

#[test]
fn the_demo_tells_its_story_to_root_and_to_everybody() {
    for account in [Account::Root, Account::A] {
        let text = demo(account, "LANG=en_US.UTF-8", &[]);
        for part in [
            "ML-KEM-768",
            "SHA-256",
            "bit/s",
            "found 0 times",
            "through the Bridge fc",
        ] {
            assert!(text.contains(part), "{account:?}: no {part:?} in\n{text}");
        }
    }
}

#[test]
fn the_demo_speaks_japanese() {
    let text = demo(Account::A, "LANG=ja_JP.UTF-8", &[]);
    assert!(
        text.contains("ノード") && text.contains("SHA-256") && text.contains("Bridge fc"),
        "{text}"
    );
}

#[test]
fn the_demo_can_be_read_by_machine() {
    let text = demo(Account::A, "LANG=C.UTF-8", &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    println!("{json:#}");
    assert_eq!(json["behind_nats"], true);
    assert_eq!(json["via"]["bridge"], json["bridge"]);
    assert_eq!(json["sha256_sent"], json["sha256_received"]);
    assert_eq!(json["eve_canaries"], 0);
}

#[test]
fn the_demo_plays_where_no_nat_can_be_made() {
    need_root();
    let ns = Ns::new("demo");
    let kumi = kumi().to_string_lossy().into_owned();
    // As in a container: nobody may change what the kernel does.
    let script = format!(
        "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && {kumi} demo --json"
    );
    let argv = ["unshare", "-m", "sh", "-c", &script];
    let out = ns.run(Account::Root, "/root", &argv, Duration::from_secs(60));
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(json["behind_nats"], false);
    assert_eq!(json["via"]["bridge"], json["bridge"]);
    assert_eq!(json["sha256_sent"], json["sha256_received"]);
}
