//! Agent messages come back as they were, and nothing shorter or longer does.

use identity::crypto::AwsLc;

use super::*;
use crate::Mode;
use crate::statement::{Attributes, Membership, Policy, Server, Signer};

fn given() -> Given {
    let by = Signer {
        crypto: &AwsLc,
        seed: &[9; 32],
    };
    let genesis = Genesis {
        policy: Policy::Managed,
        root_key: by.public(),
        salt: [1; 16],
    };
    let member = Membership {
        f: NodeAddr([0xfc; 16]),
        serial: 7,
    };
    let server = Server {
        key: by.public(),
        f: member.f,
    };
    let group = genesis.id(&AwsLc);
    let element = (Kind::Gea, Mode::Closed);
    let admission = Admission::new(group, member, 5, element, &Attributes::default());
    let mut admission = admission.unwrap();
    admission.sign(&by, 0);
    Given {
        name: "事務所".to_owned(),
        authority: Authority::issue(&by, group, 1, 5, vec![Some(server)]),
        lease: Lease::issue(&by, 0, group, member, 5),
        admission,
        genesis,
        rules: None,
    }
}

/// The same of a group with rules.
fn given_with_rules() -> Given {
    let mut given = given();
    let mut rules = Rules::new(given.admission.group, 3, 4, Some(Vec::new())).unwrap();
    let by = Signer {
        crypto: &AwsLc,
        seed: &[9; 32],
    };
    rules.sign(&by, 0);
    given.rules = Some(rules);
    given
}

fn enrol(name: Option<&str>) -> AgentMessage {
    AgentMessage::Enrol(Enrol {
        secret: [4; 16],
        kind: Kind::Gen,
        name: name.map(str::to_owned),
        prefixes: vec!["10.2.0.0/16".parse().unwrap()],
    })
}

fn enrol_locked() -> AgentMessage {
    AgentMessage::EnrolLocked(Box::new(EnrolLocked {
        secret: [4; 16],
        admission: given().admission,
    }))
}

fn have(count: usize) -> AgentMessage {
    let have = Have {
        group: GroupId([3; 16]),
        head: Head {
            number: 9,
            hash: [8; 32],
        },
    };
    AgentMessage::Resume {
        rev: 77,
        renew: true,
        after: GroupId([5; 16]),
        have: vec![have; count],
    }
}

fn name(member: &str, group: Option<&str>) -> MemberName {
    MemberName {
        member: member.to_owned(),
        group: group.map(str::to_owned),
    }
}

fn all() -> Vec<AgentMessage> {
    let f = NodeAddr([0xfc; 16]);
    let text = "alice".to_owned();
    let endpoints = vec![
        "192.0.2.7:4649".parse().unwrap(),
        "[2001:db8::1]:1".parse().unwrap(),
    ];
    vec![
        enrol(Some("alice")),
        enrol(None),
        enrol_locked(),
        AgentMessage::Enrolled {
            answer: Answer::Refused,
            text,
        },
        have(0),
        have(2),
        AgentMessage::Welcome(Box::new(given())),
        AgentMessage::Welcome(Box::new(given_with_rules())),
        AgentMessage::Current {
            rev: u64::MAX,
            next: GroupId([6; 16]),
        },
        AgentMessage::Locate { f },
        AgentMessage::Located {
            f,
            endpoints,
            identity: vec![1, 2, 3],
        },
        AgentMessage::Find(name("ada", Some("lab"))),
        AgentMessage::Found {
            name: name("ada", None),
            member: None,
        },
        AgentMessage::Found {
            name: name("ada", None),
            member: Some(Box::new((given().lease, given().admission))),
        },
        sign_in("ada@example", "correct horse"),
        AgentMessage::SignOut { request: 9 },
        answered(SignInAnswer::Done { until_unix_s: 8 }),
        answered(SignInAnswer::Refused),
        answered(SignInAnswer::Later { after_s: 8 }),
        AgentMessage::SignIns(SignIns::default()),
        sign_ins(2),
    ]
}

fn sign_in(user: &str, password: &str) -> AgentMessage {
    let password = zeroize::Zeroizing::new(password.to_owned());
    AgentMessage::SignIn(Box::new(SignIn {
        request: 7,
        user: user.to_owned(),
        password: Password::new(password).unwrap(),
    }))
}

