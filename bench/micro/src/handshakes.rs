//! A whole handshake between two nodes that meet for the first time: what both ends compute, from
//! the first message to keys at both ends, with certificates verified.
//!
//! It is `session::handshake` alone: neither fragments, cookies and limits in front of it, nor what
//! the node writes down. ML-KEM draws from the library's own generator, so counts differ a
//! little from run to run.

use std::hint::black_box;

use identity::crypto::{AwsLc, HashRng};
use session::handshake::{Accept, InitiatorStart, Terms};
use session::{Initiator, Responder};

use crate::case::{Named, Plain, named};
use crate::nodes::{START, identity};

const TURNS: usize = 20;

/// All cases of this module.
pub fn cases() -> Vec<Named> {
    let both = || {
        let (alice, bob) = (identity(&AwsLc, 1), identity(&AwsLc, 2));
        let mut rng = HashRng::new([9; 32]);
        let terms = Terms {
            instance: [7; 8],
            inner_mtu: 1_400,
        };
        Plain(move || {
            let start = InitiatorStart {
                local: &alice,
                peer: &bob.public,
                handshake_count: 7,
                credentials: &[],
                terms,
                stream: [3; 8],
                local_index: 0xa,
            };
            let (initiator, message1) =
                Initiator::start(&AwsLc, &mut rng, &start).expect("message 1");
            let responder = Responder {
                local: &bob,
                credentials: &Vec::new,
            };
            let claim = responder.open(&AwsLc, &message1).expect("a claim");
            let verified = claim.verify(&AwsLc, START, None, None).expect("a peer");
            let accept = Accept {
                shown: &[],
                local: &bob,
                terms,
                stream: [4; 8],
                local_index: 0xb,
                remote_index: 0xa,
            };
            let (message2, there) = verified
                .accept(&AwsLc, &mut rng, START, &accept)
                .expect("message 2");
            let here = initiator
                .finish(&AwsLc, START, 0xb, &message2, None)
                .expect("keys");
            assert_eq!(black_box(here).binding, black_box(there).binding);
        })
    };
    vec![named("handshake: both ends", (1, "handshake"), TURNS, both)]
}
