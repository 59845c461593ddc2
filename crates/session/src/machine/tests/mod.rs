//! Conversations of two sessions over a link that loses, repeats, delays and is listened to.

mod continuing;
mod handshakes;
mod hostile;
mod life;
mod pair;
mod paths;
mod traffic;
