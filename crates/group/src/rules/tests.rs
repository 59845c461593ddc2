//! Permits permit what they name, and nothing else; the flat table holds what the list holds.

use proptest::prelude::*;

use super::*;

fn role(name: &str) -> Party {
    Party::Role(name.to_owned())
}

fn ports(ranges: &[(Proto, u16, u16)]) -> Services {
    let ranges = ranges
        .iter()
        .map(|&(proto, lo, hi)| PortRange { proto, lo, hi });
    Services::Ports(ranges.collect())
}

fn permit(from: Party, to: Party, services: Services) -> Permit {
    Permit { from, to, services }
}

fn roles(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn only_what_a_permit_names_is_permitted_and_only_that_way() {
    let ssh = ports(&[(Proto::Tcp, 22, 22)]);
    let permits = [
        permit(role("staff"), role("server"), ssh.clone()),
        permit(role("admin"), Party::Anybody, Services::All),
        permit(
            Party::Anybody,
            role("printer"),
            ports(&[(Proto::Tcp, 631, 631)]),
        ),
    ];
    let nothing = Services::Ports(Vec::new());
    let of = |from: &[&str], to: &[&str]| services(&permits, &roles(from), &roles(to));
    assert_eq!(of(&["staff"], &["server"]), ssh);
    assert_eq!(of(&["server"], &["staff"]), nothing);
    assert_eq!(of(&["staff"], &["staff"]), nothing);
    assert_eq!(of(&[], &["server"]), nothing);
    assert_eq!(of(&["admin", "staff"], &["server"]), Services::All);
    let both = ports(&[(Proto::Tcp, 22, 22), (Proto::Tcp, 631, 631)]);
    assert_eq!(of(&["staff"], &["printer", "server"]), both);
    let found = |from: &[&str], to: &[&str], port| -> Vec<usize> {
        let (from, to) = (roles(from), roles(to));
        let found = permitting(&permits, (&from, &to), (Proto::Tcp, port));
        found.map(|(place, _)| place).collect()
    };
    assert_eq!(found(&["admin", "staff"], &["server"], 22), [0, 1]);
    assert_eq!(found(&["staff"], &["server"], 23), [0; 0]);
    assert_eq!(
        services(&[], &roles(&["admin"]), &[]),
        nothing,
        "rules without any permit"
    );
}

#[test]
fn what_is_wrong_is_named() {
    let range = |lo, hi| ports(&[(Proto::Udp, lo, hi)]);
    let one = |services| [permit(Party::Anybody, Party::Anybody, services)];
    assert_eq!(check(&one(range(5, 9))), Ok(()));
    assert_eq!(check(&one(ports(&[]))), Err(RulesError::NoServices));
    let wrong = RulesError::Backwards { lo: 9, hi: 5 };
    assert_eq!(check(&one(range(9, 5))), Err(wrong));
    for name in ["", "a b", "a.b", &"x".repeat(ROLE_LEN_MAX + 1)] {
        let wrong = permit(role(name), Party::Anybody, Services::All);
        assert_eq!(check(&[wrong]), Err(RulesError::Role(name.to_owned())));
    }
    let many = vec![one(Services::All)[0].clone(); PERMITS_MAX + 1];
    assert!(check(&many).is_err());
    assert_eq!(check(&many[1..]), Ok(()));
    let full = one(ports(&[(Proto::Tcp, 1, 1); RANGES_MAX]));
    assert_eq!(check(&full), Ok(()));
    assert!(check(&[full[0].clone(), one(range(1, 1))[0].clone()]).is_err());
}

fn any_ranges() -> impl Strategy<Value = Vec<PortRange>> {
    let range = (any::<bool>(), 0..40_u16, 0..6_u16, any::<bool>());
    let range = range.prop_map(|(is_tcp, lo, len, is_high)| {
        // Both ends of the ports, so that ranges overlap, touch, and reach the last one.
        let lo = if is_high { u16::MAX - 45 + lo } else { lo };
        let proto = if is_tcp { Proto::Tcp } else { Proto::Udp };
        let hi = lo.saturating_add(len);
        PortRange { proto, lo, hi }
    });
    prop::collection::vec(range, 0..12)
}

proptest! {
    #[test]
    fn the_flat_table_holds_what_the_list_holds(ranges in any_ranges()) {
        let flat = Services::Ports(ranges.clone()).compiled();
        let ports = (0..50).chain(u16::MAX - 50..=u16::MAX);
        for (port, proto) in ports.flat_map(|port| [(port, Proto::Tcp), (port, Proto::Udp)]) {
            let is_in = |it: &PortRange| it.proto == proto && (it.lo..=it.hi).contains(&port);
            prop_assert_eq!(flat.hold(proto, port), ranges.iter().any(is_in), "{:?} {}", proto, port);
        }
        let Services::Ports(flat) = flat else { panic!("a list stays a list") };
        let apart = flat.windows(2).all(|two| two[0].proto != two[1].proto || two[0].hi + 1 < two[1].lo);
        prop_assert!(apart, "{:?}", flat);
    }
}
