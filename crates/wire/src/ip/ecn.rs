//! The ECN field (RFC 3168) and what a tunnel does with it (RFC 6040, normal mode).

use super::update_v4_checksum;

/// The two ECN bits of an IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Ecn {
    /// The transport does not take part.
    #[default]
    NotEct = 0,
    /// Takes part (1).
    Ect1 = 1,
    /// Takes part (0).
    Ect0 = 2,
    /// Congestion experienced.
    Ce = 3,
}

impl Ecn {
    /// From the low two bits of a traffic class or TOS byte.
    pub fn from_bits(bits: u8) -> Ecn {
        match bits & 3 {
            0 => Ecn::NotEct,
            1 => Ecn::Ect1,
            2 => Ecn::Ect0,
            _ => Ecn::Ce,
        }
    }

    /// The two bits.
    pub fn to_bits(self) -> u8 {
        self as u8
    }

    /// The inner field after decapsulation, where `self` is the inner and `outer` the outer
    /// one; `None` means that the packet is dropped (RFC 6040, figure 4).
    pub fn decapsulated(self, outer: Ecn) -> Option<Ecn> {
        match (self, outer) {
            (Ecn::NotEct, Ecn::Ce) => None,
            (Ecn::NotEct, _) => Some(Ecn::NotEct),
            (_, Ecn::Ce) => Some(Ecn::Ce),
            (Ecn::Ect0, Ecn::Ect1) => Some(Ecn::Ect1),
            (inner, _) => Some(inner),
        }
    }
}

/// The ECN field of a packet; `None` if it is not IP.
pub fn of_packet(packet: &[u8]) -> Option<Ecn> {
    let (first, second) = (*packet.first()?, *packet.get(1)?);
    match first >> 4 {
        4 => Some(Ecn::from_bits(second)),
        6 => Some(Ecn::from_bits(second >> 4)),
        _ => None,
    }
}

/// Sets the ECN field of a packet and keeps an IPv4 checksum right; no effect if it is not IP.
pub fn set_ecn(packet: &mut [u8], ecn: Ecn) {
    let Some([first, second]) = packet.first_chunk_mut::<2>() else {
        return;
    };
    match *first >> 4 {
        4 => {
            let old = u16::from_be_bytes([*first, *second]);
            *second = *second & !3 | ecn.to_bits();
            let new = u16::from_be_bytes([*first, *second]);
            if new != old {
                update_v4_checksum(packet, old, new);
            }
        }
        6 => *second = *second & !0x30 | ecn.to_bits() << 4,
        _ => {}
    }
}
