//! What admins read before they sign is all that they sign, in both languages.

use super::*;
use crate::language::Language;
use group::statement::{Attributes, Genesis, KINDS_ALL, Membership};
use wire::NodeAddr;

fn request(statement: Statement) -> Request {
    Request {
        name: "vault".to_owned(),
        genesis: genesis(),
        statement,
    }
}

fn genesis() -> Genesis {
    Genesis {
        policy: Policy::Locked {
            threshold: 2,
            admins: vec![[1; 32], [2; 32], [3; 32]],
        },
        root_key: [9; 32],
        salt: [7; 16],
    }
}

fn attributes() -> Attributes {
    Attributes {
        name: Some("gate".to_owned()),
        prefixes: vec!["192.168.20.0/24".parse().unwrap()],
        site: vec!["10.1.0.0/16".parse().unwrap()],
        roles: Vec::new(),
    }
}

#[test]
fn an_admission_says_who_where_and_what() {
    let mut f = [0; 16];
    (f[0], f[15]) = (0xfc, 7);
    let member = Membership {
        f: NodeAddr(f),
        serial: 5,
    };
    let id = genesis().id(&AwsLc);
    let element = (Kind::Gen, Mode::Closed);
    let admission = Admission::new(id, member, 1_800_000_000, element, &attributes()).unwrap();
    let request = request(Statement::Admission(Box::new(admission)));
    for language in Language::ALL {
        let (title, pairs) = words(&Text::new(*language), &request);
        assert!(!title.is_empty());
        let all: Vec<String> = pairs.into_iter().map(|(_, value)| value).collect();
        let all = all.join("\n");
        let id = id.to_string();
        for said in [
            "vault",
            &id,
            "gate",
            "fc00::7",
            "GEN",
            "192.168.20.0/24",
            "10.1.0.0/16",
            "2027-01-15",
        ] {
            assert!(all.contains(said), "{said} in {all}");
        }
    }
}

#[test]
fn an_invite_says_whom_it_may_let_in_and_until_when() {
    let bounds = |name: Option<&str>, once, kinds| Bounds {
        from_unix_s: 1_800_000_000,
        until_unix_s: 1_800_086_400,
        mode: None,
        kinds,
        once,
        attributes: Attributes {
            name: name.map(str::to_owned),
            ..attributes()
        },
    };
    let said = |bounds: Bounds| {
        let certificate = InviteCertificate::new(genesis().id(&AwsLc), [5; 32], bounds).unwrap();
        let request = request(Statement::Invite(Box::new(certificate)));
        let (_, pairs) = words(&Text::new(Language::En), &request);
        let all: Vec<String> = pairs.into_iter().map(|(_, value)| value).collect();
        all.join("\n")
    };
    let one = said(bounds(Some("gate"), true, 0b010));
    for words in [
        "gate",
        "GEN",
        "192.168.20.0/24",
        "10.1.0.0/16",
        "2027-01-15",
        "2027-01-16",
        "one machine",
    ] {
        assert!(one.contains(words), "{words} in {one}");
    }
    assert!(!one.contains("GES") && !one.contains("GEA"), "{one}");
    let any = said(bounds(None, false, KINDS_ALL));
    for words in ["GES", "GEN", "GEA", "several machines", "any name"] {
        assert!(any.contains(words), "{words} in {any}");
    }
}
