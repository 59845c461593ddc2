//! Who is behind this node, kept over an orderly end: the filter, which learns it, goes then, and a
//! router that had forgotten it would speak for elements as if they were plain terminals.
//!
//! A file with an address on each line, in the runtime directory, good for as long as the filter itself
//! would have known them (1 h). What cannot be read or written is forgotten.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Ground;
use super::filter::{INNER_MAX, INNER_SETS, TABLE, nft, set_inner};

const GOOD_FOR: Duration = Duration::from_secs(3_600);
/// Most bytes of an address and the end of its line.
const LINE_LEN_MAX: u64 = 46;

/// Writes down whom the filter that stands knows.
pub(super) fn keep(file: &Path) {
    let known: Vec<String> = INNER_SETS.into_iter().flat_map(list).collect();
    if known.is_empty() {
        return;
    }
    let text: String = known.iter().map(|ip| format!("{ip}\n")).collect();
    if let Err(error) = os::files::write_private(file, text.as_bytes()) {
        tracing::debug!(%error, "who is behind this node");
    }
}

/// Tells the filter that stands who was known at the last end.
pub(super) fn tell(file: &Path, ground: &Ground) {
    let modified = fs::metadata(file).and_then(|it| it.modified());
    let is_good = modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < GOOD_FOR));
    let len_max = LINE_LEN_MAX * INNER_MAX as u64 * INNER_SETS.len() as u64;
    let text = os::files::read_private(file, len_max);
    // It is of this start only.
    let _ = fs::remove_file(file);
    let text = text.ok().and_then(|it| String::from_utf8(it).ok());
    let known = text.iter().flat_map(|it| it.lines());
    let known = known.filter_map(|line| line.parse::<IpAddr>().ok());
    let is_behind = |ip: &IpAddr| super::holding(&ground.behind, *ip).is_some();
    let known: Vec<IpAddr> = known.filter(|ip| is_good && is_behind(ip)).collect();
    for set in INNER_SETS {
        let of_set = known.iter().filter(|ip| set_inner(**ip) == set);
        let of_set: Vec<String> = of_set.map(ToString::to_string).collect();
        if of_set.is_empty() {
            continue;
        }
        let add = format!(
            "add element inet {TABLE} {set} {{ {} }}\n",
            of_set.join(", ")
        );
        if let Err(error) = nft(&add) {
            tracing::debug!(error, "who is behind this node");
        }
    }
}

/// The addresses in a set.
fn list(set: &str) -> Vec<String> {
    let arguments = ["list", "set", "inet", TABLE, set];
    let listed = Command::new("nft").args(arguments).output();
    let text = listed.map(|it| it.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let elements = text.split_once("elements = {").map_or("", |(_, rest)| rest);
    let elements = elements.split('}').next().unwrap_or_default().split(',');
    // Each with its time: `192.0.2.1 timeout 1h expires 59m`.
    let addresses = elements.filter_map(|it| it.split_whitespace().next());
    addresses.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::filter::tests::{ground, in_new_network};
    use crate::site::filter::{NOTHING, lay, ruleset};
    use std::collections::BTreeSet;

    #[test]
    fn who_is_behind_stays_known_over_an_orderly_end() {
        in_new_network(|| {
            let folder = std::env::temp_dir().join(format!("kumi-behind-{}", std::process::id()));
            let _ = fs::create_dir(&folder);
            let file = folder.join("behind");
            let ground = ground(&["192.168.20.0/24", "fd00:20::/64"]);
            let stand = || lay(&ruleset(&ground, &BTreeSet::new(), (true, false))).unwrap();
            stand();
            keep(&file);
            assert!(!file.exists(), "there is nobody");
            let many: Vec<String> = (1..=200).map(|it| format!("192.168.20.{it}")).collect();
            for (set, who) in [
                ("inner4", many.join(", ")),
                ("inner6", "fd00:20::2, fd00:20::3".to_owned()),
                ("inner4", "192.168.21.1".to_owned()),
            ] {
                nft(&format!("add element inet {TABLE} {set} {{ {who} }}")).unwrap();
            }
            let mut before = list("inner4");
            assert_eq!(before.len(), 201);
            keep(&file);
            nft(NOTHING).unwrap();
            stand();
            tell(&file, &ground);
            before.retain(|it| it != "192.168.21.1");
            let sorted = |mut it: Vec<String>| {
                it.sort();
                it
            };
            assert_eq!(
                sorted(list("inner4")),
                sorted(before),
                "the other is not behind it"
            );
            assert_eq!(sorted(list("inner6")), ["fd00:20::2", "fd00:20::3"]);
            assert!(!file.exists(), "once");
            // What is old is not believed, nor what is no list.
            for (text, age) in [("192.168.20.2\n", 3_700), ("nonsense\n\n", 0)] {
                nft(NOTHING).unwrap();
                stand();
                os::files::write_private(&file, text.as_bytes()).unwrap();
                let at = std::time::SystemTime::now() - Duration::from_secs(age);
                fs::File::open(&file).unwrap().set_modified(at).unwrap();
                tell(&file, &ground);
                assert_eq!(list("inner4"), [""; 0]);
            }
            let _ = fs::remove_dir_all(&folder);
        });
    }
}
