//! The statements of groups.

use std::sync::LazyLock;

use group::agent::AgentMessage;
use group::dprp::{Dde, Ends, Relayed, Rgi, SiteMessage};
use group::message::{Message, decode_shown, encode_shown};
use group::rules::{Party, Permit};
use group::statement::{
    Admission, Attributes, Authority, Entry, EntryBody, EpochEntry, Genesis, GroupId,
    InviteCertificate, Lease, Membership, Policy, Rules, Server, Signer,
};
use group::{Kind, Mode, PortRange, Proto, Services};
use identity::crypto::AwsLc;
use wire::{NodeAddr, Reader};

const SEED: [u8; 32] = [9; 32];
const NOW_UNIX_S: u64 = 1_800_000_000;

/// The group that is asked whether it knows the statements.
static OWN: LazyLock<(Genesis, Authority)> = LazyLock::new(genesis);

/// `decode` of every statement of a group, and what is asked of one that was read.
pub fn group(bytes: &[u8]) {
    let (genesis, authority) = &*OWN;
    if let Ok(read) = Genesis::decode(bytes) {
        assert_eq!(read.encode(), bytes);
    }
    if let Ok(read) = Authority::decode(bytes) {
        assert_eq!(read.encode(), bytes);
        assert!(!read.is_signed_by(&AwsLc, &genesis.root_key) || read == *authority);
    }
    if let Ok(read) = Admission::decode(bytes) {
        assert_eq!(read.encode(), bytes);
        read.attributes().expect("they were read before");
        let holds = read.holds(&AwsLc, genesis, authority);
        assert!(!holds || read.group == authority.group);
    }
    if let Ok(read) = Rules::decode(bytes) {
        assert_eq!(read.encode(), bytes);
        let holds = read.holds(&AwsLc, genesis, authority);
        assert!(!holds || read.group == authority.group);
        // Whatever was read can be asked, and a packet finds its range.
        let services = read.services(&["staff".to_owned()], &["server".to_owned()]);
        assert!(services.hold(Proto::Tcp, 22) || services != Services::All);
    }
    if let Ok(read) = InviteCertificate::decode(bytes) {
        assert_eq!(read.encode(), bytes);
        assert!(
            !read.holds(&AwsLc, genesis),
            "a managed group has no admins"
        );
    }
    if let Ok(read) = Lease::decode(bytes) {
        assert_eq!(read.encode(), bytes);
        let holds = read.holds(&AwsLc, authority, NOW_UNIX_S);
        assert!(!holds || read.until_unix_s > NOW_UNIX_S);
    }
    let mut reader = Reader::new(bytes, "group entries");
    while let Ok(read) = Entry::read(&mut reader) {
        assert_eq!(Entry::decode(&read.encode()), Ok(read.clone()));
        let holds = read.holds(&AwsLc, authority);
        assert!(!holds || authority.server(read.index).is_some());
    }
}

/// `Message::decode`, `AgentMessage::decode` and in it `PartnerMessage::decode`: the type (2), then the
/// bytes; type 0: `decode_shown`.
pub fn group_message(bytes: &[u8]) {
    let Some((kind, value)) = bytes.split_first_chunk() else {
        return;
    };
    let kind = u16::from_be_bytes(*kind);
    if kind == 0
        && let Ok(read) = decode_shown(value)
    {
        let again = encode_shown(read.iter().map(|(admission, lease)| (admission, lease)));
        assert!(value.starts_with(&again));
    }
    if let Ok(Some(read)) = Message::decode(kind, value) {
        assert_eq!(read.kind(), kind);
        assert_eq!(read.encode(), value);
    }
    if let Ok(Some(read)) = AgentMessage::decode(kind, value) {
        assert_eq!(read.kind(), kind);
        assert_eq!(read.encode(), value);
    }
}

/// `Dde::decode`, `Rgi::decode`, `Relayed::decode` and `SiteMessage::decode`.
pub fn dprp(bytes: &[u8]) {
    if let Ok(read) = Dde::decode(bytes) {
        // What follows the slots is padding.
        let used = read.encode().len().min(4 + 32 + 32 + 128);
        assert_eq!(read.encode()[..used], bytes[..used]);
    }
    if let Ok(read) = Rgi::decode(bytes) {
        assert_eq!(read.encode(), bytes);
    }
    if let Ok(read) = Relayed::decode(bytes) {
        assert_eq!(read.encode(), bytes);
        assert!(Rgi::decode(bytes).is_err());
    }
    if let Ok(read) = SiteMessage::decode(bytes) {
        assert_eq!(read.encode(), bytes);
    }
}

