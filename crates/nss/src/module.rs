//! The root of the module as glibc loads it: the same files as `lib.rs`, without Cargo and without `std`.
#![no_std]

mod dns;
mod glibc;

/// Is in a module that could panic, and in no other: a test of `apps/kumi` looks for it.
static PANICS: &[u8] = b"this module of kumi can panic";

/// There is nothing that panics, so the linker leaves this out.
#[panic_handler]
fn panics(_: &core::panic::PanicInfo<'_>) -> ! {
    glibc::stop(PANICS)
}
