//! A real web server inside the overlay, and `curl`.

use std::time::Duration;

use crate::host::Host;
use crate::ns::{Running, eventually};

/// Serves the home directory of `host` on its address `f`.
pub fn serve(host: &Host<'_>, f: &str, port: u16) -> Running {
    let (port, dir) = (port.to_string(), host.home());
    let server = [
        "python3",
        "-m",
        "http.server",
        &port,
        "--bind",
        f,
        "--directory",
        &dir,
    ];
    host.spawn_inside(&server)
}

/// The URL of a file that [`serve`] serves.
pub fn url(f: &str, port: u16, name: &str) -> String {
    format!("http://[{f}]:{port}/{name}")
}

/// Whether `curl` with these options gets the URL.
pub fn fetches(host: &Host<'_>, options: &[&str], url: &str) -> bool {
    let argv = host.inside(&[&["curl", "-sS", "-g", "-o", "/dev/null"], options, &[url]].concat());
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let limit = Duration::from_secs(60);
    host.ns
        .output(host.account, &host.home(), &argv, limit)
        .status
        .success()
}

/// Waits until the first bytes of the URL can be had.
pub fn wait_for(host: &Host<'_>, url: &str) {
    eventually(Duration::from_secs(20), "the web server to answer", || {
        fetches(host, &["-r", "0-99", "--max-time", "5"], url).then_some(())
    });
}
