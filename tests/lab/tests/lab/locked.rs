//! Locked groups, with real nodes and the real program: two admins on machines of their own, of three who may be asked;
//! what each of them signs is carried as text, as people would.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use lab::account::Account;
use lab::host::Host;
use lab::lan::Lan;
use lab::ns::eventually;
use lab::{CANARY, http, need_root};

const LIMIT: Duration = Duration::from_secs(60);

/// The server, two machines of admins, and as many others as fit.
pub(crate) fn hosts(lan: &Lan) -> Vec<Host<'_>> {
    let hosts = lan.hosts.iter().enumerate();
    hosts
        .map(|(at, ns)| Host::new(ns, Account::Root, &format!("locked-{at}")))
        .collect()
}

/// A passphrase file of a machine.
pub(crate) fn passphrase(host: &Host<'_>) -> String {
    let file = host.dir.join("passphrase");
    std::fs::write(&file, "correct horse battery staple\n").expect("a file");
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&file, mode).expect("a mode");
    file
}

/// Makes an admin's key; its public half.
fn key(host: &Host<'_>, file: &str) -> String {
    let (pass, file) = (passphrase(host), host.dir.join(file));
    let with = ["--key-file", &file, "--passphrase-file", &pass];
    let made = host.kumi(&[&["group", "key", "new"], &with[..]].concat());
    let shown = host.kumi(&[&["group", "key", "show"], &with[..]].concat());
    assert!(made.starts_with("kumikey1."), "{made}");
    assert_eq!(made, shown);
    made.trim().to_owned()
}

/// An admin reads and signs.
pub(crate) fn sign(host: &Host<'_>, request: &str) -> String {
    let (pass, file) = (passphrase(host), host.dir.join("one"));
    let with = ["--key-file", &file, "--passphrase-file", &pass, "--yes"];
    let signed = host.kumi(&[&["group", "sign", request.trim()], &with[..]].concat());
    assert!(signed.starts_with("kumisig1."), "{signed}");
    signed.trim().to_owned()
}