const fn answered(answer: SignInAnswer) -> AgentMessage {
    let request = 7;
    AgentMessage::SignInAnswer { request, answer }
}

fn sign_ins(count: usize) -> AgentMessage {
    let group = SignInGroup {
        group: GroupId([3; 16]),
        until_unix_s: 1_800_000_000,
        name: "会計".to_owned(),
    };
    AgentMessage::SignIns(SignIns {
        user: Some("ada".to_owned()),
        groups: vec![group; count],
    })
}

#[test]
fn every_message_comes_back_and_no_part_of_it_is_taken_for_it() {
    for message in all() {
        let (kind, bytes) = (message.kind(), message.encode());
        assert_eq!(
            AgentMessage::decode(kind, &bytes),
            Ok(Some(message.clone()))
        );
        for len in 0..bytes.len() {
            let read = AgentMessage::decode(kind, &bytes[..len]);
            assert_ne!(read, Ok(Some(message.clone())), "{kind:#x} {len}");
        }
    }
    for other in [0, 0x10, 0x15, 0x1f, 0x30, 0x47, 0x4c] {
        assert_eq!(AgentMessage::decode(other, b"anything"), Ok(None));
    }
}

#[test]
fn what_is_too_much_is_refused_or_cut_off() {
    let read = |message: &AgentMessage| AgentMessage::decode(message.kind(), &message.encode());
    assert_eq!(read(&have(HEADS_MAX)), Ok(Some(have(HEADS_MAX))));
    assert_eq!(read(&have(HEADS_MAX + 1)), Ok(Some(have(HEADS_MAX))));
    let longer = [have(HEADS_MAX).encode(), vec![0; 52]].concat();
    assert!(AgentMessage::decode(RESUME, &longer).is_err());
    let long = AgentMessage::Enrolled {
        answer: Answer::Refused,
        text: "語".repeat(TEXT_LEN_MAX),
    };
    let Ok(Some(AgentMessage::Enrolled { text, .. })) = read(&long) else {
        panic!("it reads");
    };
    assert_eq!(text, "語".repeat(TEXT_LEN_MAX / 3));
    for name in ["with space", "a.b", "\u{7}"] {
        let bytes = enrol(Some(name)).encode();
        assert!(AgentMessage::decode(ENROL, &bytes).is_err(), "{name}");
    }
}

#[test]
fn users_and_passwords_have_their_limits() {
    let read = |message: &AgentMessage| AgentMessage::decode(message.kind(), &message.encode());
    assert_eq!(read(&sign_ins(SIGN_INS_MAX)), Ok(Some(sign_ins(128))));
    assert_eq!(read(&sign_ins(SIGN_INS_MAX + 1)), Ok(Some(sign_ins(128))));
    assert!(sign_ins(SIGN_INS_MAX).encode().len() < 16_384);
    let longer = [sign_ins(SIGN_INS_MAX).encode(), vec![0; 26]].concat();
    assert!(AgentMessage::decode(SIGN_INS, &longer).is_err());
    let text = |len: usize| zeroize::Zeroizing::new("x".repeat(len));
    assert!(Password::new(text(PASSWORD_LEN_MAX)).is_some());
    assert!(
        Password::new(text(PASSWORD_LEN_MAX + 1)).is_none() && Password::new(text(0)).is_none()
    );
    let longer = [sign_in("ada", "x").encode(), vec![b'x'; PASSWORD_LEN_MAX]].concat();
    assert!(AgentMessage::decode(SIGN_IN, &longer).is_err());
    for user in ["", "a b", "\u{7}", &"x".repeat(USER_LEN_MAX + 1)] {
        assert!(!is_user_name(user), "{user:?}");
    }
    assert!(is_user_name("ada.l@example.com"));
    let nobody = [&[0; 5][..], b"secret"].concat();
    assert!(AgentMessage::decode(SIGN_IN, &nobody).is_err());
}

#[test]
fn a_secret_is_not_shown() {
    for message in [enrol(None), enrol_locked()] {
        let shown = format!("{message:?}");
        assert!(!shown.contains("4, 4"), "{shown}");
    }
    let shown = format!("{:?}", sign_in("ada", "correct horse"));
    assert!(shown.contains("ada") && !shown.contains("horse"), "{shown}");
}
