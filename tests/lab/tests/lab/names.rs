//! Names for programs: `ssh ada.lab.kumi` and the like, by the C library's module, by DNS at the responder's
//! address, and inside `kumi run`.

use std::process::Output;
use std::time::{Duration, Instant};

use lab::account::{Account, Dir};
use lab::host::Host;
use lab::lan::Lan;
use lab::ns::eventually;
use lab::resolved::Resolved;
use lab::ssh::Sshd;
use lab::{http, need_root};

const LIMIT: Duration = Duration::from_secs(60);
const RESPONDER: &str = "fc00::53";

/// A server on the first host, which is no member, and members `m1`, `m2` … of `lab` on the others.
fn lab<'a>(lan: &'a Lan, accounts: &[Account]) -> Vec<Host<'a>> {
    let hosts = lan.hosts.iter().zip(accounts).enumerate();
    let hosts: Vec<Host<'_>> = hosts
        .map(|(at, (ns, account))| Host::new(ns, *account, &format!("names-{at}")))
        .collect();
    hosts[0].kumi(&["group", "create", "lab", "--apart"]);
    for (at, host) in hosts.iter().enumerate().skip(1) {
        let line = hosts[0].kumi(&["group", "add", &format!("m{at}"), "lab"]);
        host.kumi(&["join", line.trim()]);
    }
    hosts
}

/// What a program sees in place of `/etc` and of the C library's directory: copies on write, which stay from one
/// command to the next. The machine's own are never written.
struct Private<'a> {
    host: &'a Host<'a>,
    dir: Dir,
    libraries: String,
}

impl<'a> Private<'a> {
    fn new(host: &'a Host<'a>, label: &str) -> Self {
        let dir = Dir::new(Account::Root, label);
        for name in ["etc", "etc-work", "lib", "lib-work"] {
            std::fs::create_dir(dir.path().join(name)).expect("a directory");
        }
        let maps = std::fs::read_to_string("/proc/self/maps").expect("maps");
        let libc = maps.lines().find(|line| line.ends_with("/libc.so.6"));
        let libc = libc.and_then(|line| line.find('/').map(|at| &line[at..]));
        let libraries = libc.and_then(|path| path.rsplit_once('/'));
        let libraries = libraries.expect("the C library").0.to_owned();
        Self {
            host,
            dir,
            libraries,
        }
    }

    /// Runs a program that sees these, as `account`.
    fn output(&self, account: Account, argv: &[&str]) -> Output {
        // `ip netns exec` has given it a mount namespace of its own.
        const SCRIPT: &str = "set -e; d=$1; l=$2; shift 2; \
            mount -t overlay -o lowerdir=/etc,upperdir=$d/etc,workdir=$d/etc-work names /etc; \
            rm -rf /etc/kumihimo; \
            mount -t overlay -o lowerdir=$l,upperdir=$d/lib,workdir=$d/lib-work names $l; \
            exec \"$@\"";
        let dir = self.dir.path().to_str().expect("plain path");
        let start = ["sh", "-c", SCRIPT, "sh", dir, &self.libraries];
        let prefix = account.prefix();
        let prefix: Vec<&str> = prefix.iter().map(String::as_str).collect();
        let argv = [&start[..], &prefix, argv].concat();
        let ns = self.host.ns;
        ns.output(Account::Root, &self.host.home(), &argv, LIMIT)
    }

