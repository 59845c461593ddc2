//! What a node keeps about Bridges while it runs: those that it uses, and its clients if it is one.

pub(crate) mod link;
pub(crate) mod serving;
