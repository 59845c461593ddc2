//! A management server with very many agents: how soon a removal is everywhere, and how soon
//! everybody is back after it was killed.
//!
//! ```text
//! cargo build --release -p kumi -p agents && target/release/agents [--members N] [--agents N] [--postgres]
//! ```
//!
//! As root. The server is the real `kumi` in a namespace, with its store on the disk. The agents are
//! real nodes in one process in another namespace, each with a socket and an address of its own;
//! what they have no need of (an interface, a journal) they do not have.
//!
//! | part | what |
//! |---|---|
//! | removal | one of the members sends to all others without a pause, and is removed: for each, the time from the answer to the order to the last packet; and what the server sent it for that |
//! | return, with `--postgres` | two instances over one PostgreSQL, all agents at the first, which is killed: the time until every agent was told by the second that nothing has changed, and what that cost |
//! | return | the server is killed and starts again: the time until every agent was told that nothing has changed, and what that cost on the wire |
//!
//! The result is a table on standard output and a file under `bench/results/`.

mod crowd;
mod instances;
mod parts;
mod stage;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        // Parts of a run, in the agents' namespace.
        ["removal", plan] => parts::removal(&parts::Plan::read(plan)),
        ["return", plan] => parts::come_back(&parts::Plan::read(plan)),
        _ => {
            lab::need_root();
            let word = |name: &str| {
                let at = words.iter().position(|word| *word == name)?;
                words.get(at + 1)?.parse().ok()
            };
            let members = word("--members").unwrap_or(1_000);
            let agents = word("--agents").unwrap_or(10_000);
            if words.contains(&"--postgres") {
                return instances::run(agents);
            }
            stage::run(members, agents);
        }
    }
}
