//! Who is behind this node, kept over an orderly end: the filter, which learns it, goes then, and a
//! router that had forgotten it would speak for elements as if they were plain terminals.
//!
//! A file in the runtime directory, with an address on each line and until when it is known, in Unix
//! seconds: no longer than the filter would have known it. What cannot be read or written is forgotten.

use std::fs;
use std::net::IpAddr;
use std::process::Command;

use os::clock::unix_s;

use super::Ground;
use super::filter::{INNER_MAX, INNER_SETS, TABLE, nft, set_inner};

/// For how long the filter knows who sends nothing, in seconds.
const KNOWN_S: u64 = 3_600;
/// Most bytes of a line: an address, a number, and what is between and after them.
const LINE_LEN_MAX: u64 = 64;

/// Writes down whom the filter that stands knows.
pub(super) fn keep(ground: &Ground) {
    if ground.behind.is_empty() {
        return;
    }
    let now = unix_s();
    let known = INNER_SETS.into_iter().flat_map(list);
    let lines = known.map(|(ip, left_s)| format!("{ip} {}\n", now.saturating_add(left_s)));
    let text: String = lines.collect();
    if !text.is_empty()
        && let Err(error) = os::files::write_private(&ground.notes, text.as_bytes())
    {
        tracing::debug!(%error, "who is behind this node");
    }
}

/// Tells the filter that stands who was known at the last end.
pub(super) fn tell(ground: &Ground) {
    let len_max = LINE_LEN_MAX * INNER_MAX as u64 * INNER_SETS.len() as u64;
    let text = os::files::read_private(&ground.notes, len_max);
    // It is of this start only.
    let _ = fs::remove_file(&ground.notes);
    let text = text.ok().and_then(|it| String::from_utf8(it).ok());
    let now = unix_s();
    let known = text.iter().flat_map(|it| it.lines()).filter_map(|line| {
        let (ip, until) = line.split_once(' ')?;
        let left_s = until.parse::<u64>().ok()?.checked_sub(now)?;
        Some((ip.parse::<IpAddr>().ok()?, left_s))
    });
    let known: Vec<(IpAddr, u64)> = known
        .filter(|(ip, left_s)| {
            (1..=KNOWN_S).contains(left_s) && super::holding(&ground.behind, *ip).is_some()
        })
        .collect();
    for set in INNER_SETS {
        let of_set = known.iter().filter(|(ip, _)| set_inner(*ip) == set);
        let of_set =
            of_set.map(|(ip, left_s)| format!("{ip} timeout {KNOWN_S}s expires {left_s}s"));
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

/// Who is in a set, and for how many seconds more.
fn list(set: &str) -> Vec<(IpAddr, u64)> {
    let arguments = ["list", "set", "inet", TABLE, set];
    let listed = Command::new("nft").args(arguments).output();
    let text = listed.map(|it| it.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let elements = text.split_once("elements = {").map_or("", |(_, rest)| rest);
    let elements = elements.split('}').next().unwrap_or_default().split(',');
    // Each as `192.0.2.1 timeout 1h expires 59m30s100ms`.
    let known = elements.filter_map(|it| {
        let mut words = it.split_whitespace();
        let ip = words.next()?.parse().ok()?;
        let left = words.skip_while(|it| *it != "expires").nth(1)?;
        Some((ip, seconds(left)?))
    });
    known.collect()
}

/// A time as nft writes it, in whole seconds: `1d2h59m30s100ms`.
fn seconds(text: &str) -> Option<u64> {
    let (mut all, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|it: char| it.is_ascii_digit());
        let (unit, after) = after.split_at(unit.unwrap_or(after.len()));
        let unit_s = match unit {
            "d" => 86_400,
            "h" => 3_600,
            "m" => 60,
            "s" => 1,
            "ms" => 0,
            _ => return None,
        };
        let part = number.parse::<u64>().ok()?.checked_mul(unit_s)?;
        (all, rest) = (all.checked_add(part)?, after);
    }
    Some(all)
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
    fn times_are_read_as_nft_writes_them() {
        for (text, expected) in [
            ("59m59s100ms", Some(3_599)),
            ("1h", Some(3_600)),
            ("1d2h3m4s", Some(93_784)),
            ("900ms", Some(0)),
            ("", Some(0)),
            ("5", None),
            ("s", None),
            ("5w", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn who_is_behind_stays_known_over_an_orderly_end() {
        in_new_network(|| {
            let folder = std::env::temp_dir().join(format!("kumi-behind-{}", std::process::id()));
            let _ = fs::create_dir(&folder);
            let file = folder.join("behind");
            let ground = Ground {
                notes: file.clone(),
                ..ground(&["192.168.20.0/24", "fd00:20::/64"])
            };
            let stand = || lay(&ruleset(&ground, &BTreeSet::new(), (true, false))).unwrap();
            stand();
            keep(&ground);
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
            keep(&ground);
            nft(NOTHING).unwrap();
            stand();
            tell(&ground);
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
            let short = list("inner6");
            let short = short
                .iter()
                .filter(|(_, left_s)| (400..=420).contains(left_s));
            assert_eq!(short.count(), 1, "{:?}", list("inner6"));
            assert!(!file.exists(), "once");
            // What is over is not believed, nor what would never be, nor what is no list.
            let now = unix_s();
            let (over, late, soon) = (now, now + KNOWN_S + 60, now + 60);
            for text in [
                format!("192.168.20.2 {over}\n192.168.20.3 {late}\n"),
                format!(
                    "192.168.20.2 {soon} }}; flush ruleset; {{\n192.168.20.3\nnonsense {soon}\n"
                ),
            ] {
                os::files::write_private(&file, text.as_bytes()).unwrap();
                nft(NOTHING).unwrap();
                stand();
                tell(&ground);
                assert_eq!(list("inner4"), [], "{text}");
            }
            let _ = fs::remove_dir_all(&folder);
        });
    }
}
