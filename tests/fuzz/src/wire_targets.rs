//! Targets for the decoders of `wire`.

use wire::admin_key::{self, AdminKey};
use wire::beacon::Beacon;
use wire::datagram::{Datagram, TRANSPORT_HEADER_LEN};
use wire::frame::{self, Frames};
use wire::handshake::{AeadOffer, Message1View, Message2View, Payload1, Payload2};
use wire::http_proxy::{self, HttpError};
use wire::invite::{Invite, PREFIX};
use wire::ip::{Ecn, IcmpError, IpView, clamp_tcp_mss, decrement_hop_limit, icmp_error, set_ecn};
use wire::payload::{Control, Payload, Piece};
use wire::socks5::{self, Greeting};
use wire::statement::{ROTATIONS_MAX, Rotations};
use wire::stream::{StreamMessage, StreamValue};

/// `Datagram::parse`: what parses is written back the same.
pub fn datagram(bytes: &[u8]) {
    let again = match Datagram::parse(bytes) {
        // What DPRP says is read elsewhere.
        Err(_) | Ok(Datagram::Dprp) => return,
        Ok(Datagram::Fragment(f)) => f
            .header
            .encode(f.body, |_| *f.mac1, |_| *f.mac2)
            .expect("a fragment read"),
        Ok(Datagram::Cookie(view)) => view.encode().to_vec(),
        Ok(Datagram::Transport(header)) => {
            [&header.encode()[..], &bytes[TRANSPORT_HEADER_LEN..]].concat()
        }
        Ok(Datagram::Relayed(view)) => view.encode().expect("a relayed datagram read"),
    };
    assert_eq!(again, bytes);
}

/// `Frames::decode`: the first byte says how the others are cut. Cut or whole they give the same
/// datagrams, and these are what the bytes begin with.
pub fn frame(bytes: &[u8]) {
    let Some((cut, stream)) = bytes.split_first() else {
        return;
    };
    let decode = |part_len: usize| {
        let (mut frames, mut framed) = (Frames::default(), Vec::new());
        let mut each = |datagram: &mut [u8]| {
            framed.extend(frame::header(datagram.len()).expect("a datagram read"));
            framed.extend_from_slice(datagram);
        };
        let result = stream
            .chunks(part_len.max(1))
            .try_for_each(|part| frames.decode(&mut part.to_vec(), &mut each));
        assert!(stream.starts_with(&framed));
        if result.is_ok() {
            assert_eq!(framed.len() + frames.held_len(), stream.len());
        }
        (framed, result, frames)
    };
    assert_eq!(decode(usize::from(*cut)), decode(stream.len()));
}

/// `Message1View::parse`.
pub fn message1(bytes: &[u8]) {
    if let Ok(m) = Message1View::parse(bytes) {
        let parts = [
            &m.ephemeral[..],
            m.kem_key_sealed,
            m.static_sealed,
            m.payload_sealed,
        ];
        assert_eq!(parts.concat(), bytes);
    }
}

/// `Message2View::parse`.
pub fn message2(bytes: &[u8]) {
    if let Ok(m) = Message2View::parse(bytes) {
        let parts = [
            &m.ephemeral[..],
            m.kem_ciphertext_sealed,
            m.matched_sealed,
            m.payload_sealed,
        ];
        assert_eq!(parts.concat(), bytes);
    }
}

/// `Payload1::decode`: written again, it reads the same.
pub fn payload1(bytes: &[u8]) {
    if let Ok(payload) = Payload1::decode(bytes) {
        let again = payload.encode().expect("a payload 1 read");
        assert_eq!(Payload1::decode(&again), Ok(payload));
    }
}

/// `Payload2::decode`: written again, it reads the same.
pub fn payload2(bytes: &[u8]) {
    if let Ok(payload) = Payload2::decode(bytes) {
        let again = payload.encode().expect("a payload 2 read");
        assert_eq!(Payload2::decode(&again), Ok(payload));
    }
}

