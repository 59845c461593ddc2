//! The responder: message 1 in, message 2 out, with the caller's decision in between.

use super::groups::{self, Credential, CredentialName};
use super::initiator::{mix_dh, open};
use super::noise::Symmetric;
use super::{
    Established, HandshakeError, Instance, StreamId, Terms, choose, encode_certificate, transport,
};
use crate::transport::Role;
use identity::crypto::{AeadAlg, Crypto, Rng, random};
use identity::{LocalIdentity, Pin, PublicIdentity};
use wire::handshake::{MESSAGE_LEN, Message1View, Number, Payload1, Payload2};
use wire::statement::{ROTATIONS_HANDSHAKE_MAX, Rotations};
use wire::{NodeAddr, Now};
use zeroize::{Zeroize, Zeroizing};

/// Opens messages 1 to this node.
pub struct Responder<'a> {
    /// This node.
    pub local: &'a LocalIdentity,
    /// What it looks for in the group slots; asked for only when the message is authentic, since a
    /// Bridge may have a thousand.
    pub credentials: &'a dyn Fn() -> Vec<Credential>,
}

/// What a message 1 says. Its sender holds the static key of the certificate in it; whether
/// that certificate is worth anything is for [`Claim::verify`].
pub struct Claim {
    noise: Symmetric,
    re: [u8; 32],
    kem_key: Vec<u8>,
    peer: PublicIdentity,
    address: NodeAddr,
    number: Number,
    found: Vec<(usize, Credential)>,
    aead: AeadAlg,
    instance: Instance,
    inner_mtu: u16,
    stream: Option<StreamId>,
}

impl Responder<'_> {
    /// Opens message 1.
    ///
    /// # Errors
    /// If it is not for this node, was changed, or does not have its format. Nothing changes.
    pub fn open(&self, crypto: &dyn Crypto, message: &[u8]) -> Result<Claim, HandshakeError> {
        let view = Message1View::parse(message)?;
        let hot = &self.local.hot;
        let own = self.local.public.address();
        let re = view.ephemeral;
        let mut noise = Symmetric::start(crypto, own, hot.noise_public());
        noise.mix_ephemeral(crypto, re);
        mix_dh(crypto, &mut noise, &**hot.noise_key(), re)?;
        let kem_key = open(crypto, &mut noise, view.kem_key_sealed)?;
        let rs = open(crypto, &mut noise, view.static_sealed)?;
        let rs: &[u8; 32] = rs.first_chunk().ok_or(HandshakeError::Forged)?;
        mix_dh(crypto, &mut noise, &**hot.noise_key(), rs)?;
        let payload = open(crypto, &mut noise, view.payload_sealed)?;
        let payload = Payload1::decode(&payload)?;

        let entries = payload.rotations.iter();
        let peer = PublicIdentity::decode(crypto, payload.inception, entries, payload.certificate)?;
        if peer.certificate.noise_key != *rs {
            return Err(HandshakeError::OtherKey);
        }
        if payload.number.certificate_counter != peer.certificate.counter {
            return Err(HandshakeError::OtherNumber);
        }
        let offered: Vec<AeadAlg> = payload.aeads.iter().collect();
        Ok(Claim {
            found: groups::find(crypto, &(self.credentials)(), &payload.slots, re, own),
            aead: choose(crypto, &offered).ok_or(HandshakeError::NoCommonCipher)?,
            address: peer.address(),
            noise,
            re: *re,
            kem_key,
            peer,
            number: payload.number,
            instance: payload.instance,
            inner_mtu: payload.inner_mtu,
            stream: payload.stream,
        })
    }
}

impl Claim {
    /// The F that the initiator claims.
    #[must_use]
    pub fn address(&self) -> NodeAddr {
        self.address
    }

    /// The statements, not verified.
    #[must_use]
    pub fn identity(&self) -> &PublicIdentity {
        &self.peer
    }

    /// Orders the initiations of this F; the caller drops what is not above the last one.
    #[must_use]
    pub fn number(&self) -> Number {
        self.number
    }

    /// The initiator's run.
    #[must_use]
    pub fn instance(&self) -> Instance {
        self.instance
    }

    /// The control stream that the initiator would continue, [`super::NO_STREAM`] for none;
    /// `None` if it does not say.
    #[must_use]
    pub fn stream(&self) -> Option<StreamId> {
        self.stream
    }

