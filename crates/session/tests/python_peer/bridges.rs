//! What a node and its Bridge say to each other, byte for byte, and lines of version 2. A
//! client in Python at a whole Bridge is in `crates/node/tests/python_client.rs`.

use crate::link::Link;
use crate::node::{self, UNIX_S};
use crate::python::{Python, hex, unhex};
use identity::crypto::{AwsLc, Crypto};
use session::hop::{HopKey, Way};
use std::net::SocketAddr;
use wire::NodeAddr;
use wire::channel::{
    Attach, AttachStatus, Attached, BridgeMessage, Channel, ChannelState, Ticket, TicketAnswer,
    TicketStatus,
};
use wire::datagram::{Datagram, TransportHeader};
use wire::invite::{Invite, Place, Purpose};
use wire::stream::{IdentityUpdate, StreamMessage, StreamValue};

const F: NodeAddr = NodeAddr([0xFC; 16]);

fn at() -> SocketAddr {
    "192.0.2.7:4649".parse().unwrap()
}

#[test]
fn hop_keys_and_headers_are_the_same() {
    let mut python = Python::start();
    let header = TransportHeader {
        receiver: 7,
        counter: 9,
    };
    let sealed = [&header.encode()[..], &[0x55; 40]].concat();
    let binding: [u8; 32] = std::array::from_fn(|at| at.to_le_bytes()[0]);
    for number in [1, 0x8000_0001, u32::MAX] {
        let key = HopKey::new(&AwsLc, &binding, number);
        let relayed = [&key.header(&AwsLc, Way::ToBridge, &sealed), &sealed[..]].concat();
        let told = python.words(&format!("wrap {} {number} {}", hex(&binding), hex(&sealed)));
        assert_eq!(told, ["relayed".to_owned(), hex(&relayed)]);
        let theirs = unhex(&told[1]);
        let Ok(Datagram::Relayed(view)) = Datagram::parse(&theirs) else {
            panic!("not a relayed datagram");
        };
        assert!(key.verify(&AwsLc, Way::ToBridge, &view));
    }
    // For another implementation to compare with.
    let key = HopKey::new(&AwsLc, &binding, 1);
    let header = hex(&key.header(&AwsLc, Way::ToBridge, &sealed));
    assert_eq!(header, "0500000000000001efc94a15690c27b3");
}

#[test]
fn messages_mean_the_same_to_both() {
    let mut python = Python::start();
    let bytes = node::identity("12").public.to_bytes();
    let identity = IdentityUpdate::decode(&bytes).unwrap();
    for (message, words) in of_clients().into_iter().chain(of_bridges(identity, &bytes)) {
        let value = StreamValue::Bridge(message).encode().unwrap();
        let text = match hex(&value) {
            text if text.is_empty() => "-".to_owned(),
            text => text,
        };
        let kind = message.kind();
        let described = python.words(&format!("describe {kind} {text}"));
        assert_eq!(described.join(" "), words);
        let written = python.words(&format!("write {words}"));
        assert_eq!(written, ["value".to_owned(), kind.to_string(), text]);
        let value = unhex(&written[2]);
        let value = &value;
        let read = StreamValue::decode(StreamMessage { kind, value });
        let Ok(StreamValue::Bridge(read)) = read else {
            panic!("{words}: {read:?}");
        };
        assert!(read == message, "{words}");
    }
}

/// Messages of a client, and the words for them.
fn of_clients() -> Vec<(BridgeMessage<'static>, String)> {
    let f = hex(F.as_bytes());
    let attach = |password| BridgeMessage::Attach(Attach { password });
    let ticket = BridgeMessage::Ticket(Ticket {
        secret: [6; 16],
        expires_unix_s: UNIX_S,
    });
    vec![
        (attach(None), "attach -".to_owned()),
        (
            attach(Some("ひらけ")),
            format!("attach {}", hex("ひらけ".as_bytes())),
        ),
        (ticket, format!("ticket {} {UNIX_S}", hex(&[6; 16]))),
        (BridgeMessage::Open(F), format!("open {f}")),
        (BridgeMessage::Close(F), format!("close {f}")),
    ]
}