/// One message of each kind.
pub fn dprp_seeds() -> Vec<Vec<u8>> {
    let ends = Ends {
        here: NodeAddr([1; 16]),
        there: NodeAddr([2; 16]),
    };
    let dde = Dde {
        ends,
        nonce: [3; 32],
        slots: [[4; 8]; 16],
    };
    let rgi = Rgi {
        ends,
        nonce: [3; 32],
        slot: 5,
        aead_nonce: [8; 12],
        sealed: vec![6; 300],
    };
    let relayed = Relayed {
        ends,
        nonce: [3; 32],
        slot: 5,
        aead_nonce: [8; 12],
        sealed: [6; 35],
    };
    let mpit = SiteMessage::Mpit {
        ends,
        nonce: [3; 32],
        token: [7; 16],
        packet: vec![0x45; 40],
    };
    vec![
        dde.encode(),
        rgi.encode(),
        mpit.encode(),
        SiteMessage::Cdn { ends }.encode(),
        relayed.encode(),
    ]
}

fn signer() -> Signer<'static> {
    Signer {
        crypto: &AwsLc,
        seed: &SEED,
    }
}

fn genesis() -> (Genesis, Authority) {
    let key = signer().public();
    let genesis = Genesis {
        policy: Policy::Managed,
        root_key: key,
        salt: [1; 16],
    };
    let f = NodeAddr([0xfc; 16]);
    let servers = vec![None, Some(Server { key, f })];
    let group = genesis.id(&AwsLc);
    let authority = Authority::issue(&signer(), group, 1, NOW_UNIX_S, servers);
    (genesis, authority)
}

/// One message of each type.
pub fn message_seeds() -> Vec<Vec<u8>> {
    let [genesis, _, authority, admission, lease, entries, rules] = statements();
    let (group, head) = ([7; 16], [&[0, 0, 0, 1][..], &[5; 32]].concat());
    let group_of_entries = entries.get(1..17).expect("a group").to_vec();
    let zero = [0; 36];
    let sized = |part: &[u8]| [&(part.len() as u16).to_be_bytes()[..], part].concat();
    let prefix = "192.168.20.0/24".parse::<wire::Prefix>();
    let prefix = prefix.expect("a prefix").to_bytes();
    let endpoint = wire::Endpoint::new(([192, 0, 2, 1], 7).into()).to_bytes();
    let of = |kind: u8, parts: &[&[u8]]| [&[0, kind][..], &parts.concat()].concat();
    vec![
        of(0x10, &[&lease, &admission]),
        of(0x11, &[&authority]),
        of(0x12, &[&group, &[0], &head, &[1], &head]),
        of(0x13, &[&group_of_entries, &[1], &zero, &entries]),
        of(0x14, &[&group, &[1, 0, 0, 0, 9]]),
        of(0x15, &[&group, &[1, 0, 0, 0, 9], &[3; 32]]),
        of(0x16, &[&[6; 16], &[1, 3], b"box", &prefix]),
        of(0x17, &[&[1], "もう使われた".as_bytes()]),
        of(0x18, &[&[0; 7], &[9, 1], &[0; 16], &group, &head]),
        of(
            0x19,
            &[
                &[3],
                b"lab",
                &lease,
                &sized(&genesis),
                &sized(&authority),
                &sized(&[]),
                &admission,
            ],
        ),
        of(
            0x19,
            &[
                &[3],
                b"lab",
                &lease,
                &sized(&genesis),
                &sized(&authority),
                &sized(&rules),
                &admission,
            ],
        ),
        of(0x4c, &[&rules]),
        of(0x4d, &[&group, &[0; 7], &[9]]),
        of(0x1a, &[&[0; 7], &[9], &[0; 16]]),
        of(0x1b, &[&[0xfc; 16]]),
        of(0x1c, &[&[0xfc; 16], &[1], &endpoint, &[5; 240]]),
        of(0x1d, &[&[3], b"ada", &[3], b"lab"]),
        of(0x1e, &[&[3], b"ada", &[0], &lease, &admission]),
        of(0x40, &[&[6; 16], &[7; 32], &[8; 64]]),
        of(
            0x41,
            &[
                &[3],
                b"lab",
                &[10],
                b"Asia/Tokyo",
                &[1],
                &prefix,
                &sized(&genesis),
                &sized(&rules),
                &authority,
            ],
        ),
        of(0x42, &[]),
        of(0x43, &[&group, &[0], &head, &[1], &head]),
        of(0x44, &[&group_of_entries, &[1], &zero, &entries]),
        of(0x45, &[&group, &[0; 7], &[7], &[9; 32]]),
        of(0x46, &[&group_of_entries, &sized(&admission)]),
        of(0x48, &[&[0, 0, 0, 7, 3], b"ada", b"correct horse"]),
        of(0x49, &[&[0, 0, 0, 7]]),
        of(0x4a, &[&[0, 0, 0, 7], &[2], &[0; 7], &[9]]),
        of(0x4b, &[&[3], b"ada", &group, &[0; 7], &[9], &[3], b"lab"]),
        of(0, &[&sized(&[&lease[..], &admission].concat())]),
        of(
            0x16,
            &[&[6; 16], &[0xff], &crate::locked_targets::by_invite()],
        ),
    ]
}

