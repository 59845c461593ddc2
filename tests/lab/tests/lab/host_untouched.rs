//! The machine's own network is the same before, during and after.

use std::time::Duration;

use lab::account::Account;
use lab::host::{Host, connect};
use lab::ns::Ns;
use lab::wire::Cable;
use lab::{need_root, sh};

/// Everything of the host that `kumi` must leave alone.
pub(crate) fn portrait(ns: &Ns) -> String {
    let resolver = std::fs::read("/etc/resolv.conf").unwrap_or_default();
    let run = |argv: &[&str]| ns.run(Account::Root, "/root", argv, Duration::from_secs(5));
    [
        run(&["ip", "route", "show", "default"]),
        run(&["ip", "-6", "route", "show", "default"]),
        run(&["ip", "rule"]),
        run(&["ip", "-6", "rule"]),
        run(&["nft", "list", "ruleset"]),
        run(&[
            "sysctl",
            "-a",
            "-r",
            "^net.ipv[46].(conf.all|conf.default|ip_forward)",
        ]),
        format!("{resolver:?}"),
        sh("ls", &["-l", "/etc/hosts", "/etc/nsswitch.conf"]),
    ]
    .join("\n--\n")
}

#[test]
fn default_route_resolver_and_firewall_never_change() {
    need_root();
    for account in [Account::Root, Account::A] {
        let cable = Cable::new();
        cable.a.ip(&["route", "add", "default", "via", "192.0.2.2"]);
        cable
            .a
            .ip(&["-6", "route", "add", "default", "via", "2001:db8::2"]);
        let argv = [
            "nft",
            "add table inet mine; add chain inet mine c { type filter hook input priority 0; }",
        ];
        cable
            .a
            .run(Account::Root, "/root", &argv, Duration::from_secs(5));
        let a = Host::new(&cable.a, account, "same-a");
        let b = Host::new(&cable.b, Account::Root, "same-b");
        let before = portrait(&cable.a);
        let (f_a, _) = connect(&a, &b);
        b.kumi(&["ping", &f_a, "-c", "1"]);
        assert_eq!(before, portrait(&cable.a), "while it runs");
        a.kumi(&["down"]);
        assert_eq!(before, portrait(&cable.a), "after it stopped");
        let links = cable.a.ip(&["-o", "link"]);
        assert!(
            !links.contains("kumi"),
            "an interface stayed behind: {links}"
        );
    }
}
