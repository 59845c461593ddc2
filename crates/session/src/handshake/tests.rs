//! The two messages, between two real identities, with real cryptography.

use super::*;
use crate::testing::{UNIX_S, at, node, node_with, rotated};
use identity::LocalIdentity;
use identity::crypto::{AwsLc, HashRng};
use wire::Now;
use wire::handshake::{MESSAGE_LEN, Number};

const INITIATOR: Terms = Terms {
    instance: *b"instancA",
    inner_mtu: 1400,
};
const RESPONDER: Terms = Terms {
    instance: *b"instancB",
    inner_mtu: 1500,
};

/// Alice calls Bob.
struct Call {
    alice: Arc<LocalIdentity>,
    bob: Arc<LocalIdentity>,
    alice_holds: Vec<Credential>,
    bob_holds: Vec<Credential>,
    rng: HashRng,
}

impl Call {
    fn new() -> Self {
        Self {
            alice: node(1),
            bob: node(2),
            alice_holds: Vec::new(),
            bob_holds: Vec::new(),
            rng: HashRng::new([9; 32]),
        }
    }

    fn message1(&mut self) -> (Initiator, Vec<u8>) {
        let start = InitiatorStart {
            local: &self.alice,
            peer: &self.bob.public,
            handshake_count: 7,
            credentials: &self.alice_holds,
            terms: INITIATOR,
            stream: [3; 8],
            local_index: 0xa,
        };
        Initiator::start(&AwsLc, &mut self.rng, &start).unwrap()
    }

    fn open(&self, message1: &[u8]) -> Result<Claim, HandshakeError> {
        let responder = Responder {
            local: &self.bob,
            credentials: &|| self.bob_holds.clone(),
        };
        responder.open(&AwsLc, message1)
    }

    fn answer(&mut self, message1: &[u8]) -> (Vec<u8>, Established) {
        let claim = self.open(message1).unwrap();
        let verified = claim.verify(&AwsLc, at(0), None, None).unwrap();
        let accept = Accept {
            shown: &[],
            local: &self.bob,
            terms: RESPONDER,
            stream: [4; 8],
            local_index: 0xb,
            remote_index: 0xa,
        };
        verified
            .accept(&AwsLc, &mut self.rng, at(0), &accept)
            .unwrap()
    }
}

fn credential(n: u8) -> Credential {
    Credential {
        id: [n; 16],
        epoch: 1,
        tag: [n; 32],
        psk: [n; 32],
    }
}

fn talks(from: &Transport, to: &Transport) {
    let mut buf = [0; 36];
    buf[16..20].copy_from_slice(b"talk");
    from.seal_in_place(at(1).mono, &mut buf, 4).unwrap();
    assert_eq!(
        to.open_in_place(at(1).mono, &mut buf).unwrap().plaintext,
        16..20
    );
    assert_eq!(&buf[16..20], b"talk");
}

#[test]
fn both_ends_have_the_same_keys_and_know_each_other() {
    let mut call = Call::new();
    let (initiator, message1) = call.message1();
    let (message2, bob) = call.answer(&message1);
    assert_eq!((message1.len(), message2.len()), (MESSAGE_LEN, MESSAGE_LEN));
    let alice = initiator
        .finish(&AwsLc, at(0), 0xb, &message2, None)
        .unwrap();
    assert_eq!(alice.binding, bob.binding);
    assert_eq!((alice.stream, bob.stream), (Some([4; 8]), Some([3; 8])));
    assert_eq!((alice.instance, alice.inner_mtu), (*b"instancB", 1500));
    assert_eq!((bob.instance, bob.inner_mtu), (*b"instancA", 1400));
    assert_eq!(alice.peer, call.bob.public);
    assert_eq!(bob.peer, call.alice.public);
    assert_eq!(
        (
            alice.transport.local_index(),
            alice.transport.remote_index()
        ),
        (0xa, 0xb)
    );
    assert_eq!(alice.transport.aead(), bob.transport.aead());
    talks(&alice.transport, &bob.transport);
    talks(&bob.transport, &alice.transport);
}

#[test]
fn the_claim_says_who_calls_and_which_number() {
    let mut call = Call::new();
    let (_, message1) = call.message1();
    let claim = call.open(&message1).unwrap();
    assert_eq!(claim.address(), call.alice.public.address());
    assert_eq!(
        claim.number(),
        Number {
            certificate_counter: 1,
            handshake_count: 7
        }
    );
    assert_eq!(claim.instance(), *b"instancA");
    assert_eq!(claim.matched().count(), 0);
}

