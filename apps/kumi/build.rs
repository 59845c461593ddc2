//! Leaves the symbols out of the program: the profile's `strip` does not reach a package that has a profile of
//! its own.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|it| it == "release") {
        println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
    }
}
