//! Lives of identities: what a verifier believes, remembers and refuses.

use wire::statement::ROTATIONS_MAX;

use crate::crypto::{AwsLc, Crypto, HashRng, Rng};
use crate::*;

mod adversary;

const NOW: u64 = 1_800_000_000;

/// A node's owner, with every secret at hand.
struct Owner {
    rng: HashRng,
    history: KeyHistory,
    root: RootSecret,
    next: NextRootSecret,
    hot: HotKeys,
    counter: u64,
}

impl Owner {
    fn new(seed: u8) -> Self {
        Self::with_recovery(seed, None)
    }

    fn with_recovery(seed: u8, recovery_key: Option<[u8; 32]>) -> Self {
        let mut rng = HashRng::new([seed; 32]);
        let new = Inception::create(&AwsLc, &mut rng, recovery_key).unwrap();
        Self {
            hot: HotKeys::generate(&AwsLc, &mut rng),
            rng,
            history: new.history,
            root: new.root,
            next: new.next,
            counter: 1,
        }
    }

    fn rotate(&mut self) {
        let rotated = rotate(&AwsLc, &mut self.rng, &self.history, self.next.clone()).unwrap();
        self.adopt(rotated);
    }

    fn adopt(&mut self, rotated: Rotated) {
        (self.history, self.root, self.next) = (rotated.history, rotated.root, rotated.next);
        self.counter += 1;
    }

    fn terms(&self) -> Terms {
        Terms {
            counter: self.counter,
            not_before_unix_s: NOW,
            not_after_unix_s: NOW + VALIDITY_DEFAULT_S,
            scopes: Scopes::ALL,
        }
    }

    fn identity(&self) -> PublicIdentity {
        let terms = self.terms();
        PublicIdentity {
            certificate: issue_certificate(&AwsLc, &self.root, &self.history, &self.hot, &terms)
                .unwrap(),
            history: self.history.clone(),
        }
    }

    /// What a handshake shows: at most the last two entries.
    fn tail(&self) -> PublicIdentity {
        self.last(2)
    }

    fn last(&self, len: usize) -> PublicIdentity {
        let identity = self.identity();
        let log = identity.history.log();
        let log = log[log.len().saturating_sub(len)..].to_vec();
        let inception = identity.history.inception().clone();
        PublicIdentity {
            history: KeyHistory::new(&AwsLc, inception, log).unwrap(),
            certificate: identity.certificate,
        }
    }
}

fn verify(identity: &PublicIdentity, pin: Option<&Pin>) -> Result<Pin, IdentityError> {
    identity.verify(&AwsLc, NOW, pin)
}

fn log_error(identity: &PublicIdentity, pin: Option<&Pin>) -> LogError {
    match verify(identity, pin) {
        Err(IdentityError::Log(error)) => error,
        other => panic!("expected a log error, got {other:?}"),
    }
}

#[test]
fn a_new_identity_is_believed_and_pinned() {
    let alice = Owner::new(1);
    let identity = alice.identity();
    assert!(identity.address().is_f());
    let pin = verify(&identity, None).unwrap();
    assert_eq!((pin.position, pin.counter), (0, 1));
    assert_eq!(pin.root_key, alice.root.public(&AwsLc));
    assert_eq!(verify(&identity, Some(&pin)), Ok(pin), "and again");
}

#[test]
fn the_same_seed_makes_the_same_identity_and_another_seed_another() {
    assert_eq!(Owner::new(1).identity(), Owner::new(1).identity());
    assert_ne!(
        Owner::new(1).identity().address(),
        Owner::new(2).identity().address()
    );
}

#[test]
fn a_rotation_keeps_the_address_and_refuses_the_old_root() {
    let mut alice = Owner::new(1);
    let before = alice.identity();
    let pin = verify(&before, None).unwrap();
    alice.rotate();
    let after = alice.identity();
    assert_eq!(after.address(), before.address());
    let new_pin = verify(&after, Some(&pin)).unwrap();
    assert_eq!(new_pin.position, 1);

    let old = PublicIdentity {
        history: after.history.clone(),
        certificate: before.certificate.clone(),
    };
    assert_eq!(
        verify(&old, Some(&new_pin)),
        Err(IdentityError::OldRoot {
            known: 1,
            presented: 0
        }),
        "even beside the whole log"
    );
    assert_eq!(
        verify(&before, Some(&new_pin)),
        Err(IdentityError::OldRoot {
            known: 1,
            presented: 0
        })
    );
}