/// Messages of a Bridge, and the words for them.
fn of_bridges<'a>(identity: IdentityUpdate<'a>, bytes: &[u8]) -> Vec<(BridgeMessage<'a>, String)> {
    let (f, id) = (hex(F.as_bytes()), hex(&[5; 16]));
    let mapped = hex(&wire::Endpoint::new(at()).to_bytes());
    let attached = [
        AttachStatus::Attached,
        AttachStatus::NotAdmitted,
        AttachStatus::Password,
        AttachStatus::TryLater,
        AttachStatus::Full,
        AttachStatus::Other(5),
    ];
    let attached = attached.into_iter().zip(0..).map(|(status, byte)| {
        let observed = at();
        let message = BridgeMessage::Attached(Attached { status, observed });
        (message, format!("attached {byte} {mapped}"))
    });
    let answers = [
        TicketStatus::Taken,
        TicketStatus::TooMany,
        TicketStatus::NotAttached,
        TicketStatus::Other(3),
    ];
    let answers = answers.into_iter().zip(0..).map(|(status, byte)| {
        let message = BridgeMessage::TicketAnswer(TicketAnswer {
            id: [5; 16],
            status,
        });
        (message, format!("ticket-answer {id} {byte}"))
    });
    let open = ChannelState::Open {
        channel: 0x0102_0304,
        identity,
    };
    let states = [
        (open, format!("0 16909060 {}", hex(bytes))),
        (ChannelState::Absent, "1 0 -".to_owned()),
        (ChannelState::Closed, "2 0 -".to_owned()),
        (ChannelState::Refused, "3 0 -".to_owned()),
    ];
    let channels = states.into_iter().map(|(state, words)| {
        let message = BridgeMessage::Channel(Channel { peer: F, state });
        (message, format!("channel {f} {words}"))
    });
    attached.chain(answers).chain(channels).collect()
}

/// A line of the Rust end, which `bridges` are named in.
fn line(link: &Link, purpose: Purpose, bridges: Vec<Place>) -> String {
    let invite = Invite {
        purpose,
        expires_unix_s: UNIX_S + 5,
        secret: *b"sixteen secrets!",
        place: place(&link.rust.local.public),
        bridges,
        lock: Vec::new(),
    };
    invite.encode(|bytes| AwsLc.sha256(&[bytes])).unwrap()
}

fn place(public: &identity::PublicIdentity) -> Place {
    Place {
        inception: public.history.inception().encode(),
        rotations: public.history.encode_log(),
        certificate: public.certificate.encode().try_into().unwrap(),
        endpoints: vec![at()],
    }
}

#[test]
fn lines_of_version_2_are_read_by_the_other() {
    let mapped = hex(&wire::Endpoint::new(at()).to_bytes());
    for (purpose, flags) in [(Purpose::Bridge, 1), (Purpose::BridgeWithPassword, 3)] {
        let mut link = Link::new("-");
        let told = link
            .python
            .ask(&format!("join {}", line(&link, purpose, vec![])));
        let joined = format!("joined {} {} {mapped}", link.rust_f(), UNIX_S + 5);
        assert_eq!(told, [joined, format!("flags {flags}")]);
    }

    let mut link = Link::new("1");
    let bridge = node::identity("12").public.clone();
    let f = hex(bridge.address().as_bytes());
    let line = line(&link, Purpose::Peer, vec![place(&bridge)]);
    let told = link.python.ask(&format!("join {line}"));
    let secret = AwsLc.hmac(
        b"sixteen secrets!",
        &[b"kumihimo ticket v1", bridge.address().as_bytes()],
    );
    let ticket = hex(&secret[..16]);
    assert_eq!(
        told[1..],
        [
            "flags 0".to_owned(),
            format!("bridge {f} {ticket} {mapped}")
        ]
    );

    // And the other way: Python knows the Bridge now and names it.
    let words = link
        .python
        .words(&format!("line 0 {} {mapped} {f} {mapped}", UNIX_S + 6));
    let invite = link.rust.join(&words[1]);
    assert_eq!(invite.expires_unix_s, UNIX_S + 6);
    assert_eq!(invite.bridges, [place(&bridge)]);
    let secret = AwsLc.hmac(
        &invite.secret,
        &[b"kumihimo ticket v1", bridge.address().as_bytes()],
    );
    assert_eq!(words[2], hex(&secret[..16]));
}

#[test]
fn lines_with_other_flags_are_refused_by_both() {
    let mut link = Link::new("-");
    let mapped = hex(&wire::Endpoint::new(at()).to_bytes());
    for flags in [2, 4, 255] {
        let told = link
            .python
            .words(&format!("line {flags} {UNIX_S} {mapped} - -"));
        let parsed = Invite::parse(&told[1], |bytes| AwsLc.sha256(&[bytes]));
        assert!(parsed.is_err(), "{flags}");
        let answer = link.python.ask(&format!("join {}", told[1]));
        assert_eq!(answer, ["refused flags of the invite line"]);
    }
}
