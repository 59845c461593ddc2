//! Cookies: how a Bridge under load learns that an initiator receives at its address, before
//! it spends a public-key operation on it (specification, section 3.5).
//!
//! [`CookieSecret`] is the side of the Bridge, [`CookieJar`] that of the initiator. A Bridge
//! keeps no state for an initiator: the cookie is a MAC over its address.

use crate::constants::COOKIE_SECRET_LIFE;
use crate::fragment::{Cookie, verify_mac2};
use identity::crypto::{AeadAlg, Crypto, Rng, random};
use std::net::SocketAddr;
use std::time::Duration;
use wire::datagram::{COOKIE_REPLY_LEN, CookieView, FragmentView, MAC_LEN};
use wire::{Endpoint, NodeAddr};
use zeroize::Zeroize;

const NONCE: [u8; 12] = [0; 12];

/// What the cookies of a Bridge are made from. Changes every 120 s; cookies of the secret
/// before are still accepted, so that one just given out works.
pub struct CookieSecret {
    current: Option<([u8; 32], Duration)>,
    previous: Option<([u8; 32], Duration)>,
}

impl Default for CookieSecret {
    fn default() -> Self {
        Self::new()
    }
}

impl CookieSecret {
    /// No secret yet; the first reply makes one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            current: None,
            previous: None,
        }
    }

    /// Whether MAC2 of a fragment is right for its source.
    #[must_use]
    pub fn verify(
        &self,
        crypto: &dyn Crypto,
        now: Duration,
        from: SocketAddr,
        fragment: &FragmentView<'_>,
    ) -> bool {
        [(&self.current, 1), (&self.previous, 2)]
            .into_iter()
            .filter_map(|(secret, lives)| secret.as_ref().map(|(s, made)| (s, made, lives)))
            .filter(|(_, made, lives)| now < made.saturating_add(COOKIE_SECRET_LIFE * *lives))
            .any(|(secret, _, _)| verify_mac2(crypto, &cookie(crypto, secret, from), fragment))
    }

    /// The 56-byte answer to a fragment whose MAC1 is right. `None` to a shorter datagram: a
    /// reply is never longer than what it answers.
    pub fn reply(
        &mut self,
        crypto: &dyn Crypto,
        rng: &mut dyn Rng,
        now: Duration,
        own: NodeAddr,
        from: SocketAddr,
        fragment: &FragmentView<'_>,
    ) -> Option<Vec<u8>> {
        if fragment.mac2_covers.len() + MAC_LEN < COOKIE_REPLY_LEN {
            return None;
        }
        let secret = self.fresh(rng, now);
        let mut sealed = cookie(crypto, &secret, from);
        let nonce: [u8; 16] = random(rng);
        let key = reply_key(crypto, own, &nonce);
        let tag = crypto.aead(AeadAlg::ChaCha20Poly1305, &key).seal_in_place(
            &NONCE,
            fragment.mac1,
            &mut sealed,
        );
        let reply = CookieView {
            receiver: fragment.header.sender,
            nonce: &nonce,
            sealed: &sealed,
            tag: &tag,
        };
        Some(reply.encode())
    }

    fn fresh(&mut self, rng: &mut dyn Rng, now: Duration) -> [u8; 32] {
        match self.current {
            Some((secret, made)) if now < made.saturating_add(COOKIE_SECRET_LIFE) => secret,
            old => {
                self.previous = old;
                let secret = random(rng);
                self.current = Some((secret, now));
                secret
            }
        }
    }
}

impl Drop for CookieSecret {
    fn drop(&mut self) {
        for (secret, _) in [&mut self.current, &mut self.previous]
            .into_iter()
            .flatten()
        {
            secret.zeroize();
        }
    }
}

/// What an initiator keeps to use a cookie: the MAC1s it sent last, and the cookie got.
#[derive(Debug, Default)]
pub struct CookieJar {
    mac1s: Vec<[u8; 16]>,
    cookie: Option<(Cookie, Duration)>,
}

impl CookieJar {
    /// Nothing sent, no cookie.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes the fragments of message 1 as they were sent, in place of the earlier ones.
    pub fn sent(&mut self, datagrams: &[Vec<u8>]) {
        self.mac1s = datagrams
            .iter()
            .filter_map(|datagram| {
                let (before, _) = datagram.split_last_chunk::<16>()?;
                before.last_chunk::<16>().copied()
            })
            .collect();
    }

    /// Takes a cookie reply of `peer`; whether it holds a cookie for what was sent.
    pub fn handle_reply(
        &mut self,
        crypto: &dyn Crypto,
        now: Duration,
        peer: NodeAddr,
        reply: &CookieView<'_>,
    ) -> bool {
        let key = reply_key(crypto, peer, reply.nonce);
        let aead = crypto.aead(AeadAlg::ChaCha20Poly1305, &key);
        for mac1 in &self.mac1s {
            let mut cookie = *reply.sealed;
            if aead.open_in_place(&NONCE, mac1, &mut cookie, reply.tag) {
                self.cookie = Some((cookie, now));
                return true;
            }
        }
        false
    }

    /// The cookie to key MAC2 with, while it lives.
    #[must_use]
    pub fn cookie(&self, now: Duration) -> Option<&Cookie> {
        self.cookie
            .as_ref()
            .filter(|(_, got)| now < got.saturating_add(COOKIE_SECRET_LIFE))
            .map(|(cookie, _)| cookie)
    }
}

