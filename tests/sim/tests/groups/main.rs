//! Every order in which members join, leave and meet, keys change, time passes, the server is cut off, and
//! a hostile server tells two stories: the real code of `control` and `group`, checked by
//! search (stateright) up to `GROUP_STATES` states (default 100,000), breadth first: every history of so many steps.
//! A larger run is in docs/results/groups.md.
//!
//! What is checked, in every state:
//!
//! | property | |
//! |---|---|
//! | only the admitted | nobody believes a membership that no story has admitted |
//! | the removed are out | who knows of a removal neither talks with the removed nor matches it in force |
//! | a lease is the bound | who was removed is believed by nobody 48 h later, whatever was heard |
//! | members meet | two members that the server told the same and did not remove match the current epoch |
//! | an honest server has no fork | nobody finds one unless the server lied |
//! | a lie is found | two members with chains of which neither continues the other find it when they meet |

mod model;
mod world;

use model::Groups;
use stateright::{Checker, Model};

fn check(hostile: bool) {
    let states = std::env::var("GROUP_STATES");
    let states = states.ok().and_then(|it| it.parse().ok());
    let checker = Groups::new(hostile).checker().threads(2);
    let checker = checker.target_state_count(states.unwrap_or(100_000));
    let checker = checker.spawn_bfs().join();
    println!(
        "{} states, {} of them different, depth {}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth()
    );
    for (property, path) in checker.discoveries() {
        println!("{property}: {:?}", path.into_actions());
    }
    checker.assert_properties();
}

#[test]
fn an_honest_server() {
    check(false);
}

#[test]
fn a_hostile_server() {
    check(true);
}
