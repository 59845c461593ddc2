//! Who is behind this node, kept over an orderly end: the filter, which learns it, goes then, and a
//! router that had forgotten it would speak for elements as if they were plain terminals.
//!
//! A file in the runtime directory, with an address on each line and for how long it is still known
//! (`192.168.20.2 59m30s`), good for an hour. What cannot be read or written is forgotten.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Ground;
use super::filter::{INNER_MAX, INNER_SETS, TABLE, nft, set_inner};

const GOOD_FOR: Duration = Duration::from_secs(3_600);
/// Most bytes of a line: an address, a time, and what is between and after them.
const LINE_LEN_MAX: u64 = 64;

/// Writes down whom the filter that stands knows.
pub(super) fn keep(file: &Path) {
    let known: Vec<Known> = INNER_SETS.into_iter().flat_map(list).collect();
    if known.is_empty() {
        return;
    }
    let lines = known.iter().map(|(ip, left)| format!("{ip} {left}\n"));
    if let Err(error) = os::files::write_private(file, lines.collect::<String>().as_bytes()) {
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
    let known = text.iter().flat_map(|it| it.lines()).filter_map(|line| {
        let (ip, left) = line.split_once(' ')?;
        known(ip, left)
    });
    let is_behind = |ip: &IpAddr| super::holding(&ground.behind, *ip).is_some();
    let known: Vec<Known> = known.filter(|(ip, _)| is_good && is_behind(ip)).collect();
    for set in INNER_SETS {
        let of_set = known.iter().filter(|(ip, _)| set_inner(*ip) == set);
        let of_set = of_set.map(|(ip, left)| format!("{ip} timeout 1h expires {left}"));
        let of_set: Vec<String> = of_set.collect();
        if of_set.is_empty() {
            continue;
        }
        let all = of_set.join(", ");
        if let Err(error) = nft(&format!("add element inet {TABLE} {set} {{ {all} }}\n")) {
            tracing::debug!(error, "who is behind this node");
        }
    }
}

/// An address, and for how long it is still known, as nft says it.
type Known = (IpAddr, String);

fn known(ip: &str, left: &str) -> Option<Known> {
    let is_time = |it: char| it.is_ascii_digit() || "dhms".contains(it);
    let fits = !left.is_empty() && left.len() <= 16 && left.chars().all(is_time);
    Some((ip.parse().ok()?, left.to_owned())).filter(|_| fits)
}

/// Who is in a set.
fn list(set: &str) -> Vec<Known> {
    let arguments = ["list", "set", "inet", TABLE, set];
    let listed = Command::new("nft").args(arguments).output();
    let text = listed.map(|it| it.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let elements = text.split_once("elements = {").map_or("", |(_, rest)| rest);
    let elements = elements.split('}').next().unwrap_or_default().split(',');
    // Each as `192.0.2.1 timeout 1h expires 59m30s100ms`.
    let known = elements.filter_map(|it| {
        let mut words = it.split_whitespace();
        let ip = words.next()?;
        let left = words.skip_while(|it| *it != "expires").nth(1)?;
        known(ip, left)
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::filter::tests::{ground, in_new_network};
    use crate::site::filter::{NOTHING, lay, ruleset};
    use std::collections::BTreeSet;

    fn addresses(set: &str) -> impl Iterator<Item = String> {
        list(set).into_iter().map(|(ip, _)| ip.to_string())
    }

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
                ("inner6", "fd00:20::2, fd00:20::3 expires 7m".to_owned()),
                ("inner4", "192.168.21.1".to_owned()),
            ] {
                nft(&format!("add element inet {TABLE} {set} {{ {who} }}")).unwrap();
            }
            assert_eq!(list("inner4").len(), 201);
            keep(&file);
            nft(NOTHING).unwrap();
            stand();
            tell(&file, &ground);
            let found: BTreeSet<String> = addresses("inner4").collect();
            assert_eq!(
                found,
                many.into_iter().collect(),
                "the other is not behind it"
            );
            let found: BTreeSet<String> = addresses("inner6").collect();
            assert_eq!(
                found.into_iter().collect::<Vec<_>>(),
                ["fd00:20::2", "fd00:20::3"]
            );
            // No longer than it was known.
            let short = list("inner6")
                .into_iter()
                .filter(|(_, left)| left.starts_with("6m"));
            assert_eq!(short.count(), 1, "{:?}", list("inner6"));
            assert!(!file.exists(), "once");
            // What is old is not believed, nor what is no list.
            let forged = "192.168.20.2 1h }; flush ruleset; {\n192.168.20.3\nnonsense 5m\n";
            for (text, age) in [("192.168.20.2 5m\n", 3_700), (forged, 0)] {
                nft(NOTHING).unwrap();
                stand();
                os::files::write_private(&file, text.as_bytes()).unwrap();
                let at = std::time::SystemTime::now() - Duration::from_secs(age);
                fs::File::open(&file).unwrap().set_modified(at).unwrap();
                tell(&file, &ground);
                assert_eq!(list("inner4").len(), 0, "{text}");
            }
            let _ = fs::remove_dir_all(&folder);
        });
    }
}
