//! Reading, marking and answering IP packets.

use super::*;
use crate::codec::Writer;
use proptest::prelude::*;

pub(crate) fn v4(proto: u8, fragment: u16, upper: &[u8]) -> Vec<u8> {
    let write = |sum: u16| {
        let mut out = Writer::default();
        out.u8(0x45)
            .u8(0)
            .u16((20 + upper.len()) as u16)
            .u16(7)
            .u16(fragment);
        out.u8(64)
            .u8(proto)
            .u16(sum)
            .bytes(&[192, 0, 2, 1])
            .bytes(&[198, 51, 100, 2]);
        out.finish()
    };
    [write(checksum::checksum(&write(0))), upper.to_vec()].concat()
}

pub(crate) fn v6(next: u8, rest: &[u8]) -> Vec<u8> {
    let mut out = Writer::default();
    out.u32(0x6000_0000).u16(rest.len() as u16).u8(next).u8(64);
    out.bytes(&v6_src().octets())
        .bytes(&v6_dst().octets())
        .bytes(rest);
    out.finish()
}

fn v6_src() -> Ipv6Addr {
    "fc00::1".parse().unwrap()
}

fn v6_dst() -> Ipv6Addr {
    "fc00::2".parse().unwrap()
}

const UDP: [u8; 8] = [0x30, 0x39, 0, 53, 0, 8, 0, 0];

/// A SYN from port 40000 to 22; the options start with `pad` NOPs, then MSS 1460.
fn syn(pad: usize) -> Vec<u8> {
    let mut tcp = vec![
        0x9C, 0x40, 0, 22, 0, 0, 0, 1, 0, 0, 0, 0, 0x70, 0x02, 0xFF, 0xFF, 0, 0, 0, 0,
    ];
    tcp.extend(vec![1; pad]);
    tcp.extend([2, 4, 0x05, 0xB4]);
    tcp.resize(28, 0);
    let sum = checksum::upper_checksum(v6_src().into(), v6_dst().into(), proto::TCP, &tcp);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    tcp
}

fn tcp_sum_is_right(packet: &[u8]) -> bool {
    let view = IpView::parse(packet).unwrap();
    checksum::upper_checksum(view.src(), view.dst(), proto::TCP, view.upper()) == 0
}

#[test]
fn an_ipv4_udp_packet() {
    let packet = v4(proto::UDP, 0x4000, &UDP);
    assert_eq!(
        packet[..12],
        [0x45, 0, 0, 28, 0, 7, 0x40, 0, 64, 17, 0x4E, 0x93],
        "{packet:x?}"
    );
    assert_eq!(checksum::checksum(&packet[..20]), 0);
    let view = IpView::parse(&packet).unwrap();
    let flow = Flow {
        src: "192.0.2.1".parse().unwrap(),
        dst: "198.51.100.2".parse().unwrap(),
        proto: 17,
        src_port: 12_345,
        dst_port: 53,
    };
    assert_eq!(
        (view.flow(), view.hop_limit(), view.upper()),
        (flow, 64, &UDP[..])
    );
    assert_eq!(flow.reversed().reversed(), flow);
    assert_eq!(
        (flow.reversed().src_port, flow.reversed().dst),
        (53, flow.src)
    );
    assert!(!view.is_fragment() && !view.is_v6() && !view.is_tcp_syn());
}

#[test]
fn only_ipv4_without_df_may_be_cut() {
    for (packet, may) in [
        (v4(proto::UDP, 0, &UDP), true),
        (v4(proto::UDP, 0x2000, &UDP), true),
        (v4(proto::UDP, 0x4000, &UDP), false),
        (v6(proto::UDP, &UDP), false),
    ] {
        assert_eq!(IpView::parse(&packet).unwrap().may_be_cut(), may);
    }
}

