//! Valid inputs for every target: the committed corpus is made of them.

use std::collections::BTreeMap;

use identity::crypto::{AwsLc, HashRng};
use identity::sealed::{Backup, Cost, KeyFile};
use identity::{
    AdminSecret, HotKeys, Inception, NextRootSecret, PublicIdentity, RootSecret, Scopes, Terms,
    issue_certificate, rotate,
};
use wire::admin_key::{self, AdminKey};
use wire::beacon::BeaconFields;
use wire::channel::{
    Attach, AttachStatus, Attached, BridgeMessage, Channel, ChannelState, Ticket, TicketAnswer,
    TicketStatus,
};
use wire::datagram::{CookieView, FragmentHeader, Message, RelayedView, TransportHeader};
use wire::frame;
use wire::handshake::{AeadAlg, AeadOffer, MESSAGE_LEN, Number, Payload1, Payload2};
use wire::invite::{Invite, PREFIX, Place, Purpose};
use wire::ip::{IcmpError, icmp_error};
use wire::payload::{CloseReason, Control, Kind, Piece, Segment};
use wire::statement::Rotations;
use wire::stream::{
    CloneNotice, DigestEntry, Hello, IdentityUpdate, RotationDigest, RotationQuery, StreamMessage,
    StreamValue,
};
use wire::{NodeAddr, Writer};

use crate::identity_targets::NOW_UNIX_S;

/// The seeds of one target.
type Seeds = Vec<Vec<u8>>;

/// The seeds of every target, by its name. The same on every machine.
pub fn seeds() -> BTreeMap<&'static str, Seeds> {
    let (plain, rotated, pin) = identities();
    let statements = Statements::of(&rotated);
    let mut all = BTreeMap::new();
    all.insert("identity", vec![plain.to_bytes(), rotated.to_bytes()]);
    all.insert(
        "inception",
        vec![
            plain.history.inception().encode(),
            statements.inception.clone(),
        ],
    );
    let certificate = statements.certificate.to_vec();
    all.insert(
        "statements",
        vec![certificate, statements.log[..133].to_vec()],
    );
    all.insert("pin", vec![pin]);
    all.insert("key_file", key_files(&rotated));
    all.insert("rotations", vec![statements.log.clone(), Vec::new()]);
    all.insert(
        "aeads",
        vec![vec![1, 2], vec![2], vec![9, 1, 2, 3, 4, 5, 6, 7]],
    );
    handshakes(&statements, &mut all);
    all.insert("datagram", datagrams());
    all.insert("frame", frames());
    payloads(&mut all);
    all.insert("stream", streams(&statements));
    all.insert("beacon", beacons(&statements));
    invites(&statements, &mut all);
    all.insert("ip", packets());
    all.insert("neighbour", discovery());
    all.insert("group", crate::group_targets::seeds());
    all.insert("group_message", crate::group_targets::message_seeds());
    all.insert("signing", crate::locked_targets::seeds());
    all.insert("dprp", crate::group_targets::dprp_seeds());
    all.insert("dns", crate::dns_targets::seeds());
    all.insert("dns_answer", crate::dns_targets::answer_seeds());
    all.insert("offload", crate::offload_targets::seeds());
    all.insert("socks5", socks5());
    all.insert("http_proxy", http_heads());
    all
}

/// An identity without rotations, one with a recovery key and two rotations, and a pin.
fn identities() -> (PublicIdentity, PublicIdentity, Vec<u8>) {
    let (crypto, mut rng) = (AwsLc, HashRng::new([7; 32]));
    let terms = |counter| Terms {
        counter,
        not_before_unix_s: NOW_UNIX_S - 10,
        not_after_unix_s: NOW_UNIX_S + 1_000,
        scopes: Scopes(u32::MAX),
    };
    let hot = HotKeys::generate(&crypto, &mut rng);
    let new = Inception::create(&crypto, &mut rng, None).expect("an identity");
    let certificate =
        issue_certificate(&crypto, &new.root, &new.history, &hot, &terms(1)).expect("signed");
    let plain = PublicIdentity {
        history: new.history,
        certificate,
    };

    let new = Inception::create(&crypto, &mut rng, Some([3; 32])).expect("an identity");
    let one = rotate(&crypto, &mut rng, &new.history, new.next).expect("rotated");
    let two = rotate(&crypto, &mut rng, &one.history, one.next).expect("rotated");
    let certificate =
        issue_certificate(&crypto, &two.root, &two.history, &hot, &terms(2)).expect("signed");
    let rotated = PublicIdentity {
        history: two.history,
        certificate,
    };
    let pin = rotated.verify(&crypto, NOW_UNIX_S, None).expect("verified");
    (plain, rotated, pin.encode())
}

