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

const USAGE: &str = "\
usage: agents [--members N] [--agents N] [--postgres]

  agents                         1,000 members and a removal, then 10,000 agents and a restart
  agents --postgres              10,000 agents at two instances over one PostgreSQL, one is killed
  agents --agents 500            shows that all works, and little more

Needs root. Results go to bench/results/.";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        // Parts of a run, in the agents' namespace.
        ["removal", plan] => parts::removal(&parts::Plan::read(plan)),
        ["return", plan] => parts::come_back(&parts::Plan::read(plan)),
        words => measure(words),
    }
}

fn measure(words: &[&str]) {
    let (mut members, mut agents, mut postgres) = (1_000, 10_000, false);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|it| it.parse().ok());
        match (*word, &mut members, &mut agents) {
            ("--postgres", ..) => postgres = true,
            ("--members", to, _) | ("--agents", _, to) => match number() {
                Some(number) => *to = number,
                None => end(&format!("{word} needs a number")),
            },
            ("--help" | "-h", ..) => end(""),
            _ => end(&format!("what is {word}?")),
        }
    }
    lab::need_root();
    match postgres {
        true => instances::run(agents),
        false => stage::run(members, agents),
    }
}

/// Says how it is called, and ends.
fn end(what: &str) -> ! {
    eprintln!("{what}\n{USAGE}");
    std::process::exit(if what.is_empty() { 0 } else { 2 })
}
