//! `kumi demo`: two real nodes and a Bridge on this machine, told as a short story.
//!
//! | part | does |
//! |---|---|
//! | [`places`] | namespaces, cables, NATs |
//! | [`stage`] | the nodes, cleaning up |
//! | [`eve`] | listens on the wire of the Bridge |
//! | [`file`] | makes, sends, receives and sums the file |
//! | [`story`] | tells |

mod eve;
mod file;
mod places;
mod stage;
mod story;

pub(crate) use file::{VERB as FILE_VERB, serve as serve_file};

use crate::client::{Client, ask, expect_answer};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::text::args;
use crate::usage::wrong_value;
use crate::verbs::{invite, show, status};
use api::{BridgeRequest, EchoResult, Join, Joined, Ping, Request, Response, Via};
use clap::ArgMatches;
use eve::{Eve, Notes};
use stage::{End, Stage};
use std::io::{BufRead, BufReader};
use std::net::Ipv6Addr;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use story::Story;

const SIZE_MIB_DEFAULT: u64 = 64;
const SIZE_MIB_MAX: u64 = 1024;
const PINGS: u32 = 5;
/// How long a Bridge or a peer may take.
const WAIT_MS: u64 = 20_000;
/// No progress of the file for so long means that it never arrives.
const STALL_MAX: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// The figures of a demo.
#[derive(Default, serde::Serialize)]
struct Figures {
    behind_nats: bool,
    alice: Option<Ipv6Addr>,
    bob: Option<Ipv6Addr>,
    bridge: Option<Ipv6Addr>,
    attach_ms: Vec<u64>,
    via: Option<Via>,
    join_ms: u64,
    ping_ms: Vec<f64>,
    file_bytes: u64,
    file_seconds: f64,
    file_bits_per_second: u64,
    sha256_sent: String,
    sha256_received: String,
    eve_packets: u64,
    eve_bytes: u64,
    eve_missed: u64,
    eve_entropy_bits_per_byte: f64,
    eve_canaries: u64,
    received_canaries: u64,
    seconds: f64,
}

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let mib = size_mib(context, matches)?;
    let start = Instant::now();
    context.say(&context.text.t("demo-title"));
    context.say(&context.text.t("demo-note"));
    let mut figures = Figures::default();
    // No thread may run before the stage is built: no spinner.
    let stage = Stage::build()?;
    let mut story = Story::new(context);
    story.step("demo-step-stage", "demo-stage-busy");
    figures.behind_nats = stage.has_nats();
    story.tell(
        if figures.behind_nats {
            "demo-stage-done"
        } else {
            "demo-stage-done-no-nat"
        },
        &[],
    );
    let demo = Demo {
        context,
        stage: &stage,
    };
    let before = stage.wire_packets()?;
    let eve = Eve::listen(stage.ear()?)
        .map_err(|error| Failure::new(Exit::Failed, "error-demo-stage").with("detail", error))?;
    demo.nodes(&mut story, &mut figures)?;
    demo.bridge(&mut story, &mut figures)?;
    let joined = demo.join(&mut story, &mut figures)?;
    demo.ping(&mut story, &mut figures, &joined)?;
    demo.file(&mut story, &mut figures, mib)?;
    let carried = stage.wire_packets()?.saturating_sub(before);
    demo.eve(&mut story, &mut figures, &eve.notes(), carried)?;
    story.step("demo-step-end", "demo-end-clean");
    stage.clear();
    figures.seconds = start.elapsed().as_secs_f64();
    story.tell("demo-end-clean", &[]);
    let seconds = format!("{:.1}", figures.seconds);
    story.tell("demo-end-good", args!(seconds = seconds));
    context.say(&format!("\n{}", context.text.t("demo-end-next")));
    if context.json {
        output::json(&figures);
    }
    Ok(ExitCode::SUCCESS)
}

fn size_mib(context: &Context, matches: &ArgMatches) -> Result<u64, Failure> {
    let Some(value) = matches.get_one::<String>("size") else {
        return Ok(SIZE_MIB_DEFAULT);
    };
    let mib = value.parse().ok();
    mib.filter(|mib| (1..=SIZE_MIB_MAX).contains(mib))
        .ok_or_else(|| wrong_value("--size", value, &context.text.t("expected-size")))
}

/// One performance.
struct Demo<'a> {
    context: &'a Context,
    stage: &'a Stage,
}

