//! The responder beside a node that is in no group; the lab has the others.

use super::*;
use group::responder::PROBE;
use identity::crypto::{AwsLc, Crypto, HashRng};
use identity::{
    HotKeys, Inception, LocalIdentity, PublicIdentity, Scopes, Terms, issue_certificate,
};
use node::{NodeConfig, Stored};
use std::sync::Arc;

const NOW: Now = Now {
    mono: Duration::from_secs(100),
    unix_s: 1_800_000_000,
};

fn node() -> Node {
    let mut rng = HashRng::new([1; 32]);
    let new = Inception::create(&AwsLc, &mut rng, None).unwrap();
    let hot = HotKeys::generate(&AwsLc, &mut rng);
    let terms = Terms {
        counter: 1,
        not_before_unix_s: NOW.unix_s - 10,
        not_after_unix_s: NOW.unix_s + 1_000,
        scopes: Scopes::ALL,
    };
    let certificate = issue_certificate(&AwsLc, &new.root, &new.history, &hot, &terms).unwrap();
    let public = PublicIdentity {
        history: new.history,
        certificate,
    };
    let me = LocalIdentity::new(public, hot).unwrap();
    let crypto: Arc<dyn Crypto> = Arc::new(AwsLc);
    let (config, stored) = (NodeConfig::default(), Stored::default());
    Node::new(config, me, stored, crypto, [2; 32], NOW).unwrap()
}

fn responder(node: &Node) -> Responder {
    let status = node.status(NOW);
    Responder::new([status.f, status.alias].map(NodeAddr::to_ipv6))
}

fn question(name: &str) -> Vec<u8> {
    let mut message = vec![5, 5, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 28, 0, 1]);
    message
}

fn packet(src: Ipv6Addr, dst: (Ipv6Addr, u16), payload: &[u8]) -> Vec<u8> {
    let src = (src, 40_000);
    Datagram6 { src, dst, payload }.encode().unwrap()
}

/// The code of an answer, if it is one to that address.
fn code(taken: &Taken, to: Ipv6Addr) -> Option<u8> {
    let Taken::Yes(Some(answer)) = taken else {
        return None;
    };
    let view = IpView::parse(answer).unwrap();
    let answer = Datagram6::parse_view(&view).ok()?;
    assert_eq!((answer.src, answer.dst), ((ADDRESS, PORT), (to, 40_000)));
    Some(answer.payload[3] & 15)
}

#[test]
fn questions_of_this_machine_are_answered_and_no_others() {
    let mut node = node();
    let mut responder = responder(&node);
    let (own, alias) = (responder.own[0], responder.own[1]);
    let mut ask = |src, dst, payload: &[u8]| {
        let packet = packet(src, dst, payload);
        responder.handle(&mut node, NOW, &packet)
    };
    let there = (ADDRESS, PORT);
    for src in [own, alias] {
        assert_eq!(code(&ask(src, there, &question(PROBE)), src), Some(0));
        // In no group there is nobody to ask.
        assert_eq!(
            code(&ask(src, there, &question("ada.lab.kumi")), src),
            Some(3)
        );
        assert_eq!(
            code(&ask(src, there, &question("example.com")), src),
            Some(5)
        );
    }
    let stranger: Ipv6Addr = "fc99::9".parse().unwrap();
    assert_eq!(ask(stranger, there, &question(PROBE)), Taken::Yes(None));
    // Not a question: nothing; another port, or too much: an ICMP error.
    assert_eq!(ask(own, there, b"no"), Taken::Yes(None));
    for (dst, len) in [((ADDRESS, 54), 30), (there, QUESTION_LEN_MAX + 1)] {
        let taken = ask(own, dst, &vec![0; len]);
        assert!(matches!(&taken, Taken::Yes(Some(_))), "{taken:?}");
        assert_eq!(code(&taken, own), None);
    }
    assert_eq!(ask(own, (stranger, PORT), &question(PROBE)), Taken::No);
    assert_eq!(responder.handle(&mut node, NOW, b"nonsense"), Taken::No);
}

#[test]
fn names_that_are_looked_for_and_questions_that_wait_are_bounded() {
    let mut node = node();
    let mut responder = responder(&node);
    let asker = || Asker {
        from: (responder.own[0], 40_000),
        message: question("ada.lab.kumi"),
    };
    let name = |number: usize| MemberName::parse(&format!("m{number}.lab")).unwrap();
    let later = asker().answer(&Found::Later);
    // As if servers had been asked.
    let [server, other]: [NodeAddr; 2] = ["fc01::1", "fc02::2"].map(|it| it.parse().unwrap());
    let lookups = (0..LOOKUPS_MAX).map(|number| Lookup {
        name: name(number),
        open: vec![server, other],
        until: NOW.mono + WAIT,
        askers: vec![asker()],
    });
    let lookups: Vec<Lookup> = lookups.collect();
    let more = [asker(), asker()];
    let again: Vec<Asker> = (0..=ASKERS_MAX).map(|_| asker()).collect();
    responder.lookups = lookups;
    let [one, two] = more;
    assert_eq!(
        responder.look_for(&mut node, NOW, name(LOOKUPS_MAX), one),
        later
    );
    let waits = again
        .into_iter()
        .map(|asker| responder.look_for(&mut node, NOW, name(0), asker));
    let waits: Vec<_> = waits.collect();
    assert_eq!(
        waits.iter().filter(|it| it.is_none()).count(),
        ASKERS_MAX - 1
    );
    assert_eq!(responder.lookups.len(), LOOKUPS_MAX);
    // One is found, the others are told to ask again.
    let found = (Some("fc77::7".parse().unwrap()), server);
    assert_eq!(responder.named(&node, &name(0), found).len(), ASKERS_MAX);
    assert_eq!(responder.named(&node, &name(0), found).len(), 0);
    // One server may be asked twice, and says twice that it does not know; the other may.
    for (by, told) in [(server, 0), (server, 0), (other, 1)] {
        assert_eq!(responder.named(&node, &name(1), (None, by)).len(), told);
    }
    assert_eq!(responder.poll_timeout(), Some(NOW.mono + WAIT));
    let over = Now {
        mono: NOW.mono + WAIT,
        ..NOW
    };
    assert_eq!(responder.handle_timeout(over).len(), LOOKUPS_MAX - 2);
    assert_eq!(responder.poll_timeout(), None);
    // Nobody to ask: nothing waits; and only so many are asked for in a second.
    assert_eq!(responder.look_for(&mut node, NOW, name(0), two), later);
    let asked = (0..2 * LOOKUPS_PER_SECOND_MAX).filter(|_| responder.may_ask(over));
    assert_eq!(asked.count(), LOOKUPS_PER_SECOND_MAX as usize);
}