/// A key file of every kind, and a sealed one.
fn key_files(public: &PublicIdentity) -> Seeds {
    let (crypto, mut rng) = (AwsLc, HashRng::new([8; 32]));
    let hot = HotKeys::generate(&crypto, &mut rng);
    let backup = Backup {
        public: public.clone(),
        root: Some(RootSecret::from_seed(&[1; 32])),
        next: Some(NextRootSecret::from_seed(&[2; 32])),
        hot: Some(hot.clone()),
    };
    let cost = Cost {
        memory_kib: 8,
        passes: 1,
        lanes: 1,
    };
    let mut write = |file: KeyFile, passphrase| {
        file.write(&crypto, &mut rng, public.address(), passphrase)
            .expect("a key file")
    };
    vec![
        write(KeyFile::Root(RootSecret::from_seed(&[1; 32])), None),
        write(KeyFile::Next(NextRootSecret::from_seed(&[2; 32])), None),
        write(KeyFile::Hot(hot.clone()), None),
        write(KeyFile::Backup(Box::new(backup)), None),
        write(KeyFile::Hot(hot), Some(("a passphrase", cost))),
        write(KeyFile::Admin(AdminSecret::from_seed(&[3; 32])), None),
    ]
}

/// The statements of an identity as bytes.
struct Statements {
    inception: Vec<u8>,
    log: Vec<u8>,
    certificate: [u8; 161],
}

impl Statements {
    fn of(identity: &PublicIdentity) -> Statements {
        Statements {
            inception: identity.history.inception().encode(),
            log: identity.history.encode_log(),
            certificate: identity.certificate.encode().try_into().expect("161 bytes"),
        }
    }

    fn rotations(&self) -> Rotations<'_> {
        Rotations::parse(&self.log, 2).expect("two entries")
    }
}

fn handshakes(statements: &Statements, all: &mut BTreeMap<&'static str, Seeds>) {
    let payload1 = Payload1 {
        number: Number {
            certificate_counter: 2,
            handshake_count: 1_025,
        },
        inception: &statements.inception,
        rotations: statements.rotations(),
        certificate: &statements.certificate,
        slots: [[0x51; 8]; 16],
        aeads: AeadOffer::parse(&[1, 2]).expect("an offer"),
        instance: [7; 8],
        inner_mtu: 1_420,
        stream: Some([9; 8]),
    };
    let short = Payload1 {
        rotations: Rotations::NONE,
        stream: None,
        ..payload1
    };
    let payload2 = Payload2 {
        rotations: statements.rotations(),
        certificate: &statements.certificate,
        aead: AeadAlg::ChaCha20Poly1305,
        instance: [8; 8],
        inner_mtu: 1_280,
        stream: Some([0; 8]),
        shown: &[7; 250],
    };
    all.insert(
        "payload1",
        vec![
            payload1.encode().expect("fits"),
            short.encode().expect("fits"),
        ],
    );
    all.insert("payload2", vec![payload2.encode().expect("fits")]);
    let message: Vec<u8> = (0..MESSAGE_LEN).map(|at| (at % 251) as u8).collect();
    all.insert("message1", vec![message.clone()]);
    all.insert("message2", vec![message]);
}