fn cookie(crypto: &dyn Crypto, secret: &[u8; 32], from: SocketAddr) -> Cookie {
    let mac = crypto.hmac(secret, &[&Endpoint::new(from).to_bytes()]);
    let mut cookie = [0; 16];
    for (to, from) in cookie.iter_mut().zip(mac) {
        *to = from;
    }
    cookie
}

fn reply_key(crypto: &dyn Crypto, bridge: NodeAddr, nonce: &[u8; 16]) -> [u8; 32] {
    crypto.sha256(&[b"kumihimo cookie v1", bridge.as_bytes(), nonce])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fragment::{Mac1Key, cut};
    use identity::crypto::{AwsLc, HashRng};
    use wire::datagram::{Datagram, Message};

    const BRIDGE: NodeAddr = NodeAddr([0xfc; 16]);

    fn from(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn message_1(jar: &CookieJar, now: Duration) -> Vec<Vec<u8>> {
        let key = Mac1Key::new(&AwsLc, BRIDGE);
        cut(
            &AwsLc,
            &key,
            jar.cookie(now),
            Message::One,
            5,
            0,
            &[1; 2304],
        )
        .unwrap()
    }

    fn fragment(datagram: &[u8]) -> FragmentView<'_> {
        match Datagram::parse(datagram) {
            Ok(Datagram::Fragment(view)) => view,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_cookie_works_for_its_address_while_it_lives() {
        let (mut rng, mut secret) = (HashRng::new([1; 32]), CookieSecret::new());
        let mut jar = CookieJar::new();
        let t = Duration::from_secs(1000);
        let sent = message_1(&jar, t);
        jar.sent(&sent);
        assert!(!secret.verify(&AwsLc, t, from(1), &fragment(&sent[0])));

        let reply = secret
            .reply(&AwsLc, &mut rng, t, BRIDGE, from(1), &fragment(&sent[1]))
            .unwrap();
        assert_eq!(reply.len(), 56);
        let Ok(Datagram::Cookie(view)) = Datagram::parse(&reply) else {
            panic!("not a cookie reply");
        };
        assert_eq!(view.receiver, 5);
        assert!(!jar.handle_reply(&AwsLc, t, NodeAddr([0xfd; 16]), &view));
        assert!(jar.handle_reply(&AwsLc, t, BRIDGE, &view));

        let sent = message_1(&jar, t);
        let verify = |secs, port| {
            let now = Duration::from_secs(secs);
            secret.verify(&AwsLc, now, from(port), &fragment(&sent[0]))
        };
        assert!(verify(1000, 1));
        assert!(!verify(1000, 2));
        assert!(verify(1119, 1));
        assert!(!verify(1120, 1));
        assert_eq!(jar.cookie(t + COOKIE_SECRET_LIFE), None);
    }

    #[test]
    fn a_reply_to_something_else_is_not_taken() {
        let (mut rng, mut secret) = (HashRng::new([1; 32]), CookieSecret::new());
        let mut jar = CookieJar::new();
        let sent = message_1(&jar, Duration::ZERO);
        let view = fragment(&sent[0]);
        let reply = secret
            .reply(&AwsLc, &mut rng, Duration::ZERO, BRIDGE, from(1), &view)
            .unwrap();
        let Ok(Datagram::Cookie(view)) = Datagram::parse(&reply) else {
            panic!("not a cookie reply");
        };
        assert!(!jar.handle_reply(&AwsLc, Duration::ZERO, BRIDGE, &view));
        assert_eq!(jar.cookie(Duration::ZERO), None);
    }

    #[test]
    fn the_secret_before_is_accepted_until_its_second_life_ends() {
        let (mut rng, mut secret) = (HashRng::new([1; 32]), CookieSecret::new());
        let mut jar = CookieJar::new();
        let t = Duration::from_secs;
        let sent = message_1(&jar, t(0));
        jar.sent(&sent);
        let reply = secret
            .reply(&AwsLc, &mut rng, t(0), BRIDGE, from(1), &fragment(&sent[0]))
            .unwrap();
        let Ok(Datagram::Cookie(view)) = Datagram::parse(&reply) else {
            panic!("not a cookie reply");
        };
        assert!(jar.handle_reply(&AwsLc, t(0), BRIDGE, &view));
        let with_cookie = message_1(&jar, t(0));
        secret.reply(
            &AwsLc,
            &mut rng,
            t(120),
            BRIDGE,
            from(2),
            &fragment(&sent[0]),
        );
        assert!(secret.verify(&AwsLc, t(121), from(1), &fragment(&with_cookie[0])));
        assert!(!secret.verify(&AwsLc, t(240), from(1), &fragment(&with_cookie[0])));
        secret.reply(
            &AwsLc,
            &mut rng,
            t(240),
            BRIDGE,
            from(2),
            &fragment(&sent[0]),
        );
        assert!(!secret.verify(&AwsLc, t(241), from(1), &fragment(&with_cookie[0])));
    }

    #[test]
    fn a_reply_is_never_longer_than_what_it_answers() {
        let (mut rng, mut secret) = (HashRng::new([1; 32]), CookieSecret::new());
        let key = Mac1Key::new(&AwsLc, BRIDGE);
        for body_len in 0..20 {
            let body = vec![1; body_len];
            let datagrams = cut(&AwsLc, &key, None, Message::One, 5, 0, &body).unwrap();
            for datagram in &datagrams {
                let view = fragment(datagram);
                let reply = secret.reply(&AwsLc, &mut rng, Duration::ZERO, BRIDGE, from(1), &view);
                let longest = reply.as_ref().map_or(0, Vec::len);
                assert!(longest <= datagram.len());
                assert_eq!(reply.is_some(), datagram.len() >= COOKIE_REPLY_LEN);
            }
        }
    }
}
