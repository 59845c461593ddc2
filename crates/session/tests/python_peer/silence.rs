//! What must get no answer: each end says nothing, and the right thing works afterwards.

use crate::link::Link;
use crate::python::hex;
use identity::crypto::AwsLc;
use session::fragment::{Mac1Key, cut};
use wire::NodeAddr;
use wire::datagram::Message;

/// A link on which Python knows Rust and either can call.
fn acquainted() -> Link {
    let mut link = Link::new("-");
    let introduction = link.rust.introduction();
    link.python.words(&format!("peer {introduction}"));
    link
}

fn connect(link: &mut Link) -> Vec<String> {
    let f = link.rust_f();
    link.tell(&format!("connect {f} {f}"))
}

/// Gives Python datagrams; it must send nothing, and say `why`.
fn python_refuses(link: &mut Link, datagrams: &[Vec<u8>], why: &str) {
    let answers: Vec<String> = datagrams
        .iter()
        .flat_map(|datagram| link.python.ask(&format!("rx {}", hex(datagram))))
        .collect();
    assert!(answers.contains(&format!("refused {why}")), "{answers:?}");
    assert!(
        answers.iter().all(|line| line.starts_with("refused ")),
        "{answers:?}"
    );
}

/// Gives Rust datagrams; it must send nothing.
fn rust_refuses(link: &mut Link, datagrams: &[Vec<u8>]) {
    let (before, state) = (link.rust.refused, link.rust.session.state_hash());
    for datagram in datagrams {
        link.rust.receive(datagram.clone());
    }
    assert!(link.rust.drain().is_empty());
    assert!(link.rust.refused > before);
    assert_eq!(link.rust.session.state_hash(), state);
}

/// The Rust end's message 1, not given to Python.
fn rust_message1(link: &mut Link) -> Vec<Vec<u8>> {
    link.rust.session.initiate(link.rust.now);
    link.rust
        .drain()
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect()
}

#[test]
fn a_wrong_f_in_mac1() {
    let mut link = acquainted();
    let (f, other) = (link.rust_f(), hex(&[0xFC; 16]));
    assert!(link.tell(&format!("connect {f} {other}")).is_empty());
    assert_eq!((link.rust.refused, link.from_rust.len()), (2, 0));
    assert!(connect(&mut link)[0].starts_with("established "));

    let mut link = acquainted();
    let right = rust_message1(&mut link);
    let body = |datagram: &Vec<u8>| datagram[16..datagram.len() - 32].to_vec();
    let whole: Vec<u8> = right.iter().flat_map(body).collect();
    let key = Mac1Key::new(&AwsLc, NodeAddr([0xFC; 16]));
    let wrong = cut(&AwsLc, &key, None, Message::One, 5, 0, &whole).unwrap();
    python_refuses(&mut link, &wrong, "MAC1");
}

#[test]
fn a_replayed_message_1() {
    let mut link = acquainted();
    connect(&mut link);
    let message1 = link.from_python[..2].to_vec();
    rust_refuses(&mut link, &message1);

    let mut link = acquainted();
    link.rust.session.initiate(link.rust.now);
    link.settle();
    let message1 = [link.from_rust[0].1.clone(), link.from_rust[1].1.clone()];
    python_refuses(&mut link, &message1, "number is not above the last");
}

#[test]
fn a_message_1_with_any_part_changed() {
    // Offsets in the message: e, e1, s, payload 1. MAC1 is made right again.
    for at in [3, 40, 1240, 2000] {
        let mut link = acquainted();
        let right = rust_message1(&mut link);
        let body = |datagram: &Vec<u8>| datagram[16..datagram.len() - 32].to_vec();
        let mut whole: Vec<u8> = right.iter().flat_map(body).collect();
        whole[at] ^= 1;
        let key = Mac1Key::new(&AwsLc, link.rust.peer.address());
        let wrong = cut(&AwsLc, &key, None, Message::One, 5, 0, &whole).unwrap();
        python_refuses(&mut link, &wrong, "authentication tag");
    }
}

#[test]
fn a_wrong_psk_at_python_initiating() {
    let mut link = Link::new("-");
    let at = "192.0.2.7:4649".parse().unwrap();
    let line = link.rust.invite(2_000_000_000, at);
    link.python.words(&format!("join {line}"));
    link.python.ask("spoil");
    // The tag matches, so Rust answers; Python cannot read payload 2 and confirms nothing.
    let notes = connect(&mut link);
    assert_eq!(notes, ["refused authentication tag"]);
    assert_eq!((link.from_rust.len(), link.rust.ups.len()), (2, 0));
}

#[test]
fn a_wrong_psk_at_python_responding() {
    let mut link = Link::new("-");
    let line = link
        .python
        .words(&format!("invite 2000000000 {}", hex(&[7; 18])));
    link.rust.join(&line[1]);
    link.python.ask("spoil");
    link.rust.session.initiate(link.rust.now);
    let notes = link.settle();
    assert!(notes[0].starts_with("established "), "{notes:?}");
    // Rust refuses message 2, sends nothing and goes on waiting for a right one.
    assert_eq!((link.rust.refused, link.from_rust.len()), (1, 2));
    assert!(link.rust.ups.is_empty() && link.rust.session.is_initiating());
}

#[test]
fn a_responder_says_nothing_before_the_first_packet() {
    // Python holds back: it answered, and nothing came.
    let mut link = acquainted();
    let message1 = rust_message1(&mut link);
    for datagram in &message1 {
        link.python.ask(&format!("rx {}", hex(datagram)));
    }
    assert_eq!(
        link.python.ask("echo 1"),
        ["refused the initiator has not confirmed yet"]
    );

    // Rust holds back: a ping waits until Python's first packet is there.
    let mut link = acquainted();
    let f = link.rust_f();
    for line in link.python.ask(&format!("connect {f} {f}")) {
        link.rust
            .receive(crate::python::unhex(line.trim_start_matches("tx ")));
    }
    let message2 = link.rust.drain();
    assert_eq!(message2.len(), 2);
    link.rust.session.ping(link.rust.now, 5);
    let sent = link.rust.drain();
    assert!(
        sent.iter().all(|(_, bytes)| bytes[0] == 1),
        "a transport packet too early"
    );
}

#[test]
fn a_replayed_transport_packet() {
    let mut link = acquainted();
    connect(&mut link);
    link.tell("echo 3");
    let from_python = link.from_python[2..].to_vec();
    for datagram in from_python {
        rust_refuses(&mut link, &[datagram]);
    }
    let from_rust: Vec<Vec<u8>> = link.from_rust[2..].iter().map(|(_, b)| b.clone()).collect();
    for datagram in from_rust {
        python_refuses(&mut link, &[datagram], "replay");
    }
}
