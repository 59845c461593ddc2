//! kill -9 in the middle of a transfer: nothing in clear, and the next start needs no help.

use std::process::Command;
use std::time::Duration;

use lab::account::Account;
use lab::capture::Capture;
use lab::host::{Host, connect};
use lab::ns::eventually;
use lab::wire::Cable;
use lab::{CANARY, need_root};

#[test]
fn kill_9_leaks_nothing_and_leaves_nothing_in_the_way() {
    need_root();
    for account in [Account::Root, Account::A] {
        let cable = Cable::new();
        let a = Host::new(&cable.a, account, "kill-a");
        let b = Host::new(&cable.b, Account::Root, "kill-b");
        let (f_a, f_b) = connect(&a, &b);
        let capture = Capture::start(&cable.b, "eth0");
        let pattern: String = CANARY.iter().take(16).map(|b| format!("{b:02x}")).collect();
        // A flood of canaries from both ends while the node of A dies.
        let page = b.dir.join("page");
        std::fs::write(&page, CANARY.repeat(1 << 20)).expect("a file");
        let dir = b.dir.join("");
        let _server = b.spawn_inside(&[
            "python3",
            "-m",
            "http.server",
            "8080",
            "--bind",
            &f_b,
            "--directory",
            &dir,
        ]);
        let url = format!("http://[{f_b}]:8080/page");
        eventually(Duration::from_secs(20), "the server to answer", || {
            let argv = a.inside(&["curl", "-sS", "-g", "-r", "0-99", "-o", "/dev/null", &url]);
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            let out =
                a.ns.output(a.account, &a.home(), &argv, Duration::from_secs(10));
            out.status.success().then_some(())
        });
        let _fetch = a.spawn_inside(&[
            "curl",
            "-sS",
            "-g",
            "--limit-rate",
            "8M",
            "-o",
            "/dev/null",
            &url,
        ]);
        let _ping = b.spawn_inside(&["ping", "-i", "0.01", "-p", &pattern, &f_a]);
        std::thread::sleep(Duration::from_millis(1500));
        let pid = a.json(&["status"])["pid"]
            .as_u64()
            .expect("a pid in status");
        let killed = Command::new("kill")
            .args(["-9", &pid.to_string()])
            .status()
            .expect("kill");
        assert!(killed.success());
        std::thread::sleep(Duration::from_millis(1500));
        eventually(
            Duration::from_secs(5),
            "the interface to go with the process",
            || (!cable.a.ip(&["-o", "link"]).contains("kumi")).then_some(()),
        );
        a.up();
        assert_eq!(a.f(), f_a, "the address changed");
        eventually(Duration::from_secs(20), "traffic after the restart", || {
            b.kumi_output(&["ping", &f_a, "-c", "1"])
                .status
                .success()
                .then_some(())
        });
        let heard = capture.stop();
        assert_eq!(heard.canaries, 0, "plaintext on the wire");
        assert!(heard.bytes > 1 << 20, "{heard:?}");
        a.kumi(&["down"]);
    }
}