#[test]
fn shared_credentials_are_found_and_enter_the_keys() {
    let mut call = Call::new();
    call.alice_holds = [1, 2, 3].map(credential).to_vec();
    call.bob_holds = [3, 1, 9].map(credential).to_vec();
    let (initiator, message1) = call.message1();
    let (message2, bob) = call.answer(&message1);
    let alice = initiator
        .finish(&AwsLc, at(0), 0xb, &message2, None)
        .unwrap();
    assert_eq!(alice.matched, [credential(1).name(), credential(3).name()]);
    assert_eq!(bob.matched, alice.matched);
    talks(&alice.transport, &bob.transport);

    // The same slots, another secret behind them: the answer does not open.
    let (initiator, message1) = call.message1();
    call.bob_holds[0].psk = [0; 32];
    let (message2, _) = call.answer(&message1);
    let failed = initiator.finish(&AwsLc, at(0), 0xb, &message2, None);
    assert!(matches!(failed, Err(HandshakeError::Forged)));
}

#[test]
fn a_match_that_the_responder_drops_is_not_reported() {
    let mut call = Call::new();
    call.alice_holds = vec![credential(1), credential(2)];
    call.bob_holds = call.alice_holds.clone();
    let (initiator, message1) = call.message1();
    let mut claim = call.open(&message1).unwrap();
    claim.retain_matched(|name| name != credential(1).name());
    let verified = claim.verify(&AwsLc, at(0), None, None).unwrap();
    let accept = Accept {
        shown: &[],
        local: &call.bob,
        terms: RESPONDER,
        stream: NO_STREAM,
        local_index: 0xb,
        remote_index: 0xa,
    };
    let (message2, _) = verified
        .accept(&AwsLc, &mut call.rng, at(0), &accept)
        .unwrap();
    let alice = initiator
        .finish(&AwsLc, at(0), 0xb, &message2, None)
        .unwrap();
    assert_eq!(alice.matched, [credential(2).name()]);
}

#[test]
fn no_byte_of_either_message_may_change() {
    let mut call = Call::new();
    let (initiator, message1) = call.message1();
    let (message2, _) = call.answer(&message1);
    for at_byte in (0..MESSAGE_LEN)
        .step_by(7)
        .chain([31, 32, 1231, 1232, 1279, 1280, 2303])
    {
        let mut forged = message1.clone();
        forged[at_byte] ^= 0x10;
        assert!(call.open(&forged).is_err(), "byte {at_byte} of message 1");
        let mut forged = message2.clone();
        forged[at_byte] ^= 0x10;
        let failed = initiator.finish(&AwsLc, at(0), 0xb, &forged, None);
        assert!(failed.is_err(), "byte {at_byte} of message 2");
    }
    for len in [0, 31, 32, 2303] {
        assert!(call.open(&message1[..len]).is_err());
        assert!(
            initiator
                .finish(&AwsLc, at(0), 0xb, &message2[..len], None)
                .is_err()
        );
    }
    // After all that, the right answer still fits.
    initiator
        .finish(&AwsLc, at(0), 0xb, &message2, None)
        .unwrap();
}

#[test]
fn messages_are_for_one_node_and_one_call() {
    let mut call = Call::new();
    let (initiator, message1) = call.message1();
    let carol = node(3);
    let elsewhere = Responder {
        local: &carol,
        credentials: &Vec::new,
    };
    assert!(matches!(
        elsewhere.open(&AwsLc, &message1),
        Err(HandshakeError::Forged)
    ));

    let (_, second) = call.message1();
    let (answer_to_second, _) = call.answer(&second);
    let failed = initiator.finish(&AwsLc, at(0), 0xb, &answer_to_second, None);
    assert!(matches!(failed, Err(HandshakeError::Forged)));
    assert!(call.open(&answer_to_second).is_err());
}

#[test]
fn a_stolen_certificate_is_of_no_use_without_its_key() {
    // Mallory calls with Alice's statements and her own static key.
    let mut call = Call::new();
    let mallory = node(4);
    let posing = LocalIdentity {
        public: call.alice.public.clone(),
        hot: mallory.hot.clone(),
    };
    call.alice = Arc::new(posing);
    let (_, message1) = call.message1();
    assert!(matches!(
        call.open(&message1),
        Err(HandshakeError::OtherKey)
    ));
}

