//! Sessions between Python and Rust, begun by either, with each AEAD, with and without an
//! invite that both hold.

use crate::link::Link;
use crate::node::{INNER_MTU, INSTANCE, UNIX_S};
use crate::python::hex;
use identity::crypto::{AeadAlg, AwsLc, HashRng};
use session::Credential;
use std::time::Duration;
use wire::payload::{CloseReason, Kind};
use wire::stream::{Hello, StreamMessage, StreamValue, TYPE_HELLO};

const AEADS: [AeadAlg; 2] = [AeadAlg::Aes256Gcm, AeadAlg::ChaCha20Poly1305];
/// peer.py's.
const PYTHON_MTU: u16 = 1420;

#[test]
fn python_initiates_and_rust_responds() {
    for aead in AEADS {
        for invited in [false, true] {
            let mut link = Link::new("-");
            let other = Credential::of_invite(&AwsLc, b"another's secret");
            link.rust.credentials.push(other);
            if invited {
                let line = link
                    .rust
                    .invite(UNIX_S, "[2001:db8::7]:4649".parse().unwrap());
                link.python.words(&format!("join {line}"));
            } else {
                let introduction = link.rust.introduction();
                link.python.words(&format!("peer {introduction}"));
            }
            link.python.ask(&format!("speak {}", aead.to_byte()));
            let f = link.rust_f();
            let notes = link.tell(&format!("connect {f} {f}"));
            agreed(&link, &notes, aead, invited);
            talk(&mut link);
        }
    }
}

#[test]
fn rust_initiates_and_python_responds() {
    for aead in AEADS {
        for invited in [false, true] {
            let mut link = Link::new("-");
            let endpoint = hex(&[7; 18]);
            let line = link.python.words(&format!("invite {UNIX_S} {endpoint}"));
            if invited {
                link.rust.join(&line[1]);
            }
            link.python.ask(&format!("speak {}", aead.to_byte()));
            link.rust.session.initiate(link.rust.now);
            let notes = link.settle();
            agreed(&link, &notes, aead, invited);
            talk(&mut link);
        }
    }
}

#[test]
fn a_cookie_of_a_busy_bridge_is_answered() {
    let mut link = Link::new("-");
    link.rust.cookies = Some(session::cookie::CookieSecret::new(&mut HashRng::new(
        [7; 32],
    )));
    let introduction = link.rust.introduction();
    link.python.words(&format!("peer {introduction}"));
    let f = link.rust_f();
    link.tell(&format!("connect {f} {f}"));
    assert_eq!(link.rust.ups.len(), 1);
    assert!(link.from_rust.iter().any(|(_, bytes)| bytes.len() == 56));
}

#[test]
fn a_session_outlives_its_keys() {
    let mut link = Link::new("-");
    let introduction = link.rust.introduction();
    link.python.words(&format!("peer {introduction}"));
    let f = link.rust_f();
    for round in 0u8..4 {
        // Each end rekeys in turn, and the control stream goes on where it was.
        if round % 2 == 0 {
            link.tell(&format!("connect {f} {f}"));
        } else {
            link.rust.session.initiate(link.rust.now);
            link.settle();
        }
        let up = link.rust.ups.pop().unwrap();
        assert_eq!(up.continued, round > 0);
        link.tell(&format!("message 9 {}", hex(&[round; 50])));
        assert_eq!(link.rust.messages.pop(), Some((9, vec![round; 50])));
        let (now, value) = (link.rust.now, [round; 70]);
        link.rust.session.send_message(now, 9, &value).unwrap();
        assert_eq!(link.settle(), [format!("message 9 {}", hex(&value))]);
    }
}

/// Both ends say the same of the handshake.
fn agreed(link: &Link, notes: &[String], aead: AeadAlg, invited: bool) {
    let established = notes
        .iter()
        .find(|note| note.starts_with("established "))
        .unwrap();
    let words: Vec<&str> = established.split(' ').collect();
    assert_eq!(link.rust.ups.len(), 1, "{notes:?}");
    let up = &link.rust.ups[0];
    assert_eq!(words[1], link.rust_f());
    assert_eq!(up.peer, link.rust.peer);
    let mask: u16 = words[2].parse().unwrap();
    assert_eq!(
        (mask.count_ones(), up.matched.len()),
        match invited {
            true => (1, 1),
            false => (0, 0),
        }
    );
    assert_eq!(words[3], aead.to_byte().to_string());
    assert_eq!(link.rust.session.transport().unwrap().aead(), aead);
    assert_eq!(words[4], hex(&up.binding));
    assert_eq!(words[5], hex(&INSTANCE));
    assert_eq!(words[6], INNER_MTU.to_string());
    assert_eq!(up.inner_mtu, PYTHON_MTU);
    // The responder keeps its silence until the initiator's first packet, an empty one.
    assert!(
        notes.iter().all(|note| !note.starts_with("refused")),
        "{notes:?}"
    );
    assert_eq!(link.rust.refused, 0);
}

