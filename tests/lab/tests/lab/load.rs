//! What a network costs its administrator (docs/load, reference tests C9 and C10): exactly what is recorded in
//! the sessions is typed on clean machines, and then every flow of the scenario goes as the papers' rules say.
//!
//! The rules are asked (`group::resolve`) for the path of each pair; nothing about them is written down here. A
//! flow is a TCP connection that sends a mark and gets it back; every cable is listened to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use group::cost::session::{LINE, Session, Step};
use group::cost::{Change, Scenario};
use lab::account::{Account, Dir};
use lab::ears::Ears;
use lab::figure::Figure;
use lab::host::COMMAND;
use lab::need_root;
use lab::ns::{Running, eventually};

/// Seconds that a connection may take; what does not pass takes all of it.
const CONNECT_S: &str = "4";
const LIMIT: Duration = Duration::from_secs(30);

/// Sends back what comes.
const ECHO: &str = "
import socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.readline())
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 64
Server(('0.0.0.0', 8080), Echo).serve_forever()
";

/// Connects to all addresses at once; each argument is one and the mark for it. Prints those that answered.
const ASK: &str = "
import socket, sys, threading
timeout, pairs = float(sys.argv[1]), sys.argv[2:]
def ask(address, mark):
    try:
        with socket.create_connection((address, 8080), timeout) as s:
            s.sendall((mark + chr(10)).encode())
            if s.makefile().readline() == mark + chr(10):
                print(address)
    except OSError:
        pass
threads = [threading.Thread(target=ask, args=it.split(' ', 1)) for it in pairs]
[t.start() for t in threads]
[t.join() for t in threads]
";

/// From whom to whom, at which address, and what it carries.
struct Flow {
    from: usize,
    to: usize,
    address: String,
    mark: String,
}

/// A scenario of docs/load, and what has become of it by typing what is recorded beside it.
struct Stage {
    figure: Figure,
    scenario: Scenario,
    session: Session,
    /// Home and state of each machine, fresh at the beginning.
    homes: BTreeMap<String, Dir>,
    servers: BTreeMap<usize, Running>,
    matrices: usize,
}

