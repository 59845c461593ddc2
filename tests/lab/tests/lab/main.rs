//! The lab's tests, one behaviour per file. They share two cores and `/tmp`, so they run one at a
//! time (`RUST_TEST_THREADS=1`, set by `cargo xtask test`).

mod adapter;
mod bridge;
mod demo;
mod deny;
mod discovery;
mod groups;
mod host_untouched;
mod idle;
mod instances;
mod kill;
mod lanes;
mod lans;
mod load;
mod locked;
mod locked_rules;
mod management;
mod names;
mod nat;
mod openvpn;
mod proxies;
mod readme;
mod rotate;
mod rules;
mod service;
mod signin;
mod site;
mod site_relay;
mod sites;
mod spaces;
mod stranger;
mod top;
mod traffic;