#[test]
fn statements_older_than_the_pin_or_out_of_time_are_refused() {
    let mut call = Call::new();
    let (initiator, message1) = call.message1();
    let newer = node_with(1, 5)
        .0
        .public
        .verify(&AwsLc, UNIX_S, None)
        .unwrap();
    let refused = call
        .open(&message1)
        .unwrap()
        .verify(&AwsLc, at(0), Some(&newer), None);
    assert!(matches!(refused, Err(HandshakeError::Identity(_))));
    let late = Now {
        mono: at(0).mono,
        unix_s: UNIX_S + 31 * 86_400,
    };
    let refused = call
        .open(&message1)
        .unwrap()
        .verify(&AwsLc, late, None, None);
    assert!(matches!(refused, Err(HandshakeError::Identity(_))));

    let (message2, _) = call.answer(&message1);
    let newer = node_with(2, 5)
        .0
        .public
        .verify(&AwsLc, UNIX_S, None)
        .unwrap();
    let refused = initiator.finish(&AwsLc, at(0), 0xb, &message2, Some(&newer));
    assert!(matches!(refused, Err(HandshakeError::Identity(_))));
}

#[test]
fn both_ends_may_have_rotated() {
    let mut call = Call::new();
    let known = call.bob.public.clone();
    call.alice = rotated(1);
    let (_, message1) = call.message1();
    assert_eq!(
        call.open(&message1).unwrap().identity().history.position(),
        1
    );
    // Alice still has Bob's statements from before his rotation; his hot keys are the same.
    let start = InitiatorStart {
        local: &call.alice,
        peer: &known,
        handshake_count: 8,
        credentials: &[],
        terms: INITIATOR,
        stream: NO_STREAM,
        local_index: 0xa,
    };
    let (initiator, message1) = Initiator::start(&AwsLc, &mut call.rng, &start).unwrap();
    call.bob = rotated(2);
    let (message2, _) = call.answer(&message1);
    let pin = known.verify(&AwsLc, UNIX_S, None).unwrap();
    let alice = initiator
        .finish(&AwsLc, at(0), 0xb, &message2, Some(&pin))
        .unwrap();
    assert_eq!((alice.pin.position, alice.pin.counter), (1, 2));
    assert_eq!(alice.peer, call.bob.public);
}

#[test]
fn the_cipher_is_the_one_that_both_ends_prefer() {
    use AeadAlg::{Aes256Gcm as Aes, ChaCha20Poly1305 as ChaCha};
    let fast: &dyn Crypto = &AwsLc;
    if fast.aes_is_fast() {
        assert_eq!(offer(fast), [1, 2]);
        assert_eq!(choose(fast, &[Aes, ChaCha]), Some(Aes));
    }
    assert_eq!(choose(fast, &[ChaCha, Aes]), Some(ChaCha));
    assert_eq!(choose(fast, &[]), None);
    assert_eq!(choose(fast, &[Aes]), Some(Aes));
}

/// The transcript, computed a second time straight from the text of the specification and on
/// RFC 5869's HKDF, not on the code under test.
struct Transcript {
    ck: [u8; 32],
    k: [u8; 32],
    h: [u8; 32],
    n: u8,
}

impl Transcript {
    fn hash(&mut self, bytes: &[u8]) {
        self.h = AwsLc.sha256(&[&self.h, bytes]);
    }

    fn key(&mut self, input: &[u8]) {
        let crypto: &dyn Crypto = &AwsLc;
        let both: [u8; 64] = crypto.hkdf(&self.ck, input, &[]);
        self.ck = both[..32].try_into().unwrap();
        self.k = both[32..].try_into().unwrap();
        self.n = 0;
    }

    fn e(&mut self, e: &[u8]) {
        self.hash(e);
        self.key(e);
    }

    fn dh(&mut self, secret: &[u8; 32], public: &[u8; 32]) {
        self.key(&AwsLc.x25519(secret, public).unwrap());
    }

    fn psk(&mut self, psk: &[u8]) {
        let crypto: &dyn Crypto = &AwsLc;
        let three: [u8; 96] = crypto.hkdf(&self.ck, psk, &[]);
        self.ck = three[..32].try_into().unwrap();
        self.hash(&three[32..64]);
        self.k = three[64..].try_into().unwrap();
        self.n = 0;
    }

