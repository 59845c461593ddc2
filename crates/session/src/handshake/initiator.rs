//! The initiator: message 1 out, message 2 in.

use super::groups::{self, Credential};
use super::noise::Symmetric;
use super::{Established, HandshakeError, StreamId, Terms, encode_certificate, offer, transport};
use crate::transport::Role;
use identity::crypto::{Crypto, KemSecret, Rng, X25519Key, random};
use identity::{LocalIdentity, Pin, PublicIdentity};
use std::sync::Arc;
use wire::Now;
use wire::handshake::{AeadOffer, MESSAGE_LEN, Message2View, Number, Payload1, Payload2};
use wire::statement::{ROTATIONS_HANDSHAKE_MAX, Rotations};
use zeroize::{Zeroize, Zeroizing};

/// What an initiation needs.
pub struct InitiatorStart<'a> {
    /// This node.
    pub local: &'a LocalIdentity,
    /// Whom to call: inception record and certificate, verified by the caller.
    pub peer: &'a PublicIdentity,
    /// Reserved on disk, never used before. Its certificate counter is that of `local`.
    pub handshake_count: u64,
    /// To look for at the peer; the first 16 are.
    pub credentials: &'a [Credential],
    /// What this node says about itself.
    pub terms: Terms,
    /// The control stream that this node would continue, or [`super::NO_STREAM`].
    pub stream: StreamId,
    /// The index that the peer puts into its packets; random, not zero, not in use.
    pub local_index: u32,
}

/// The two keys of one initiation. They can be made ahead of time; they are used once, and wiped then.
pub struct Ephemeral {
    key: Arc<dyn X25519Key>,
    kem: Box<dyn KemSecret>,
}

impl Ephemeral {
    /// Fresh ones.
    #[must_use]
    pub fn generate(crypto: &dyn Crypto, rng: &mut dyn Rng) -> Self {
        Self {
            key: crypto.x25519_key(&Zeroizing::new(random::<32>(rng))),
            kem: crypto.kem_generate(rng),
        }
    }

    /// The public one that message 1 begins with.
    #[must_use]
    pub fn public(&self) -> &[u8; 32] {
        self.key.public()
    }
}

impl std::fmt::Debug for Ephemeral {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ephemeral(secret)")
    }
}

/// An initiation under way.
pub struct Initiator {
    noise: Symmetric,
    pub(super) ephemeral: Arc<dyn X25519Key>,
    own: Arc<dyn X25519Key>,
    pub(super) kem: Box<dyn KemSecret>,
    peer: PublicIdentity,
    held: Vec<Option<Credential>>,
    local_index: u32,
}

impl Initiator {
    /// Starts an initiation with keys that are made for it; message 1 with it.
    ///
    /// # Errors
    /// As [`Self::start_with`].
    pub fn start(
        crypto: &dyn Crypto,
        rng: &mut dyn Rng,
        start: &InitiatorStart<'_>,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let keys = Ephemeral::generate(crypto, rng);
        Self::start_with(crypto, rng, start, keys)
    }

    /// Starts an initiation; message 1 with it.
    ///
    /// # Errors
    /// If the peer's certificate holds an unusable key, or a field of this node does not fit.
    pub fn start_with(
        crypto: &dyn Crypto,
        rng: &mut dyn Rng,
        start: &InitiatorStart<'_>,
        keys: Ephemeral,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let Ephemeral {
            key: ephemeral,
            kem,
        } = keys;
        let responder = start.peer.address();
        let rs = start.peer.certificate.noise_key;
        let hot = &start.local.hot;
        let e = *ephemeral.public();
        let (slots, held) = groups::fill(crypto, rng, start.credentials, &e, responder);

        let mut noise = Symmetric::start(crypto, responder, &rs);
        let mut message = Vec::with_capacity(MESSAGE_LEN);
        message.extend_from_slice(&e);
        noise.mix_ephemeral(crypto, &e);
        mix_dh(crypto, &mut noise, &*ephemeral, &rs)?;
        noise.seal(crypto, kem.encapsulation_key(), &mut message);
        noise.seal(crypto, hot.noise_public(), &mut message);
        mix_dh(crypto, &mut noise, &**hot.noise_key(), &rs)?;
        noise.seal(crypto, &payload(crypto, start, slots)?, &mut message);

        let initiator = Self {
            noise,
            ephemeral,
            own: Arc::clone(hot.noise_key()),
            kem,
            peer: start.peer.clone(),
            held,
            local_index: start.local_index,
        };
        Ok((initiator, message))
    }

    /// The index that message 2 is addressed to.
    #[must_use]
    pub fn local_index(&self) -> u32 {
        self.local_index
    }