    fn run(&self, account: Account, argv: &[&str]) -> String {
        let output = self.output(account, argv);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{argv:?}: {}\n{text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    fn kumi(&self, args: &[&str]) -> serde_json::Value {
        let argv = self.host.argv(&[args, &["--json"]].concat());
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let output = self.output(Account::Root, &argv);
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{args:?}: {e}:\n{text}"))
    }

    fn switch(&self) -> Vec<u8> {
        let written = self.dir.path().join("etc/nsswitch.conf");
        std::fs::read(written)
            .or_else(|_| std::fs::read("/etc/nsswitch.conf"))
            .expect("nsswitch.conf")
    }
}

#[test]
fn with_the_module_every_program_finds_members_by_name() {
    need_root();
    let machine = || {
        ["/etc/nsswitch.conf", "/etc/resolv.conf"]
            .map(|path| std::fs::read(path).unwrap_or_default())
    };
    let before = machine();
    let lan = Lan::new(3);
    let hosts = lab(&lan, &[Account::Root; 3]);
    let (ada, bob) = (&hosts[1], &hosts[2]);
    let (f_ada, f_bob) = (ada.f(), bob.f());
    std::fs::write(ada.dir.join("page"), b"hello by name").expect("a file");
    let _server = http::serve(ada, &f_ada, 8080);
    http::wait_for(bob, &http::url(&f_ada, 8080, "page"));
    let mut sshd = Sshd::start(ada, bob, &f_ada);

    let private = Private::new(bob, "names-private");
    let finds = |account, name: &str| private.output(account, &["getent", "ahosts", name]);
    assert!(!finds(Account::Root, "m1.lab.kumi").status.success());
    let status = private.kumi(&["names", "status"]);
    assert_eq!(
        (&status["works"], &status["nsswitch"]),
        (&false.into(), &"off".into())
    );
    let first = private.switch();

    let on = private.kumi(&["names", "on"]);
    assert_eq!(
        (&on["changed"], &on["works"]),
        (&true.into(), &true.into()),
        "{on}"
    );
    assert_eq!(private.kumi(&["names", "on"])["changed"], false);
    assert_eq!(private.kumi(&["names", "status"])["module"], "current");
    // Any account, any case of letters, with or without the group.
    for account in [Account::Root, Account::A] {
        for name in ["m1.lab.kumi", "M1.Lab.Kumi", "m1.kumi"] {
            let found = private.run(account, &["getent", "ahosts", name]);
            assert!(found.contains(&f_ada), "{name}: {found}");
        }
    }
    let own = private.run(Account::A, &["getent", "ahostsv6", "m2.lab.kumi"]);
    assert!(own.contains(&f_bob), "{own}");
    let reverse = private.run(Account::A, &["getent", "hosts", &f_ada]);
    assert!(reverse.contains("m1.lab.kumi"), "{reverse}");
    // Real programs.
    let url = "http://m1.lab.kumi:8080/page";
    assert_eq!(
        private.run(Account::A, &["curl", "-sS", url]),
        "hello by name"
    );
    sshd.reached_at("m1.lab.kumi", lab::ssh::PORT);
    let login = sshd.ssh(&["echo", "there"]);
    let login: Vec<&str> = login.iter().map(String::as_str).collect();
    assert_eq!(private.run(Account::Root, &login), "there\n");
    // What is nobody's is found nowhere, and names of others are as before.
    assert_eq!(finds(Account::A, "m9.lab.kumi").status.code(), Some(2));
    assert_eq!(finds(Account::A, "m1.other.kumi").status.code(), Some(2));
    let ipv4 = private.output(Account::A, &["getent", "ahostsv4", "m1.lab.kumi"]);
    assert_eq!(ipv4.status.code(), Some(2));
    assert!(finds(Account::A, "localhost").status.success());

    // Without a node nobody waits.
    bob.kumi(&["down"]);
    let asked = Instant::now();
    assert!(!finds(Account::A, "m1.lab.kumi").status.success());
    assert!(finds(Account::A, "localhost").status.success());
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
    let off = private.kumi(&["names", "off"]);
    assert_eq!(
        (&off["changed"], &off["module"]),
        (&true.into(), &"missing".into())
    );
    assert_eq!(private.switch(), first, "every byte is back");
    assert_eq!(private.kumi(&["names", "off"])["changed"], false);
    assert_eq!(before, machine(), "the machine's own files");
}

#[test]
fn a_file_that_is_not_plainly_to_be_changed_is_left_alone() {
    need_root();
    let lan = Lan::new(1);
    let host = Host::new(&lan.hosts[0], Account::Root, "names-files");
    let private = Private::new(&host, "names-files-private");
    let shell = |script: &str| private.run(Account::Root, &["sh", "-c", script]);
    let refused = |args: &[&str]| {
        let argv = host.argv(&[args, &["--json"]].concat());
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let output = private.output(Account::Root, &argv);
        assert!(!output.status.success(), "{args:?}");
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        value["error"]["code"].as_str().expect("a code").to_owned()
    };
    // Owner, mode and everything else of the file stay.
    let portrait = || shell("stat -c '%u %g %a' /etc/nsswitch.conf; cat /etc/nsswitch.conf");
    shell(
        "printf '# mine\\nhosts:\\tfiles dns # also mine\\n' >/etc/nsswitch.conf; chown 12:34 /etc/nsswitch.conf; chmod 640 /etc/nsswitch.conf",
    );
    let before = portrait();
    private.kumi(&["names", "on"]);
    let on = portrait();
    assert_eq!(
        on,
        before.replace("files dns", "files kumi [!UNAVAIL=return] dns")
    );
    private.kumi(&["names", "off"]);
    assert_eq!(portrait(), before);
    for (script, code) in [
        (
            "printf 'passwd: files\\n' >/etc/nsswitch.conf",
            "names-no-line",
        ),
        (
            "printf 'hosts: files\\nhosts: dns\\n' >/etc/nsswitch.conf",
            "names-lines",
        ),
        (
            "mv /etc/nsswitch.conf /etc/other; ln -s other /etc/nsswitch.conf",
            "names-link",
        ),
        ("rm /etc/nsswitch.conf", "names-no-file"),
    ] {
        shell(script);
        let look =
            "ls -l /etc/nsswitch.conf /etc/other; cat /etc/nsswitch.conf; ls $0/libnss_kumi* ";
        let seen = || {
            private
                .output(Account::Root, &["sh", "-c", look, &private.libraries])
                .stdout
        };
        let before = seen();
        assert_eq!(refused(&["names", "on"]), code);
        assert_eq!(seen(), before, "{code}");
    }
}

/// Asks the responder by UDP, and prints the code and the address.
const ASK: &str = "
import socket, sys, struct
name, kind, to = sys.argv[1], int(sys.argv[2]), sys.argv[3]
query = struct.pack('>6H', 7, 256, 1, 0, 0, 0)
for label in name.encode().split(b'.'):
    query += bytes([len(label)]) + label
query += b'\\0' + struct.pack('>2H', kind, 1)
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(3)
s.connect((to, 53))
s.send(query)
try:
    a = s.recv(2000)
except (TimeoutError, OSError) as error:
    print('silent')
    sys.exit()
assert a[:2] == query[:2] and a[12:len(query)] == query[12:], a
code, answers = a[3] & 15, a[7]
print(code, answers, socket.inet_ntop(socket.AF_INET6, a[-16:]) if answers and kind == 28 else '-')
";

fn ask(host: &Host<'_>, name: &str, kind: &str) -> String {
    let argv = host.inside(&["python3", "-c", ASK, name, kind, RESPONDER]);
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let text = host.ns.run(host.account, &host.home(), &argv, LIMIT);
    text.trim().to_owned()
}

#[test]
fn the_responder_tells_of_members_as_long_as_they_are() {
    need_root();
    let lan = Lan::new(5);
    let hosts = lab(
        &lan,
        &[Account::Root, Account::Root, Account::Root, Account::A],
    );
    let (server, bob, eve) = (&hosts[0], &hosts[2], &hosts[3]);
    // Another "m1" but for the case of its letter.
    let dan = Host::new(&lan.hosts[4], Account::Root, "names-4");
    let line = server.kumi(&["group", "add", "M1", "lab"]);
    dan.kumi(&["join", line.trim()]);
    let (f_ada, f_eve, f_dan) = (hosts[1].f(), eve.f(), dan.f());
    let found = |f: &str| format!("0 1 {f}");
    // Whom it has never met: the server knows.
    for host in [bob, eve] {
        assert_eq!(ask(host, "m1.lab.kumi", "28"), found(&f_ada));
        assert_eq!(ask(host, "M1.lab.kumi", "28"), found(&f_dan));
        assert_eq!(ask(host, "m1.LAB.kumi", "1"), "0 0 -", "no IPv4");
        assert_eq!(ask(host, "m9.lab.kumi", "28"), "3 0 -");
        assert_eq!(ask(host, "lab.kumi", "28"), "0 0 -", "a group");
        assert_eq!(ask(host, "example.com", "28"), "5 0 -", "not ours");
    }
    assert_eq!(ask(bob, "M3.Lab.KUMI", "28"), found(&f_eve));
    // Whom it has a session with it knows by itself.
    for f in [&f_ada, &f_dan] {
        let ping = bob.inside(&["ping", "-c", "1", "-W", "5", f]);
        let ping: Vec<&str> = ping.iter().map(String::as_str).collect();
        bob.ns.run(bob.account, &bob.home(), &ping, LIMIT);
    }
    assert_eq!(ask(bob, "m1.lab.kumi", "28"), found(&f_ada));
    assert_eq!(ask(bob, "M1.lab.kumi", "28"), found(&f_dan));
    // Whoever is removed is found no more; neither are others by whoever is removed.
    let becomes = |host: &Host<'_>, name: &str, what: &str| {
        eventually(LIMIT, name, || {
            (ask(host, name, "28") == what).then_some(())
        });
    };
    server.kumi(&["group", "remove", "m3"]);
    becomes(bob, "m3.lab.kumi", "3 0 -");
    becomes(eve, "m1.lab.kumi", "3 0 -");
    server.kumi(&["group", "remove", "M1"]);
    becomes(bob, "M1.lab.kumi", &found(&f_ada));
    // With every server away it finds whom it knows; of others it says that it does not know.
    server.kumi(&["down"]);
    becomes(bob, "m9.lab.kumi", "2 0 -");
    assert_eq!(ask(bob, "m1.lab.kumi", "28"), found(&f_ada));
    assert_eq!(ask(bob, "m2.lab.kumi", "28"), found(&bob.f()), "itself");
}

#[test]
fn the_responder_answers_its_own_machine_only() {
    need_root();
    let lan = Lan::new(3);
    let hosts = lab(&lan, &[Account::Root; 2]);
    let ada = &hosts[1];
    assert_eq!(
        ask(ada, "names.work.here.kumi", "28"),
        format!("0 1 {RESPONDER}")
    );
    // A machine of the LAN sends by way of one that forwards.
    let stranger = &lan.hosts[2];
    let forward = ["sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1"];
    ada.ns.run(Account::Root, "/", &forward, LIMIT);
    stranger.ip(&["-6", "route", "add", "fc00::/8", "via", "2001:db8::2"]);
    let argv = [
        "python3",
        "-c",
        ASK,
        "names.work.here.kumi",
        "28",
        RESPONDER,
    ];
    let heard = stranger.run(Account::Root, "/", &argv, LIMIT);
    assert_eq!(heard.trim(), "silent");
    // It was the node that kept silent, not the way there. (Its data threads let nobody send from here by another's
    // address; the responder looks again, as its own test shows.)
    let ping = ["ping", "-c", "1", "-W", "2", &ada.f()];
    stranger.run(Account::Root, "/", &ping, LIMIT);
}

#[test]
fn where_fc00_leads_elsewhere_the_responder_has_a_route_of_its_own() {
    need_root();
    let lan = Lan::new(2);
    let host = Host::new(&lan.hosts[0], Account::Root, "names-routes");
    host.ns
        .ip(&["-6", "route", "add", "fc00::/8", "via", "2001:db8::2"]);
    let config = host.dir.join("kumi.toml");
    for (routes, answer) in [
        ("peers", format!("0 1 {RESPONDER}")),
        ("none", "silent".into()),
    ] {
        let text = format!("[tun]\nroutes = \"{routes}\"\n");
        std::fs::write(&config, text).expect("a file");
        host.kumi(&["--config", &config, "up", "--no-invite"]);
        assert_eq!(ask(&host, "names.work.here.kumi", "28"), answer, "{routes}");
        host.kumi(&["down"]);
    }
}

#[test]
fn inside_kumi_run_names_are_found_and_the_machine_sees_nothing_of_it() {
    need_root();
    let lan = Lan::new(3);
    let hosts = lab(&lan, &[Account::Root, Account::Root, Account::A]);
    let (ada, bob) = (&hosts[1], &hosts[2]);
    let f_ada = ada.f();
    std::fs::write(ada.dir.join("page"), b"hello by name").expect("a file");
    let _server = http::serve(ada, &f_ada, 8080);
    http::wait_for(bob, &http::url(&f_ada, 8080, "page"));
    let before = std::fs::read("/etc/resolv.conf").expect("resolv.conf");
    let found = bob.run_inside(&["getent", "ahosts", "m1.lab.kumi"], LIMIT);
    assert!(found.contains(&f_ada), "{found}");
    let page = bob.run_inside(&["curl", "-sS", "http://m1.lab.kumi:8080/page"], LIMIT);
    assert_eq!(page, "hello by name");
    let seen = bob.run_inside(&["cat", "/etc/resolv.conf"], LIMIT);
    assert!(
        seen.contains(&format!("nameserver {RESPONDER}\n")),
        "{seen}"
    );
    assert_eq!(
        std::fs::read("/etc/resolv.conf").expect("resolv.conf"),
        before
    );
    // The machine's own programs find nothing: the overlay is not theirs.
    let argv = ["getent", "ahosts", "m1.lab.kumi"];
    let outside = bob.ns.output(bob.account, &bob.home(), &argv, LIMIT);
    assert!(!outside.status.success());
    assert_eq!(bob.json(&["names", "status"])["node"], "rootless");
}

#[test]
fn where_systemd_resolved_runs_there_is_nothing_to_do() {
    need_root();
    let machine = || std::fs::read("/etc/resolv.conf").unwrap_or_default();
    let before = machine();
    let lan = Lan::new(3);
    let hosts = lab(&lan, &[Account::Root; 2]);
    let (server, f_ada) = (&hosts[0], hosts[1].f());
    let bob = Host::new(&lan.hosts[2], Account::Root, "names-2");
    let resolved = Resolved::start(&bob, "names-resolved");
    let seen = || resolved.run(&["cat", "/etc/resolv.conf"]);
    let at_first = seen();
    assert!(at_first.is_some());
    let kumi = |args: &[&str]| {
        let argv = bob.argv(args);
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        resolved.run(&argv).unwrap_or_else(|| panic!("{args:?}"))
    };
    let line = server.kumi(&["group", "add", "経理", "lab"]);
    kumi(&["join", line.trim()]);
    let domains = || resolved.run(&["resolvectl", "domain"]).unwrap_or_default();
    eventually(LIMIT, "systemd-resolved to be told", || {
        domains().contains("~kumi").then_some(())
    });
    // By its stub at 127.0.0.53, as programs ask it; and by way of its own library.
    let found = resolved.run(&["getent", "ahosts", "m1.lab.kumi"]);
    assert!(found.is_some_and(|it| it.contains(&f_ada)));
    let query = |name: &str| resolved.run(&["resolvectl", "query", name]);
    assert!(query("m1.lab.kumi").is_some_and(|it| it.contains(&f_ada)));
    let own = bob.f();
    assert!(
        query("経理.lab.kumi").is_some_and(|it| it.contains(&own)),
        "letters of all scripts"
    );
    assert_eq!(query("m9.lab.kumi"), None);
    let ping = ["ping", "-c", "1", "-W", "5", "m1.lab.kumi"];
    assert!(resolved.run(&ping).is_some());
    // `ping` asked for the name before it was known whose address that is.
    eventually(LIMIT, "the name of an address", || {
        query(&f_ada).filter(|it| it.contains("m1.lab.kumi"))
    });
    let status: serde_json::Value =
        serde_json::from_str(&kumi(&["names", "status", "--json"])).expect("JSON");
    assert_eq!(
        (&status["works"], &status["resolved_runs"]),
        (&true.into(), &true.into())
    );
    kumi(&["down"]);
    assert!(!domains().contains("kumi"), "{}", domains());
    assert_eq!(seen(), at_first, "what programs see there");
    assert_eq!(machine(), before, "the machine's own");
}
