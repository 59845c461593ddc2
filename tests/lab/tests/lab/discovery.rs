//! Two nodes on one LAN that only know each other's addresses find each other by multicast.

use std::time::Duration;

use lab::account::Account;
use lab::host::Host;
use lab::need_root;
use lab::ns::eventually;
use lab::wire::Cable;

#[test]
fn two_nodes_that_allow_each_other_meet_on_the_lan_without_an_invite() {
    need_root();
    let cable = Cable::new();
    let a = Host::new(&cable.a, Account::Root, "lan-a");
    let b = Host::new(&cable.b, Account::A, "lan-b");
    a.up();
    b.up();
    let (f_a, f_b) = (a.f(), b.f());
    a.kumi(&["allow", &f_b]);
    b.kumi(&["allow", &f_a]);
    eventually(Duration::from_secs(20), "a ping without any invite", || {
        a.kumi_output(&["ping", &f_b, "-c", "1"])
            .status
            .success()
            .then_some(())
    });
    b.kumi(&["ping", &f_a, "-c", "1"]);
}
