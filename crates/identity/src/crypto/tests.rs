//! Known answers and edges of [`AwsLc`]. Vectors: FIPS 180-4, RFC 4231, 5869, 7748, 8032,
//! 8439, the GCM specification; the ML-KEM vector comes from an independent implementation
//! of FIPS 203 that reproduces the published accumulated hash of the C2SP test vectors.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn hex_array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

fn aws_lc() -> Arc<dyn Crypto> {
    Arc::new(AwsLc)
}

#[test]
fn sha256_of_fips_180_4() {
    let expected = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(aws_lc().sha256(&[b"abc"]).to_vec(), expected);
    assert_eq!(
        aws_lc().sha256(&[b"a", b"", b"bc"]).to_vec(),
        expected,
        "parts are concatenated"
    );
    assert_eq!(
        aws_lc().sha256(&[]).to_vec(),
        hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    );
}

#[test]
fn hmac_of_rfc_4231() {
    assert_eq!(
        aws_lc().hmac(&[0x0b; 20], &[b"Hi ", b"There"]).to_vec(),
        hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    );
    assert_eq!(
        aws_lc()
            .hmac(
                &[0xaa; 131],
                &[b"Test Using Larger Than Block-Size Key - Hash Key First"]
            )
            .to_vec(),
        hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    );
}

#[test]
fn hkdf_of_rfc_5869() {
    let salt = hex("000102030405060708090a0b0c");
    let info = hex("f0f1f2f3f4f5f6f7f8f9");
    let okm = hex(
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf
         34007208d5b887185865",
    );
    let (head, tail) = info.split_at(4);
    assert_eq!(
        aws_lc().hkdf::<42>(&salt, &[0x0b; 22], &[&info]).to_vec(),
        okm
    );
    assert_eq!(
        aws_lc()
            .hkdf::<42>(&salt, &[0x0b; 22], &[head, tail])
            .to_vec(),
        okm
    );

    let bytes = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
    assert_eq!(
        aws_lc()
            .hkdf::<82>(&bytes(0x60, 0xaf), &bytes(0, 0x4f), &[&bytes(0xb0, 0xff)])
            .to_vec(),
        hex(
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c
             59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71
             cc30c58179ec3e87c14c01d5c1f3434f1d87"
        )
    );
    assert_eq!(
        aws_lc().hkdf::<42>(&[], &[0x0b; 22], &[]).to_vec(),
        hex(
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d
             9d201395faa4b61a96c8"
        )
    );
}

#[test]
fn hkdf_reaches_its_maximum() {
    let longest = aws_lc().hkdf::<HKDF_LEN_MAX>(b"salt", b"key", &[b"info"]);
    let shorter = aws_lc().hkdf::<64>(b"salt", b"key", &[b"info"]);
    assert_eq!(longest[..64], shorter);
    assert_ne!(longest[HKDF_LEN_MAX - 32..], [0; 32]);
}

#[test]
fn x25519_of_rfc_7748() {
    let vectors = [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ];
    for (secret, public, shared) in vectors {
        assert_eq!(
            aws_lc().x25519(&hex_array(secret), &hex_array(public)),
            Some(hex_array(shared))
        );
    }

    let mut base_point = [0; 32];
    base_point[0] = 9;
    let (mut secret, mut public) = (base_point, base_point);
    for round in 1..=1000 {
        let shared = aws_lc().x25519(&secret, &public).unwrap();
        (secret, public) = (shared, secret);
        let expected = match round {
            1 => "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
            1000 => "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51",
            _ => continue,
        };
        assert_eq!(secret, hex_array::<32>(expected), "round {round}");
    }
}

#[test]
fn x25519_public_is_the_base_point_multiple() {
    let mut base_point = [0; 32];
    base_point[0] = 9;
    let secret = [0x5a; 32];
    assert_eq!(
        Some(aws_lc().x25519_public(&secret)),
        aws_lc().x25519(&secret, &base_point)
    );
}