/// `AeadOffer::parse`.
pub fn aeads(bytes: &[u8]) {
    if let Ok(offer) = AeadOffer::parse(bytes) {
        assert_eq!(offer.as_bytes(), bytes);
        assert!(offer.iter().count() <= bytes.len());
    }
}

/// `Rotations::parse`.
pub fn rotations(bytes: &[u8]) {
    if let Ok(list) = Rotations::parse(bytes, ROTATIONS_MAX) {
        assert!(list.len() <= ROTATIONS_MAX);
        assert_eq!(list.iter().flatten().copied().collect::<Vec<u8>>(), bytes);
    }
}

/// `Payload::parse`: what parses is written back the same.
pub fn payload(bytes: &[u8]) {
    let again = match Payload::parse(bytes) {
        Ok(Payload::Piece(piece)) => piece.encode().expect("a piece read"),
        Ok(Payload::Control(Control::Probe { .. } | Control::Unknown(_))) => return,
        Ok(Payload::Control(control)) => control.encode().expect("a control packet read"),
        _ => return,
    };
    assert_eq!(again, bytes);
}

/// `Piece::parse`, which starts after the kind.
pub fn piece(bytes: &[u8]) {
    if let Ok(piece) = Piece::parse(bytes) {
        assert_eq!(&piece.encode().expect("a piece read")[1..], bytes);
    }
}

/// `Control::parse`, which starts after the kind.
pub fn control(bytes: &[u8]) {
    match Control::parse(bytes) {
        Err(_) | Ok(Control::Probe { .. } | Control::Unknown(_)) => {}
        Ok(control) => assert_eq!(
            &control.encode().expect("a control packet read")[1..],
            bytes
        ),
    }
}

/// `StreamMessage::parse` and, for each message, `StreamValue::decode` and all behind it.
pub fn stream(mut bytes: &[u8]) {
    while let Ok(Some((message, len))) = StreamMessage::parse(bytes) {
        assert_eq!(message.encode().expect("a message read"), bytes[..len]);
        bytes = &bytes[len..];
        let Ok(value) = StreamValue::decode(message) else {
            continue;
        };
        match &value {
            StreamValue::Unknown(_) => continue,
            StreamValue::RotationDigest(digest) => assert!(digest.iter().count() <= 512),
            StreamValue::RotationQuery(query) => assert!(query.iter().count() <= 64),
            _ => {}
        }
        let again = value.encode().expect("a value read");
        let message = StreamMessage {
            kind: value.kind(),
            value: &again,
        };
        assert_eq!(StreamValue::decode(message).as_ref(), Ok(&value));
    }
}

/// `Beacon::decode`.
pub fn beacon(bytes: &[u8]) {
    if let Ok(beacon) = Beacon::decode(bytes) {
        assert!(Beacon::looks_like(bytes) && beacon.wanted.iter().count() <= 16);
        assert_eq!(beacon.signed, &bytes[..bytes.len() - 68]);
        assert_eq!(beacon.signature[..], bytes[bytes.len() - 64..]);
    }
}

/// `Invite::decode`: written as a line, it reads the same.
pub fn invite(bytes: &[u8]) {
    if let Ok(invite) = Invite::decode(bytes) {
        let line = invite.encode(|_| [7; 32]).expect("an invite read");
        assert_eq!(Invite::parse(&line, |_| [7; 32]), Ok(invite));
    }
}

/// `Invite::parse`, with a check that always fits and one that never does.
pub fn invite_line(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for line in [text.to_string(), format!("{PREFIX}{text}")] {
        if let Ok(invite) = Invite::parse(&line, |_| [0; 32]) {
            let again = invite.encode(|_| [0; 32]).expect("an invite read");
            assert_eq!(Invite::parse(&again, |_| [0; 32]), Ok(invite.clone()));
            assert!(Invite::parse(&line, |_| [1; 32]).is_err());
        }
    }
}

/// `AdminKey::parse`, with a check that always fits and one that never does.
pub fn admin_key(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for text in [text.to_string(), format!("{}{text}", admin_key::PREFIX)] {
        if let Some(key) = AdminKey::parse(&text, |_| [0; 32]) {
            let again = key.encode(|_| [0; 32]);
            assert_eq!(AdminKey::parse(&again, |_| [0; 32]), Some(key));
            assert_eq!(AdminKey::parse(&text, |_| [1; 32]), None);
        }
    }
}

