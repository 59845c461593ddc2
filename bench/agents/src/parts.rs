//! The two parts of a run, in the process of the agents.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::crowd::{Counted, Crowd};

/// Agents that enrol at once: as many newcomers as a server takes.
const AT_ONCE: usize = 200;

/// What a part needs to know, as JSON on its command line.
#[derive(Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Where the server is, or its instances.
    pub(crate) servers: Vec<SocketAddr>,
    /// The line by which all come.
    pub(crate) line: String,
    /// How many agents there are.
    pub(crate) agents: usize,
    /// The command that does the deed: removes the leaver, or kills the server, and starts it again if
    /// there is no other instance.
    pub(crate) command: Vec<String>,
    /// The F of the instance that is left, if one is.
    pub(crate) left: Option<std::net::Ipv6Addr>,
    /// The line of the one that is removed.
    pub(crate) leaver: Option<String>,
}

impl Plan {
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).expect("a plan")
    }
}

/// What came of the removal.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Removal {
    /// Members that had a session with the one that was removed.
    pub(crate) members: usize,
    /// From the answer to the order to the last packet of the one removed, at each member, in
    /// milliseconds; 0: none came after the answer.
    pub(crate) last_packet_ms_p50: f64,
    /// The same, for 99 of 100.
    pub(crate) last_packet_ms_p99: f64,
    /// The same, for the last.
    pub(crate) last_packet_ms_max: f64,
    /// How long the order took, in milliseconds.
    pub(crate) order_ms: f64,
    /// Bytes of the datagram that told a member of the removal, on average.
    pub(crate) removal_bytes: f64,
    /// Bytes from the server to a member for all of it: removal, epochs, secrets.
    pub(crate) all_bytes: f64,
}

/// What came of killing the server.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Return {
    /// Agents.
    pub(crate) agents: usize,
    /// Of these, at the other instance already when the first was killed.
    pub(crate) elsewhere: usize,
    /// From the server's start, or from the end of the instance that was killed, until the last was told that nothing has changed, in seconds.
    pub(crate) back_s: f64,
    /// The same for half of them.
    pub(crate) half_back_s: f64,
    /// Bytes of an agent in both directions for that, without handshake and path MTU.
    pub(crate) bytes: f64,
    /// Bytes of the handshakes and of the search for the path MTU.
    pub(crate) apart_bytes: f64,
    /// How long all of them took to enrol before, in seconds.
    pub(crate) enrolled_s: f64,
}

/// Lets agents come by the plan's line, [`AT_ONCE`] at once; how long that took.
fn enrol(crowd: &mut Crowd, plan: &Plan) -> Duration {
    let started = Instant::now();
    while crowd.agents.len() < plan.agents {
        let first = crowd.agents.len();
        for _ in 0..AT_ONCE.min(plan.agents - first) {
            let number = crowd.add();
            let name = format!("a{number}");
            crowd
                .with(number, |node, now| {
                    node.join_groups(now, &plan.line, Some(name))
                })
                .expect("the line");
        }
        let all = crowd.run(Duration::from_secs(60), |crowd| {
            crowd.agents[first..].iter().all(|it| it.is_member)
        });
        assert!(
            all,
            "not all of {first} and the next {AT_ONCE} became members"
        );
    }
    started.elapsed()
}

/// One that sends to all others is removed.
pub(crate) fn removal(plan: &Plan) {
    let mut crowd = Crowd::new(&plan.servers);
    enrol(&mut crowd, plan);
    let leaver = crowd.add();
    let line = plan.leaver.as_deref().expect("a line for the leaver");
    crowd
        .with(leaver, |node, now| node.join_groups(now, line, None))
        .expect("the line");
    assert!(crowd.run(Duration::from_secs(10), |it| it.agents[leaver].is_member));
    // It finds each through the server, a few at a time, and meets it.
    let fs: Vec<_> = crowd.agents[..leaver].iter().map(|it| it.f).collect();
    for some in fs.chunks(100) {
        for f in some {
            let _ = crowd.with(leaver, |node, now| node.connect(now, *f));
        }
        let met = crowd.run(Duration::from_secs(30), |crowd| {
            some.iter()
                .all(|f| crowd.agents[leaver].node.has_session(*f))
        });
        assert!(met, "the leaver met not all");
    }
    let own = crowd.agents[leaver].f;
    let packets: Vec<Vec<u8>> = fs.iter().map(|f| packet(own, *f)).collect();
    let (told, answered) = channel();
    let command = plan.command.clone();
    let started = Instant::now();
    let mut order = Some(move || {
        let ordered = Instant::now();
        let done = Command::new(&command[0]).args(&command[1..]).status();
        assert!(done.expect("kumi").success());
        told.send((ordered, Instant::now()))
            .expect("somebody waits");
    });
    let mut reply = None;
    while reply.is_none_or(|(_, at): (Instant, Instant)| at.elapsed() < Duration::from_secs(4)) {
        for packet in &packets {
            crowd.with(leaver, |node, now| node.handle_inside(now, packet));
        }
        crowd.step(Duration::from_millis(1));
        let runs = started.elapsed();
        assert!(runs < Duration::from_secs(60), "the order was not answered");
        if runs > Duration::from_secs(2)
            && let Some(order) = order.take()
        {
            for agent in &mut crowd.agents {
                agent.from_server = Counted::default();
            }
            std::thread::spawn(order);
        }
        reply = reply.or_else(|| answered.try_recv().ok());
    }
    let (ordered, at) = reply.expect("an answer");
    let members = &crowd.agents[..leaver];
    let mut last: Vec<f64> = members
        .iter()
        .map(|it| {
            let last = it.last_inside.expect("it got packets");
            last.saturating_duration_since(at).as_secs_f64() * 1_000.0
        })
        .collect();
    last.sort_by(f64::total_cmp);
    let mean = |of: fn(&Counted) -> usize| {
        let sum: usize = members.iter().map(|it| of(&it.from_server)).sum();
        sum as f64 / members.len() as f64
    };
    let result = Removal {
        members: members.len(),
        last_packet_ms_p50: last[last.len() / 2],
        last_packet_ms_p99: last[last.len() * 99 / 100],
        last_packet_ms_max: *last.last().expect("members"),
        order_ms: at.duration_since(ordered).as_secs_f64() * 1_000.0,
        removal_bytes: mean(|it| it.first),
        all_bytes: mean(|it| it.bytes),
    };
    println!("{}", serde_json::to_string(&result).expect("JSON"));
}