/// One statement of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let locked = crate::locked_targets::statements();
    statements().into_iter().chain(locked).collect()
}

/// Two geneses, an authority, an admission, a lease, two entries, rules.
fn statements() -> [Vec<u8>; 7] {
    let (genesis, authority) = genesis();
    let group = genesis.id(&AwsLc);
    let locked = Genesis {
        policy: Policy::Locked {
            threshold: 2,
            admins: vec![[1; 32], [2; 32], [3; 32]],
        },
        ..genesis.clone()
    };
    let member = Membership {
        f: NodeAddr([0xfd; 16]),
        serial: 7,
    };
    let attributes = Attributes {
        name: Some("printer".to_owned()),
        prefixes: vec!["192.168.20.0/24".parse().expect("a prefix")],
        site: vec!["192.0.2.0/24".parse().unwrap()],
        roles: vec!["server".to_owned(), "staff".to_owned()],
    };
    let element = (Kind::Gen, Mode::Closed);
    let admission = Admission::new(group, member, NOW_UNIX_S, element, &attributes);
    let mut admission = admission.expect("it fits");
    admission.sign(&signer(), 1);
    let lease = Lease::issue(&signer(), 1, group, member, NOW_UNIX_S);
    let epoch = EpochEntry {
        number: 3,
        activates_unix_s: NOW_UNIX_S,
        overlap_s: 90,
        secret_hash: [5; 32],
    };
    let first = entry(group, 1, [0; 32], EntryBody::Removal(member));
    let second = entry(group, 2, first.hash(&AwsLc), EntryBody::Epoch(epoch));
    [
        genesis.encode(),
        locked.encode(),
        authority.encode(),
        admission.encode(),
        lease.encode(),
        [first.encode(), second.encode()].concat(),
        rules(group).encode(),
    ]
}

fn rules(group: GroupId) -> Rules {
    let port = |proto, lo, hi| PortRange { proto, lo, hi };
    let ports = vec![port(Proto::Tcp, 22, 22), port(Proto::Udp, 6_000, 6_100)];
    let permits = vec![
        Permit {
            from: Party::Role("staff".to_owned()),
            to: Party::Role("server".to_owned()),
            services: Services::Ports(ports),
        },
        Permit {
            from: Party::Anybody,
            to: Party::Anybody,
            services: Services::All,
        },
    ];
    let rules = Rules::new(group, NOW_UNIX_S, NOW_UNIX_S, Some(permits));
    let mut rules = rules.expect("it fits");
    rules.sign(&signer(), 1);
    rules
}

fn entry(group: GroupId, number: u32, before: [u8; 32], body: EntryBody) -> Entry {
    Entry {
        group,
        index: 1,
        number,
        before,
        at_unix_s: NOW_UNIX_S,
        body,
        signature: [0; 64],
    }
    .signed(&signer())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_seed_is_a_message() {
        let seeds = message_seeds();
        for seed in &seeds {
            let (kind, value) = seed.split_first_chunk().expect("a type");
            let kind = u16::from_be_bytes(*kind);
            let member = Message::decode(kind, value).expect("it reads");
            let agent = AgentMessage::decode(kind, value).expect("it reads");
            let shown = (kind == 0).then(|| decode_shown(value).expect("it reads"));
            let read = [member.is_some(), agent.is_some(), shown.is_some()];
            let read = read.iter().filter(|it| **it).count();
            assert_eq!(read, 1, "{kind:#x}");
        }
        assert_eq!(seeds.len(), 31);
    }
}