#[test]
fn a_thief_of_todays_root_cannot_rotate() {
    let mut alice = Owner::new(1);
    alice.rotate();
    let pin = verify(&alice.identity(), None).unwrap();

    // The thief has `alice.root` and makes a next key of their own.
    let mut rng = HashRng::new([66; 32]);
    let own = NextRootSecret::generate(&mut rng);
    assert_eq!(
        rotate(&AwsLc, &mut rng, &alice.history, own.clone()).unwrap_err(),
        IssueError::NotTheNextRoot
    );
    let stolen_as_next = NextRootSecret::from_seed(alice.root.seed());
    assert_eq!(
        rotate(&AwsLc, &mut rng, &alice.history, stolen_as_next).unwrap_err(),
        IssueError::NotTheNextRoot
    );
    // They forge the entry by hand, signed with the stolen root or with their own key.
    for (kind, root_key, signer, expected) in [
        (
            RotationKind::Rotation,
            own.public(&AwsLc),
            own.seed(),
            LogError::NotTheNextRoot { position: 2 },
        ),
        (
            RotationKind::Rotation,
            alice.next.public(&AwsLc),
            alice.root.seed(),
            LogError::WrongSignature { position: 2 },
        ),
        (
            RotationKind::Recovery,
            own.public(&AwsLc),
            alice.root.seed(),
            LogError::NoRecoveryKey { position: 2 },
        ),
    ] {
        let forged = forge(&alice.history, kind, root_key, signer);
        let thief = PublicIdentity {
            history: forged,
            certificate: alice.identity().certificate,
        };
        assert_eq!(log_error(&thief, Some(&pin)), expected);
        assert_eq!(log_error(&thief, None), expected);
    }
}

/// A history with one more entry, signed by whom the forger likes.
fn forge(
    history: &KeyHistory,
    kind: RotationKind,
    root_key: [u8; 32],
    signer: &[u8; 32],
) -> KeyHistory {
    let tip = history.tip(&AwsLc);
    let mut entry = RotationEntry {
        kind,
        position: tip.position + 1,
        root_key,
        next_hash: [0; 32],
        signature: [0; 64],
    };
    let text = entry.signed_text(history.address(), &tip.entry_hash);
    entry.signature = AwsLc.ed25519_sign(signer, &text);
    let mut log = history.log().to_vec();
    log.push(entry);
    KeyHistory::new(&AwsLc, history.inception().clone(), log).unwrap()
}

#[test]
fn two_rotations_at_one_position_are_a_fork() {
    let mut alice = Owner::new(1);
    let mut twin = Owner::new(1);
    twin.rng = HashRng::new([99; 32]);
    alice.rotate();
    twin.rotate();
    assert_ne!(alice.history, twin.history);
    let pin = verify(&alice.identity(), None).unwrap();
    assert_eq!(
        log_error(&twin.identity(), Some(&pin)),
        LogError::Fork { position: 1 }
    );
    twin.rotate();
    assert_eq!(
        log_error(&twin.identity(), Some(&pin)),
        LogError::Fork { position: 1 }
    );
    // Without entry 1, the twin's entry 2 does not hang on the pinned one.
    assert_eq!(
        log_error(&twin.last(1), Some(&pin)),
        LogError::NotTheNextRoot { position: 2 }
    );
}

#[test]
fn only_the_very_certificate_that_was_believed_needs_no_signature_check() {
    let mut alice = Owner::new(1);
    let identity = alice.identity();
    let pin = verify(&identity, None).unwrap();
    let knowing = |it: &PublicIdentity, pin: Option<&Pin>, known: &PublicIdentity| {
        it.verify_knowing(&AwsLc, NOW, pin, Some(known))
    };
    assert_eq!(knowing(&identity, Some(&pin), &identity), Ok(pin));
    let mut forged = identity.clone();
    forged.certificate.signature[0] ^= 1;
    let wrong = Err(IdentityError::WrongSignature);
    assert_eq!(knowing(&forged, Some(&pin), &identity), wrong);
    let mut other_key = identity.clone();
    other_key.certificate.noise_key[0] ^= 1;
    assert_eq!(knowing(&other_key, Some(&pin), &identity), wrong);
    // What nobody has pinned is believed by its signature alone.
    assert_eq!(knowing(&forged, None, &forged), wrong);
    // A known certificate is over, or old, for all that.
    let late = NOW + 2 * VALIDITY_DEFAULT_S;
    assert!(
        identity
            .verify_knowing(&AwsLc, late, Some(&pin), Some(&identity))
            .is_err()
    );
    alice.rotate();
    let renewed = verify(&alice.identity(), Some(&pin)).unwrap();
    assert!(knowing(&identity, Some(&renewed), &identity).is_err());
}