fn datagrams() -> Seeds {
    let fragment = |message, receiver, number, body: &[u8]| {
        let header = FragmentHeader {
            message,
            sender: 0x0102_0304,
            receiver,
            number,
            count: 2,
        };
        header
            .encode(body, |_| [0xA1; 16], |_| [0; 16])
            .expect("fits")
    };
    let cookie = CookieView {
        receiver: 9,
        nonce: &[1; 16],
        sealed: &[2; 16],
        tag: &[3; 16],
    };
    let mut transport = TransportHeader {
        receiver: 7,
        counter: 8,
    }
    .encode()
    .to_vec();
    transport.extend([0xEE; 20]);
    let relayed = RelayedView {
        channel: 5,
        mac: &[6; 8],
        sealed: &transport,
    };
    vec![
        fragment(Message::One, 0, 0, &[0xB0; 1_152]),
        fragment(Message::Two, 0x0506_0708, 1, b"end"),
        cookie.encode().to_vec(),
        relayed.encode().expect("fits"),
        transport,
    ]
}

/// Streams of datagrams after a byte that says how they are cut.
fn frames() -> Seeds {
    let framed = |datagram: &Vec<u8>| {
        let header = frame::header(datagram.len()).expect("fits");
        [&header[..], datagram].concat()
    };
    let all: Vec<u8> = datagrams().iter().flat_map(framed).collect();
    let short = [framed(&vec![0xD0]), framed(&vec![0xD1; 2])].concat();
    vec![
        [&[7], &all[..]].concat(),
        [&[1], &short[..]].concat(),
        [&[3], &short[..], &[0, 0]].concat(),
        [&[2], &short[..], &[0x24, 0x01]].concat(),
    ]
}

fn payloads(all: &mut BTreeMap<&'static str, Seeds>) {
    let segment = Segment {
        offset: 1,
        acknowledged: 2,
        window: 65_536,
        bytes: b"abc",
    };
    let opaque = [1, 2, 3, 4, 5, 6, 7, 8];
    let controls: Seeds = [
        Control::Stream(segment),
        Control::PathChallenge(opaque),
        Control::PathResponse(opaque),
        Control::Probe {
            id: 9,
            padding_len: 30,
        },
        Control::ProbeAnswer { id: 9, size: 1_400 },
        Control::EchoRequest { id: 9, opaque },
        Control::EchoReply { id: 9, opaque },
        Control::Close(CloseReason::Replaced),
    ]
    .iter()
    .map(|control| control.encode().expect("fits"))
    .collect();
    let piece = Piece {
        inner: Kind::Ip,
        last: true,
        id: 1,
        offset: 1_400,
        bytes: b"tail",
    };
    let piece = piece.encode().expect("fits");
    all.insert(
        "control",
        controls
            .iter()
            .map(|control| control[1..].to_vec())
            .collect(),
    );
    all.insert("piece", vec![piece[1..].to_vec()]);
    let others = [piece, vec![2, 0, 1, 0xEE], vec![1, 0x45], Vec::new()];
    all.insert("payload", controls.into_iter().chain(others).collect());
}

fn streams(statements: &Statements) -> Seeds {
    let update = IdentityUpdate {
        inception: &statements.inception,
        rotations: statements.rotations(),
        certificate: &statements.certificate,
    };
    let hello = Hello {
        instance: [7; 8],
        version: Some("0.1.0"),
        features: 1,
        label: Some("hós"),
    };
    let entry = DigestEntry {
        tag: [1; 8],
        position: 2,
    };
    let digest = RotationDigest::encode(&[entry; 3]).expect("fits");
    let query = RotationQuery::encode(&[[1; 8], [2; 8]]).expect("fits");
    let first = "192.0.2.7:4649".parse().expect("an address");
    let second = "[2001:db8::1]:9".parse().expect("an address");
    let values = [
        StreamValue::Hello(hello),
        StreamValue::IdentityUpdate(update),
        StreamValue::RotationDigest(RotationDigest::decode(&digest).expect("read")),
        StreamValue::RotationQuery(RotationQuery::decode(&query).expect("read")),
        StreamValue::RotationLog(update),
        StreamValue::Endpoints(vec![first, second]),
        StreamValue::CloneNotice(CloneNotice {
            f: NodeAddr([0xFC; 16]),
            first,
            second,
        }),
        StreamValue::Bridge(BridgeMessage::Attach(Attach {
            password: Some("a password"),
        })),
        StreamValue::Bridge(BridgeMessage::Attached(Attached {
            status: AttachStatus::Attached,
            observed: first,
        })),
        StreamValue::Bridge(BridgeMessage::Ticket(Ticket {
            secret: [9; 16],
            expires_unix_s: NOW_UNIX_S,
        })),
        StreamValue::Bridge(BridgeMessage::TicketAnswer(TicketAnswer {
            id: [9; 16],
            status: TicketStatus::Taken,
        })),
        StreamValue::Bridge(BridgeMessage::Open(NodeAddr([0xFC; 16]))),
        StreamValue::Bridge(BridgeMessage::Channel(Channel {
            peer: NodeAddr([0xFC; 16]),
            state: ChannelState::Open {
                channel: 7,
                identity: update,
            },
        })),
        StreamValue::Prefixes(vec![
            "192.168.20.0/24".parse().expect("a prefix"),
            "fd00:20::/64".parse().expect("a prefix"),
        ]),
    ];
    let framed = |value: &StreamValue<'_>| {
        let bytes = value.encode().expect("fits");
        StreamMessage {
            kind: value.kind(),
            value: &bytes,
        }
        .encode()
        .expect("fits")
    };
    let mut seeds: Seeds = values.iter().map(framed).collect();
    seeds.push(seeds.concat());
    seeds
}

