//! The attacker: forged fragments of message 1 from random addresses, as fast as asked for.
//!
//! It knows F of the Bridge, so MAC1 is right in most; in some it is wrong, and in some MAC2 is
//! random. Two in a row are often the whole of one message from one address. All are made before;
//! while it runs only addresses change. They leave by a raw socket, 64 at a time.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use identity::crypto::{AwsLc, HashRng, Rng};
use rustix::io::IoSlice;
use rustix::net::addr::SocketAddrArg;
use rustix::net::{AddressFamily, MMsgHdr, SendAncillaryBuffer, SendFlags, SocketType};
use session::fragment::{Mac1Key, cut};
use wire::NodeAddr;
use wire::datagram::Message;

/// Datagrams in one call of the kernel.
const BATCH: usize = 64;
/// Messages made before; each is two datagrams.
const MESSAGES: usize = 2_048;
const HEADERS_LEN: usize = 28;
/// Of 100 messages, those with a wrong MAC1, and those with a random MAC2.
const WRONG_MAC1: usize = 10;
const RANDOM_MAC2: usize = 20;

/// What the attacker sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Whole messages; of some MAC1 is wrong, of some MAC2 random.
    Mixed,
    /// First fragments with a right MAC1, each of which costs the Bridge a cookie.
    Firsts,
    /// First fragments with a random MAC2, each of which costs it two looks at MAC2 besides.
    RandomMac2,
}

impl Shape {
    /// By its name.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn named(name: &str) -> Self {
        match name {
            "mixed" => Self::Mixed,
            "firsts" => Self::Firsts,
            "mac2" => Self::RandomMac2,
            _ => panic!("mixed, firsts or mac2: {name}"),
        }
    }
}

/// Sends to the node `f` at `to` and prints what it reached as JSON.
///
/// # Panics
/// When there is no raw socket.
pub fn attack(f: &str, to: &str, rate: u64, seconds: u64, shape: Shape) {
    let f: NodeAddr = f.parse().expect("an address F");
    let to: SocketAddrV4 = to.parse().expect("an IPv4 address and port");
    let mut dice = HashRng::new(os::random::seed().expect("entropy"));
    let mut packets = packets(f, to, shape, &mut dice);
    let raw = rustix::net::ipproto::RAW;
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::RAW, Some(raw));
    let socket = socket.expect("a raw socket");
    let target = SocketAddr::V4(to).as_any();
    let (start, mut sent, mut bytes, mut at) = (Instant::now(), 0_u64, 0_u64, 0);
    let end = Duration::from_secs(seconds);
    loop {
        let elapsed = start.elapsed();
        if elapsed >= end {
            break;
        }
        let due = (elapsed.as_secs_f64() * rate as f64) as u64;
        if sent + BATCH as u64 > due {
            std::thread::sleep(Duration::from_micros(50));
            continue;
        }
        let batch = &mut packets[at..at + BATCH];
        at = (at + BATCH) % (2 * MESSAGES);
        readdress(batch, &mut dice);
        let slices: Vec<[IoSlice<'_>; 1]> = batch.iter().map(|p| [IoSlice::new(p)]).collect();
        let mut controls: Vec<SendAncillaryBuffer<'_, '_, '_>> =
            (0..BATCH).map(|_| SendAncillaryBuffer::default()).collect();
        let messages = slices.iter().zip(&mut controls);
        let mut messages: Vec<MMsgHdr<'_>> = messages
            .map(|(slice, control)| MMsgHdr::new_with_addr(&target, slice, control))
            .collect();
        if let Ok(count) = rustix::net::sendmmsg(&socket, &mut messages, SendFlags::empty()) {
            sent += count as u64;
            bytes += batch
                .iter()
                .take(count)
                .map(|p| p.len() as u64)
                .sum::<u64>();
        }
    }
    let reached = serde_json::json!({
        "sent": sent,
        "bytes": bytes,
        "seconds": start.elapsed().as_secs_f64(),
    });
    println!("{reached}");
}

/// Whole IPv4 packets, those of one message side by side.
fn packets(f: NodeAddr, to: SocketAddrV4, shape: Shape, dice: &mut HashRng) -> Vec<Vec<u8>> {
    let key = Mac1Key::new(&AwsLc, f);
    let mut packets = Vec::new();
    for n in 0..MESSAGES {
        let mut body = vec![0; 2_304];
        dice.fill(&mut body);
        let sender = u32::from_be_bytes(body[..4].try_into().expect("four")) | 1;
        let mut made = cut(&AwsLc, &key, None, Message::One, sender, 0, &body).expect("fits");
        if shape != Shape::Mixed {
            made[1] = made[0].clone();
        }
        for mut fragment in made {
            let len = fragment.len();
            match (shape, n * 61 % 100) {
                (Shape::Mixed, k) if k < WRONG_MAC1 => fragment[len - 32] ^= 1,
                (Shape::Mixed, k) if k < WRONG_MAC1 + RANDOM_MAC2 => {
                    dice.fill(&mut fragment[len - 16..]);
                }
                (Shape::RandomMac2, _) => dice.fill(&mut fragment[len - 16..]),
                _ => {}
            }
            packets.push([&headers(to, len)[..], &fragment].concat());
        }
    }
    packets
}

/// Headers of IPv4 and UDP; the kernel adds the checksum of the first, the second needs none.
fn headers(to: SocketAddrV4, len: usize) -> [u8; HEADERS_LEN] {
    let mut bytes = [0; HEADERS_LEN];
    (bytes[0], bytes[8], bytes[9]) = (0x45, 64, 17);
    let total = u16::try_from(HEADERS_LEN + len).expect("one packet");
    bytes[2..4].copy_from_slice(&total.to_be_bytes());
    bytes[16..20].copy_from_slice(&to.ip().octets());
    bytes[22..24].copy_from_slice(&to.port().to_be_bytes());
    bytes[24..26].copy_from_slice(&(total - 20).to_be_bytes());
    bytes
}

/// A new source for each message of a batch: none of 10/8, loopback or multicast.
fn readdress(batch: &mut [Vec<u8>], dice: &mut HashRng) {
    let mut random = [0; 8 * BATCH / 2];
    dice.fill(&mut random);
    for (pair, random) in batch.chunks_mut(2).zip(random.chunks_exact(8)) {
        let ip = Ipv4Addr::new(
            11 + random[0] % 89,
            random[1],
            random[2],
            1 + random[3] % 254,
        );
        for packet in pair {
            packet[12..16].copy_from_slice(&ip.octets());
            packet[20] = random[4] | 4;
            packet[21] = random[5];
        }
    }
}
