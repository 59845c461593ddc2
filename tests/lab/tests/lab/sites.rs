//! Two management servers of one group, at two sites, each with a database of its own: one is killed for
//! good, and the group lives on (real nodes, real traffic).

use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lab::account::Account;
use lab::host::Host;
use lab::lan::Lan;
use lab::need_root;
use lab::ns::eventually;

const LIMIT: Duration = Duration::from_secs(60);

fn join(server: &Host<'_>, host: &Host<'_>, name: &str) {
    let line = server.kumi(&["group", "add", name, "lab"]);
    let text = host.kumi(&["join", line.trim()]);
    assert!(text.contains(name) && text.contains("lab"), "{text}");
}

/// The members of the group that a server knows of, and how many are in touch.
fn members(server: &Host<'_>) -> (Vec<String>, usize) {
    let managed = server.json(&["group", "list"]);
    let members = managed["managed"]["members"].as_array().cloned();
    let members = members.unwrap_or_default().into_iter();
    // Whom the other server removed is a member of no group here.
    let members: Vec<_> = members
        .filter(|it| it["groups"] == serde_json::json!(["lab"]))
        .collect();
    let there = members.iter().filter(|it| it["in_touch"] == true).count();
    let names = members.iter().filter_map(|it| it["name"].as_str());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    (names, there)
}

fn is_out(host: &Host<'_>) -> bool {
    host.json(&["group", "list"])["member_of"] == serde_json::json!([])
}

fn kill(host: &Host<'_>) {
    let pid = host.json(&["status"])["pid"].as_u64().expect("a pid");
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.expect("kill").success());
}

/// Pings in the background, inside the overlay: ten a second.
fn pings(from: &Host<'_>, f: &str, seconds: u32) -> JoinHandle<String> {
    let count = (seconds * 10).to_string();
    let argv = ["ping", "-i", "0.1", "-c", &count, f];
    let mut command = from.ns.command(from.account, &from.home(), &argv);
    std::thread::spawn(move || {
        let output = command.output().expect("ping");
        String::from_utf8_lossy(&output.stdout).into_owned()
    })
}

#[test]
fn c14_with_one_of_two_sites_servers_killed_members_go_on_and_the_other_manages() {
    need_root();
    let lan = Lan::new(7);
    let hosts = lan.hosts.iter().enumerate();
    let hosts: Vec<Host<'_>> = hosts
        .map(|(at, ns)| Host::new(ns, Account::Root, &format!("sites-{at}")))
        .collect();
    let [one, two, ada, bob, eve, ian, new] = &hosts[..] else {
        panic!("seven hosts");
    };
    one.kumi(&["group", "create", "lab", "--apart"]);
    join(one, ada, "ada");
    let line = one.kumi(&["group", "share", "lab"]);
    let text = two.kumi(&["group", "accept", line.trim()]);
    assert!(text.contains("lab") && text.contains(&one.f()), "{text}");
    // Before and after the second server came, and at either of the two.
    join(one, eve, "eve");
    join(two, bob, "bob");
    join(two, ian, "ian");
    eventually(LIMIT, "both servers to know all members", || {
        let all = (
            vec!["ada".into(), "bob".into(), "eve".into(), "ian".into()],
            4,
        );
        [one, two].iter().all(|it| members(it) == all).then_some(())
    });
    let groups = two.json(&["group", "list"]);
    let servers = groups["managed"]["groups"][0]["servers"].clone();
    assert_eq!(servers.as_array().map(Vec::len), Some(2), "{servers}");
    ada.kumi(&["ping", "bob.lab", "-c", "1"]);
    bob.kumi(&["ping", "eve.lab", "-c", "1"]);
    ian.kumi(&["ping", "ada.lab", "-c", "1"]);

    let (f_ada, f_bob) = (ada.f(), bob.f());
    let running = [pings(ada, &f_bob, 30), pings(bob, &f_ada, 30)];
    std::thread::sleep(Duration::from_secs(2));
    kill(one);
    // The other one removes whom the first had admitted.
    let ordered = Instant::now();
    two.kumi(&["group", "remove", "eve"]);
    eventually(Duration::from_secs(5), "the leaver to be out", || {
        is_out(eve).then_some(())
    });
    println!("the leaver was out after {:?}", ordered.elapsed());
    let refused = ada.kumi_output(&["ping", &eve.f(), "-c", "1", "--timeout", "2s"]);
    assert!(!refused.status.success(), "nobody talks with the leaver");
    // It changes the key, takes in another member, and that one talks with those of the first.
    two.kumi(&["group", "rotate", "lab"]);
    join(two, new, "new");
    new.kumi(&["ping", "ada.lab", "-c", "1"]);
    ada.kumi(&["ping", "new.lab", "-c", "1"]);
    ian.kumi(&["ping", "new.lab", "-c", "1"]);
    for flow in running {
        let text = flow.join().expect("the pings");
        assert!(text.contains(" 0% packet loss"), "{text}");
    }
    // Members that start again meet anew without the first.
    for host in [ada, ian] {
        host.kumi(&["down"]);
        host.kumi(&["up", "--no-invite"]);
    }
    let flow = pings(bob, &f_ada, 1).join().expect("pings");
    assert!(flow.contains("packet loss"), "{flow}");
    eventually(LIMIT, "members that started again to meet", || {
        let met = ada.kumi_output(&["ping", "ian.lab", "-c", "1"]);
        met.status.success().then_some(())
    });
    // The first one returns from what it has written down, and knows what happened without it.
    one.kumi(&["up", "--no-invite"]);
    eventually(LIMIT, "the first server to learn it", || {
        let (names, there) = members(one);
        (names == ["ada", "bob", "ian", "new"] && there == 4).then_some(())
    });
    // A removal at one acts on members of the other.
    one.kumi(&["group", "remove", "ian"]);
    eventually(Duration::from_secs(5), "the leaver to be out", || {
        is_out(ian).then_some(())
    });
    eventually(Duration::from_secs(5), "the other server to know", || {
        (members(two).0 == ["ada", "bob", "new"]).then_some(())
    });
    // The second server is taken out: whom it admitted is out, the others go on.
    one.kumi(&["group", "unshare", "lab", &two.f()]);
    eventually(LIMIT, "those of the second server to be out", || {
        let met = ada.kumi_output(&["ping", &f_bob, "-c", "1", "--timeout", "1s"]);
        (!met.status.success()).then_some(())
    });
    assert_eq!(members(one).0, ["ada"]);
    let refused = two.kumi_output(&["group", "rotate", "lab"]);
    assert!(!refused.status.success(), "it manages the group no more");
}
