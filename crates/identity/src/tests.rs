//! Lives of identities.