impl Demo<'_> {
    fn name(&self, end: End) -> String {
        match end {
            End::Alice => self.context.text.t("demo-alice"),
            End::Bob => self.context.text.t("demo-bob"),
            End::Bridge => "Bridge".to_owned(),
        }
    }

    fn of(&self, end: End) -> Context {
        self.stage.context(end, self.context)
    }

    fn nodes(&self, story: &mut Story<'_>, figures: &mut Figures) -> Result<(), Failure> {
        story.step("demo-step-nodes", "demo-nodes-busy");
        for end in [End::Bridge, End::Alice, End::Bob] {
            let name = self.name(end);
            self.stage.start_node(end, self.context, &name)?;
            let address = status::fetch(&self.of(end))?.address;
            match end {
                End::Alice => figures.alice = Some(address),
                End::Bob => figures.bob = Some(address),
                End::Bridge => figures.bridge = Some(address),
            }
            let address = address.to_string();
            story.tell("demo-node", args!(name = name, address = address));
            story.busy("demo-nodes-busy", &[]);
        }
        story.tell("demo-node-meaning", &[]);
        Ok(())
    }

    /// Makes the Bridge one, and lets both ends use it.
    fn bridge(&self, story: &mut Story<'_>, figures: &mut Figures) -> Result<(), Failure> {
        story.step("demo-step-bridge", "demo-bridge-busy");
        let bridge = self.of(End::Bridge);
        let serve = Request::Bridge(BridgeRequest::Serve {
            customer: String::new(),
            password: None,
        });
        ask(&bridge, &serve)?;
        for end in [End::Alice, End::Bob] {
            let line = Request::Bridge(BridgeRequest::Line {
                customer: String::new(),
                expires_s: api::EXPIRES_S_MIN,
                password: false,
            });
            let line = expect_answer!(&bridge, &line, Response::BridgeLine(line) => line);
            let wanted = Request::Bridge(BridgeRequest::Use {
                line: line.line,
                password: None,
                wait_ms: WAIT_MS,
            });
            let of = self.of(end);
            let used = expect_answer!(&of, &wanted, Response::BridgeUsed(used) => used);
            figures.attach_ms.push(used.took_ms);
            let args = args!(name = self.name(end), ms = used.took_ms);
            story.tell("demo-bridge-used", args);
        }
        story.tell("demo-bridge-meaning", &[]);
        Ok(())
    }

    fn join(&self, story: &mut Story<'_>, figures: &mut Figures) -> Result<Joined, Failure> {
        story.step("demo-step-join", "demo-join-busy");
        let line = invite::make(&self.of(End::Alice), api::EXPIRES_S_MIN)?.line;
        let start: String = line.chars().take(32).collect();
        let len = line.chars().count() as u64;
        story.tell("demo-join-line", args!(len = len, start = start));
        story.busy("demo-join-busy", &[]);
        let request = Request::Join(Join {
            line,
            label: None,
            wait_ms: WAIT_MS,
        });
        let bob = self.of(End::Bob);
        let joined = expect_answer!(&bob, &request, Response::Joined(joined) => joined);
        figures.join_ms = joined.took_ms;
        let via = show::via(&self.context.text, joined.via);
        story.tell("demo-join-done", args!(via = via, ms = joined.took_ms));
        Ok(joined)
    }

    fn ping(
        &self,
        story: &mut Story<'_>,
        figures: &mut Figures,
        joined: &Joined,
    ) -> Result<(), Failure> {
        story.step("demo-step-ping", "demo-ping-busy");
        let mut client = Client::connect(&self.of(End::Bob))?;
        client.send(&Request::Ping(Ping {
            peer: joined.peer,
            count: PINGS,
            interval_ms: 100,
            timeout_ms: 3000,
        }))?;
        let mut through: Option<Via> = None;
        let done = loop {
            match client.next()? {
                Response::Echo(echo) => {
                    if let EchoResult::Answered { rtt_ms, via } = echo.result {
                        figures.ping_ms.push(rtt_ms);
                        through = Some(via);
                    }
                }
                Response::PingDone(done) => break done,
                _ => return Err(client.surprised()),
            }
        };
        let Some(via) = through else {
            return Err(Failure::new(Exit::Failed, "error-ping-lost")
                .with("peer", joined.peer)
                .with("sent", done.sent));
        };
        figures.via = Some(via);
        let least = figures
            .ping_ms
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min);
        let most = figures.ping_ms.iter().copied().fold(0.0, f64::max);
        let via = show::via(&self.context.text, via);
        story.tell(
            "demo-ping-done",
            args!(
                received = done.received,
                sent = done.sent,
                min = format!("{least:.2}"),
                max = format!("{most:.2}"),
                via = via
            ),
        );
        Ok(())
    }

    fn file(&self, story: &mut Story<'_>, figures: &mut Figures, mib: u64) -> Result<(), Failure> {
        story.step("demo-step-file", "demo-file-busy");
        let total = mib << 20;
        let size = output::bytes(total);
        let (sent, received) = (self.stage.file("sent"), self.stage.file("received"));
        let canaries = mib * file::CANARIES_PER_MIB;
        story.busy(
            "demo-file-make",
            args!(size = size.clone(), count = canaries),
        );
        file::make(&sent, mib).map_err(broken)?;
        let seconds = self.transfer(story, figures, &sent, &received, total)?;
        story.busy("demo-file-sums", &[]);
        let arrived = std::fs::read(&received).map_err(broken)?;
        figures.received_canaries = file::canaries(&arrived);
        figures.sha256_received = file::sha256(&arrived);
        drop(arrived);
        figures.sha256_sent = file::sha256(&std::fs::read(&sent).map_err(broken)?);
        figures.file_bytes = total;
        figures.file_seconds = seconds;
        figures.file_bits_per_second = (total as f64 * 8.0 / seconds.max(1e-9)) as u64;
        let rate = output::rate(total, seconds);
        let seconds = format!("{seconds:.1}");
        story.tell(
            "demo-file-done",
            args!(size = size, seconds = seconds, rate = rate),
        );
        let sums = [&figures.sha256_sent, &figures.sha256_received];
        for (end, sum) in [End::Alice, End::Bob].into_iter().zip(sums) {
            let name = self.name(end);
            story.tell("demo-file-sum", args!(name = name, sum = sum.as_str()));
        }
        if figures.sha256_sent != figures.sha256_received {
            return Err(broken("SHA-256"));
        }
        story.tell("demo-file-equal", &[]);
        Ok(())
    }

    /// Sends the file and returns how long that took, in seconds.
    fn transfer(
        &self,
        story: &mut Story<'_>,
        figures: &Figures,
        sent: &std::path::Path,
        received: &std::path::Path,
        total: u64,
    ) -> Result<f64, Failure> {
        let bob = figures.bob.map(|bob| bob.to_string()).unwrap_or_default();
        let path = |path: &std::path::Path| path.display().to_string();
        let arguments = [FILE_VERB, "receive", &bob, &path(received)];
        let lines = read_lines(self.stage.run(End::Bob, &arguments)?);
        let ready = lines.recv_timeout(STALL_MAX).map_err(broken)?;
        if ready != "ready" {
            return Err(broken(ready));
        }
        story.busy_bytes("demo-file-busy", total);
        let arguments = [FILE_VERB, "send", &bob, &path(sent)];
        let _sender = self.stage.run(End::Alice, &arguments)?;
        let (mut last, mut moved) = (0, Instant::now());
        loop {
            match lines.recv_timeout(POLL) {
                Ok(seconds) => return seconds.parse().map_err(broken),
                Err(RecvTimeoutError::Disconnected) => return Err(broken("EOF")),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let len = std::fs::metadata(received).map_err(broken)?.len();
            story.progress(len);
            if len != last {
                (last, moved) = (len, Instant::now());
            }
            if moved.elapsed() > STALL_MAX {
                return Err(broken(format!("{len} / {total}")));
            }
        }
    }

    fn eve(
        &self,
        story: &mut Story<'_>,
        figures: &mut Figures,
        notes: &Notes,
        carried: u64,
    ) -> Result<(), Failure> {
        story.step("demo-step-eve", "demo-eve-busy");
        figures.eve_packets = notes.packets;
        figures.eve_bytes = notes.bytes;
        figures.eve_missed = carried.saturating_sub(notes.packets);
        figures.eve_entropy_bits_per_byte = notes.entropy();
        figures.eve_canaries = notes.canaries;
        // What she did not see proves nothing.
        if notes.sample.is_empty() || notes.bytes < figures.file_bytes {
            return Err(Failure::new(Exit::Failed, "error-demo-blind"));
        }
        let bytes = output::bytes(notes.bytes);
        story.tell(
            "demo-eve-saw",
            args!(packets = notes.packets, bytes = bytes),
        );
        if figures.eve_missed > 0 {
            story.tell("demo-eve-missed", args!(count = figures.eve_missed));
        }
        story.tell("demo-eve-packet", &[]);
        for row in notes.sample.chunks(16) {
            let row: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
            story.show(&row.join(" "));
        }
        let bits = format!("{:.3}", figures.eve_entropy_bits_per_byte);
        story.tell("demo-eve-entropy", args!(bits = bits));
        let (found, control) = (notes.canaries, figures.received_canaries);
        story.tell("demo-eve-canary", args!(found = found, control = control));
        if notes.canaries > 0 {
            return Err(Failure::new(Exit::Failed, "error-demo-leak").with("found", notes.canaries));
        }
        Ok(())
    }
}

/// The lines that a child prints, from a thread of their own so that they can be waited for.
fn read_lines(stdout: std::process::ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn broken(detail: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, "error-demo-file").with("detail", detail)
}
