//! The lab's tests, one behaviour per file. They share two cores and `/tmp`, so they run one at a
//! time (`RUST_TEST_THREADS=1`, set by `cargo xtask test`).

mod demo;
mod deny;
mod discovery;
mod host_untouched;
mod idle;
mod kill;
mod lans;
mod rotate;
mod stranger;
mod traffic;