#[test]
fn a_recovery_key_replaces_lost_roots_and_nothing_else_does() {
    let mut rng = HashRng::new([5; 32]);
    let recovery = RecoverySecret::generate(&mut rng);
    let mut alice = Owner::with_recovery(1, Some(recovery.public(&AwsLc)));
    let pin = verify(&alice.identity(), None).unwrap();
    let wrong = RecoverySecret::generate(&mut rng);
    assert_eq!(
        recover(&AwsLc, &mut rng, &alice.history, &wrong).unwrap_err(),
        IssueError::NotTheRecoveryKey
    );
    let forged = forge(
        &alice.history,
        RotationKind::Recovery,
        [1; 32],
        wrong.seed(),
    );
    let forged = PublicIdentity {
        history: forged,
        certificate: alice.identity().certificate,
    };
    assert_eq!(
        log_error(&forged, Some(&pin)),
        LogError::WrongSignature { position: 1 }
    );
    let recovered = recover(&AwsLc, &mut rng, &alice.history, &recovery).unwrap();
    alice.adopt(recovered);
    let pin = verify(&alice.identity(), Some(&pin)).unwrap();
    assert_eq!(pin.position, 1);
    alice.rotate();
    assert_eq!(verify(&alice.tail(), Some(&pin)).unwrap().position, 2);
}

#[test]
fn a_tail_of_two_connects_to_pins_up_to_two_behind() {
    let mut alice = Owner::new(1);
    let mut pins = vec![verify(&alice.identity(), None).unwrap()];
    for _ in 0..5 {
        alice.rotate();
        pins.push(verify(&alice.identity(), None).unwrap());
    }
    let tail = alice.tail();
    assert_eq!(tail.history.log().len(), 2);
    for (position, pin) in pins.iter().enumerate() {
        let result = verify(&tail, Some(pin));
        if position >= 3 {
            assert_eq!(result, Ok(pins[5]), "pin at {position}");
        } else {
            let error = LogError::LongerLogNeeded {
                known: u32::try_from(position).unwrap(),
                first: 4,
            };
            assert_eq!(result, Err(error.into()), "pin at {position}");
        }
    }
    let unknown = LogError::LongerLogNeeded { known: 0, first: 4 };
    assert_eq!(log_error(&tail, None), unknown);
    assert_eq!(verify(&alice.last(0), Some(&pins[5])), Ok(pins[5]));
    assert_eq!(
        verify(&alice.last(0), Some(&pins[4])),
        Err(LogError::LongerLogNeeded { known: 4, first: 5 }.into())
    );
}

#[test]
fn a_tail_joins_what_is_known() {
    let mut alice = Owner::new(1);
    for _ in 0..3 {
        alice.rotate();
    }
    let known = alice.history.clone();
    alice.rotate();
    let joined = alice.tail().history.after(&known);
    assert_eq!(joined, alice.history);
    assert_eq!(alice.last(0).history.after(&known), known);
    alice.rotate();
    alice.rotate();
    let gap = alice.tail().history;
    assert_eq!(gap.clone().after(&known), gap, "a gap is not joined");
    assert_eq!(gap.clone().after(&Owner::new(2).history), gap);
}

#[test]
fn a_log_holds_64_entries_and_no_more() {
    let mut alice = Owner::new(1);
    for _ in 0..ROTATIONS_MAX {
        alice.rotate();
    }
    assert_eq!(verify(&alice.identity(), None).unwrap().position, 64);
    assert_eq!(
        rotate(&AwsLc, &mut alice.rng, &alice.history, alice.next.clone()).unwrap_err(),
        IssueError::LogFull
    );
    let bytes = alice.identity().to_bytes();
    assert_eq!(
        PublicIdentity::from_bytes(&AwsLc, &bytes),
        Ok(alice.identity())
    );

    let mut log = alice.history.log().to_vec();
    let mut entry = log[63].clone();
    entry.position = 65;
    log.push(entry.clone());
    let inception = alice.history.inception();
    for log in [log, vec![entry]] {
        assert_eq!(
            KeyHistory::new(&AwsLc, inception.clone(), log),
            Err(HistoryError::LogTooLong)
        );
    }
    let mut more = bytes;
    more[75] = 65;
    assert_eq!(
        PublicIdentity::from_bytes(&AwsLc, &more),
        Err(HistoryError::LogTooLong)
    );
}

