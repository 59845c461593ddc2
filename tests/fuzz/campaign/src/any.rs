//! libFuzzer on the target that the environment variable FUZZ_TARGET names.
#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
    fuzz::target(&name).expect("FUZZ_TARGET is in fuzz::TARGETS")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET(bytes));