    /// Takes message 2. `remote_index` is the sender index of its fragments, `pin` what was
    /// pinned of the peer.
    ///
    /// # Errors
    /// If it is not the peer's answer to this message 1; the initiation stands as before.
    pub fn finish(
        &self,
        crypto: &dyn Crypto,
        now: Now,
        remote_index: u32,
        message: &[u8],
        pin: Option<&Pin>,
    ) -> Result<Established, HandshakeError> {
        let view = Message2View::parse(message)?;
        let re = view.ephemeral;
        let mut noise = self.noise.clone();
        noise.mix_ephemeral(crypto, re);
        mix_dh(crypto, &mut noise, &*self.ephemeral, re)?;
        let ciphertext = open(crypto, &mut noise, view.kem_ciphertext_sealed)?;
        let mut shared = self
            .kem
            .decapsulate(&ciphertext)
            .ok_or(HandshakeError::UnusableKey)?;
        noise.mix_key(crypto, &shared);
        shared.zeroize();
        mix_dh(crypto, &mut noise, &*self.own, re)?;
        let mask = open(crypto, &mut noise, view.matched_sealed)?;
        let mask = mask
            .first_chunk()
            .map_or(0, |mask| u16::from_be_bytes(*mask));
        let mut matched = groups::of_mask(&self.held, mask).ok_or(HandshakeError::UnknownMatch)?;
        let mut psk = groups::psk(crypto, &mut matched);
        noise.mix_key_and_hash(crypto, &psk);
        psk.zeroize();
        let payload = open(crypto, &mut noise, view.payload_sealed)?;
        let payload = Payload2::decode(&payload)?;

        let mut peer = self.answerer(crypto, &payload)?;
        let pin = peer.verify_knowing(crypto, now.unix_s, pin, Some(&self.peer))?;
        peer.history = peer.history.after(&self.peer.history);
        let aead = payload.aead;
        let indices = (self.local_index, remote_index);
        Ok(Established {
            transport: transport(crypto, &noise, Role::Initiator, aead, indices, now.mono),
            binding: noise.binding(crypto),
            peer,
            pin,
            instance: payload.instance,
            inner_mtu: payload.inner_mtu,
            stream: payload.stream,
            matched: matched.iter().map(Credential::name).collect(),
            shown: payload.shown.to_vec(),
        })
    }

    /// The peer as message 2 describes it. Its static key is still the one that was called.
    fn answerer(
        &self,
        crypto: &dyn Crypto,
        payload: &Payload2<'_>,
    ) -> Result<PublicIdentity, HandshakeError> {
        let inception = self.peer.history.inception().encode();
        let entries = payload.rotations.iter();
        let peer = PublicIdentity::decode(crypto, &inception, entries, payload.certificate)?;
        if peer.certificate.noise_key != self.peer.certificate.noise_key {
            return Err(HandshakeError::OtherKey);
        }
        Ok(peer)
    }
}

impl std::fmt::Debug for Initiator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Initiator")
            .field("local_index", &self.local_index)
            .finish_non_exhaustive()
    }
}

fn payload(
    crypto: &dyn Crypto,
    start: &InitiatorStart<'_>,
    slots: groups::Slots,
) -> Result<Vec<u8>, HandshakeError> {
    let public = &start.local.public;
    let entries = public.history.encode_tail();
    let certificate = encode_certificate(public)?;
    let offered = offer(crypto);
    let payload = Payload1 {
        number: Number {
            certificate_counter: public.certificate.counter,
            handshake_count: start.handshake_count,
        },
        inception: &public.history.inception().encode(),
        rotations: Rotations::parse(&entries, ROTATIONS_HANDSHAKE_MAX)?,
        certificate: &certificate,
        slots,
        aeads: AeadOffer::parse(&offered)?,
        instance: start.terms.instance,
        inner_mtu: start.terms.inner_mtu,
        stream: Some(start.stream),
    };
    Ok(payload.encode()?)
}

/// Mixes an X25519 result into the key.
pub(super) fn mix_dh(
    crypto: &dyn Crypto,
    noise: &mut Symmetric,
    secret: &dyn X25519Key,
    public: &[u8; 32],
) -> Result<(), HandshakeError> {
    let mut shared = secret.agree(public).ok_or(HandshakeError::UnusableKey)?;
    noise.mix_key(crypto, &shared);
    shared.zeroize();
    Ok(())
}

/// Opens one sealed field.
pub(super) fn open(
    crypto: &dyn Crypto,
    noise: &mut Symmetric,
    sealed: &[u8],
) -> Result<Vec<u8>, HandshakeError> {
    noise.open(crypto, sealed).ok_or(HandshakeError::Forged)
}