#[test]
fn x25519_refuses_points_of_small_order() {
    let one = "0100000000000000000000000000000000000000000000000000000000000000";
    let order_8 = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
    let p_minus_1 = "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
    for point in [&"00".repeat(32), one, order_8, p_minus_1] {
        assert_eq!(aws_lc().x25519(&[0x5a; 32], &hex_array(point)), None);
    }
}

#[test]
fn ed25519_of_rfc_8032() {
    let vectors = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
             5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (seed, public, message, signature) in vectors {
        let (seed, public, signature) = (hex_array(seed), hex_array(public), hex_array(signature));
        let message = hex(message);
        assert_eq!(aws_lc().ed25519_public(&seed), public);
        assert_eq!(aws_lc().ed25519_sign(&seed, &message), signature);
        assert!(aws_lc().ed25519_verify(&public, &message, &signature));
        assert!(!aws_lc().ed25519_verify(&public, b"another message", &signature));
    }
}

#[test]
fn ed25519_refuses_every_flipped_bit_of_a_signature() {
    let crypto = aws_lc();
    let public = crypto.ed25519_public(&[3; 32]);
    let good = crypto.ed25519_sign(&[3; 32], b"text");
    for bit in 0..512 {
        let mut bad = good;
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(!crypto.ed25519_verify(&public, b"text", &bad), "bit {bit}");
    }
}

#[test]
fn chacha20_poly1305_of_rfc_8439() {
    let key: Vec<u8> = (0x80..0xa0).collect();
    let aead = aws_lc().aead(AeadAlg::ChaCha20Poly1305, &key.try_into().unwrap());
    let nonce = hex_array("070000004041424344454647");
    let ad = hex("50515253c0c1c2c3c4c5c6c7");
    let plaintext = b"Ladies and Gentlemen of the class of '99: If I could offer you \
        only one tip for the future, sunscreen would be it.";
    let ciphertext = hex(
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6
         3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36
         92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
         3ff4def08e4b7a9de576d26586cec64b6116",
    );
    let mut buf = plaintext.to_vec();
    let tag = aead.seal_in_place(&nonce, &ad, &mut buf);
    assert_eq!(buf, ciphertext);
    assert_eq!(tag, hex_array("1ae10b594f09e26a7e902ecbd0600691"));
    assert!(aead.open_in_place(&nonce, &ad, &mut buf, &tag));
    assert_eq!(buf, plaintext);
}

#[test]
fn aes_256_gcm_of_the_gcm_specification() {
    let aead = aws_lc().aead(AeadAlg::Aes256Gcm, &[0; 32]);
    let tag = aead.seal_in_place(&[0; 12], &[], &mut []);
    assert_eq!(tag, hex_array("530f8afbc74536b9a963b4f1c4cb738b"));
    let mut buf = [0; 16];
    let tag = aead.seal_in_place(&[0; 12], &[], &mut buf);
    assert_eq!(buf, hex_array("cea7403d4d606b6e074ec5d3baf39d18"));
    assert_eq!(tag, hex_array("d0d1c8a799996bf0265b98b5d48ab919"));
}

const ALGORITHMS: [AeadAlg; 2] = [AeadAlg::Aes256Gcm, AeadAlg::ChaCha20Poly1305];

#[test]
fn a_failed_open_leaves_no_plaintext() {
    for algorithm in ALGORITHMS {
        let aead = aws_lc().aead(algorithm, &[9; 32]);
        let plaintext = [0x41; 1500];
        let mut buf = plaintext;
        let mut tag = aead.seal_in_place(&[1; 12], b"ad", &mut buf);
        tag[15] ^= 1;
        assert!(!aead.open_in_place(&[1; 12], b"ad", &mut buf, &tag));
        assert!(
            buf.windows(16).all(|window| window != &plaintext[..16]),
            "{algorithm:?}"
        );
    }
}

