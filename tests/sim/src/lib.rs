//! The deterministic world: real nodes, simulated everything else.
//!
//! A run is a function of its seed: [`run`] builds a world of sites behind NATs, starts the very
//! `node` code that ships, plays a script of traffic and faults over it in virtual time, and
//! compares what came out with a reference model. See `script` and `bridged` for what happens,
//! `model` for what must be true, `net`, `streams` and `relays` for the faults. Every third seed
//! plays with Bridges.

pub mod bridged;
mod carry;
pub mod crypto;
pub mod host;
pub mod model;
pub mod net;
pub mod packet;
pub mod relays;
pub mod rng;
pub mod script;
pub mod strangers;
pub mod streams;
pub mod trace;
pub mod world;

use std::sync::Arc;

use crate::crypto::{SimCrypto, Witness};
use crate::model::Violation;
use crate::net::NetCounts;
use crate::relays::RelayCounts;
use crate::script::Scale;
use crate::streams::StreamCounts;
use crate::trace::Trace;
use crate::world::{Counts, World};

/// Which cryptography a run uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// [`SimCrypto`]: cheap, and a witness of nonce reuse.
    Simulated,
    /// The one that ships.
    Real,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Hash of the whole trace.
    pub trace: Trace,
    /// What the network did.
    pub net: NetCounts,
    /// What streams did.
    pub streams: StreamCounts,
    /// What Bridges did.
    pub relays: RelayCounts,
    /// What else happened.
    pub counts: Counts,
    /// Packets that arrived.
    pub deliveries: u64,
    /// Handshakes answered (simulated provider only).
    pub handshakes: u64,
    /// Broken promises; empty is the point.
    pub violations: Vec<Violation>,
}

/// Whether a seed plays with Bridges.
pub const fn has_bridges(seed: u64) -> bool {
    seed.is_multiple_of(3)
}

/// Plays one seed.
pub fn run(seed: u64, scale: Scale, provider: Provider) -> Report {
    let witness = Arc::new(Witness::default());
    let crypto: Arc<dyn identity::crypto::Crypto> = match provider {
        Provider::Simulated => Arc::new(SimCrypto {
            witness: Arc::clone(&witness),
        }),
        Provider::Real => Arc::new(identity::crypto::AwsLc),
    };
    let with_bridges = has_bridges(seed);
    let net = if with_bridges {
        bridged::sites()
    } else {
        script::sites()
    };
    let mut world = World::new(seed, net, crypto, provider == Provider::Simulated);
    if with_bridges {
        bridged::play(&mut world, scale);
    } else {
        script::play(&mut world, scale);
    }
    if witness.reused() > 0 {
        world.violate(Violation::NonceReuse(witness.reused()));
    }
    Report {
        seed,
        trace: world.trace,
        net: world.net.counts,
        streams: world.streams.counts,
        relays: world.relays.counts,
        counts: world.counts,
        deliveries: world.model.deliveries,
        handshakes: witness.handshakes(),
        violations: world.violations,
    }
}