/// `IpView::parse` and everything that is done to a packet: none of it makes or breaks one.
pub fn ip(bytes: &[u8]) {
    let view = IpView::parse(bytes);
    if let Ok(view) = view {
        let from = view.dst();
        for error in [
            IcmpError::AdminProhibited,
            IcmpError::PacketTooBig { mtu: 1_280 },
        ] {
            if let Some(error) = icmp_error(bytes, error, from) {
                let error = IpView::parse(&error).expect("an ICMP error written");
                assert!(error.is_icmp_error() && error.dst() == view.src());
            }
        }
    }
    let mut packet = bytes.to_vec();
    set_ecn(&mut packet, Ecn::Ce);
    decrement_hop_limit(&mut packet);
    clamp_tcp_mss(&mut packet, 1_220);
    match (view, IpView::parse(&packet)) {
        (Ok(before), Ok(after)) => {
            assert_eq!((before.flow(), after.ecn()), (after.flow(), Ecn::Ce));
        }
        (before, after) => assert_eq!(before.is_ok(), after.is_ok()),
    }
}

/// `Greeting::parse` and `parse_request`: nothing is read beyond the longest message.
pub fn socks5(bytes: &[u8]) {
    let rest = match Greeting::parse(bytes) {
        Ok(Some((_, len))) => &bytes[len..],
        Ok(None) | Err(_) => bytes,
    };
    for bytes in [bytes, rest] {
        match socks5::parse_request(bytes) {
            Ok(Some((destination, len))) => {
                assert!(len <= socks5::MESSAGE_LEN_MAX && destination.port != 0);
            }
            Ok(None) => assert!(bytes.len() < socks5::MESSAGE_LEN_MAX),
            Err(error) => assert_eq!(error.code().encode()[0], 5),
        }
    }
}

/// `http_proxy::Request::parse`: a head that is sent on is one for a server, and has the host
/// that is connected to.
pub fn http_proxy(bytes: &[u8]) {
    match http_proxy::Request::parse(bytes) {
        Ok(Some((http_proxy::Request::Fetch { head, .. }, len))) => {
            assert!(len <= http_proxy::HEAD_LEN_MAX);
            if head.len() <= http_proxy::HEAD_LEN_MAX {
                let again = http_proxy::Request::parse(&head);
                assert_eq!(again, Err(HttpError::NotForProxy));
            }
        }
        Ok(Some((_, len))) => assert!(len <= http_proxy::HEAD_LEN_MAX),
        Ok(None) => assert!(bytes.len() < http_proxy::HEAD_LEN_MAX),
        Err(error) => assert!(error.status().encode().starts_with(b"HTTP/1.1 4")),
    }
}

/// A message of neighbour discovery: what is said in answer to it, or passed on, is a message, too.
pub fn neighbour(bytes: &[u8]) {
    use wire::ip::Discovery;
    const MAC: [u8; 6] = [2; 6];
    match Discovery::parse(bytes) {
        Ok(Discovery::Solicitation(asks)) => match asks.answer(MAC) {
            None => assert_eq!(asks.src, asks.target),
            Some(answer) => {
                let view = IpView::parse(&answer).expect("an answer is a packet");
                assert_eq!(view.src(), std::net::IpAddr::from(asks.target));
                assert_eq!(view.dst().is_multicast(), asks.src.is_unspecified());
            }
        },
        Ok(Discovery::RouterAdvertisement(said)) => {
            let again = Discovery::parse(&said.passed_on(MAC));
            assert_eq!(again, Ok(Discovery::RouterAdvertisement(said)));
        }
        Ok(Discovery::Taken(target)) => {
            let again = wire::ip::neighbour::taken_by(target, MAC);
            assert_eq!(Discovery::parse(&again), Ok(Discovery::Taken(target)));
        }
        Ok(Discovery::RouterSolicitation) | Err(_) => {}
    }
}
