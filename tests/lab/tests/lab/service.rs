//! The node starts at boot: by the units that a real `systemd` reads and runs, and by a real `cron`.

use std::time::Duration;

use lab::account::Account;
use lab::boot::{Init, Machine};
use lab::kumi;
use lab::ns::{Ns, eventually};

const LIMIT: Duration = Duration::from_secs(30);

fn program() -> String {
    kumi().to_string_lossy().into_owned()
}

#[test]
fn cron_starts_the_node_of_an_ordinary_account_at_boot() {
    let ns = Ns::new("cron");
    let machine = Machine::start(&ns, Account::A, Init::Sleep);
    let kumi = program();
    // Lines of its own, with what editors and scripts tend to break.
    let mine = "# mine\nMAILTO=\"\"\n0 3 * * *\techo 100\\% \\\\ 'x'   \n\n#@reboot off # kumi service install\n";
    let file = machine.dir.join("tab");
    std::fs::write(&file, mine).expect("a file");
    machine.run(Account::A, &["crontab", &file]);
    let installed: serde_json::Value =
        serde_json::from_str(&machine.run(Account::A, &[&kumi, "--json", "service", "install"]))
            .expect("JSON");
    assert_eq!(installed["way"], "cron", "{installed:#}");
    machine.run(Account::A, &[&kumi, "service", "install"]);
    let line = format!("@reboot {kumi} up --no-invite >/dev/null # kumi service install\n");
    let tab = machine.run(Account::A, &["crontab", "-l"]);
    assert_eq!(tab, format!("{mine}{line}"), "twice is once");
    assert!(
        machine
            .fails(Account::A, &[&kumi, "status"])
            .contains("not running")
    );

    let _cron = machine.spawn(Account::Root, &["cron", "-f"]);
    eventually(LIMIT, "the node to run", || {
        let out = machine.output(Account::A, &[&kumi, "status"]);
        out.status.success().then_some(())
    });
    // Also from a login, where the socket would be elsewhere.
    let runtime = machine.dir.join("runtime");
    let variable = format!("XDG_RUNTIME_DIR={runtime}");
    machine.run(Account::A, &["env", &variable, &kumi, "status"]);

    let said = machine.run(Account::A, &[&kumi, "service", "remove"]);
    assert!(said.contains("crontab"), "{said}");
    assert_eq!(machine.run(Account::A, &["crontab", "-l"]), mine);
    machine.run(Account::A, &[&kumi, "down"]);
    let said = machine.run(Account::A, &[&kumi, "service", "remove"]);
    assert!(said.contains("Nothing"), "{said}");
}

#[test]
fn a_crontab_that_was_not_there_is_not_there_afterwards() {
    let ns = Ns::new("cron");
    let machine = Machine::start(&ns, Account::A, Init::Sleep);
    let kumi = program();
    let state = format!("{}/two words", machine.home());
    // What cron cannot do for it, --now does.
    machine.run(
        Account::A,
        &[&kumi, "--state", &state, "service", "install", "--now"],
    );
    machine.run(Account::A, &[&kumi, "--state", &state, "status"]);
    let tab = machine.run(Account::A, &["crontab", "-l"]);
    assert!(
        tab.contains(&format!("--state '{state}' up --no-invite")),
        "{tab}"
    );
    machine.run(Account::A, &[&kumi, "--state", &state, "down"]);
    machine.run(Account::A, &[&kumi, "service", "remove"]);
    assert!(
        machine
            .fails(Account::A, &["crontab", "-l"])
            .contains("no crontab")
    );
}

#[test]
fn a_node_with_sealed_keys_starts_at_boot_with_a_passphrase_file_only() {
    let ns = Ns::new("cron");
    let machine = Machine::start(&ns, Account::A, Init::Sleep);
    let kumi = program();
    let pass = format!("{}/pass", machine.home());
    let write = format!("umask 077; echo correct horse > {pass}");
    machine.run(Account::A, &["sh", "-c", &write]);
    let with_pass = ["--passphrase-file", pass.as_str()];
    machine.run(Account::A, &[&kumi, "id", "new"]);
    machine.run(
        Account::A,
        &[&[kumi.as_str(), "id", "seal", "--node"][..], &with_pass].concat(),
    );
    let install = [kumi.as_str(), "service", "install"];
    let said = machine.fails(Account::A, &install);
    assert!(
        said.contains("sealed") && said.contains("--passphrase-file"),
        "{said}"
    );
    machine.fails(Account::A, &["crontab", "-l"]);
    machine.run(Account::A, &[&install[..], &with_pass].concat());
    let _cron = machine.spawn(Account::Root, &["cron", "-f"]);
    eventually(LIMIT, "the node to run", || {
        status(&machine, Account::A, &[])
    });
    machine.run(Account::A, &[&kumi, "down"]);
}

