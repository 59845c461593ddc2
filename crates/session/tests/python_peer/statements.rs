//! Rotation logs and invite lines between Python and Rust, and what the test stands on.

use crate::link::Link;
use crate::node::{self, UNIX_S};
use crate::python::{command, hex, unhex};
use identity::crypto::AwsLc;

#[test]
fn logs_made_by_one_are_verified_by_the_other() {
    // Link::new has Rust verify Python's log, the command `peer` Python Rust's.
    for log in ["-", "1", "2", "11", "12", "21", "111"] {
        let mut link = Link::new(log);
        let introduction = link.rust.introduction();
        let told = link.python.words(&format!("peer {introduction}"));
        assert_eq!(told, ["peer".to_owned(), link.rust_f()]);
    }
}

#[test]
fn a_handshake_carries_the_end_of_a_log() {
    // Two entries connect to the inception record; the last two of three need more.
    let cases = [
        ("12", false, true),
        ("111", false, false),
        ("111", true, true),
    ];
    for (log, known, answered) in cases {
        let mut link = Link::new(log);
        let introduction = link.rust.introduction();
        link.python.words(&format!("peer {introduction}"));
        link.rust.pin = known.then(|| link.rust.peer.verify(&AwsLc, UNIX_S, None).unwrap());
        let f = link.rust_f();
        link.tell(&format!("connect {f} {f}"));
        assert_eq!(link.rust.ups.len(), usize::from(answered), "log {log}");

        let mut link = Link::new(log);
        if known {
            link.python
                .words(&format!("peer {}", link.rust.introduction()));
        }
        // Rust as initiator knows the whole log, but believes only what it has verified.
        link.rust.pin = known.then(|| link.rust.peer.verify(&AwsLc, UNIX_S, None).unwrap());
        link.rust.session.initiate(link.rust.now);
        link.settle();
        assert_eq!(link.rust.ups.len(), usize::from(answered), "log {log}");
    }
}

#[test]
fn invite_lines_are_read_by_the_other() {
    for log in ["-", "12"] {
        let mut link = Link::new(log);
        let endpoint = "192.0.2.7:4649".parse().unwrap();
        let mapped = hex(&wire::Endpoint::new(endpoint).to_bytes());
        assert_eq!(mapped, "00000000000000000000ffffc00002071229");
        let line = link.rust.invite(UNIX_S + 5, endpoint);
        let told = link.python.words(&format!("join {line}"));
        let expires = (UNIX_S + 5).to_string();
        assert_eq!(
            told,
            ["joined".to_owned(), link.rust_f(), expires, mapped.clone()]
        );

        let line = link
            .python
            .words(&format!("invite {} {mapped}", UNIX_S + 6));
        let invite = link.rust.join(&line[1]);
        assert_eq!(invite.expires_unix_s, UNIX_S + 6);
        assert_eq!(invite.place.endpoints, [endpoint]);
    }
}

#[test]
fn statements_changed_anywhere_are_refused_by_python() {
    let mut link = Link::new("1");
    let public = &node::identity("1").public;
    let inception = public.history.inception().encode();
    let (log, certificate) = (public.history.encode_log(), public.certificate.encode());
    let whole = [inception.as_slice(), &log, &certificate].concat();
    // The salt makes another F, which the signatures are not for; every field is hit once.
    for at in [
        0, 1, 33, 65, 66, 100, 106, 107, 111, 143, 175, 239, 240, 244, 268, 300, 399,
    ] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let (inception, rest) = changed.split_at(inception.len());
        let (log, certificate) = rest.split_at(log.len());
        let line = format!("peer {} {} {}", hex(inception), hex(log), hex(certificate));
        let answer = link.python.ask(&line);
        assert!(answer[0].starts_with("refused "), "byte {at}: {answer:?}");
    }
    assert_eq!(unhex(&hex(&whole)), whole);
}

#[test]
fn the_kem_of_python_gives_the_known_answers() {
    let status = command("mlkem.py", &[]).status().unwrap();
    assert!(status.success());
}

#[test]
fn without_its_package_python_names_it() {
    // -S hides what Debian's packages install.
    let output = command("peer.py", &["-S"]).output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && words.contains("apt-get install python3-cryptography"));
}