fn docs(name: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("../../docs/load").join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

impl Stage {
    fn new(name: &str) -> Self {
        need_root();
        let scenario: Scenario =
            toml::from_str(&docs(&format!("{name}.toml"))).expect("a scenario");
        scenario.check().expect("a scenario that makes sense");
        let session = Session::parse(&docs(&format!("{name}.session"))).expect("a session");
        Self {
            figure: Figure::new(&scenario),
            scenario,
            session,
            homes: BTreeMap::new(),
            servers: BTreeMap::new(),
            matrices: 0,
        }
    }

    /// Types what is recorded, on each machine what is recorded for it.
    fn type_all(&mut self, steps: &[Step]) {
        let mut printed = String::new();
        for Step { machine, words } in steps {
            let pasted = |word: &String| match word == LINE {
                true => printed.trim().to_owned(),
                false => word.clone(),
            };
            let words: Vec<String> = words.iter().map(pasted).collect();
            assert!(
                !words.contains(&String::new()),
                "nothing to paste: {words:?}"
            );
            let said = self.kumi(machine, &words[1..]);
            if machine == "gms" {
                printed = said;
            }
        }
    }

    /// Runs `kumi` on a machine that is called as it is in the scenario.
    fn kumi(&mut self, machine: &str, args: &[String]) -> String {
        let label = format!("load-{machine}");
        let home = self.homes.entry(machine.to_owned());
        let home = home.or_insert_with(|| Dir::new(Account::Root, &label));
        let called = "hostname \"$0\" && exec \"$@\"";
        let kumi = lab::kumi().to_string_lossy().into_owned();
        let state = home.join("state");
        let mut argv = vec!["unshare", "-u", "sh", "-c", called, machine];
        argv.extend([kumi.as_str(), "--state", &state]);
        argv.extend(args.iter().map(String::as_str));
        let ns = &self.figure.spots[self.figure.at(machine)].ns;
        ns.run(Account::Root, &home.join(""), &argv, COMMAND)
    }

    fn json(&mut self, machine: &str, args: &[&str]) -> serde_json::Value {
        let args: Vec<String> = args
            .iter()
            .chain(&["--json"])
            .map(|it| (*it).to_owned())
            .collect();
        serde_json::from_str(&self.kumi(machine, &args)).expect("JSON")
    }

    /// The change of a title, and what is typed for it.
    fn change(&self, number: usize) -> (Change, Vec<Step>) {
        let change = self.scenario.changes[number].clone();
        let steps = self.session.change(&change.title);
        let steps = steps.expect("a recorded change").to_vec();
        (change, steps)
    }

    /// Everybody answers on TCP port 8080.
    fn serve(&mut self) {
        for at in self.figure.ends() {
            let ns = &self.figure.spots[at].ns;
            self.servers.entry(at).or_insert_with(|| {
                let running = ns.spawn(Account::Root, "/root", &["python3", "-c", ECHO]);
                eventually(LIMIT, "the server", || {
                    let listening = ns.run(Account::Root, "/root", &["ss", "-Hltn"], LIMIT);
                    listening.contains(":8080").then_some(())
                });
                running
            });
        }
    }

    /// Every pair, both ways.
    fn flows(&self) -> Vec<Flow> {
        let ends = self.figure.ends();
        let name = |at: usize| &self.figure.spots[at].name;
        let flow = |from: usize, to: usize| Flow {
            from,
            to,
            address: self.figure.address(from, to),
            mark: format!("{}:{}>{};", self.matrices, name(from), name(to)),
        };
        let pairs = ends
            .iter()
            .flat_map(|from| ends.iter().map(move |to| (*from, *to)));
        let pairs = pairs.filter(|(from, to)| from != to);
        pairs.map(|(from, to)| flow(from, to)).collect()
    }

    /// Every machine connects to all others, all at once. What passed, by its two ends.
    fn connect(&self, flows: &[Flow]) -> BTreeSet<(usize, usize)> {
        let ask = |from: usize| {
            let own: Vec<&Flow> = flows.iter().filter(|it| it.from == from).collect();
            let pairs = own.iter().map(|it| format!("{} {}", it.address, it.mark));
            let pairs: Vec<String> = pairs.collect();
            let mut argv = vec!["python3", "-c", ASK, CONNECT_S];
            argv.extend(pairs.iter().map(String::as_str));
            let ns = &self.figure.spots[from].ns;
            let answered = ns.run(Account::Root, "/root", &argv, LIMIT);
            let answered: BTreeSet<&str> = answered.lines().collect();
            let passed = own.iter().filter(|it| answered.contains(&*it.address));
            passed.map(|it| (it.from, it.to)).collect::<Vec<_>>()
        };
        std::thread::scope(|scope| {
            let ends = self.figure.ends().into_iter();
            let asking: Vec<_> = ends.map(|from| scope.spawn(move || ask(from))).collect();
            let done = asking.into_iter().map(|it| it.join().expect("a client"));
            done.flatten().collect()
        })
    }

    /// Every flow against the rules. Returns how many encrypt, are clear, do not pass.
    fn check_matrix(&mut self, when: &str) -> [usize; 3] {
        self.serve();
        self.matrices += 1;
        let flows = self.flows();
        let cables = self.figure.cables();
        let ears = Ears::start(&cables);
        let passed = self.connect(&flows);
        let heard = ears.stop();
        let (mut counts, mut wrong) = ([0; 3], Vec::new());
        for Flow { from, to, mark, .. } in &flows {
            let expected = self.figure.expected(*from, *to);
            let clear = cables.iter().filter(|(at, ..)| heard.has(*at, mark));
            let clear: BTreeSet<usize> = clear.map(|(at, ..)| *at).collect();
            let passes = passed.contains(&(*from, *to));
            let kind = match (expected.passes, expected.sealed) {
                (true, true) => 0,
                (true, false) => 1,
                (false, _) => 2,
            };
            counts[kind] += 1;
            if (passes, &clear) != (expected.passes, &expected.clear) {
                wrong.push(format!(
                    "{mark} passes {passes}, in clear on {clear:?}: {expected:?}"
                ));
            }
        }
        if !wrong.is_empty() {
            self.tell();
        }
        let spots = self.figure.spots.iter().enumerate();
        let names: Vec<_> = spots.map(|(at, it)| (at, &it.name)).collect();
        assert!(wrong.is_empty(), "{when}:\n{}\n{names:?}", wrong.join("\n"));
        counts
    }

    /// What each element says, for whoever looks for what is wrong.
    fn tell(&mut self) {
        let machines: Vec<String> = self.homes.keys().cloned().collect();
        for machine in machines {
            let pit = self.json(&machine, &["pit"]);
            let drops = self.json(&machine, &["status"])["drops"].clone();
            eprintln!("{machine}: {pit} {drops}");
        }
    }

    /// Nobody but the server has a file that a person wrote, and everybody is who the scenario says.
    fn check_members(&mut self) {
        let managed = self.json("gms", &["group", "list"])["managed"].clone();
        let members = managed["members"].as_array().expect("members").clone();
        let elements = self.figure.spots.iter().filter_map(|it| it.element.clone());
        let elements: Vec<_> = elements.collect();
        assert_eq!(members.len(), elements.len());
        for element in elements {
            let is_it = |it: &&serde_json::Value| it["name"] == element.name.as_str();
            let member = members.iter().find(is_it).expect("a member");
            let mut groups = element.groups.clone();
            groups.sort();
            assert_eq!(member["groups"], serde_json::json!(groups), "{member}");
            assert_eq!(member["mode"], serde_json::json!(element.mode), "{member}");
            assert_eq!(
                member["element"],
                serde_json::json!(element.kind),
                "{member}"
            );
        }
    }
}

/// Sets a scenario up and checks all of it.
fn set_up(name: &str) -> (Stage, [usize; 3]) {
    let mut stage = Stage::new(name);
    let steps = stage.session.steps.clone();
    stage.type_all(&steps);
    stage.check_members();
    let counts = stage.check_matrix(name);
    (stage, counts)
}

#[test]
fn five_elements_then_a_move_and_an_addition() {
    let (mut stage, [sealed, clear, not]) = set_up("five-elements");
    // All three outcomes are there, so none of the checks is idle.
    assert!(sealed > 0 && clear > 0 && not > 0, "{sealed} {clear} {not}");
    let (change, steps) = stage.change(0);
    let moves = change.moves.expect("a move");
    assert!(
        (&steps, &moves.behind) == (&Vec::new(), &None),
        "nothing is typed"
    );
    stage.figure.carry_out(&moves.element);
    let at = stage.figure.at(&moves.element);
    let address = stage.figure.spots[at].address.clone().expect("an address");
    eventually(LIMIT, "it to find itself elsewhere", || {
        let status = stage.json(&moves.element, &["status"]);
        let endpoints = status["endpoints"].to_string();
        endpoints.contains(&address).then_some(())
    });
    eventually(LIMIT, "the server to hear of it again", || {
        let managed = stage.json("gms", &["group", "list"])["managed"].clone();
        let members = managed["members"].as_array()?.clone();
        let moved = members
            .iter()
            .find(|it| it["name"] == moves.element.as_str())?;
        (moved["in_touch"] == true).then_some(())
    });
    stage.check_matrix("after the move");
    let (change, steps) = stage.change(1);
    let adds = change.adds.expect("an addition");
    stage.figure.element(&adds.element);
    for joins in &adds.join {
        let at = stage.figure.at(&joins.element);
        let element = stage.figure.spots[at].element.as_mut().expect("an element");
        element.groups.push(joins.group.clone());
    }
    stage.type_all(&steps);
    stage.check_members();
    stage.check_matrix("after the addition");
}

#[test]
fn seven_elements() {
    let (_, [sealed, clear, not]) = set_up("seven-elements");
    assert!(sealed > 0 && clear > 0 && not > 0, "{sealed} {clear} {not}");
}

#[test]
fn four_nodes() {
    let (_, [sealed, _, not]) = set_up("four-nodes");
    assert!(sealed > 0 && not > 0, "{sealed} {not}");
}

#[test]
fn mixed() {
    let (_, [sealed, clear, not]) = set_up("mixed");
    assert!(sealed > 0 && clear > 0 && not > 0, "{sealed} {clear} {not}");
}
