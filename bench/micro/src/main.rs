//! The data path in small: what one operation costs, without any kernel.
//!
//! ```text
//! micro list              each case: name, what is counted, how many of it in a turn, turns
//! micro run NAME TURNS    prepares, warms up, and does so many turns in one function
//! micro time              each case: name and nanoseconds for one of what is counted
//! ```
//!
//! `bench/micro/run` has instructions counted in `run`, within [`case::measured_turns`] alone, and
//! prints both beside each other. Instructions are what is reviewed; the time says how much
//! one instruction is worth on this machine today, and is the shortest of some rounds.
//!
//! | module | what |
//! |---|---|
//! | [`case`] | what a case is, and doing one |
//! | [`keys`] | one pair of keys: sealing, opening, the replay window |
//! | [`ways`] | the same through the node's snapshot, alone and in batches |
//! | [`lookups`] | finding the way among many peers and prefixes |
//! | [`frames`] | cutting and joining |
//! | [`handshakes`] | a whole handshake |
//! | [`nodes`], [`packets`] | what these are made of |
//!
//! Limits: one thread, so nothing waits for a lock; the same few packets, so all is in the cache.

mod case;
mod frames;
mod handshakes;
mod keys;
mod lookups;
mod nodes;
mod packets;
mod ways;

use case::Named;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["list"] => {
            for case in all() {
                println!(
                    "{}\t{}\t{}\t{}",
                    case.name, case.unit, case.per_turn, case.turns
                );
            }
        }
        ["run", name, turns] => {
            let turns = turns.parse().expect("a number of turns");
            let found = all().into_iter().find(|case| case.name == *name);
            case::run(&found.expect("a name out of `micro list`"), turns);
        }
        ["time"] => {
            for case in all() {
                println!("{}\t{:.1}", case.name, case::nanoseconds(&case));
            }
        }
        _ => panic!("micro list | run NAME TURNS | time"),
    }
}

fn all() -> Vec<Named> {
    [
        keys::cases(),
        ways::cases(),
        lookups::cases(),
        frames::cases(),
        handshakes::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
