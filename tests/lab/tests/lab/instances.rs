//! One management server on two machines over one PostgreSQL: either may be killed, and no member
//! notices (real nodes, a real database).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use lab::account::Account;
use lab::host::Host;
use lab::lan::Lan;
use lab::ns::{Ns, eventually};
use lab::postgres::{PASSWORD, Postgres};
use lab::{http, need_root};

const LIMIT: Duration = Duration::from_secs(60);

/// Two instances over one database on the first two hosts, and members of `lab` on the others, who
/// came by the first.
fn lab<'a>(machines: &'a [Ns], database: &str) -> Vec<Host<'a>> {
    let hosts = machines.iter().enumerate();
    let hosts: Vec<Host<'_>> = hosts
        .map(|(at, ns)| Host::new(ns, Account::Root, &format!("instance-{at}")))
        .collect();
    let (one, two) = (&hosts[0], &hosts[1]);
    one.kumi(&["gms", "serve", "--database", database]);
    one.kumi(&["group", "create", "lab", "--apart"]);
    let key = two.dir.join("first.key");
    std::fs::copy(one.dir.join("state/gms.key"), &key).expect("a key");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&key, private).expect("a key");
    two.kumi(&["gms", "serve", "--database", database, "--key", &key]);
    for (at, host) in hosts.iter().enumerate().skip(2) {
        join(one, host, &format!("m{at}"));
    }
    hosts
}

fn join(server: &Host<'_>, host: &Host<'_>, name: &str) {
    let line = server.kumi(&["group", "add", name, "lab"]);
    let text = host.kumi(&["join", line.trim()]);
    assert!(text.contains(name) && text.contains("lab"), "{text}");
}

/// The members that an instance is in touch with.
fn in_touch(server: &Host<'_>) -> usize {
    let managed = server.json(&["group", "list"]);
    let members = managed["managed"]["members"].as_array().cloned();
    let members = members.unwrap_or_default().into_iter();
    members.filter(|it| it["in_touch"] == true).count()
}

/// Waits until members know of so many machines that serve their group.
fn hear_of(machines: usize, members: &[&Host<'_>]) {
    let hears = |host: &&Host<'_>| {
        let groups = host.json(&["group", "list"]);
        groups["member_of"][0]["servers"].as_array().map(Vec::len) == Some(machines)
    };
    let what = format!("members to hear of {machines} machines");
    eventually(LIMIT, &what, || members.iter().all(hears).then_some(()));
}

fn kill(host: &Host<'_>) {
    let pid = host.json(&["status"])["pid"].as_u64().expect("a pid");
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.expect("kill").success());
}

fn is_out(host: &Host<'_>) -> bool {
    host.json(&["group", "list"])["member_of"] == serde_json::json!([])
}

fn len(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |it| it.len())
}

#[test]
fn c14_with_one_of_two_instances_killed_members_go_on_and_a_removal_acts() {
    need_root();
    let lan = Lan::new(7);
    // The database is on a machine of its own, and reached by TLS.
    let (away, hosts) = lan.hosts.split_last().expect("hosts");
    let inside = ["ip", "netns", "exec", away.name()];
    let database = Postgres::start_by_tls(&inside, "192.0.2.7", 5433, "IP:192.0.2.7");
    let url = format!(
        "postgresql://kumi:{PASSWORD}@192.0.2.7:5433/postgres?sslrootcert={}",
        database.authority()
    );
    let hosts = lab(hosts, &url);
    let [one, two, ada, bob, eve, ian] = &hosts[..] else {
        panic!("six hosts");
    };
    // Every member learns of the second instance, and stays with the first.
    hear_of(2, &[ada, bob, eve, ian]);
    assert_eq!((in_touch(one), in_touch(two)), (4, 0));
    // An order at one instance acts on members of the other, at once.
    let ordered = Instant::now();
    two.kumi(&["group", "remove", "m5"]);
    eventually(Duration::from_secs(5), "the first leaver to be out", || {
        is_out(ian).then_some(())
    });
    println!("a removal across instances: {:?}", ordered.elapsed());
    // Where the second one is was asked for meanwhile.
    std::thread::sleep(Duration::from_secs(3));

    let f_ada = ada.f();
    std::fs::write(ada.dir.join("page"), vec![7; 256 << 20]).expect("a file");
    let _server = http::serve(ada, &f_ada, 8080);
    let url = http::url(&f_ada, 8080, "page");
    http::wait_for(bob, &url);
    http::wait_for(eve, &url);
    let fetch = |host: &Host<'_>, rate: &str| {
        let out = host.dir.join("got");
        let limits = [
            "curl",
            "-sS",
            "-g",
            "--max-time",
            "100",
            "--limit-rate",
            rate,
        ];
        host.spawn_inside(&[&limits[..], &["-o", &out, &url]].concat())
    };
    let bobs = fetch(bob, "4M");
    let _eves = fetch(eve, "1M");
    let eves = eve.dir.join("got");
    let eves = Path::new(&eves);
    eventually(LIMIT, "the leaver to fetch something", || {
        (len(eves) > 100_000).then_some(())
    });
    let killed = Instant::now();
    kill(one);
    eventually(LIMIT, "the members to change over", || {
        (in_touch(two) == 3).then_some(())
    });
    println!("all members changed over after {:?}", killed.elapsed());
    assert!(killed.elapsed() < Duration::from_secs(35));
    let ordered = Instant::now();
    two.kumi(&["group", "remove", "m4"]);
    eventually(Duration::from_secs(5), "the leaver to be out", || {
        is_out(eve).then_some(())
    });
    let told = ordered.elapsed();
    let before = len(eves);
    // What its kernel had received already is still read, at the rate of curl: 32 MiB at most.
    eventually(
        Duration::from_secs(80),
        "the leaver to get nothing more",
        || {
            let len_before = len(eves);
            std::thread::sleep(Duration::from_secs(3));
            (len_before == len(eves)).then_some(())
        },
    );
    assert!(len(eves) - before < 34 << 20, "it went on fetching");
    println!("the leaver was out after {told:?}");
    assert!(
        bobs.wait(Duration::from_secs(120)).success(),
        "the others were disturbed"
    );

    // The first one comes back, and knows what happened without it; somebody comes by it.
    one.kumi(&["up", "--no-invite"]);
    let managed = one.json(&["group", "list"]);
    let members = managed["managed"]["members"].as_array().map(Vec::len);
    assert_eq!(members, Some(2), "{managed}");
    join(one, eve, "m6");
    // A member of one instance finds a member of the other, by name.
    eve.kumi(&["ping", "m2.lab", "-c", "1"]);
    a_machine_that_is_gone_is_taken_out(one, two, &[ada, bob]);
}

/// And would come back by itself.
fn a_machine_that_is_gone_is_taken_out(one: &Host<'_>, two: &Host<'_>, members: &[&Host<'_>]) {
    let f_one = one.f();
    kill(one);
    two.kumi(&["group", "unshare", "lab", &f_one]);
    hear_of(1, members);
    one.kumi(&["up", "--no-invite"]);
    hear_of(2, members);
}
