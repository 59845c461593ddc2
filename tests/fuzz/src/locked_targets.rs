//! Locked groups: what admins sign, and what lines carry.

use group::lock::{InviteKey, Lock};
use group::rules::{Party, Permit};
use group::signing::{AdminSignature, Request, Statement, key_from_text, key_to_text};
use group::statement::{
    Admission, Attributes, Bounds, Genesis, InviteCertificate, KINDS_ALL, Policy, Rules, Signer,
    Wanted,
};
use group::{PortRange, Proto, Services};
use identity::crypto::AwsLc;
use wire::NodeAddr;

const ADMIN: [u8; 32] = [11; 32];
const INVITE: [u8; 32] = [12; 32];
const NOW_UNIX_S: u64 = 1_800_000_000;

/// `Request::decode`, `AdminSignature::decode` and `Lock::decode`, and the same as texts.
pub fn signing(bytes: &[u8]) {
    if let Ok(read) = Request::decode(bytes) {
        assert_eq!(read.encode(), bytes);
        let again = Request::from_text(&AwsLc, &read.to_text(&AwsLc));
        assert!(again.is_none_or(|it| it == read));
        if let Ok(signature) = read.sign(&signer(&ADMIN)) {
            let mut statement = read.statement.clone();
            assert!(statement.accept(&AwsLc, &read.genesis, &signature));
        }
    }
    if let Ok(read) = AdminSignature::decode(bytes) {
        assert_eq!(read.encode(), bytes);
        let again = AdminSignature::from_text(&AwsLc, &read.to_text(&AwsLc));
        assert_eq!(again, Some(read));
    }
    if let Ok(read) = Lock::decode(bytes) {
        assert_eq!(read.encode(), bytes);
        let invite = read.invite.as_ref();
        // One whose admins are others is none here.
        assert!(invite.is_none_or(|it| !it.certificate.holds(&AwsLc, &managed(&read.genesis))));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Request::from_text(&AwsLc, text);
        let _ = AdminSignature::from_text(&AwsLc, text);
        if let Some(key) = key_from_text(&AwsLc, text) {
            assert_eq!(key_from_text(&AwsLc, &key_to_text(&AwsLc, &key)), Some(key));
        }
    }
}

fn managed(genesis: &Genesis) -> Genesis {
    Genesis {
        policy: Policy::Managed,
        ..genesis.clone()
    }
}

fn signer(seed: &[u8; 32]) -> Signer<'_> {
    Signer {
        crypto: &AwsLc,
        seed,
    }
}

fn genesis() -> Genesis {
    Genesis {
        policy: Policy::Locked {
            threshold: 1,
            admins: vec![signer(&ADMIN).public()],
        },
        root_key: [3; 32],
        salt: [4; 16],
    }
}

fn attributes() -> Attributes {
    Attributes {
        name: Some("gate".to_owned()),
        prefixes: vec!["192.168.20.0/24".parse().expect("a prefix")],
        site: vec!["192.0.2.0/24".parse().expect("a prefix")],
        roles: vec!["staff".to_owned()],
    }
}

fn certificate() -> InviteCertificate {
    let bounds = Bounds {
        from_unix_s: NOW_UNIX_S,
        until_unix_s: NOW_UNIX_S + 86_400,
        mode: None,
        kinds: KINDS_ALL,
        once: true,
        attributes: attributes(),
    };
    let key = signer(&INVITE).public();
    let made = InviteCertificate::new(genesis().id(&AwsLc), key, bounds);
    made.expect("it fits")
}

fn signed() -> InviteCertificate {
    let mut certificate = certificate();
    certificate.sign(&signer(&ADMIN), 0);
    certificate
}

/// An admission by an invite.
pub(crate) fn by_invite() -> Vec<u8> {
    admission().encode()
}

fn admission() -> Admission {
    let wanted = Wanted::plain(NodeAddr([0xfd; 16]), 7, NOW_UNIX_S, "gate");
    let admitted = Admission::by_invite(&signed(), &signer(&INVITE), &wanted);
    admitted.expect("it is allowed")
}

/// A certificate, and an admission by it.
pub(crate) fn statements() -> [Vec<u8>; 2] {
    [signed().encode(), by_invite()]
}

/// Rules that nobody has signed.
fn rules() -> Rules {
    let ports = PortRange {
        proto: Proto::Tcp,
        lo: 22,
        hi: 25,
    };
    let permit = |services| Permit {
        from: Party::Role("staff".to_owned()),
        to: Party::Anybody,
        services,
    };
    let permits = [Services::Ports(vec![ports]), Services::All].map(permit);
    let made = Rules::new(genesis().id(&AwsLc), 7, NOW_UNIX_S, Some(permits.into()));
    made.expect("it fits")
}

/// Three requests, a signature, two locks, and texts.
pub fn seeds() -> Vec<Vec<u8>> {
    let request = |statement| Request {
        name: "vault".to_owned(),
        genesis: genesis(),
        statement,
    };
    let asked = Admission::decode(&admission().encode_unsigned()).expect("it was written");
    let of_admission = request(Statement::Admission(Box::new(asked)));
    let of_invite = request(Statement::Invite(Box::new(certificate())));
    let of_rules = request(Statement::Rules(Box::new(rules())));
    let signature = of_invite.sign(&signer(&ADMIN)).expect("an admin");
    let lock = |invite| Lock {
        name: "vault".to_owned(),
        genesis: genesis(),
        suggested: attributes(),
        invite,
    };
    let invite = InviteKey {
        seed: INVITE,
        certificate: signed(),
    };
    vec![
        of_admission.encode(),
        of_invite.encode(),
        of_rules.encode(),
        signature.encode(),
        lock(None).encode(),
        lock(Some(invite)).encode(),
        of_admission.to_text(&AwsLc).into_bytes(),
        of_rules.to_text(&AwsLc).into_bytes(),
        signature.to_text(&AwsLc).into_bytes(),
        key_to_text(&AwsLc, &signer(&ADMIN).public()).into_bytes(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_read_by_something() {
        for seed in seeds() {
            let text = std::str::from_utf8(&seed).ok();
            let is_text = text.is_some_and(|text| {
                Request::from_text(&AwsLc, text).is_some()
                    || AdminSignature::from_text(&AwsLc, text).is_some()
                    || key_from_text(&AwsLc, text).is_some()
            });
            let is_read = Request::decode(&seed).is_ok()
                || AdminSignature::decode(&seed).is_ok()
                || Lock::decode(&seed).is_ok();
            assert!(is_text || is_read);
        }
    }
}
