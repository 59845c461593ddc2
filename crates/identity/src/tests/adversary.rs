//! What an adversary can present who alters bits, invents bytes, or kept every state that
//! the owner ever showed.

use proptest::prelude::*;

use super::*;

#[test]
fn every_flipped_bit_of_an_identity_is_refused() {
    let mut alice = Owner::new(1);
    alice.rotate();
    let identity = alice.identity();
    let pin = verify(&identity, None).unwrap();
    let bytes = identity.to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let Ok(altered) = PublicIdentity::from_bytes(&AwsLc, &altered) else {
            continue;
        };
        // A flip in the inception record makes it another node's, whose pin this is not.
        let same_node = altered.address() == identity.address();
        let pin = same_node.then_some(&pin);
        assert!(verify(&altered, pin).is_err(), "bit {bit}");
        assert!(verify(&altered, None).is_err(), "bit {bit}");
    }
}

/// What an adversary who kept every state ever shown may present.
#[derive(Clone, Debug)]
enum Step {
    Rotate,
    Renew,
    Show {
        state: prop::sample::Index,
        entries: usize,
    },
    Mix {
        log: prop::sample::Index,
        certificate: prop::sample::Index,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Rotate),
        Just(Step::Renew),
        (any::<prop::sample::Index>(), 0usize..6)
            .prop_map(|(state, entries)| Step::Show { state, entries }),
        (any::<prop::sample::Index>(), any::<prop::sample::Index>())
            .prop_map(|(log, certificate)| Step::Mix { log, certificate }),
    ];
    proptest::collection::vec(step, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn positions_and_counters_never_go_back(steps in steps()) {
        let mut alice = Owner::new(1);
        let mut states = vec![(alice.identity(), alice.last(0))];
        let mut pin = verify(&alice.identity(), None).unwrap();
        for step in steps {
            let shown = match step {
                Step::Rotate => {
                    alice.rotate();
                    states.push((alice.identity(), alice.tail()));
                    continue;
                }
                Step::Renew => {
                    alice.counter += 1;
                    states.push((alice.identity(), alice.tail()));
                    continue;
                }
                Step::Show { state, entries } => {
                    let (whole, tail) = state.get(&states);
                    if entries > 2 { whole.clone() } else { tail.clone() }
                }
                Step::Mix { log, certificate } => PublicIdentity {
                    history: log.get(&states).0.history.clone(),
                    certificate: certificate.get(&states).0.certificate.clone(),
                },
            };
            if let Ok(new) = verify(&shown, Some(&pin)) {
                prop_assert!(new.position >= pin.position);
                prop_assert!(new.counter >= pin.counter);
                let honest = states.iter().any(|(whole, _)| {
                    whole.certificate == shown.certificate
                        && *whole.history.root_key() == new.root_key
                });
                prop_assert!(honest, "only what the owner issued is believed");
                pin = new;
            }
        }
        // Whatever was shown, the owner's own present state is believed.
        let last = verify(&alice.identity(), Some(&pin)).unwrap();
        prop_assert_eq!(last.counter, alice.counter);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
        let _ = PublicIdentity::from_bytes(&AwsLc, &bytes);
        let mut plausible = alice_bytes();
        let at = bytes.len() % plausible.len();
        plausible.splice(at.., bytes);
        let _ = PublicIdentity::from_bytes(&AwsLc, &plausible);
    }
}

fn alice_bytes() -> Vec<u8> {
    Owner::new(1).identity().to_bytes()
}