#[test]
fn ipv4_options_are_skipped() {
    let mut packet = v4(proto::UDP, 0, &[&[1, 1, 1, 0][..], &UDP].concat());
    packet[0] = 0x46;
    assert_eq!(IpView::parse(&packet).unwrap().flow().dst_port, 53);
    packet[0] = 0x44;
    assert!(
        IpView::parse(&packet).is_err(),
        "a header shorter than a header"
    );
    packet[0] = 0x4F;
    assert!(
        IpView::parse(&packet).is_err(),
        "a header longer than the packet"
    );
}

#[test]
fn a_tcp_syn_over_ipv6() {
    let packet = v6(proto::TCP, &syn(0));
    let view = IpView::parse(&packet).unwrap();
    assert!(view.is_tcp_syn() && view.is_v6());
    assert_eq!((view.flow().src_port, view.flow().dst_port), (40_000, 22));
    let mut ack = packet.clone();
    ack[40 + 13] = 0x12;
    let answer = IpView::parse(&ack).unwrap();
    assert!(!answer.is_tcp_syn() && answer.is_tcp_handshake());
    ack[40 + 13] = 0x10;
    assert!(!IpView::parse(&ack).unwrap().is_tcp_handshake());
}

#[test]
fn extension_headers_are_walked_up_to_their_maximum() {
    let chain = |count: usize| {
        let mut rest = Vec::new();
        for at in 0..count {
            let next = if at + 1 == count { proto::UDP } else { 60 };
            rest.extend([next, 0, 1, 4, 0, 0, 0, 0]);
        }
        rest.extend(UDP);
        v6(60, &rest)
    };
    for count in 1..=EXTENSIONS_MAX {
        assert_eq!(
            IpView::parse(&chain(count)).unwrap().flow().dst_port,
            53,
            "{count}"
        );
    }
    assert!(IpView::parse(&chain(EXTENSIONS_MAX + 1)).is_err());
    let authentication = [&[17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &UDP].concat();
    assert_eq!(
        IpView::parse(&v6(51, &authentication))
            .unwrap()
            .flow()
            .dst_port,
        53
    );
    let long = [&[17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &UDP].concat();
    for kind in [0, 43, 60] {
        assert_eq!(
            IpView::parse(&v6(kind, &long)).unwrap().flow().dst_port,
            53,
            "{kind}"
        );
    }
    assert!(
        IpView::parse(&v6(60, &[17, 9, 0, 0, 0, 0, 0, 0])).is_err(),
        "longer than the packet"
    );
    assert_eq!(
        IpView::parse(&v6(59, &UDP)).unwrap().flow().dst_port,
        0,
        "no next header"
    );
}

#[test]
fn later_fragments_have_no_ports_and_say_so() {
    let first = v6(44, &[&[17, 0, 0, 1, 0, 0, 0, 9][..], &UDP].concat());
    let view = IpView::parse(&first).unwrap();
    assert!(view.is_fragment() && !view.is_later_fragment());
    assert_eq!(view.flow().dst_port, 53);
    let later = v6(44, &[&[17, 0, 0, 8, 0, 0, 0, 9][..], &UDP].concat());
    let view = IpView::parse(&later).unwrap();
    assert!(view.is_fragment() && view.is_later_fragment());
    assert_eq!((view.flow().dst_port, view.proto()), (0, 17));
    let view_of = |fragment| {
        let packet = v4(proto::UDP, fragment, &UDP);
        let view = IpView::parse(&packet).unwrap();
        (
            view.is_fragment(),
            view.is_later_fragment(),
            view.flow().dst_port,
        )
    };
    assert_eq!(view_of(0x2000), (true, false, 53));
    assert_eq!(view_of(0x2001), (true, true, 0));
    assert_eq!(view_of(0x0002), (true, true, 0));
}

#[test]
fn a_fragment_that_would_rewrite_tcp_flags_is_malformed() {
    assert!(IpView::parse(&v4(proto::TCP, 1, &[0; 20])).is_err());
    assert!(IpView::parse(&v4(proto::TCP, 2, &[0; 20])).is_ok());
    assert!(IpView::parse(&v6(44, &[6, 0, 0, 8, 0, 0, 0, 9, 1, 2, 3, 4])).is_err());
}

#[test]
fn ports_must_be_there() {
    for (kind, need) in [
        (proto::UDP, 4),
        (proto::SCTP, 4),
        (proto::DCCP, 4),
        (proto::TCP, 14),
        (proto::ICMPV6, 2),
    ] {
        for len in 0..20 {
            let upper = vec![1; len];
            assert_eq!(
                IpView::parse(&v6(kind, &upper)).is_ok(),
                len >= need,
                "{kind} {len}"
            );
            assert_eq!(
                IpView::parse(&v4(kind, 0x2000, &upper)).is_ok(),
                len >= need,
                "{kind} {len}"
            );
        }
    }
}

#[test]
fn an_echo_has_its_identifier_as_ports() {
    let packet = v6(proto::ICMPV6, &[128, 0, 0, 0, 0x12, 0x34, 0, 1]);
    let view = IpView::parse(&packet).unwrap();
    assert!(view.is_icmp_echo() && !view.is_icmp_error());
    assert_eq!(
        (view.icmp(), view.flow().src_port),
        (Some((128, 0)), 0x1234)
    );
    assert_eq!(view.flow().dst_port, 0x1234);
    let packet = v4(proto::ICMP, 0, &[3, 1, 0, 0, 0, 0, 0, 0]);
    let view = IpView::parse(&packet).unwrap();
    assert!(view.is_icmp_error() && !view.is_icmp_echo());
}

#[test]
fn every_truncation_is_malformed() {
    for packet in [
        v4(proto::UDP, 0, &UDP),
        v6(proto::TCP, &syn(0)),
        v6(60, &[59, 0, 1, 4, 0, 0, 0, 0]),
    ] {
        assert!(IpView::parse(&packet).is_ok());
        for len in 0..packet.len() {
            assert!(IpView::parse(&packet[..len]).is_err(), "{len}");
        }
        assert!(
            IpView::parse(&[&packet[..], &[0]].concat()).is_err(),
            "longer than it says"
        );
    }
}

#[test]
fn every_flipped_bit_is_read_without_a_panic() {
    let extended = v6(60, &[&[6, 0, 1, 4, 0, 0, 0, 0][..], &syn(1)].concat());
    for packet in [
        v4(proto::TCP, 0, &syn(0)),
        v4(proto::UDP, 0, &UDP),
        extended,
    ] {
        for bit in 0..packet.len() * 8 {
            let mut flipped = packet.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            everything(&mut flipped);
        }
    }
}

/// Does everything that can be done to a packet.
fn everything(packet: &mut [u8]) {
    let from = if packet.first().is_some_and(|byte| byte >> 4 == 4) {
        IpAddr::from([192, 0, 2, 9])
    } else {
        v6_dst().into()
    };
    if let Some(error) = icmp_error(packet, IcmpError::AdminProhibited, from) {
        assert!(IpView::parse(&error).unwrap().is_icmp_error());
    }
    let valid = IpView::parse(packet).is_ok();
    set_ecn(packet, Ecn::Ce);
    decrement_hop_limit(packet);
    clamp_tcp_mss(packet, 1_000);
    assert_eq!(
        IpView::parse(packet).is_ok(),
        valid,
        "no change makes or breaks a packet"
    );
}

#[test]
fn ecn_is_set_in_both_versions() {
    for ecn in [Ecn::NotEct, Ecn::Ect1, Ecn::Ect0, Ecn::Ce] {
        assert_eq!(Ecn::from_bits(ecn.to_bits() | 0xFC), ecn);
        let mut packet = v4(proto::UDP, 0, &UDP);
        set_ecn(&mut packet, ecn);
        assert_eq!(packet[1], ecn as u8);
        assert_eq!(checksum::checksum(&packet[..20]), 0);
        assert_eq!(IpView::parse(&packet).unwrap().ecn(), ecn);
        let mut packet = v6(proto::UDP, &UDP);
        packet[1] = 0xCF;
        set_ecn(&mut packet, ecn);
        assert_eq!(packet[..2], [0x60, 0xCF | (ecn as u8) << 4]);
        assert_eq!(IpView::parse(&packet).unwrap().ecn(), ecn);
    }
}

#[test]
fn decapsulation_is_figure_4_of_rfc_6040() {
    use Ecn::{Ce, Ect0, Ect1, NotEct};
    let outer = [NotEct, Ect0, Ect1, Ce];
    for (inner, row) in [
        (NotEct, [Some(NotEct), Some(NotEct), Some(NotEct), None]),
        (Ect0, [Some(Ect0), Some(Ect0), Some(Ect1), Some(Ce)]),
        (Ect1, [Some(Ect1), Some(Ect1), Some(Ect1), Some(Ce)]),
        (Ce, [Some(Ce), Some(Ce), Some(Ce), Some(Ce)]),
    ] {
        assert_eq!(
            outer.map(|outer| inner.decapsulated(outer)),
            row,
            "{inner:?}"
        );
    }
}

#[test]
fn the_hop_limit_never_reaches_zero() {
    for mut packet in [v4(proto::UDP, 0, &UDP), v6(proto::UDP, &UDP)] {
        for left in (1..64).rev() {
            assert_eq!(decrement_hop_limit(&mut packet), Some(left));
            if packet[0] >> 4 == 4 {
                assert_eq!(checksum::checksum(&packet[..20]), 0, "{left}");
            }
        }
        let before = packet.clone();
        assert_eq!(decrement_hop_limit(&mut packet), None);
        assert_eq!(packet, before);
    }
    assert_eq!(decrement_hop_limit(&mut []), None);
    for (version, header_len) in [(0x45, 20), (0x60, 40)] {
        for len in 1..header_len {
            let mut fragment = vec![version; len];
            assert_eq!(decrement_hop_limit(&mut fragment), None, "{len} bytes");
            assert_eq!(fragment, vec![version; len]);
        }
    }
    assert_eq!(decrement_hop_limit(&mut [0x50; 40]), None);
}

#[test]
fn the_mss_of_a_syn_is_lowered_at_any_offset() {
    for pad in 0..4 {
        let mut packet = v6(proto::TCP, &syn(pad));
        assert!(tcp_sum_is_right(&packet));
        assert!(!clamp_tcp_mss(&mut packet, 1_460), "not raised");
        assert!(clamp_tcp_mss(&mut packet, 1_220));
        let at = 40 + 20 + pad;
        assert_eq!(packet[at..at + 4], [2, 4, 0x04, 0xC4]);
        assert!(tcp_sum_is_right(&packet), "{pad}");
        assert!(!clamp_tcp_mss(&mut packet, 1_220));
        assert!(clamp_tcp_mss(&mut packet, 1));
        assert_eq!(packet[at + 2..at + 4], MSS_MIN_BYTES);
    }
    assert_eq!(
        (tcp::mss_of_mtu(1_280, true), tcp::mss_of_mtu(1_280, false)),
        (1_220, 1_240)
    );
    assert_eq!(tcp::mss_of_mtu(0, true), tcp::MSS_MIN);
}

/// A SYN or SYN-ACK of either version with these options before the MSS, checksum right.
fn syn_with(is_v6: bool, flags: u8, before: &[u8], mss: u16) -> Vec<u8> {
    let mut tcp = vec![
        0x9C, 0x40, 0, 22, 0, 0, 0, 1, 0, 0, 0, 0, 0, flags, 0xFF, 0xFF,
    ];
    tcp.extend([0; 4]);
    tcp.extend(before);
    tcp.extend([2, 4]);
    tcp.extend(mss.to_be_bytes());
    tcp.resize(tcp.len().next_multiple_of(4), 0);
    tcp[12] = ((tcp.len() / 4) as u8) << 4;
    tcp.extend(b"data");
    let mut packet = if is_v6 {
        v6(proto::TCP, &tcp)
    } else {
        v4(proto::TCP, 0x4000, &tcp)
    };
    let sum = tcp_sum(&packet);
    let at = packet.len() - tcp.len() + 16;
    packet[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    packet
}

fn tcp_sum(packet: &[u8]) -> u16 {
    let view = IpView::parse(packet).unwrap();
    checksum::upper_checksum(view.src(), view.dst(), proto::TCP, view.upper())
}

proptest! {
    #[test]
    fn a_clamped_mss_has_the_checksum_of_a_recalculation(
        is_v6: bool,
        is_answer: bool,
        nops in 0usize..8,
        stamp: Option<[u8; 8]>,
        mss: u16,
        mtu in 1_280u16..,
    ) {
        let mut before = vec![1; nops];
        before.extend(stamp.iter().flat_map(|stamp| [&[8, 10][..], stamp].concat()));
        let flags = if is_answer { 0x12 } else { 0x02 };
        let mss_max = tcp::mss_of_mtu(mtu, is_v6);
        let mut packet = syn_with(is_v6, flags, &before, mss);
        let changed = clamp_tcp_mss(&mut packet, mss_max);
        prop_assert_eq!(changed, mss > mss_max);
        // The same packet with the lower value from the beginning, its sum made anew.
        prop_assert_eq!(packet, syn_with(is_v6, flags, &before, mss.min(mss_max)));
    }
}

const MSS_MIN_BYTES: [u8; 2] = tcp::MSS_MIN.to_be_bytes();

#[test]
fn other_packets_keep_their_mss() {
    let mut not_syn = v6(proto::TCP, &syn(0));
    not_syn[40 + 13] = 0x10;
    assert!(!clamp_tcp_mss(&mut not_syn, 600));
    for (at, value) in [(20, 0), (21, 0), (21, 1), (21, 9), (12, 0x50), (12, 0xF0)] {
        let mut packet = v6(proto::TCP, &syn(0));
        packet[40 + at] = value;
        let before = packet.clone();
        assert!(!clamp_tcp_mss(&mut packet, 600), "{at} {value}");
        assert_eq!(packet, before);
    }
}

#[test]
fn an_icmpv6_error_has_exactly_these_bytes() {
    let packet = v6(proto::UDP, &UDP);
    let error = icmp_error(&packet, IcmpError::AdminProhibited, v6_dst().into()).unwrap();
    let mut expected = vec![0x60, 0, 0, 0, 0, 56, 58, 64];
    expected.extend(v6_dst().octets());
    expected.extend(v6_src().octets());
    expected.extend([1, 1, 0x6C, 0xC4, 0, 0, 0, 0]);
    expected.extend(&packet);
    assert_eq!(error, expected);
    let too_big = icmp_error(
        &packet,
        IcmpError::PacketTooBig { mtu: 1_280 },
        v6_dst().into(),
    );
    let too_big = too_big.unwrap();
    assert_eq!(
        (&too_big[40..42], &too_big[44..48]),
        (&[2, 0][..], &[0, 0, 5, 0][..])
    );
    for (error, kind) in [
        (IcmpError::NoRoute, [1, 0]),
        (IcmpError::HopLimitExceeded, [3, 0]),
    ] {
        let bytes = icmp_error(&packet, error, v6_dst().into()).unwrap();
        assert_eq!(bytes[40..42], kind);
        let sum = checksum::upper_checksum(v6_dst().into(), v6_src().into(), 58, &bytes[40..]);
        assert_eq!(sum, 0);
    }
}

#[test]
fn an_icmpv4_error_has_exactly_these_bytes() {
    let packet = v4(proto::UDP, 0x4000, &UDP);
    let from = IpAddr::from([203, 0, 113, 3]);
    let error = icmp_error(&packet, IcmpError::PacketTooBig { mtu: 1_280 }, from).unwrap();
    assert_eq!(error[..10], [0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1]);
    assert_eq!(error[12..20], [203, 0, 113, 3, 192, 0, 2, 1]);
    assert_eq!(
        (&error[20..22], &error[24..28]),
        (&[3, 4][..], &[0, 0, 5, 0][..])
    );
    assert_eq!(error[28..], packet);
    assert_eq!(
        (
            checksum::checksum(&error[..20]),
            checksum::checksum(&error[20..])
        ),
        (0, 0)
    );
    for (error, kind) in [
        (IcmpError::AdminProhibited, [3, 13]),
        (IcmpError::NoRoute, [3, 0]),
        (IcmpError::HopLimitExceeded, [11, 0]),
    ] {
        assert_eq!(icmp_error(&packet, error, from).unwrap()[20..22], kind);
    }
}

#[test]
fn errors_are_bounded() {
    let large = vec![0xAA; 3_000];
    let error = icmp_error(&v6(200, &large), IcmpError::NoRoute, v6_dst().into()).unwrap();
    assert_eq!(error.len(), icmp::ICMPV6_ERROR_LEN_MAX);
    let error = icmp_error(
        &v4(200, 0, &large),
        IcmpError::NoRoute,
        [192, 0, 2, 9].into(),
    )
    .unwrap();
    assert_eq!(error.len(), icmp::ICMPV4_ERROR_LEN_MAX);
}

#[test]
fn there_is_no_error_about_what_must_not_be_answered() {
    let refused = |packet: &[u8]| {
        let from: IpAddr = if packet[0] >> 4 == 4 {
            [192, 0, 2, 9].into()
        } else {
            v6_dst().into()
        };
        icmp_error(packet, IcmpError::NoRoute, from).is_none()
    };
    assert!(
        !refused(&v6(proto::ICMPV6, &[128, 0, 0, 0, 0, 0, 0, 0])),
        "an echo is answered"
    );
    assert!(
        refused(&v6(proto::ICMPV6, &[1, 0, 0, 0, 0, 0, 0, 0])),
        "an error"
    );
    assert!(
        refused(&v6(proto::ICMPV6, &[137, 0, 0, 0, 0, 0, 0, 0])),
        "a redirect"
    );
    assert!(!refused(&v4(proto::ICMP, 0, &[8, 0, 0, 0, 0, 0, 0, 0])));
    assert!(refused(&v4(proto::ICMP, 0, &[3, 0, 0, 0, 0, 0, 0, 0])));
    assert!(refused(&v4(proto::UDP, 5, &UDP)), "a later fragment");
    assert!(refused(&[0x60; 20]), "malformed");
    for (at, addr) in [(8, "::"), (8, "ff02::1"), (24, "ff02::1")] {
        let mut packet = v6(proto::UDP, &UDP);
        packet[at..at + 16].copy_from_slice(&addr.parse::<Ipv6Addr>().unwrap().octets());
        assert!(refused(&packet), "{at} {addr}");
        let too_big = IcmpError::PacketTooBig { mtu: 1_280 };
        let sent = icmp_error(&packet, too_big, v6_dst().into()).is_some();
        assert_eq!(sent, at == 24, "only too big may be about multicast");
    }
    for (at, addr) in [
        (12, [0, 0, 0, 0]),
        (12, [127, 0, 0, 1]),
        (16, [224, 0, 0, 1]),
        (16, [255; 4]),
    ] {
        let mut packet = v4(proto::UDP, 0, &UDP);
        packet[at..at + 4].copy_from_slice(&addr);
        assert!(refused(&packet), "{at} {addr:?}");
    }
    let family = icmp_error(
        &v6(proto::UDP, &UDP),
        IcmpError::NoRoute,
        [192, 0, 2, 9].into(),
    );
    assert_eq!(family, None);
}

proptest! {
    #[test]
    fn random_packets_never_panic(first in prop_oneof![Just(0x45u8), Just(0x60), Just(0x4F), any::<u8>()], mut rest in proptest::collection::vec(any::<u8>(), 0..120), fix: bool) {
        rest.insert(0, first);
        let len = rest.len();
        if fix && first >> 4 == 6 && len >= 40 {
            rest[4..6].copy_from_slice(&((len - 40) as u16).to_be_bytes());
        } else if fix && len >= 4 {
            rest[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        }
        everything(&mut rest);
    }
}
