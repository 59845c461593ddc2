//! A partner that is not honest.

use control::Addition;
use group::chain::Head;
use group::message::Message;
use group::partner::{Charge, PartnerMessage};
use group::statement::{Authority, GroupId, Server, Signer};
use identity::crypto::AwsLc;
use wire::NodeAddr;

use super::sites_world::{A, B, HOUR, LAB, Sites, two_sites};
use super::world::create;

/// What a partner may ask of a group: how far it has come, and what it holds.
fn questions(id: GroupId) -> [PartnerMessage; 2] {
    let heads = vec![(0, Head::default()), (1, Head::default())];
    let holding = PartnerMessage::Holding {
        group: id,
        rules_serial: 0,
        digest: [0; 32],
    };
    [
        PartnerMessage::Said(Message::Heads { group: id, heads }),
        holding,
    ]
}

/// How often somebody was told something that names a group.
fn told(sites: &Sites, to: NodeAddr, id: GroupId) -> usize {
    let told = sites.told.iter().filter(|(it, _)| *it == to);
    let names = |bytes: &[u8]| bytes.windows(16).any(|it| it == id.0);
    told.filter(|(_, bytes)| names(bytes)).count()
}

#[test]
fn a_partner_of_one_group_hears_nothing_of_another_and_changes_nothing_there() {
    let mut sites = two_sites();
    sites.order(A, &create("own")).unwrap();
    let guest = Addition {
        member: "guest".to_owned(),
        groups: vec!["own".to_owned()],
        life_s: HOUR,
        ..Addition::default()
    };
    sites.enrol(A, 6, guest);
    let (own, lab) = {
        let groups = &sites.service(A).tenant().groups;
        (groups["own"].clone(), groups[LAB].clone())
    };
    let admissions = lab.held().map(|(_, held)| held.clone()).collect();
    let by = Signer {
        crypto: &AwsLc,
        seed: &sites.seed(B),
    };
    let here = Server {
        key: by.public(),
        f: sites.world.f(B),
    };
    let now = sites.world.now.unix_s;
    let authority = Authority::issue(&by, own.id, 9, now, vec![None, Some(here)]);
    let charge = Charge {
        name: "own".to_owned(),
        zone: own.zone_name.clone(),
        site: Vec::new(),
        genesis: own.genesis.clone(),
        authority,
        rules: None,
    };
    let links = lab.partners[&1].chain.links_from(0);
    let before = sites.service(A).tenant().clone();
    let said = PartnerMessage::Said(Message::Entries {
        group: own.id,
        links,
    });
    let admitted = PartnerMessage::Admitted {
        group: own.id,
        admissions,
    };
    let others = [said, admitted, PartnerMessage::Charge(Box::new(charge))];
    for message in questions(own.id).into_iter().chain(others) {
        sites.say(B, A, message);
    }
    assert_eq!(told(&sites, here.f, own.id), 0);
    assert_eq!(*sites.service(A).tenant(), before);
    // Of what they share it is told the same way.
    let known = told(&sites, here.f, lab.id);
    for message in questions(lab.id) {
        sites.say(B, A, message);
    }
    assert!(told(&sites, here.f, lab.id) > known + 1);
}
