//! The deterministic world: real nodes, simulated everything else.

pub mod net;
pub mod rng;
