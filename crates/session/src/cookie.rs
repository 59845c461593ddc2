//! Cookies: how a Bridge under load learns that an initiator receives at its address, before
//! it spends a public-key operation on it (specification, section 3.5).
//!
//! [`CookieSecret`] is the side of the Bridge, [`CookieJar`] that of the initiator. A Bridge
//! keeps no state for an initiator: the cookie is a MAC over its address.

use crate::constants::COOKIE_SECRET_LIFE;
use crate::fragment::{Cookie, mac, verify_mac2};
use identity::crypto::{AeadAlg, Crypto, Rng, random};
use std::net::SocketAddr;
use std::time::Duration;
use wire::datagram::{COOKIE_REPLY_LEN, CookieView, FragmentView, MAC_LEN};
use wire::{Endpoint, NodeAddr};
use zeroize::Zeroizing;

const NONCE: [u8; 12] = [0; 12];

/// What the cookies of a Bridge are made from: a secret for each 120 s. A cookie is accepted in
/// the 120 s that it was made in and in the next, so that one just given out works.
///
/// It never changes, so any number of threads use it at once.
pub struct CookieSecret {
    /// With the number of the 120 s behind it this is the secret.
    root: Zeroizing<[u8; 32]>,
    /// The first half of every nonce.
    nonces: [u8; 8],
}

impl CookieSecret {
    /// A fresh one.
    #[must_use]
    pub fn new(rng: &mut dyn Rng) -> Self {
        Self {
            root: Zeroizing::new(random(rng)),
            nonces: random(rng),
        }
    }

    /// Whether MAC2 of a fragment is right for its source; `now` is monotonic.
    #[must_use]
    pub fn verify(
        &self,
        crypto: &dyn Crypto,
        now: Duration,
        from: SocketAddr,
        fragment: &FragmentView<'_>,
    ) -> bool {
        if *fragment.mac2 == [0; MAC_LEN] {
            return false;
        }
        let period = period(now);
        [Some(period), period.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|period| verify_mac2(crypto, &self.cookie(crypto, period, from), fragment))
    }

    /// The answer to a fragment whose MAC1 is right; `number` is one that was never given
    /// before. `None` to a shorter datagram: a reply is never longer than what it answers.
    #[must_use]
    pub fn reply(
        &self,
        crypto: &dyn Crypto,
        number: u64,
        now: Duration,
        own: NodeAddr,
        from: SocketAddr,
        fragment: &FragmentView<'_>,
    ) -> Option<[u8; COOKIE_REPLY_LEN]> {
        if fragment.mac2_covers.len() + MAC_LEN < COOKIE_REPLY_LEN {
            return None;
        }
        let mut sealed = self.cookie(crypto, period(now), from);
        let mut nonce = [0; 16];
        let halves = self.nonces.into_iter().chain(number.to_be_bytes());
        nonce
            .iter_mut()
            .zip(halves)
            .for_each(|(to, from)| *to = from);
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

    fn cookie(&self, crypto: &dyn Crypto, period: u64, from: SocketAddr) -> Cookie {
        let mut secret = Zeroizing::new([0; 40]);
        let parts = self.root.iter().copied().chain(period.to_be_bytes());
        secret
            .iter_mut()
            .zip(parts)
            .for_each(|(to, from)| *to = from);
        mac(crypto, &*secret, &Endpoint::new(from).to_bytes())
    }
}

/// The number of the 120 s that `now` lies in.
const fn period(now: Duration) -> u64 {
    now.as_secs() / COOKIE_SECRET_LIFE.as_secs()
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

    fn secret() -> CookieSecret {
        CookieSecret::new(&mut HashRng::new([1; 32]))
    }

    fn reply_view(reply: &[u8]) -> CookieView<'_> {
        match Datagram::parse(reply) {
            Ok(Datagram::Cookie(view)) => view,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_cookie_works_for_its_address_while_it_lives() {
        let (secret, mut jar) = (secret(), CookieJar::new());
        // The last second of the 120 that its secret is for.
        let t = Duration::from_secs(1079);
        let sent = message_1(&jar, t);
        jar.sent(&sent);
        assert!(!secret.verify(&AwsLc, t, from(1), &fragment(&sent[0])));

        let reply = secret.reply(&AwsLc, 0, t, BRIDGE, from(1), &fragment(&sent[1]));
        let reply = reply.unwrap();
        let view = reply_view(&reply);
        assert_eq!((reply.len(), view.receiver), (56, 5));
        assert!(!jar.handle_reply(&AwsLc, t, NodeAddr([0xfd; 16]), &view));
        assert!(jar.handle_reply(&AwsLc, t, BRIDGE, &view));

        let sent = message_1(&jar, t);
        let verify = |secs, port| {
            let now = Duration::from_secs(secs);
            secret.verify(&AwsLc, now, from(port), &fragment(&sent[0]))
        };
        assert!(verify(1079, 1) && verify(1080, 1));
        assert!(!verify(1079, 2) && !verify(1080, 2));
        assert!(verify(1199, 1));
        assert!(!verify(1200, 1));
        assert_eq!(jar.cookie(t + COOKIE_SECRET_LIFE), None);
    }

    #[test]
    fn a_reply_to_something_else_is_not_taken() {
        let mut jar = CookieJar::new();
        let sent = message_1(&jar, Duration::ZERO);
        let view = fragment(&sent[0]);
        let reply = secret().reply(&AwsLc, 0, Duration::ZERO, BRIDGE, from(1), &view);
        let reply = reply.unwrap();
        assert!(!jar.handle_reply(&AwsLc, Duration::ZERO, BRIDGE, &reply_view(&reply)));
        assert_eq!(jar.cookie(Duration::ZERO), None);
    }

    #[test]
    fn no_two_replies_have_the_same_nonce() {
        let sent = message_1(&CookieJar::new(), Duration::ZERO);
        let view = fragment(&sent[0]);
        let other = CookieSecret::new(&mut HashRng::new([2; 32]));
        let nonces: std::collections::BTreeSet<[u8; 16]> =
            [(secret(), 0), (secret(), 1), (other, 0)]
                .iter()
                .filter_map(|(secret, n)| {
                    secret.reply(&AwsLc, *n, Duration::ZERO, BRIDGE, from(1), &view)
                })
                .map(|reply| *reply_view(&reply).nonce)
                .collect();
        assert_eq!(nonces.len(), 3);
    }

    #[test]
    fn a_reply_is_never_longer_than_what_it_answers() {
        let key = Mac1Key::new(&AwsLc, BRIDGE);
        for body_len in 0..20 {
            let body = vec![1; body_len];
            let datagrams = cut(&AwsLc, &key, None, Message::One, 5, 0, &body).unwrap();
            for datagram in &datagrams {
                let view = fragment(datagram);
                let reply = secret().reply(&AwsLc, 0, Duration::ZERO, BRIDGE, from(1), &view);
                let longest = reply.as_ref().map_or(0, |reply| reply.len());
                assert!(longest <= datagram.len());
                assert_eq!(reply.is_some(), datagram.len() >= COOKIE_REPLY_LEN);
            }
        }
    }
}