    /// The credentials that both ends hold.
    pub fn matched(&self) -> impl Iterator<Item = CredentialName> + '_ {
        self.found.iter().map(|(_, credential)| credential.name())
    }

    /// Drops matches that this node does not want to admit, for example a used invite.
    pub fn retain_matched(&mut self, mut keep: impl FnMut(CredentialName) -> bool) {
        self.found.retain(|(_, credential)| keep(credential.name()));
    }

    /// Verifies the statements against what was pinned of this F; `known` was believed with that pin.
    ///
    /// # Errors
    /// If they do not hold at `now`, or are older than the pin.
    pub fn verify(
        self,
        crypto: &dyn Crypto,
        now: Now,
        pin: Option<&Pin>,
        known: Option<&PublicIdentity>,
    ) -> Result<Verified, HandshakeError> {
        #[cfg(feature = "sabotage")]
        let pin = pin.filter(|_| !crate::sabotage::is(crate::sabotage::Sabotage::IgnorePin));
        let pin = self.peer.verify_knowing(crypto, now.unix_s, pin, known)?;
        Ok(Verified { claim: self, pin })
    }
}

/// A message 1 whose statements hold.
pub struct Verified {
    claim: Claim,
    pin: Pin,
}

impl Verified {
    /// What it says.
    #[must_use]
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// What to pin of its sender.
    #[must_use]
    pub fn pin(&self) -> Pin {
        self.pin
    }

    /// Answers: message 2 and the keys. The caller has stored the number before.
    /// `remote_index` is the sender index of the fragments of message 1.
    ///
    /// # Errors
    /// If a public key in message 1 is unusable, or a field of this node does not fit.
    pub fn accept(
        self,
        crypto: &dyn Crypto,
        rng: &mut dyn Rng,
        now: Now,
        accept: &Accept<'_>,
    ) -> Result<(Vec<u8>, Established), HandshakeError> {
        let Self { claim, pin } = self;
        let Claim { mut noise, re, .. } = claim;
        let ephemeral = crypto.x25519_key(&Zeroizing::new(random::<32>(rng)));
        let e = *ephemeral.public();
        let mut message = Vec::with_capacity(MESSAGE_LEN);
        message.extend_from_slice(&e);
        noise.mix_ephemeral(crypto, &e);
        mix_dh(crypto, &mut noise, &*ephemeral, &re)?;
        let (ciphertext, mut shared) = crypto
            .kem_encapsulate(rng, &claim.kem_key)
            .ok_or(HandshakeError::UnusableKey)?;
        noise.seal(crypto, &ciphertext, &mut message);
        noise.mix_key(crypto, &shared);
        shared.zeroize();
        mix_dh(
            crypto,
            &mut noise,
            &*ephemeral,
            &claim.peer.certificate.noise_key,
        )?;
        let mask = groups::mask(&claim.found);
        noise.seal(crypto, &mask.to_be_bytes(), &mut message);
        let mut matched: Vec<Credential> = claim.found.into_iter().map(|(_, c)| c).collect();
        let mut psk = groups::psk(crypto, &mut matched);
        noise.mix_key_and_hash(crypto, &psk);
        psk.zeroize();
        noise.seal(crypto, &accept.payload(claim.aead)?, &mut message);

        let indices = (accept.local_index, accept.remote_index);
        let established = Established {
            transport: transport(
                crypto,
                &noise,
                Role::Responder,
                claim.aead,
                indices,
                now.mono,
            ),
            binding: noise.binding(crypto),
            peer: claim.peer,
            pin,
            instance: claim.instance,
            inner_mtu: claim.inner_mtu,
            stream: claim.stream,
            matched: matched.iter().map(Credential::name).collect(),
            shown: Vec::new(),
        };
        Ok((message, established))
    }
}

/// What an answer needs.
pub struct Accept<'a> {
    /// This node.
    pub local: &'a LocalIdentity,
    /// What it says about itself.
    pub terms: Terms,
    /// The control stream that goes on, or [`super::NO_STREAM`].
    pub stream: StreamId,
    /// What it shows of its groups: at most [`wire::handshake::SHOWN_LEN_MAX`] bytes.
    pub shown: &'a [u8],
    /// The index that the peer puts into its packets; random, not zero, not in use.
    pub local_index: u32,
    /// The sender index of message 1.
    pub remote_index: u32,
}

impl Accept<'_> {
    fn payload(&self, aead: AeadAlg) -> Result<Vec<u8>, HandshakeError> {
        let public = &self.local.public;
        let entries = public.history.encode_tail();
        let payload = Payload2 {
            rotations: Rotations::parse(&entries, ROTATIONS_HANDSHAKE_MAX)?,
            certificate: &encode_certificate(public)?,
            aead,
            instance: self.terms.instance,
            inner_mtu: self.terms.inner_mtu,
            stream: Some(self.stream),
            shown: self.shown,
        };
        Ok(payload.encode()?)
    }
}
