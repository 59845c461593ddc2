//! Nodes for the tests of this crate.

use identity::crypto::{AwsLc, HashRng};
use identity::{
    HotKeys, Inception, LocalIdentity, NewIdentity, PublicIdentity, Scopes, Terms,
    issue_certificate, rotate,
};
use std::sync::Arc;
use wire::Now;

/// The Unix time at which the tests play.
pub(crate) const UNIX_S: u64 = 1_800_000_000;

/// A moment, `ms` after the start of the process.
pub(crate) fn at(ms: u64) -> Now {
    Now {
        mono: std::time::Duration::from_millis(ms),
        unix_s: UNIX_S + ms / 1000,
    }
}

/// A node with a certificate of counter `counter`.
pub(crate) fn node_with(seed: u8, counter: u64) -> (Arc<LocalIdentity>, NewIdentity) {
    let mut rng = HashRng::new([seed; 32]);
    let new = Inception::create(&AwsLc, &mut rng, None).unwrap();
    let hot = HotKeys::generate(&AwsLc, &mut rng);
    let local = certify(&new, hot, counter);
    (local, new)
}

/// A node.
pub(crate) fn node(seed: u8) -> Arc<LocalIdentity> {
    node_with(seed, 1).0
}

/// The same node after it rotated its root key, with the same hot keys.
pub(crate) fn rotated(seed: u8) -> Arc<LocalIdentity> {
    let (_, new) = node_with(seed, 1);
    let mut rng = HashRng::new([seed; 32]);
    Inception::create(&AwsLc, &mut rng, None).unwrap();
    let hot = HotKeys::generate(&AwsLc, &mut rng);
    let next = rotate(&AwsLc, &mut rng, &new.history, new.next).unwrap();
    let new = NewIdentity {
        history: next.history,
        root: next.root,
        next: next.next,
    };
    certify(&new, hot, 2)
}

fn certify(new: &NewIdentity, hot: HotKeys, counter: u64) -> Arc<LocalIdentity> {
    let terms = Terms {
        counter,
        not_before_unix_s: UNIX_S - 1000,
        not_after_unix_s: UNIX_S + 30 * 86_400,
        scopes: Scopes::ALL,
    };
    let certificate = issue_certificate(&AwsLc, &new.root, &new.history, &hot, &terms).unwrap();
    let public = PublicIdentity {
        history: new.history.clone(),
        certificate,
    };
    Arc::new(LocalIdentity::new(public, hot).unwrap())
}