    fn open(&mut self, sealed: &[u8]) -> Vec<u8> {
        let (text, tag) = sealed.split_last_chunk::<16>().unwrap();
        let mut text = text.to_vec();
        let nonce = [0, 0, 0, 0, self.n, 0, 0, 0, 0, 0, 0, 0];
        let aead = AwsLc.aead(AeadAlg::ChaCha20Poly1305, &self.k);
        assert!(aead.open_in_place(&nonce, &self.h, &mut text, tag));
        self.hash(sealed);
        self.n += 1;
        text
    }
}

#[test]
fn both_messages_and_the_keys_follow_the_pattern_token_by_token() {
    let mut call = Call::new();
    call.alice_holds = vec![credential(1)];
    call.bob_holds = vec![credential(1)];
    let (initiator, message1) = call.message1();
    let (message2, bob_end) = call.answer(&message1);
    let (alice, bob) = (call.alice.hot.clone(), call.bob.hot.clone());

    let h = AwsLc.sha256(&[b"Noise_IKpsk2+hfs_25519+MLKEM768_ChaChaPoly_SHA256"]);
    let mut t = Transcript {
        ck: h,
        k: [0; 32],
        h,
        n: 0,
    };
    let prologue = [
        b"kumihimo session v1",
        &call.bob.public.address().as_bytes()[..],
    ]
    .concat();
    t.hash(&prologue);
    t.hash(bob.noise_public());
    // -> e, es, e1, s, ss, {payload 1}
    let e: [u8; 32] = message1[..32].try_into().unwrap();
    t.e(&e);
    t.dh(bob.noise_secret(), &e);
    assert_eq!(
        t.open(&message1[32..1232]),
        initiator.kem.encapsulation_key()
    );
    assert_eq!(t.open(&message1[1232..1280]), alice.noise_public());
    t.dh(bob.noise_secret(), alice.noise_public());
    let payload1 = t.open(&message1[1280..]);
    assert_eq!((payload1.len(), &payload1[..4]), (1008, &[0, 1, 0, 16][..]));
    // <- e, ee, ekem1, se, {matched}, psk, {payload 2}
    let re: [u8; 32] = message2[..32].try_into().unwrap();
    t.e(&re);
    t.key(&initiator.ephemeral.agree(&re).unwrap());
    let ciphertext = t.open(&message2[32..1136]);
    t.key(&initiator.kem.decapsulate(&ciphertext).unwrap());
    t.dh(alice.noise_secret(), &re);
    let matched = t.open(&message2[1136..1154]);
    assert_eq!(u16::from_be_bytes([matched[0], matched[1]]).count_ones(), 1);
    let crypto: &dyn Crypto = &AwsLc;
    let shared = [&[1; 16][..], &[0, 0, 0, 1], &[1; 32]].concat();
    let psk: [u8; 32] = crypto.hkdf(&[0; 32], &shared, &[b"kumihimo psk v1"]);
    t.psk(&psk);
    assert_eq!(t.open(&message2[1154..]).len(), 1134);
    // Keys and binding
    let aead = bob_end.transport.aead();
    let label = [b"kumihimo transport v1", &[aead.to_byte()][..]].concat();
    let keys: [u8; 64] = crypto.hkdf(&t.ck, &t.h, &[&label]);
    let binding: [u8; 32] = crypto.hkdf(&t.ck, &t.h, &[b"kumihimo binding v1"]);
    assert_eq!(bob_end.binding, binding);
    let header = [4, 0, 0, 0, 0, 0, 0, 0xb, 0, 0, 0, 0, 0, 0, 0, 0];
    let k_i = keys[..32].try_into().unwrap();
    let mut body = *b"by hand";
    let tag = AwsLc
        .aead(aead, &k_i)
        .seal_in_place(&[0; 12], &header, &mut body);
    let mut datagram = [&header[..], &body, &tag].concat();
    assert!(
        bob_end
            .transport
            .open_in_place(at(0).mono, &mut datagram)
            .is_ok()
    );
}

#[test]
fn debug_text_does_not_tell_the_channel_binding() {
    let mut call = Call::new();
    let (_, message1) = call.message1();
    let (_, established) = call.answer(&message1);
    let told = format!("{established:?}");
    assert!(!told.contains(&format!("{:?}", established.binding)));
    assert!(!told.contains("binding"));
}
