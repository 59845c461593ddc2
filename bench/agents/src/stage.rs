//! The namespace, the server, and the result.

use std::net::SocketAddr;
use std::time::Duration;

use lab::account::Account;
use lab::host::Host;
use lab::ns::Ns;
use lab::wire::{address, join};
use serde_json::json;

use crate::parts::{Plan, Removal, Return};

const LIMIT: Duration = Duration::from_secs(900);
const ADDRESS: &str = "10.77.0.1";

/// Runs both parts, each with a server of its own, and writes the result down.
pub(crate) fn run(members: usize, agents: usize) {
    let (ns, crowd) = (Ns::new("gms"), Ns::new("crowd"));
    join(&ns, "eth0", &crowd, "eth0");
    address(&ns, "eth0", &format!("{ADDRESS}/16"));
    address(&crowd, "eth0", "10.77.0.2/16");
    // Every agent has an address of its own, and none is on an interface.
    crowd.ip(&["link", "set", "lo", "up"]);
    crowd.ip(&["route", "add", "local", "10.88.0.0/16", "dev", "lo"]);
    ns.ip(&["route", "add", "10.88.0.0/16", "via", "10.77.0.2"]);
    let removal: Removal = removal(&ns, &crowd, members);
    println!("{removal:#?}");
    let (back, rss_kib): (Return, u64) = come_back(&ns, &crowd, agents);
    println!("{back:#?}\nRSS of the server: {rss_kib} KiB");
    let result = json!({ "removal": removal, "return": back, "server_rss_kib": rss_kib });
    keep("agents", &result);
}

/// Writes a result down.
pub(crate) fn keep(name: &str, result: &serde_json::Value) {
    let time = lab::sh("date", &["-u", "+%Y-%m-%dT%H%MZ"]);
    let path = format!("bench/results/{name}-{}.json", time.trim());
    let text = serde_json::to_string_pretty(&result).expect("JSON");
    std::fs::write(&path, text + "\n").expect("bench/results");
    println!("{path}");
}

/// Where a server is.
pub(crate) fn at(address: &str, server: &Host<'_>) -> SocketAddr {
    let at = format!("{address}:{}", port(server));
    at.parse().expect("an address")
}

fn removal(ns: &Ns, crowd: &Ns, members: usize) -> Removal {
    let server = server(ns, "agents-removal");
    let plan = Plan {
        servers: vec![at(ADDRESS, &server)],
        line: line(&server, members),
        agents: members,
        command: inside(ns, server.argv(&["group", "remove", "leaver"])),
        left: None,
        leaver: Some(
            server
                .kumi(&["group", "add", "leaver", "load"])
                .trim()
                .to_owned(),
        ),
    };
    let result = part(crowd, "removal", &plan);
    server.kumi(&["down"]);
    serde_json::from_str(&result).unwrap_or_else(|error| panic!("{error}: {result}"))
}

fn come_back(ns: &Ns, crowd: &Ns, agents: usize) -> (Return, u64) {
    let server = server(ns, "agents-return");
    let pid = pid(&server);
    let again = server.argv(&["up", "--no-invite"]).join(" ");
    let plan = Plan {
        servers: vec![at(ADDRESS, &server)],
        line: line(&server, agents),
        agents,
        command: inside(
            ns,
            ["sh", "-c", &format!("kill -9 {pid}; sleep 0.2; {again}")]
                .map(str::to_owned)
                .to_vec(),
        ),
        left: None,
        leaver: None,
    };
    let result = part(crowd, "return", &plan);
    let result = serde_json::from_str(&result).unwrap_or_else(|error| panic!("{error}: {result}"));
    let rss = rss_kib(self::pid(&server));
    server.kumi(&["down"]);
    (result, rss)
}

fn server<'a>(ns: &'a Ns, label: &str) -> Host<'a> {
    let server = Host::new(ns, Account::Root, label);
    server.kumi(&["group", "create", "load", "--apart"]);
    server
}

/// The command in the server's namespace.
pub(crate) fn inside(ns: &Ns, argv: Vec<String>) -> Vec<String> {
    let enter = ["ip", "netns", "exec", ns.name()].map(str::to_owned);
    enter.into_iter().chain(argv).collect()
}

pub(crate) fn line(server: &Host<'_>, uses: usize) -> String {
    let uses = uses.to_string();
    let line = server.kumi(&["group", "invite", "load", "--uses", &uses]);
    line.trim().to_owned()
}

fn port(server: &Host<'_>) -> u16 {
    let listen = server.json(&["status"])["listen"]
        .as_str()
        .expect("listen")
        .to_owned();
    let port = listen.rsplit(':').next().and_then(|it| it.parse().ok());
    port.expect("a port")
}

pub(crate) fn pid(server: &Host<'_>) -> u64 {
    server.json(&["status"])["pid"].as_u64().expect("a pid")
}

pub(crate) fn rss_kib(pid: u64) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.expect("VmHWM")
}

/// Runs a part of this program in the namespace; what it printed.
pub(crate) fn part(ns: &Ns, name: &str, plan: &Plan) -> String {
    let own = std::env::current_exe().expect("a path");
    let plan = serde_json::to_string(plan).expect("JSON");
    let argv = [own.to_str().expect("UTF-8"), name, &plan];
    let output = ns.output(Account::Root, "/root", &argv, LIMIT);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().last().unwrap_or_default().to_owned()
}
