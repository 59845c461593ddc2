//! Names inside `kumi run`: the program sees an `/etc/resolv.conf` that begins with the node's responder. It is
//! mounted over the machine's for this program only; the machine's is not touched.
//!
//! Servers that the machine asks are asked for other names, as before, if the overlay leads to them.

use super::{machine::SWITCH, switch};
use crate::context::Context;
use std::io;
use std::path::Path;

const RESOLVER: &str = "/etc/resolv.conf";

/// Shows the files to this process and what it starts. Where that cannot be, programs find no names, and nothing
/// else is different.
pub(in crate::verbs) fn show(context: &Context) -> io::Result<()> {
    os::mounts::leave_shared()?;
    let before = std::fs::read_to_string(RESOLVER).unwrap_or_default();
    cover(context, "resolv.conf", &resolver(&before), RESOLVER)?;
    let before = std::fs::read_to_string(SWITCH)?;
    match switch::by_dns(&before) {
        Some(text) => cover(context, "nsswitch.conf", &text, SWITCH),
        None => Ok(()),
    }
}

/// The node's responder first: it refuses what is not its own, and then the next server is asked.
fn resolver(before: &str) -> String {
    let responder = group::responder::ADDRESS;
    format!("# Inside `kumi run`: the node answers for .kumi.\nnameserver {responder}\n{before}")
}

fn cover(context: &Context, name: &str, text: &str, over: &str) -> io::Result<()> {
    let file = context.directories.runtime.join(name);
    // Mostly it is there from the time before: nothing waits for the disk.
    if !std::fs::read(&file).is_ok_and(|bytes| bytes == text.as_bytes()) {
        os::files::write_private(&file, text.as_bytes()).map_err(io::Error::other)?;
    }
    os::mounts::show(&file, Path::new(over))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_responder_is_asked_before_others() {
        let text = resolver("search lan\nnameserver 192.0.2.1\n");
        let servers = text.lines().filter(|line| line.starts_with("nameserver"));
        let servers: Vec<&str> = servers.collect();
        assert_eq!(servers, ["nameserver fc00::53", "nameserver 192.0.2.1"]);
        assert!(text.contains("search lan\n"));
    }
}