/// Everything that goes through a session, both ways.
fn talk(link: &mut Link) {
    packets(link);
    stream(link);
    control(link);
    roam(link);
    link.rust
        .session
        .close(link.rust.now, CloseReason::Replaced);
    assert_eq!(link.settle(), ["close 2"]);
    assert_eq!(link.rust.refused, 0);
}

fn ipv4(len: usize) -> Vec<u8> {
    let mut packet: Vec<u8> = (0..len).map(|at| at.to_le_bytes()[0]).collect();
    packet[0] = 0x45;
    packet
}

fn packets(link: &mut Link) {
    let (small, large) = (ipv4(60), ipv4(3000));
    assert!(link.tell(&format!("packet {} 0", hex(&small))).is_empty());
    assert!(link.tell(&format!("packet {} 900", hex(&large))).is_empty());
    assert_eq!(link.rust.packets, [small.clone(), large.clone()]);
    for packet in [small, large] {
        link.rust
            .session
            .send_packet(link.rust.now, Kind::Ip, &packet)
            .unwrap();
        assert_eq!(link.settle(), [format!("packet {}", hex(&packet))]);
    }
}

fn stream(link: &mut Link) {
    assert!(link.tell("hello python-peer/1 snake").is_empty());
    let (kind, value) = link.rust.messages.pop().unwrap();
    assert_eq!(kind, TYPE_HELLO);
    let hello = Hello::decode(&value).unwrap();
    assert_eq!(hello.instance, link.rust.ups[0].instance);
    assert_eq!(
        (hello.version, hello.label),
        (Some("python-peer/1"), Some("snake"))
    );

    let hello = StreamValue::Hello(Hello {
        instance: INSTANCE,
        version: Some("kumi/1"),
        features: 5,
        label: Some("crab"),
    });
    let value = hello.encode().unwrap();
    link.rust
        .session
        .send_message(link.rust.now, TYPE_HELLO, &value)
        .unwrap();
    let expected = format!("hello {} 'kumi/1' 5 'crab'", hex(&INSTANCE));
    assert_eq!(link.settle(), [expected]);

    // Longer than a segment, and of a type that nobody knows. The stream goes on after it.
    let long = ipv4(16_384);
    assert!(
        StreamValue::decode(StreamMessage {
            kind: 0x3F00,
            value: &long
        })
        .is_ok()
    );
    link.tell(&format!("message {} {}", 0x3F00, hex(&long)));
    assert_eq!(link.rust.messages.pop(), Some((0x3F00, long.clone())));
    link.rust
        .session
        .send_message(link.rust.now, 0x3F00, &long)
        .unwrap();
    assert_eq!(
        link.settle(),
        [format!("message {} {}", 0x3F00, hex(&long))]
    );
}

fn control(link: &mut Link) {
    assert_eq!(link.tell("echo 77"), ["echo-reply 77"]);
    assert!(link.rust.session.ping(link.rust.now, 78));
    assert_eq!(link.settle(), ["echo-request"]);
    assert_eq!(link.rust.echoes, [78]);
    link.rust.echoes.clear();
    assert_eq!(link.tell("challenge"), ["path-answered"]);
    assert_eq!(link.tell("probe 9 1300"), ["probe-answer 9 1300"]);
    // An unknown kind and an unknown subtype are ignored.
    assert!(link.tell("raw 7f00").is_empty());
    assert!(link.tell("raw 047f00").is_empty());
}

/// Python speaks from another address: Rust challenges it there, then sends there.
fn roam(link: &mut Link) {
    link.rust.now += Duration::from_millis(1);
    link.rust.peer_at = "198.51.100.9:9".parse().unwrap();
    let before = link.from_rust.len();
    let notes = link.tell(&format!("packet {} 0", hex(&ipv4(60))));
    assert_eq!(notes, ["challenged"]);
    assert_eq!(link.rust.moves, [link.rust.peer_at.into()]);
    assert_eq!(link.from_rust[before].0, link.rust.peer_at.into());
}
