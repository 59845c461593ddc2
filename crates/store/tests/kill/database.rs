//! The same with PostgreSQL: the client dies at any of its calls, and the server's process for it at
//! any of its messages, before it reads one or before its answer arrives.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::Ground;
use crate::common::postgres::{Postgres, signal};
use crate::{CALLS_MAX, acknowledged, boundaries, check, killed_at, with_orders};

/// How the client talks to the server.
const CALLS: [&str; 3] = ["connect", "sendto", "recvfrom"];

pub(crate) fn client_killed_at_every_call() {
    // So that all use the same server.
    let _server = Postgres::shared();
    let whole = boundaries(&Ground::postgres("whole"));
    let mut runs = 0;
    for call in CALLS {
        for number in 1..=CALLS_MAX {
            let ground = Ground::postgres("kill");
            let output = killed_at(&ground, call, number);
            runs += 1;
            let at = format!("{call} {number}");
            check(&ground, acknowledged(&output), &whole, &at);
            if output.status.success() {
                break;
            }
            assert!(number < CALLS_MAX, "{call}: {output:?}");
        }
    }
    assert!(runs > 60, "only {runs} runs: strace killed nothing");
    println!("a client of PostgreSQL killed {runs} times, nothing lost");
}

/// When the server's process dies.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Before it reads the message.
    Unread,
    /// It has done what the message says, and its answer is lost.
    Unanswered,
}

pub(crate) fn backend_killed_at_every_message() {
    let server = Postgres::shared();
    let whole = boundaries(&Ground::postgres("whole"));
    let mut runs = 0;
    for moment in [Moment::Unread, Moment::Unanswered] {
        for number in 1..=CALLS_MAX {
            let ground = Ground::postgres("backend");
            let between = Between::new(&ground, &server, moment, number);
            let through = Ground {
                folder: crate::Folder(ground.folder.0.clone()),
                url: Some(between.url.clone()),
                server: None,
            };
            let own = Command::new(std::env::current_exe().unwrap());
            let output = with_orders(own, &through).unwrap();
            std::mem::forget(through);
            runs += 1;
            server.wait();
            let at = format!("{moment:?} {number}");
            check(&ground, acknowledged(&output), &whole, &at);
            if between.messages.load(Ordering::Relaxed) < number {
                assert!(output.status.success(), "{at}: {output:?}");
                break;
            }
            assert!(number < CALLS_MAX, "{at}: it never ended");
        }
    }
    assert!(runs > 40, "only {runs} runs: nothing was killed");
    println!("the process of PostgreSQL killed {runs} times, nothing lost");
}

/// Stands between a client and the server, counts the client's messages, and kills the server's
/// process at one of them.
struct Between {
    url: String,
    messages: Arc<AtomicUsize>,
}

impl Between {
    fn new(ground: &Ground, server: &Arc<Postgres>, moment: Moment, number: usize) -> Self {
        let own = ground.folder.0.join("between");
        std::fs::create_dir(&own).unwrap();
        let socket = ".s.PGSQL.5432";
        let listener = UnixListener::bind(own.join(socket)).unwrap();
        let url = ground.url.as_deref().unwrap();
        let there = server.socket().display().to_string();
        let url = url.replace(&there, &own.display().to_string());
        let messages = Arc::new(AtomicUsize::new(0));
        let (server, counted) = (Arc::downgrade(server), Arc::clone(&messages));
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                // It ends when nobody needs the server any more.
                let Some(server) = server.upgrade() else {
                    return;
                };
                let Ok(there) = UnixStream::connect(server.socket().join(socket)) else {
                    continue;
                };
                let deed = Deed {
                    moment,
                    number,
                    counted: Arc::clone(&counted),
                };
                carry(&client, &there, &server, &deed);
            }
        });
        Self { url, messages }
    }
}

struct Deed {
    moment: Moment,
    number: usize,
    counted: Arc<AtomicUsize>,
}

/// Carries messages and answers, one after the other, as this client sends them.
fn carry(mut client: &UnixStream, mut there: &UnixStream, server: &Postgres, deed: &Deed) {
    let mut buffer = vec![0; 1 << 20];
    // An answer may come in parts; a client that waits for more sends nothing.
    let pause = Some(Duration::from_millis(4));
    there.set_read_timeout(pause).unwrap();
    client.set_read_timeout(pause).unwrap();
    loop {
        match client.read(&mut buffer) {
            Ok(0) => return,
            Ok(len) => {
                let is_it = deed.counted.fetch_add(1, Ordering::Relaxed) + 1 == deed.number;
                if is_it && matches!(deed.moment, Moment::Unread) {
                    return kill(server);
                }
                if there.write_all(&buffer[..len]).is_err() {
                    return;
                }
                if is_it {
                    there
                        .set_read_timeout(Some(Duration::from_secs(5)))
                        .unwrap();
                    let _ = there.read(&mut buffer);
                    return kill(server);
                }
            }
            Err(error) if is_pause(&error) => {}
            Err(_) => return,
        }
        match there.read(&mut buffer) {
            Ok(0) => return,
            Ok(len) => {
                if client.write_all(&buffer[..len]).is_err() {
                    return;
                }
            }
            Err(error) if is_pause(&error) => {}
            Err(_) => return,
        }
    }
}

fn is_pause(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}

fn kill(server: &Postgres) {
    for pid in server.backends() {
        signal(pid, "KILL");
        // Once its parent has noticed, all others end and it recovers.
        while Path::new(&format!("/proc/{pid}")).exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
