//! Administrators of a management server over HTTP: every operation of docs/api/openapi.json by every
//! role, by keys that are none, and by those of another server; what they do from their own machines;
//! and what other accounts of the server's machine reach (nothing).

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use lab::account::Account;
use lab::host::Host;
use lab::lan::Lan;
use lab::need_root;
use lab::ns::{Ns, eventually};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);
const PORT: u16 = 4651;

/// A management server's interface, as somebody on its machine sees it.
struct Server<'a> {
    host: &'a Host<'a>,
    url: String,
    /// Makes names that are new each time.
    count: u32,
    /// Another server, which may manage groups with this one.
    partner: Option<&'a Host<'a>>,
}

/// One request.
struct Try {
    method: String,
    path: String,
    body: Option<Value>,
}

impl<'a> Server<'a> {
    fn new(host: &'a Host<'a>) -> Self {
        let url = format!("http://[{}]:{PORT}", host.f());
        let count = 0;
        Self {
            host,
            url,
            count,
            partner: None,
        }
    }

    /// The key of a new administrator.
    fn key(&self, name: &str, more: &[&str]) -> String {
        let args = [&["gms", "admin", "add", name], more].concat();
        self.host.kumi(&args).trim().to_owned()
    }

    /// Status and body.
    fn call(&self, key: Option<&str>, call: &Try) -> (u16, Value) {
        let account = self.host.account;
        request(self.host.ns, account, &self.url, key, call)
    }

    fn rev(&self) -> u64 {
        self.host.json(&["gms", "status"])["rev"]
            .as_u64()
            .expect("a number")
    }

    fn add_user(&self, user: &str) {
        let file = self.host.dir.join("password");
        std::fs::write(&file, "correct horse").expect("a file");
        lab::sh("chmod", &["600", &file]);
        self.host
            .kumi(&["gms", "user", "add", user, "--password-file", &file]);
    }