#[test]
fn refusals_name_the_cause_and_change_nothing() {
    let ns = Ns::new("cron");
    let machine = Machine::start(&ns, Account::A, Init::Sleep);
    let kumi = program();
    // No crontab command.
    let bare = ["env", "PATH=/nowhere", &kumi, "service", "install"];
    let said = machine.fails(Account::A, &bare);
    assert!(
        said.contains("crontab command") && said.contains("apt-get install cron"),
        "{said}"
    );
    // A program in a place that is emptied.
    let copy = machine.dir.join("kumi");
    std::fs::copy(&kumi, &copy).expect("a copy");
    let said = machine.fails(Account::A, &[&copy, "service", "install"]);
    assert!(said.contains("/usr/local/bin"), "{said}");
    // A program that another account may change, for root.
    let folder = "/var/lib/theirs";
    machine.run(
        Account::Root,
        &["install", "-d", "-o", Account::A.name(), folder],
    );
    machine.run(Account::Root, &["cp", &kumi, folder]);
    let theirs = format!("{folder}/kumi");
    let said = machine.fails(Account::Root, &[&theirs, "service", "install"]);
    assert!(
        said.contains("install -m 755") && said.contains(folder),
        "{said}"
    );
    // A state directory that the next boot would empty.
    let argv = [&kumi, "--state", "/tmp/kumi-gone", "service", "install"];
    let said = machine.fails(Account::A, &argv);
    assert!(
        said.contains("/tmp/kumi-gone") && said.contains("--state"),
        "{said}"
    );
    assert!(!std::path::Path::new("/tmp/kumi-gone").exists());
    // A unit that somebody else wrote.
    machine.run(Account::Root, &["mkdir", "-p", "/run/systemd/system"]);
    let unit = "/etc/systemd/system/kumi.service";
    machine.run(
        Account::Root,
        &["sh", "-c", &format!("echo '[Service]' > {unit}")],
    );
    for verb in ["install", "remove"] {
        let said = machine.fails(Account::Root, &[&kumi, "service", verb]);
        assert!(said.contains("was not written by kumi"), "{said}");
    }
    assert_eq!(machine.run(Account::Root, &["cat", unit]), "[Service]\n");
}

fn status(machine: &Machine<'_>, account: Account, before: &[&str]) -> Option<serde_json::Value> {
    let kumi = program();
    let argv = [before, &[&kumi, "--json", "status"]].concat();
    let out = machine.output(account, &argv);
    let status = serde_json::from_slice(&out.stdout).ok();
    status.filter(|_| out.status.success())
}

/// systemd has nothing to remark on the unit, it is enabled, and it runs the node: after `kill -9`
/// again.
fn systemd_runs_it(machine: &Machine<'_>, account: Account, folder: &str, env: &[&str]) {
    let kumi = program();
    let kumi = |argv: &[&str]| machine.run(account, &[env, &[&kumi], argv].concat());
    let said = kumi(&["service", "install", "--now"]);
    let unit = format!("{folder}/kumi.service");
    assert!(said.contains(&unit), "{said}");
    let scope = if account == Account::Root {
        "--system"
    } else {
        "--user"
    };
    let enabled = [env, &["systemctl", scope, "is-enabled", "kumi"]].concat();
    assert_eq!(machine.run(account, &enabled), "enabled\n");
    let verify = [env, &["systemd-analyze", scope, "verify", &unit]].concat();
    let verified = machine.output(account, &verify);
    let remarks = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(
        verified.status.success() && !remarks.contains("kumi"),
        "{remarks}"
    );

    let first = eventually(LIMIT, "the node to run", || status(machine, account, env));
    let pid = |status: &serde_json::Value| status["pid"].to_string();
    machine.run(Account::Root, &["kill", "-9", &pid(&first)]);
    let second = eventually(LIMIT, "the node to run again", || {
        status(machine, account, env).filter(|second| pid(second) != pid(&first))
    });
    assert_eq!(first["address"], second["address"]);

    kumi(&["service", "remove"]);
    machine.fails(account, &enabled);
    machine.fails(account, &["ls", &unit]);
    let third = status(machine, account, env).expect("a node that goes on");
    assert_eq!(pid(&third), pid(&second));
    kumi(&["down"]);
}

#[test]
fn systemd_runs_the_node_of_an_ordinary_account() {
    let ns = Ns::new("unit");
    let machine = Machine::start(&ns, Account::A, Init::Sleep);
    let kumi = program();
    let said = machine.run(Account::A, &[&kumi, "service", "install"]);
    assert!(said.contains("cron starts"), "{said}");
    let (_manager, variable) = machine.start_user_systemd();
    let folder = format!("{}/.config/systemd/user", machine.home());
    systemd_runs_it(&machine, Account::A, &folder, &["env", &variable]);
    let said = machine.fails(Account::A, &["crontab", "-l"]);
    assert!(said.contains("no crontab"), "two ways at once: {said}");
}

#[test]
fn systemd_runs_the_node_of_root_and_allows_it_what_it_needs() {
    let ns = Ns::new("unit");
    let machine = Machine::start(&ns, Account::Root, Init::Systemd);
    systemd_runs_it(&machine, Account::Root, "/etc/systemd/system", &[]);
    let kumi = program();
    // With an interface of the machine, and with one in a namespace; with files elsewhere.
    let state = format!("{}/two words", machine.home());
    let config = format!("{}/kumi.toml", machine.home());
    for mode in ["kernel", "rootless"] {
        let text = format!("[tun]\nmode = \"{mode}\"\n");
        std::fs::write(machine.dir.join("kumi.toml"), text).expect("a file");
        let here = [kumi.as_str(), "--state", &state, "--config", &config];
        let kumi = |argv: &[&str]| machine.run(Account::Root, &[&here[..], argv].concat());
        kumi(&["service", "install", "--now"]);
        let status = eventually(LIMIT, "the node to run", || {
            let argv = [&here[..], &["--json", "status"]].concat();
            let out = machine.output(Account::Root, &argv);
            serde_json::from_slice::<serde_json::Value>(&out.stdout)
                .ok()
                .filter(|s| s["pid"].is_u64())
        });
        assert_eq!(status["network"]["mode"], mode, "{status:#}");
        let bounds = format!("grep CapBnd /proc/{}/status", status["pid"]);
        let bounds = machine.run(Account::Root, &["sh", "-c", &bounds]);
        assert!(
            bounds.trim().ends_with("0000000080001000"),
            "more than NET_ADMIN and SETFCAP: {bounds}"
        );
        kumi(&["down"]);
    }
}