fn beacons(statements: &Statements) -> Seeds {
    let fields = BeaconFields {
        inception: &statements.inception,
        rotations: statements.rotations(),
        certificate: &statements.certificate,
        instance: [7; 8],
        port: 4_649,
        sequence: 3,
        wanted: (&[9; 8], &[[1; 8], [2; 8]]),
    };
    let short = BeaconFields {
        rotations: Rotations::NONE,
        wanted: (&[9; 8], &[]),
        ..fields
    };
    let encoded = |fields: BeaconFields<'_>| fields.encode(|_| [0x51; 64]).expect("fits");
    vec![encoded(fields), encoded(short)]
}

fn invites(statements: &Statements, all: &mut BTreeMap<&'static str, Seeds>) {
    let place = Place {
        inception: statements.inception.clone(),
        rotations: statements.log.clone(),
        certificate: statements.certificate,
        endpoints: vec!["192.0.2.7:4649".parse().expect("an address")],
    };
    let (mut bodies, mut lines) = (Vec::new(), Vec::new());
    let gate = [0x6A; 16];
    let kinds = [
        (Purpose::Peer, 0, &b""[..]),
        (Purpose::Peer, 1, b""),
        (Purpose::Group { gate }, 0, b""),
        (Purpose::Group { gate }, 0, b"a lock"),
    ];
    for (purpose, bridges, lock) in kinds {
        let invite = Invite {
            purpose,
            expires_unix_s: NOW_UNIX_S,
            secret: [0x5E; 16],
            place: place.clone(),
            bridges: vec![place.clone(); bridges],
            lock: lock.to_vec(),
        };
        let line = invite.encode(|bytes| {
            bodies.push(bytes.to_vec());
            [0; 32]
        });
        lines.push(line.expect("fits"));
    }
    let bare = lines.iter().filter_map(|line| line.strip_prefix(PREFIX));
    let bare: Vec<Vec<u8>> = bare.map(|text| text.as_bytes().to_vec()).collect();
    all.insert("invite", bodies);
    let admin = AdminKey {
        server: wire::NodeAddr([0xFC; 16]),
        secret: [0x5E; 32],
    };
    let admin = admin.encode(|_| [0; 32]).into_bytes();
    let bare_admin = admin.split_at(admin_key::PREFIX.len()).1.to_vec();
    all.insert("admin_key", vec![admin, bare_admin]);
    let lines = lines.into_iter().map(String::into_bytes);
    all.insert("invite_line", lines.chain(bare).collect());
}