    fn new_name(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what}-{}", self.count)
    }

    /// What the one admin of a new locked group has signed: that the server's own node is in it.
    fn signature(&self, group: &str) -> String {
        let (key, pass) = (self.host.dir.join("admin.key"), self.host.dir.join("pass"));
        let with = ["--key-file", &key, "--passphrase-file", &pass];
        let verb = match std::path::Path::new(&key).exists() {
            true => "show",
            false => "new",
        };
        std::fs::write(&pass, "correct horse battery staple\n").expect("a file");
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&pass, mode).expect("a mode");
        let public = self
            .host
            .kumi(&[&["group", "key", verb], &with[..]].concat());
        let lock = ["--locked", "1", "--admin-key", public.trim(), "--as", "gms"];
        self.host
            .kumi(&[&["group", "create", group], &lock[..]].concat());
        let request = self.host.kumi(&["group", "request", "gms", group]);
        let sign = ["group", "sign", request.trim(), "--yes"];
        let signed = self.host.kumi(&[&sign[..], &with[..]].concat());
        signed.trim().to_owned()
    }

    /// Shares a group with the other server; where that one is reached.
    fn share(&self, group: &str) -> String {
        let partner = self.partner.expect("another server");
        let shared = self.host.kumi(&["group", "share", group]);
        partner.kumi(&["group", "accept", shared.trim()]);
        let server = partner.f();
        // What the two have to say to each other changes things, too.
        eventually(LIMIT, "the servers to meet", || {
            let there = self.host.json(&["group", "list"]).to_string();
            let other = format!("\"address\":\"{server}\",\"in_touch\":true");
            there.contains(&other).then_some(())
        });
        std::thread::sleep(Duration::from_millis(500));
        server
    }

    /// Makes by an order over the control socket what an operation needs, and says how it is called.
    fn prepare(&mut self, operation: &str, method: &str, path: &str) -> Try {
        let (group, member) = (self.new_name("group"), self.new_name("member"));
        let (admin, fresh) = (self.new_name("admin"), self.new_name("new"));
        let user = self.new_name("user");
        let password = json!({"password": "correct horse"});
        let (mut line, mut server, mut body) = (String::new(), String::new(), None);
        let create = || drop(self.host.kumi(&["group", "create", &group, "--apart"]));
        let add = || drop(self.host.kumi(&["group", "add", &member, &group]));
        match operation {
            "server" | "groups" | "members" | "lines" | "admins" | "pending" | "log" | "users" => {}
            "require_sign_in" => {
                create();
                body = Some(json!({"period_s": 3_600}));
            }
            "add_user" => body = Some(password),
            "user" | "remove_user" | "set_password" | "change_user" => {
                self.add_user(&user);
                body = match operation {
                    "set_password" => Some(password),
                    "change_user" => Some(json!({"disabled": true})),
                    _ => None,
                };
            }
            "create_group" => body = Some(json!({"groups": [fresh], "site": ["10.0.0.0/16"]})),
            "group" | "rotate" => create(),
            "put_rules" => {
                create();
                let rule = json!({"from": "staff", "to": "*", "services": ["tcp/22"]});
                body = Some(json!({"rules": [rule]}));
            }
            "put_roles" => {
                create();
                add();
                body = Some(json!({"roles": ["staff"]}));
            }
            "share" => {
                create();
                body = Some(json!({"groups": [group], "expires_s": 3600}));
            }
            "unshare" => {
                create();
                server = self.share(&group);
            }
            "member" | "remove_member" | "remove_from_group" => {
                create();
                add();
            }
            "put_member" => {
                create();
                body = Some(json!({"groups": [group], "accepts": ["192.168.20.0/24"]}));
            }
            "make_line" => {
                create();
                body = Some(json!({"groups": [group], "uses": 3}));
            }
            "plan" => {
                create();
                body = Some(json!({"order": "add", "member": fresh, "groups": [group]}));
            }
            "withdraw" => {
                create();
                add();
                let lines = self.host.json(&["group", "lines"]);
                let lines = lines["lines"].as_array().expect("lines");
                let of_member = |it: &&Value| it["member"] == member.as_str();
                let found = lines.iter().find(of_member).expect("its line");
                found["id"].as_str().expect("an id").clone_into(&mut line);
            }
            "sign" => body = Some(json!({"signature": self.signature(&group)})),
            "add_admin" => body = Some(json!({"role": "auditor", "expires_s": 60})),
            "remove_admin" => {
                self.key(&admin, &[]);
            }
            other => panic!("say here what the operation `{other}` needs"),
        }
        let (member, admin) = match operation {
            "put_member" => (fresh.clone(), admin),
            "add_admin" => (member, fresh.clone()),
            _ => (member, admin),
        };
        let path = path
            .replace("{group}", &group)
            .replace("{member}", &member)
            .replace("{admin}", &admin)
            .replace("{user}", &user)
            .replace("{line}", &line)
            .replace("{server}", &server);
        assert!(!path.contains('{'), "{path}");
        let method = method.to_uppercase();
        Try { method, path, body }
    }
}

/// Asks with `curl`; status 0: there was no answer.
fn request(ns: &Ns, account: Account, url: &str, key: Option<&str>, call: &Try) -> (u16, Value) {
    let mut argv = vec!["curl", "-sS", "-g", "--max-time", "10", "-X", &call.method];
    let shown = key.map(|key| format!("Authorization: Bearer {key}"));
    if let Some(shown) = &shown {
        argv.extend(["-H", shown]);
    }
    let body = call.body.as_ref().map(Value::to_string);
    if let Some(body) = &body {
        argv.extend(["-H", "Content-Type: application/json", "-d", body]);
    }
    let url = format!("{url}{}", call.path);
    argv.extend(["-w", "\n%{http_code} %{content_type}", &url]);
    let output = ns.output(account, "/tmp", &argv, LIMIT);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let (body, tail) = text.rsplit_once('\n').unwrap_or_default();
    let (status, kind) = tail.split_once(' ').unwrap_or((tail, ""));
    let status = status.parse().unwrap_or(0);
    if status >= 400 {
        assert_eq!(
            kind, "application/problem+json",
            "{} {url}: {text}",
            call.method
        );
    }
    (status, serde_json::from_str(body).unwrap_or_default())
}

fn get(path: &str) -> Try {
    Try {
        method: "GET".to_owned(),
        path: path.to_owned(),
        body: None,
    }
}

