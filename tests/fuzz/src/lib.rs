//! One fuzz target per decoder that a stranger's bytes can reach.
//!
//! A target takes any bytes, must not panic, and asserts what holds for all bytes: what was read
//! is written back the same. [`TARGETS`] is used three ways:
//!
//! - `tests/replay.rs`, in every test run: the committed corpus and deterministic
//!   mutations of it ([`mutate`]);
//! - `campaign/`, by `campaign.sh SECONDS`: libFuzzer on the nightly toolchain, for longer;
//! - `cargo xtask decoders`: `decoders.toml` names the target and corpus of every decoder.
//!
//! To add a decoder: a function here, a line in [`TARGETS`] and in `decoders.toml`, its seeds
//! in [`seeds`], then `UPDATE_CORPUS=1 cargo test -p fuzz`. A file that a campaign found is added
//! to the corpus under a name that does not start with `seed-`, and stays.

pub mod dns_targets;
pub mod group_targets;
pub mod identity_targets;
pub mod locked_targets;
pub mod mutate;
pub mod offload_targets;
pub mod seeds;
pub mod wire_targets;

/// What a target is: a function that any bytes are fed to.
pub type Target = fn(&[u8]);

/// Every target by name; `tests/fuzz/corpus/` has a folder of the same name for each.
pub const TARGETS: &[(&str, Target)] = &[
    ("admin_key", wire_targets::admin_key),
    ("aeads", wire_targets::aeads),
    ("beacon", wire_targets::beacon),
    ("control", wire_targets::control),
    ("datagram", wire_targets::datagram),
    ("dns", dns_targets::dns),
    ("dns_answer", dns_targets::dns_answer),
    ("dprp", group_targets::dprp),
    ("frame", wire_targets::frame),
    ("group", group_targets::group),
    ("group_message", group_targets::group_message),
    ("http_proxy", wire_targets::http_proxy),
    ("identity", identity_targets::identity),
    ("inception", identity_targets::inception),
    ("invite", wire_targets::invite),
    ("invite_line", wire_targets::invite_line),
    ("ip", wire_targets::ip),
    ("key_file", identity_targets::key_file),
    ("message1", wire_targets::message1),
    ("message2", wire_targets::message2),
    ("neighbour", wire_targets::neighbour),
    ("offload", offload_targets::offload),
    ("payload", wire_targets::payload),
    ("payload1", wire_targets::payload1),
    ("payload2", wire_targets::payload2),
    ("piece", wire_targets::piece),
    ("pin", identity_targets::pin),
    ("rotations", wire_targets::rotations),
    ("signing", locked_targets::signing),
    ("socks5", wire_targets::socks5),
    ("statements", identity_targets::statements),
    ("stream", wire_targets::stream),
];

/// The target called `name`.
pub fn target(name: &str) -> Option<fn(&[u8])> {
    TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, target)| *target)
}