fn packets() -> Seeds {
    let v6 = |next: u8, rest: &[u8]| {
        let mut out = Writer::default();
        out.u32(0x6000_0000).u16(rest.len() as u16).u8(next).u8(64);
        out.bytes(&[0xFC; 16]).bytes(&[0xFD; 16]).bytes(rest);
        out.finish()
    };
    let v4 = |proto: u8, rest: &[u8]| {
        let mut out = Writer::default();
        out.u8(0x45)
            .u8(0)
            .u16(20 + rest.len() as u16)
            .u32(0)
            .u8(64)
            .u8(proto)
            .u16(0);
        out.bytes(&[192, 0, 2, 1])
            .bytes(&[198, 51, 100, 2])
            .bytes(rest);
        out.finish()
    };
    let syn = [
        0x9C, 0x40, 0, 22, 0, 0, 0, 1, 0, 0, 0, 0, 0x70, 2, 0xFF, 0xFF, 0, 0, 0, 0, 1, 2, 4, 5,
        0xB4, 0, 0, 0,
    ];
    let udp = [0x30, 0x39, 0, 53, 0, 8, 0, 0];
    let echo = [128, 0, 0, 0, 0x12, 0x34, 0, 1];
    let extended = [&[6, 0, 1, 4, 0, 0, 0, 0][..], &syn].concat();
    let fragment = [&[17, 0, 0, 1, 0, 0, 0, 9][..], &udp].concat();
    let plain = v6(17, &udp);
    let error = icmp_error(&plain, IcmpError::NoRoute, [0xFD; 16].into()).expect("an error");
    vec![
        plain,
        error,
        v6(6, &syn),
        v6(60, &extended),
        v6(44, &fragment),
        v6(58, &echo),
        v4(6, &syn),
        v4(17, &udp),
        v4(1, &[8, 0, 0, 0, 0, 1, 0, 1]),
    ]
}

/// Questions and answers of hosts and of routers.
fn discovery() -> Seeds {
    use wire::ip::neighbour::{Solicitation, router_solicitation, taken_by};
    let from = |src: std::net::Ipv6Addr, dst: [u16; 8], message: &[u8]| {
        let dst = std::net::Ipv6Addr::from(dst);
        let mut message = message.to_vec();
        let sum = wire::ip::checksum::upper_checksum(src.into(), dst.into(), 58, &message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let len = u8::try_from(message.len()).unwrap_or(u8::MAX);
        let head = [0x60, 0, 0, 0, 0, len, 58, 255];
        [&head[..], &src.octets(), &dst.octets(), &message].concat()
    };
    let target = std::net::Ipv6Addr::from([0x2001, 0xDB8, 0, 0, 0, 0, 0, 7]);
    let host = std::net::Ipv6Addr::from([0x2001, 0xDB8, 0, 0, 0, 0, 0, 9]);
    let router = std::net::Ipv6Addr::from([0xFE80, 0, 0, 0, 0, 0, 0, 1]);
    let link_layer = [1, 1, 2, 0, 0, 0, 0, 9];
    let asks = [135, 0, 0, 0, 0, 0, 0, 0];
    let asks = [&asks[..], &target.octets(), &link_layer].concat();
    let prefix = [3, 4, 64, 0xC0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let says = [134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    let says = [&says[..], &link_layer, &prefix, &host.octets()].concat();
    vec![
        from(host, [0xFF02, 0, 0, 0, 0, 1, 0xFF00, 7], &asks),
        Solicitation::probe(target),
        taken_by(target, [2; 6]),
        router_solicitation(),
        from(router, [0xFF02, 0, 0, 0, 0, 0, 0, 1], &says),
    ]
}

fn socks5() -> Seeds {
    let v6 = [
        &[5, 1, 0, 5, 1, 0, 4, 0xFC, 0x12][..],
        &[0; 13],
        &[1, 0x1F, 0x90],
    ];
    let name = [&[5, 1, 0, 3, 6][..], b"server", &[0, 22]];
    vec![
        v6.concat(),
        name.concat(),
        vec![5, 2, 0, 2, 5, 1, 0, 1, 10, 1, 2, 3, 0, 80],
    ]
}

fn http_heads() -> Seeds {
    let heads = [
        "CONNECT [fc12::1]:443 HTTP/1.1\r\nHost: [fc12::1]:443\r\n\r\n",
        "GET http://server:8080/a?b HTTP/1.1\r\nHost: server\r\nConnection: X-Once\r\nX-Once: 1\r\n\r\n",
        "POST http://10.1.2.3 HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
        "PUT http://server/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    heads.iter().map(|head| head.as_bytes().to_vec()).collect()
}