/// The operations of the committed document: id, method, path, and the rank of the role.
fn operations() -> Vec<(String, String, String, usize)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api/openapi.json");
    let text = std::fs::read_to_string(path).expect("the document");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let id = operation["operationId"].as_str().expect("an id");
            let role = &operation["security"][0]["key"][0];
            let roles = ["auditor", "admin", "owner"];
            let rank = roles.iter().position(|it| role == it).expect("a role");
            all.push((id.to_owned(), method.clone(), path.clone(), rank));
        }
    }
    assert!(all.len() >= 31, "{all:?}");
    all
}

#[test]
fn every_operation_by_every_role_of_this_server_and_of_another() {
    need_root();
    let lan = Lan::new(2);
    let host = Host::new(&lan.hosts[0], Account::Root, "manage");
    let other = Host::new(&lan.hosts[1], Account::Root, "manage-other");
    for host in [&host, &other] {
        host.kumi(&["gms", "serve"]);
    }
    let mut server = Server::new(&host);
    server.partner = Some(&other);
    let elsewhere = Server::new(&other);
    let keys = [
        (
            "auditor",
            Some(server.key("audrey", &["--role", "auditor"])),
            Some(0),
        ),
        ("admin", Some(server.key("adam", &[])), Some(1)),
        (
            "owner",
            Some(server.key("olive", &["--role", "owner"])),
            Some(2),
        ),
        (
            "late",
            Some(server.key("late", &["--role", "owner", "--expires", "1s"])),
            None,
        ),
        (
            "removed",
            Some(server.key("gone", &["--role", "owner"])),
            None,
        ),
        (
            "another's",
            Some(elsewhere.key("olive", &["--role", "owner"])),
            None,
        ),
        ("no key", None, None),
        ("nonsense", Some("kumiadmin1.AAAA".to_owned()), None),
    ];
    host.kumi(&["gms", "admin", "remove", "gone"]);
    eventually(Duration::from_secs(10), "the interface to open", || {
        (server.call(keys[0].1.as_deref(), &get("/v1/server")).0 == 200).then_some(())
    });
    std::thread::sleep(Duration::from_millis(1_100));
    let mut cells = 0;
    for (id, method, path, least) in operations() {
        for (who, key, rank) in &keys {
            let call = server.prepare(&id, &method, &path);
            let before = server.rev();
            let (status, body) = server.call(key.as_deref(), &call);
            let cell = format!("{id} by {who}: {status} {body}");
            match rank {
                Some(rank) if *rank >= least => assert!((200..300).contains(&status), "{cell}"),
                Some(_) => assert_eq!((status, &body["code"]), (403, &json!("role")), "{cell}"),
                None => assert_eq!(
                    (status, &body["code"]),
                    (401, &json!("admin-key")),
                    "{cell}"
                ),
            }
            let changed = server.rev() != before;
            let may = rank.is_some_and(|rank| rank >= least);
            let orders = method != "get" && id != "plan";
            assert_eq!(changed, may && orders, "{cell}");
            cells += 1;
        }
    }
    println!("{cells} cells");
    // Nobody's key is in what the server keeps or says.
    let log = host.json(&["gms", "log", "--most", "1000"]).to_string();
    let secret = keys[2].1.as_deref().expect("a key");
    assert!(!log.contains(&secret[20..60]));
}

