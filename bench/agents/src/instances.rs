//! Two instances over one PostgreSQL, one of which is killed.

use std::os::unix::fs::PermissionsExt;

use lab::account::Account;
use lab::host::Host;
use lab::ns::Ns;
use lab::postgres::Postgres;
use lab::wire::{address, join};
use serde_json::json;

use crate::parts::{Plan, Return};
use crate::stage::{at, inside, keep, line, part, pid, rss_kib};

const ADDRESSES: [&str; 2] = ["10.77.0.1", "10.78.0.1"];

/// Runs it, and writes the result down.
pub(crate) fn run(agents: usize) {
    let (one, two, crowd) = (Ns::new("gms1"), Ns::new("gms2"), Ns::new("crowd"));
    for (number, (ns, end)) in [(&one, "eth0"), (&two, "eth1")].into_iter().enumerate() {
        let net = 77 + number;
        join(ns, "eth0", &crowd, end);
        address(ns, "eth0", &format!("10.{net}.0.1/16"));
        address(&crowd, end, &format!("10.{net}.0.2/16"));
        ns.ip(&[
            "route",
            "add",
            "10.88.0.0/16",
            "via",
            &format!("10.{net}.0.2"),
        ]);
    }
    // Every agent has an address of its own, and none is on an interface.
    crowd.ip(&["link", "set", "lo", "up"]);
    crowd.ip(&["route", "add", "local", "10.88.0.0/16", "dev", "lo"]);
    let database = Postgres::start(&[], &[]);
    let url = database.database();
    let first = Host::new(&one, Account::Root, "agents-one");
    first.kumi(&["gms", "serve", "--database", &url]);
    first.kumi(&["group", "create", "load", "--apart"]);
    let second = Host::new(&two, Account::Root, "agents-two");
    let key = second.dir.join("first.key");
    std::fs::copy(first.dir.join("state/gms.key"), &key).expect("a key");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&key, private).expect("a key");
    second.kumi(&["gms", "serve", "--database", &url, "--key", &key]);
    let killed = pid(&first);
    // Its memory is read at the last moment.
    let deed = format!(
        "grep VmHWM /proc/{killed}/status >{}; kill -9 {killed}",
        first.dir.join("rss")
    );
    let plan = Plan {
        servers: vec![at(ADDRESSES[0], &first), at(ADDRESSES[1], &second)],
        line: line(&first, agents),
        agents,
        command: inside(&one, ["sh", "-c", &deed].map(str::to_owned).to_vec()),
        left: Some(second.f().parse().expect("an address")),
        leaver: None,
    };
    let result = part(&crowd, "return", &plan);
    let back: Return =
        serde_json::from_str(&result).unwrap_or_else(|error| panic!("{error}: {result}"));
    println!("{back:#?}");
    let killed_kib = std::fs::read_to_string(first.dir.join("rss")).expect("its memory");
    let killed_kib = killed_kib
        .split_whitespace()
        .nth(1)
        .and_then(|it| it.parse::<u64>().ok());
    let left_kib = rss_kib(pid(&second));
    println!("RSS of the instances: {killed_kib:?} and {left_kib} KiB");
    second.kumi(&["down"]);
    let result = json!({
        "return": back,
        "killed_instance_rss_kib": killed_kib,
        "other_instance_rss_kib": left_kib,
    });
    keep("agents-postgres", &result);
}
