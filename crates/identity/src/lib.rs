//! Layer 0: who a node is, and the proofs of it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`crypto`] | the one door to cryptography: hashes, X25519, Ed25519, ML-KEM-768, AEADs, random bytes |
//!
//! This crate never touches a disk, a clock or a source of entropy: bytes, times and
//! random numbers are arguments. Formats are those of `docs/protocol/session.md`, section 1.
#![forbid(unsafe_code)]

pub mod crypto;