#[test]
fn an_administrator_works_from_a_machine_elsewhere_and_other_accounts_reach_nothing() {
    need_root();
    let lan = Lan::new(4);
    let server = Host::new(&lan.hosts[0], Account::Root, "away-server");
    let olive = Host::new(&lan.hosts[1], Account::Root, "away-olive");
    let ada = Host::new(&lan.hosts[2], Account::Root, "away-ada");
    server.kumi(&["group", "create", "office", "--as", "server"]);
    let line = server.kumi(&["group", "add", "olive", "office"]);
    olive.kumi(&["join", line.trim()]);
    let key = server.kumi(&["gms", "admin", "add", "olive"]);
    let key = key.trim();
    eventually(Duration::from_secs(10), "the interface to open", || {
        olive
            .kumi_output(&["gms", "use", key])
            .status
            .success()
            .then_some(())
    });
    // Everything as on the server itself.
    olive.kumi(&["group", "create", "lab"]);
    let line = olive.kumi(&["group", "add", "ada", "lab"]);
    let text = ada.kumi(&["join", line.trim()]);
    assert!(text.contains("lab"), "{text}");
    let list = olive.json(&["group", "list"]);
    assert_eq!(list["managed"]["groups"].as_array().map(Vec::len), Some(2));
    assert_eq!(list["member_of"][0]["group"], "office");
    let refused = olive.kumi_output(&["gms", "admin", "add", "eve"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("owner"),
        "{said}"
    );
    let log = server.json(&["gms", "log"]);
    let records = log["records"].as_array().expect("records");
    let by_admin = records.iter().filter(|it| it["actor"]["who"] == "admin");
    assert!(by_admin.count() >= 5, "{log}");
    // The key is taken away: it is over at once.
    server.kumi(&["gms", "admin", "remove", "olive"]);
    let refused = olive.kumi_output(&["group", "create", "late"]);
    assert!(!refused.status.success(), "{refused:?}");
    olive.kumi(&["gms", "use", "--own"]);
    let refused = olive.kumi_output(&["group", "create", "late", "--apart"]);
    assert!(refused.status.success(), "a server of its own: {refused:?}");

    // An ordinary account of the server's machine.
    server.kumi(&["gms", "admin", "add", "stays"]);
    let url = format!("http://[{}]:{PORT}", server.f());
    eventually(
        Duration::from_secs(10),
        "the interface to open again",
        || {
            let (status, _) = request(server.ns, Account::A, &url, None, &get("/v1/server"));
            (status == 401).then_some(())
        },
    );
    let state = format!("{}/state", server.home());
    for file in ["gms.db", "gms.key", "control", ""] {
        let path = format!("{state}/{file}");
        let read = server.ns.output(Account::A, "/tmp", &["ls", &path], LIMIT);
        assert!(!read.status.success(), "{path}");
    }
    // A machine that is no peer finds nobody there, by any address of the server.
    for url in [&format!("http://192.0.2.1:{PORT}"), &url] {
        let (status, _) = request(&lan.hosts[3], Account::A, url, None, &get("/v1/server"));
        assert_eq!(status, 0, "{url}");
    }
}

#[test]
fn with_a_certificate_administrators_need_no_overlay() {
    need_root();
    let lan = Lan::new(2);
    let server = Host::new(&lan.hosts[0], Account::Root, "tls-server");
    let olive = Host::new(&lan.hosts[1], Account::A, "tls-olive");
    let file = |name: &str| server.dir.join(name);
    let (certificate, key) = (file("gms.pem"), file("gms.key.pem"));
    let made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=gms",
        "-addext",
        "subjectAltName=IP:192.0.2.1",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ];
    server.ns.run(Account::Root, "/", &made, LIMIT);
    let config = format!(
        "[gms]\nhttps = \"192.0.2.1:8443\"\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n"
    );
    std::fs::write(file("kumi.toml"), config).expect("a file");
    server.kumi(&["--config", &file("kumi.toml"), "gms", "serve"]);
    let admin = server.kumi(&["gms", "admin", "add", "olive"]);
    let trust = olive.dir.join("trust.pem");
    std::fs::copy(&certificate, &trust).expect("a copy");
    lab::sh("chmod", &["644", &trust]);
    let url = "https://192.0.2.1:8443";
    let using = ["gms", "use", admin.trim(), "--url", url, "--trust", &trust];
    eventually(Duration::from_secs(10), "the interface to open", || {
        olive.kumi_output(&using).status.success().then_some(())
    });
    olive.kumi(&["group", "create", "lab"]);
    assert_eq!(server.json(&["gms", "status"])["groups"], 1);
    // Without the certificate to trust, and without TLS, nothing is said.
    for (more, id) in [
        (&["--url", url][..], "gms-authority"),
        (&["--url", "http://192.0.2.1:8443"], "gms-url"),
    ] {
        let args = [&["--json", "gms", "use", admin.trim()], more].concat();
        let refused = olive.kumi_output(&args);
        let said: Value = serde_json::from_slice(&refused.stdout).expect("JSON");
        assert_eq!(said["error"]["code"], id, "{said}");
    }
    let (status, _) = request(
        &lan.hosts[1],
        Account::A,
        "http://192.0.2.1:8443",
        Some(admin.trim()),
        &get("/v1/server"),
    );
    assert_eq!(status, 0);
}
