//! One pair of keys (`session::transport`): sealing, opening, and the replay window alone; and the
//! cipher alone (`identity::crypto`), which is most of the first two.
//!
//! AES-256-GCM is what two machines with AES in hardware agree on, ChaCha20-Poly1305 what others do.

use std::hint::black_box;
use std::time::Duration;

use identity::crypto::{AeadAlg, AwsLc, Crypto};
use session::replay::Window;
use session::transport::{Role, Transport, TransportParts};
use wire::datagram::{TAG_LEN, TRANSPORT_HEADER_LEN};

use crate::case::{Case, Named, Plain, named};

/// Lengths of packets, in bytes.
pub const SIZES: [usize; 4] = [64, 576, 1_400, 8_900];
/// Packets in a batch.
pub const BATCH: usize = 40;
const NOW: Duration = Duration::from_secs(1_000);
const TURNS: usize = 100;

/// All cases of this module.
pub fn cases() -> Vec<Named> {
    let aes = AeadAlg::Aes256Gcm;
    let mut cases: Vec<_> = SIZES.into_iter().map(cipher).collect();
    for size in SIZES {
        cases.push(seal(aes, size, 1));
    }
    cases.push(seal(aes, 1_400, BATCH));
    for size in SIZES {
        cases.push(open(aes, size, 1));
    }
    cases.push(open(aes, 1_400, BATCH));
    let chacha = AeadAlg::ChaCha20Poly1305;
    cases.extend([seal(chacha, 1_400, 1), open(chacha, 1_400, 1)]);
    cases.extend(window());
    cases
}

fn end(role: Role, aead: AeadAlg) -> Transport {
    let (local_index, remote_index) = match role {
        Role::Initiator => (1, 2),
        Role::Responder => (2, 1),
    };
    let mut keys = [3; 64];
    keys[32..].fill(4);
    let parts = TransportParts {
        role,
        local_index,
        remote_index,
        aead,
        keys: &keys,
        born: NOW,
    };
    Transport::new(&AwsLc, &parts)
}

fn title(what: &str, aead: AeadAlg, size: usize, count: usize) -> String {
    let cipher = match aead {
        AeadAlg::Aes256Gcm => "",
        AeadAlg::ChaCha20Poly1305 => " chacha20",
    };
    let batch = if count > 1 {
        format!(" x{count}")
    } else {
        String::new()
    };
    format!("keys: {what}{cipher} {size}{batch}")
}

fn cipher(size: usize) -> Named {
    let name = format!("cipher: seal {size}");
    named(name, (1, "packet"), TURNS, move || {
        let aead = AwsLc.aead(AeadAlg::Aes256Gcm, &[3; 32]);
        let mut buffer = vec![0; size];
        Plain(move || {
            let ad = [0; TRANSPORT_HEADER_LEN];
            black_box(aead.seal_in_place(&[0; 12], &ad, black_box(&mut buffer)));
        })
    })
}

fn seal(aead: AeadAlg, size: usize, count: usize) -> Named {
    let name = title("seal", aead, size, count);
    named(name, (count, "packet"), TURNS, move || {
        let from = end(Role::Initiator, aead);
        let mut buffers = vec![vec![0; TRANSPORT_HEADER_LEN + size + TAG_LEN]; count];
        Plain(move || {
            for buffer in &mut buffers {
                let sealed = from.seal_in_place(NOW, buffer, size);
                assert!(black_box(sealed).is_ok());
            }
        })
    })
}

struct Open {
    from: Transport,
    to: Transport,
    size: usize,
    count: usize,
    datagrams: Vec<Vec<u8>>,
}

impl Case for Open {
    fn prepare(&mut self, turns: usize) {
        let seal = || {
            let mut buffer = vec![0; TRANSPORT_HEADER_LEN + self.size + TAG_LEN];
            let sealed = self.from.seal_in_place(NOW, &mut buffer, self.size);
            assert!(sealed.is_ok());
            buffer
        };
        self.datagrams = (0..turns * self.count).map(|_| seal()).collect();
    }

    fn turn(&mut self, number: usize) {
        let from = number * self.count;
        for datagram in &mut self.datagrams[from..from + self.count] {
            assert!(black_box(self.to.open_in_place(NOW, datagram)).is_ok());
        }
    }
}

fn open(aead: AeadAlg, size: usize, count: usize) -> Named {
    let name = title("open", aead, size, count);
    named(name, (count, "packet"), TURNS, move || Open {
        from: end(Role::Initiator, aead),
        to: end(Role::Responder, aead),
        size,
        count,
        datagrams: Vec::new(),
    })
}

/// The window, without the lock that is taken for it: in order; every second packet late by 100;
/// and refused because it came before.
fn window() -> [Named; 3] {
    const COUNT: usize = 256;
    let in_order = named("window: in order", (COUNT, "packet"), TURNS, || {
        let (mut window, mut next) = (Window::new(), 0);
        Plain(move || {
            for _ in 0..COUNT {
                assert!(black_box(&mut window).accept(next).is_ok());
                next += 1;
            }
        })
    });
    let late = named("window: half late", (COUNT, "packet"), TURNS, || {
        let (mut window, mut next) = (Window::new(), 200);
        Plain(move || {
            for _ in 0..COUNT / 2 {
                assert!(black_box(&mut window).accept(next).is_ok());
                assert!(black_box(&mut window).accept(next - 101).is_ok());
                next += 2;
            }
        })
    });
    let again = named("window: refused", (COUNT, "packet"), TURNS, || {
        let mut window = Window::new();
        for counter in 0..COUNT as u64 {
            assert!(window.accept(counter).is_ok());
        }
        Plain(move || {
            for counter in 0..COUNT as u64 {
                assert!(black_box(&mut window).accept(counter).is_err());
            }
        })
    });
    [in_order, late, again]
}
