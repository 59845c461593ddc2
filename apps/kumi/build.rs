//! Leaves the symbols out of the program: the profile's `strip` does not reach a package that has a profile of
//! its own. And makes the module for glibc that the program carries (docs/adr/0035): one call of the compiler, since
//! Cargo has no way yet to put a library into a program as bytes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The module's sources; its root is the first.
const MODULE: [&str; 3] = ["module.rs", "dns.rs", "glibc.rs"];
/// As glibc looks for it.
const SONAME: &str = "libnss_kumi.so.2";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|it| it == "release") {
        println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
    }
    let sources = Path::new(&var("CARGO_MANIFEST_DIR")).join("../../crates/nss/src");
    for source in MODULE {
        println!("cargo::rerun-if-changed={}", sources.join(source).display());
    }
    let out = PathBuf::from(var("OUT_DIR")).join(SONAME);
    // Another C library has no such modules: the program carries none, and says so.
    if var("CARGO_CFG_TARGET_OS") != "linux" || var("CARGO_CFG_TARGET_ENV") != "gnu" {
        if let Err(error) = std::fs::write(&out, b"") {
            fail(&format!("{}: {error}", out.display()));
        }
        return;
    }
    let root = sources.join(MODULE[0]);
    let done = compiler(&root, &out).status();
    if !done.as_ref().is_ok_and(std::process::ExitStatus::success) {
        fail(&format!("{} was not built: {done:?}", root.display()));
    }
}

fn compiler(root: &Path, out: &Path) -> Command {
    let mut rustc = Command::new(var("RUSTC"));
    rustc.args(["--crate-name", "nss_kumi", "--crate-type", "cdylib"]);
    rustc.args(["--edition", "2024", "--target"]);
    rustc.arg(var("TARGET"));
    for option in ["opt-level=z", "panic=abort", "lto=fat", "strip=symbols"] {
        rustc.args(["-C", option]);
    }
    // Nothing is left undefined but what the C library has.
    let soname = format!("link-arg=-Wl,-soname,{SONAME}");
    for option in [&soname, "link-arg=-lc", "link-arg=-Wl,-z,defs"] {
        rustc.args(["-C", option]);
    }
    if let Some(linker) = std::env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("linker=");
        option.push(linker);
        rustc.arg("-C").arg(option);
    }
    rustc.arg("-o").arg(out).arg(root);
    rustc
}

fn var(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| fail(&format!("Cargo does not say {name}")))
}

fn fail(why: &str) -> ! {
    println!("cargo::error={why}");
    std::process::exit(1)
}