/// `vault`, of which two of three admins must sign; the third key is in a drawer.
pub(crate) fn vault(hosts: &[Host<'_>]) {
    let keys = [
        key(&hosts[1], "one"),
        key(&hosts[2], "one"),
        key(&hosts[1], "drawer"),
    ];
    let create = ["group", "create", "vault", "--locked", "2", "--admin-key"];
    let all: Vec<&str> = create
        .into_iter()
        .chain(keys.iter().map(String::as_str))
        .collect();
    let text = hosts[0].kumi(&all);
    assert!(text.contains("2 of 3"), "{text}");
}

/// A line that two admins have signed for, for the member `name`.
fn line(hosts: &[Host<'_>], name: &str) -> String {
    let plain = hosts[0].kumi(&["group", "add", name, "vault"]);
    let request = hosts[1].kumi(&["group", "offer", plain.trim()]);
    let signed = [sign(&hosts[1], &request), sign(&hosts[2], &request)];
    let early = hosts[1].kumi(&["group", "complete", &signed[0]]);
    assert!(
        early.contains("1 of 2") && !early.contains("kumi1:"),
        "{early}"
    );
    let line = hosts[1].kumi(&["group", "complete", &signed[1]]);
    assert!(line.starts_with("kumi1:"), "{line}");
    line.trim().to_owned()
}

fn pings(from: &Host<'_>, to: &str) -> bool {
    let argv = ["ping", "-c", "1", "-W", "2", to];
    let pinged = from.ns.output(from.account, &from.home(), &argv, LIMIT);
    pinged.status.success()
}

pub(crate) fn groups(host: &Host<'_>) -> Vec<String> {
    let list = host.json(&["group", "list"]);
    let all = list["member_of"].as_array().expect("a list");
    let names = all
        .iter()
        .map(|it| it["group"].as_str().expect("a name").to_owned());
    names.collect()
}

fn text_of(output: &std::process::Output) -> String {
    let parts = [&output.stdout, &output.stderr];
    parts
        .map(|it| String::from_utf8_lossy(it).into_owned())
        .concat()
}

#[test]
fn two_admins_on_two_machines_let_members_in_and_the_server_takes_them_out() {
    need_root();
    let lan = Lan::new(6);
    let hosts = hosts(&lan);
    let (server, ada, bob, eve) = (&hosts[0], &hosts[3], &hosts[4], &hosts[5]);
    vault(&hosts);
    assert!(
        groups(server).is_empty(),
        "the server is in only if the admins sign it in"
    );

    // A machine comes by a plain line, and waits for its admins.
    let plain = server.kumi(&["group", "add", "ada", "vault"]);
    let text = ada.kumi(&["join", plain.trim()]);
    assert!(text.contains("ada") && text.contains("admins"), "{text}");
    let request = server.kumi(&["group", "request", "ada", "vault"]);
    let first = sign(&hosts[1], &request);
    let text = server.kumi(&["group", "approve", &first]);
    assert!(
        text.contains("1 of 2") && text.contains("not in vault"),
        "{text}"
    );
    assert!(groups(ada).is_empty(), "one signature is not enough");
    let waits = server.json(&["group", "pending"]);
    assert_eq!(waits["pending"][0]["member"], "ada");
    assert_eq!(
        waits["pending"][0]["signed"].as_array().map(Vec::len),
        Some(1)
    );
    let second = sign(&hosts[2], &request);
    let done = server.json(&["group", "approve", &second]);
    assert_eq!(done["in_force"], true);
    eventually(LIMIT, "ada to be in the group", || {
        (groups(ada) == ["vault"]).then_some(())
    });

    // Another comes by a line that the admins signed: they and their machines need not be there.
    let line = line(&hosts, "bob");
    let text = bob.kumi(&["join", &line]);
    assert!(text.contains("bob") && text.contains("vault"), "{text}");
    let (f_ada, f_bob) = (ada.f(), bob.f());
    std::fs::write(ada.dir.join("page"), CANARY.repeat(1 << 10)).expect("a file");
    let _page = http::serve(ada, &f_ada, 8080);
    let url = http::url(&f_ada, 8080, "page");
    http::wait_for(bob, &url);
    assert!(http::fetches(bob, &[], &url) && pings(ada, &f_bob));
    let status = ada.kumi(&["status"]);
    assert!(status.contains("vault (locked: 2 of 3)"), "{status}");
    let list = bob.json(&["group", "list"]);
    assert_eq!(list["member_of"][0]["locked"]["threshold"], 2);

    // The line was for one, and somebody with one signature is nobody.
    let again = eve.kumi_output(&["join", &line]);
    assert!(!again.status.success(), "{}", text_of(&again));
    assert!(
        text_of(&again).contains("does not know this line"),
        "{}",
        text_of(&again)
    );
    let plain = server.kumi(&["group", "add", "eve", "vault"]);
    eve.kumi(&["join", plain.trim()]);
    let request = server.kumi(&["group", "request", "eve", "vault"]);
    let text = server.kumi(&["group", "approve", &sign(&hosts[1], &request)]);
    assert!(text.contains("1 of 2"), "{text}");
    let f_eve = eve.f();
    assert!(groups(eve).is_empty());
    assert!(
        !pings(eve, &f_ada) && !pings(ada, &f_eve),
        "one signature only"
    );

    // The server may take out, and nobody else has to agree.
    server.kumi(&["group", "remove", "bob", "vault"]);
    eventually(LIMIT, "bob to be out", || {
        (groups(bob).is_empty() && !pings(bob, &f_ada) && !pings(ada, &f_bob)).then_some(())
    });
    let text = server.kumi(&["group", "add", "bob", "vault"]);
    assert!(text.contains("bob waits for the admins of vault"), "{text}");
    assert!(
        groups(bob).is_empty(),
        "what was signed for it before is of no use"
    );
    let log = server.json(&["gms", "log"]).to_string();
    for event in ["admission_asked", "admission_signed", "admitted"] {
        assert!(log.contains(event), "{event} is in the audit trail");
    }
}

#[test]
fn a_server_leads_no_member_of_a_locked_group_into_an_open_one() {
    need_root();
    let lan = Lan::new(5);
    let hosts = hosts(&lan);
    let (server, ada, eve) = (&hosts[0], &hosts[3], &hosts[4]);
    vault(&hosts);
    let line = line(&hosts, "ada");
    ada.kumi(&["join", &line]);
    assert_eq!(groups(ada), ["vault"]);
    // A group that needs no admin, with ada and a stranger in it.
    server.kumi(&["group", "create", "trap", "--apart"]);
    let theirs = server.kumi(&["group", "add", "eve", "trap"]);
    eve.kumi(&["join", theirs.trim()]);
    assert_eq!(groups(eve), ["trap"]);
    server.kumi(&["group", "add", "ada", "trap"]);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(groups(ada), ["vault"], "nobody on this machine wanted that");
    let (f_ada, f_eve) = (ada.f(), eve.f());
    assert!(!pings(eve, &f_ada) && !pings(ada, &f_eve));
    // Whoever uses ada's machine may want it.
    server.kumi(&["group", "remove", "ada", "trap"]);
    let wanted = server.kumi(&["group", "invite", "trap"]);
    let text = ada.kumi(&["join", wanted.trim()]);
    assert!(text.contains("trap"), "{text}");
    eventually(LIMIT, "both to talk", || {
        (pings(eve, &f_ada) && pings(ada, &f_eve)).then_some(())
    });
}