proptest! {
    #[test]
    fn an_aead_opens_what_it_sealed_and_nothing_altered(
        key in any::<[u8; 32]>(),
        nonce in any::<[u8; 12]>(),
        ad in proptest::collection::vec(any::<u8>(), 0..40),
        plaintext in proptest::collection::vec(any::<u8>(), 1..200),
        bit in any::<prop::sample::Index>(),
    ) {
        for algorithm in ALGORITHMS {
            let aead = aws_lc().aead(algorithm, &key);
            let mut buf = plaintext.clone();
            let tag = aead.seal_in_place(&nonce, &ad, &mut buf);
            let sealed = buf.clone();
            prop_assert!(aead.open_in_place(&nonce, &ad, &mut buf, &tag));
            prop_assert_eq!(&buf, &plaintext);

            // One flipped bit anywhere in ciphertext, tag, nonce or associated data.
            let mut parts = [sealed, tag.to_vec(), nonce.to_vec(), ad.clone()];
            let bits = parts.iter().map(|part| part.len() * 8).sum();
            let mut bit = bit.index(bits);
            for part in &mut parts {
                match part.get_mut(bit / 8) {
                    Some(byte) => {
                        *byte ^= 1 << (bit % 8);
                        break;
                    }
                    None => bit -= part.len() * 8,
                }
            }
            let [mut buf, tag, nonce, ad] = parts;
            let (tag, nonce) = (tag.try_into().unwrap(), nonce.try_into().unwrap());
            prop_assert!(!aead.open_in_place(&nonce, &ad, &mut buf, &tag));
        }
    }
}

#[test]
fn ml_kem_round_trip() {
    let crypto = aws_lc();
    let mut rng = HashRng::new([1; 32]);
    let secret = crypto.kem_generate(&mut rng);
    let (ciphertext, shared) = crypto
        .kem_encapsulate(&mut rng, secret.encapsulation_key())
        .unwrap();
    assert_eq!(ciphertext.len(), KEM_CIPHERTEXT_LEN);
    assert_eq!(secret.decapsulate(&ciphertext), Some(shared));

    let mut altered = ciphertext.clone();
    altered[7] ^= 1;
    assert_ne!(
        secret.decapsulate(&altered),
        Some(shared),
        "implicit rejection"
    );
    assert_eq!(secret.decapsulate(&ciphertext[1..]), None);
}

#[test]
fn ml_kem_refuses_keys_that_are_none() {
    let crypto = aws_lc();
    let mut rng = HashRng::new([1; 32]);
    for key in [vec![0xff; KEM_KEY_LEN], vec![0; KEM_KEY_LEN - 1], vec![]] {
        assert!(crypto.kem_encapsulate(&mut rng, &key).is_none());
    }
}

#[test]
fn ml_kem_768_decapsulates_the_known_answer() {
    let mut values = include_str!("ml_kem_768_kat.txt")
        .split("# ")
        .skip(1)
        .map(|section| hex(section.split_once('\n').unwrap().1));
    let secret = super::aws_lc::tests_decapsulation_key(&values.next().unwrap());
    let mut ciphertext = values.next().unwrap();
    assert_eq!(
        secret.decapsulate(&ciphertext).unwrap().to_vec(),
        values.next().unwrap()
    );
    ciphertext[0] ^= 1;
    assert_eq!(
        secret.decapsulate(&ciphertext).unwrap().to_vec(),
        values.next().unwrap()
    );
}

#[test]
fn aead_numbers_are_those_of_the_wire() {
    for number in 0..=255 {
        assert_eq!(
            AeadAlg::from_byte(number).map(AeadAlg::to_byte),
            (1..=2).contains(&number).then_some(number)
        );
    }
}

#[test]
fn constant_time_eq_compares() {
    assert!(constant_time_eq(b"same", b"same"));
    assert!(!constant_time_eq(b"same", b"samE"));
    assert!(!constant_time_eq(b"same", b"sam"));
}