/// The server is killed and starts again, or another instance is there.
pub(crate) fn come_back(plan: &Plan) {
    let mut crowd = Crowd::new(&plan.servers);
    let enrolled = enrol(&mut crowd, plan);
    // Sessions are quiet again.
    crowd.run(Duration::from_secs(30), |_| false);
    let left = plan.left.map(|f| wire::NodeAddr(f.octets()));
    let is_elsewhere =
        |agent: &crate::crowd::Agent| left.is_some_and(|f| agent.node.has_session(f));
    let was_there: BTreeSet<_> = crowd
        .agents
        .iter()
        .filter(|it| is_elsewhere(it))
        .map(|it| it.f)
        .collect();
    let elsewhere = was_there.len();
    for agent in &mut crowd.agents {
        agent.current = u32::from(is_elsewhere(agent));
        (agent.from_server, agent.to_server) = (Counted::default(), Counted::default());
    }
    let (told, restarted) = channel();
    let command = plan.command.clone();
    std::thread::spawn(move || {
        let done = Command::new(&command[0]).args(&command[1..]).status();
        assert!(done.expect("kumi").success());
        told.send(Instant::now()).expect("somebody waits");
    });
    let (mut start, mut half) = (None, None);
    let back = |crowd: &Crowd| crowd.agents.iter().filter(|it| it.current > 0).count();
    crowd.run(Duration::from_secs(120), |crowd| {
        start = start.or_else(|| restarted.try_recv().ok());
        let back = back(crowd);
        if back * 2 >= crowd.agents.len() {
            half.get_or_insert_with(Instant::now);
        }
        back == crowd.agents.len()
    });
    let end = Instant::now();
    let start = start.expect("the server started again");
    let all = back(&crowd);
    missing(&crowd, left);
    assert_eq!(all, crowd.agents.len(), "not all came back");
    let mean = |of: fn(&Counted) -> usize| {
        let both = |it: &crate::crowd::Agent| of(&it.from_server) + of(&it.to_server);
        let came = || {
            crowd
                .agents
                .iter()
                .filter(|it| it.current > 0 && !was_there.contains(&it.f))
        };
        let sum: usize = came().map(both).sum();
        sum as f64 / came().count().max(1) as f64
    };
    let apart_bytes = mean(|it| it.apart);
    let result = Return {
        agents: crowd.agents.len(),
        elsewhere,
        back_s: end.saturating_duration_since(start).as_secs_f64(),
        half_back_s: half.map_or(0.0, |at| at.saturating_duration_since(start).as_secs_f64()),
        bytes: mean(|it| it.bytes) - apart_bytes,
        apart_bytes,
        enrolled_s: enrolled.as_secs_f64(),
    };
    println!("{}", serde_json::to_string(&result).expect("JSON"));
}

/// Says what those know that did not come back.
fn missing(crowd: &Crowd, left: Option<wire::NodeAddr>) {
    let lost = crowd
        .agents
        .iter()
        .enumerate()
        .filter(|(_, it)| it.current == 0);
    let mut kinds = std::collections::BTreeMap::new();
    for (number, agent) in lost {
        let groups = agent.node.groups(crate::crowd::now());
        let servers = groups
            .first()
            .map(|it| it.servers.iter().map(|it| it.is_up).collect::<Vec<_>>());
        let knows = left.map(|f| agent.node.place_of(f).encode().len());
        let kind = kinds.entry((servers, knows)).or_insert((0, number, number));
        (kind.0, kind.2) = (kind.0 + 1, number);
    }
    if !kinds.is_empty() {
        eprintln!(
            "not back (sessions with the servers, bytes known of the one that is left; how many, first, last): {kinds:?}"
        );
    }
}

/// An IPv6 packet with an empty UDP datagram.
fn packet(from: wire::NodeAddr, to: wire::NodeAddr) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0, 8, 17, 64];
    packet.extend(from.0);
    packet.extend(to.0);
    let mut udp = vec![0x03, 0xe8, 0x03, 0xe9, 0, 8, 0, 0];
    let words = packet[8..40].chunks(2).chain(udp.chunks(2));
    let sum: u32 = words
        .map(|it| u32::from(u16::from_be_bytes([it[0], it[1]])))
        .sum();
    let sum = sum + 8 + 17;
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    let check = !u16::try_from(folded).expect("folded");
    udp[6..8].copy_from_slice(&check.to_be_bytes());
    packet.extend(udp);
    packet
}
