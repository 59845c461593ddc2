//! What admins read before they sign is all that they sign, in both languages.

use super::*;
use crate::language::Language;
use group::rules::{Party, Permit};
use group::statement::Rules;
use group::statement::{Attributes, Genesis, KINDS_ALL, Membership};
use group::{PortRange, Proto, Services};
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
        roles: vec!["duty".to_owned(), "staff".to_owned()],
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
            "\"duty\", \"staff\"",
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
        "\"duty\", \"staff\"",
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

fn role(name: &str) -> Party {
    Party::Role(name.to_owned())
}

fn permit(from: Party, to: Party, services: Services) -> Permit {
    Permit { from, to, services }
}

fn ports(ranges: &[(Proto, u16, u16)]) -> Services {
    let range = |&(proto, lo, hi): &(Proto, u16, u16)| PortRange { proto, lo, hi };
    Services::Ports(ranges.iter().map(range).collect())
}

/// What is said of rules, a line for each label.
fn said_of(language: Language, serial: u64, permits: Option<Vec<Permit>>) -> Vec<String> {
    let rules = Rules::new(genesis().id(&AwsLc), serial, 1_800_000_000, permits).unwrap();
    let request = request(Statement::Rules(Box::new(rules)));
    let (title, pairs) = words(&Text::new(language), &request);
    assert!(!title.is_empty());
    pairs.into_iter().map(|(_, value)| value).collect()
}

#[test]
fn rules_say_every_permit_and_that_all_else_is_closed() {
    let permits = vec![
        permit(
            role("staff"),
            role("server"),
            ports(&[(Proto::Tcp, 22, 22), (Proto::Udp, 6_000, 6_100)]),
        ),
        permit(Party::Anybody, role("printer"), Services::All),
        permit(
            role("server"),
            Party::Anybody,
            ports(&[(Proto::Tcp, 25, 25)]),
        ),
    ];
    for language in Language::ALL {
        let text = Text::new(*language);
        let all = said_of(*language, 1_800_000_007, Some(permits.clone()));
        let line = |number: usize| {
            let begins = format!("{number}.");
            let mut lines = all.iter().filter(|it| it.starts_with(&begins));
            let line = lines.next().expect("the permit").clone();
            assert!(lines.next().is_none(), "{all:?}");
            line
        };
        let (first, second, third) = (line(1), line(2), line(3));
        for part in ["\"staff\"", "\"server\"", "tcp/22", "udp/6000-6100"] {
            assert!(first.contains(part), "{first}");
        }
        let anybody = text.t("sign-anybody");
        let everything = text.t("sign-everything");
        for part in [anybody.as_str(), "\"printer\"", everything.as_str()] {
            assert!(second.contains(part), "{second}");
        }
        assert!(
            third.contains(&anybody) && third.contains("tcp/25"),
            "{third}"
        );
        for part in ["1800000007", &text.t("sign-rest-closed")] {
            assert!(all.iter().any(|it| it == part), "{part} in {all:?}");
        }
        assert!(all.iter().any(|it| it.contains("2027-01-15")), "{all:?}");
        // Who comes first is who may: the sentence is not the same the other way round.
        let back = permit(
            role("server"),
            role("staff"),
            ports(&[(Proto::Tcp, 22, 22)]),
        );
        let forth = permit(
            role("staff"),
            role("server"),
            ports(&[(Proto::Tcp, 22, 22)]),
        );
        let said = |it| said_of(*language, 1, Some(vec![it]));
        assert_ne!(said(back), said(forth));
    }
}

#[test]
fn rules_that_are_none_and_rules_that_permit_nothing_are_told_apart() {
    for language in Language::ALL {
        let text = Text::new(*language);
        let (open, closed) = (
            said_of(*language, 1, None),
            said_of(*language, 1, Some(Vec::new())),
        );
        assert!(open.contains(&text.t("sign-rest-open")), "{open:?}");
        assert!(
            closed.contains(&text.t("sign-rest-all-closed")),
            "{closed:?}"
        );
        assert_ne!(open, closed);
    }
}

#[test]
fn a_name_hides_nothing_and_roles_are_told_apart() {
    let hidden = permit(role("a\u{202e}b"), role("x\",\u{200b}\"y"), Services::All);
    let all = said_of(Language::En, 1, Some(vec![hidden])).join("\n");
    assert!(
        !all.contains('\u{202e}') && !all.contains('\u{200b}'),
        "{all}"
    );
    assert!(
        all.contains(r"a\u{202e}b") && all.contains(r#"x\",\u{200b}\"y"#),
        "{all}"
    );
    assert_ne!(
        roles(&Text::new(Language::En), &["a".to_owned(), "b".to_owned()]),
        roles(&Text::new(Language::En), &["a,b".to_owned()])
    );
    assert_eq!(shown("a\u{202e}b"), r"a\u{202e}b");
}

#[test]
fn rules_that_are_numbered_far_ahead_are_noticed() {
    let statement = |serial| {
        let rules = Rules::new(genesis().id(&AwsLc), serial, 5, None).unwrap();
        Statement::Rules(Box::new(rules))
    };
    let now = 1_800_000_000;
    assert!(!rule_words::is_ahead(&statement(now), now));
    assert!(!rule_words::is_ahead(&statement(now + 600), now));
    assert!(rule_words::is_ahead(&statement(now + 2 * 86_400), now));
    assert!(rule_words::is_ahead(&statement(u64::MAX), now));
}