#[test]
fn a_history_in_disorder_is_none() {
    let mut alice = Owner::new(1);
    for _ in 0..3 {
        alice.rotate();
    }
    let log = alice.history.log();
    let inception = alice.history.inception();
    for order in [&[0, 2][..], &[1, 0], &[0, 0], &[2, 1]] {
        let log = order.iter().map(|index| log[*index].clone()).collect();
        assert_eq!(
            KeyHistory::new(&AwsLc, inception.clone(), log),
            Err(HistoryError::LogNotInOrder)
        );
    }
    let mut salted = inception.clone();
    let mut fits = 0;
    for salt in 0..64u64 {
        salted.salt = salt.to_be_bytes();
        match KeyHistory::new(&AwsLc, salted.clone(), Vec::new()) {
            Ok(_) => fits += 1,
            Err(error) => assert_eq!(error, HistoryError::NotAnAddress),
        }
    }
    assert!(fits < 8, "{fits} of 64 salts fit");
}

#[test]
fn a_certificate_counts_only_in_its_time_with_ten_minutes_of_grace() {
    let identity = Owner::new(1).identity();
    let (begin, end) = (NOW, NOW + VALIDITY_DEFAULT_S);
    let at = |now| identity.verify(&AwsLc, now, None);
    assert!(at(begin - 600).is_ok());
    assert_eq!(
        at(begin - 601),
        Err(IdentityError::NotYetValid {
            not_before_unix_s: begin
        })
    );
    assert!(at(end + 600).is_ok());
    assert_eq!(
        at(end + 601),
        Err(IdentityError::Expired {
            not_after_unix_s: end
        })
    );
    assert!(at(u64::MAX).is_err() && at(0).is_err());
    assert!(
        !identity
            .certificate
            .expires_soon(end - EXPIRY_WARNING_S - 1)
    );
    assert!(identity.certificate.expires_soon(end - EXPIRY_WARNING_S));
    assert_eq!(
        identity.verify_history(&AwsLc, None).unwrap().counter,
        0,
        "a history is believed without its certificate, and pins no counter"
    );
}

#[test]
fn only_the_root_in_force_issues() {
    let mut alice = Owner::new(1);
    let old = alice.root.clone();
    alice.rotate();
    let (history, hot) = (&alice.history, &alice.hot);
    let mut terms = alice.terms();
    assert_eq!(
        issue_certificate(&AwsLc, &old, history, hot, &terms).unwrap_err(),
        IssueError::NotTheRoot
    );
    terms.not_after_unix_s = terms.not_before_unix_s - 1;
    assert_eq!(
        issue_certificate(&AwsLc, &alice.root, history, hot, &terms).unwrap_err(),
        IssueError::EndsBeforeItBegins
    );
    alice.rotate();
    let tail = alice.last(1).history;
    assert_eq!(
        rotate(&AwsLc, &mut alice.rng, &tail, alice.next.clone()).unwrap_err(),
        IssueError::LogNotWhole
    );
}

#[test]
fn the_next_counter_grows_and_follows_the_clock() {
    assert_eq!(next_counter(5, NOW), NOW);
    assert_eq!(next_counter(NOW, NOW), NOW + 1);
    assert_eq!(next_counter(NOW + 9, 0), NOW + 10);
}

#[test]
fn hot_keys_must_be_those_of_the_certificate() {
    let alice = Owner::new(1);
    let local = LocalIdentity::new(alice.identity(), alice.hot.clone()).unwrap();
    assert_eq!(local.public, alice.identity());
    let other = Owner::new(2).hot;
    assert_eq!(
        LocalIdentity::new(alice.identity(), other).unwrap_err(),
        HotKeysDiffer
    );
    let again = HotKeys::from_secrets(&AwsLc, alice.hot.noise_secret(), alice.hot.sign_seed());
    assert!(LocalIdentity::new(alice.identity(), again).is_ok());
}

#[test]
fn debug_output_names_no_secret() {
    struct Fixed;
    impl Rng for Fixed {
        fn fill(&mut self, out: &mut [u8]) {
            out.fill(0xA7); // 167
        }
    }
    let hot = HotKeys::generate(&AwsLc, &mut Fixed);
    let texts = [
        format!("{:?}", RootSecret::generate(&mut Fixed)),
        format!("{:#?}", NextRootSecret::generate(&mut Fixed)),
        format!("{:?}", RecoverySecret::generate(&mut Fixed)),
        format!("{hot:?} {hot:#?}"),
        format!("{:?}", HashRng::new([0xA7; 32])),
    ];
    for text in texts {
        let lower = text.to_lowercase();
        assert!(!lower.contains("167") && !lower.contains("a7"), "{text}");
    }
}
