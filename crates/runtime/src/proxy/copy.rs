//! Two connections, and what each brings passed on to the other.
//!
//! One thread has both. In each round a direction reads at most one buffer and writes what it
//! can, so neither starves the other. An end that has said all it has to say (a FIN) is told
//! to the other end, which may go on.

use os::wait::{Watch, wait_each};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

/// What one direction holds at most, in bytes.
const BUFFER_LEN: usize = 32 * 1024;
/// After one end has finished, the other may be silent for so long.
const HALF_CLOSED_MAX: Duration = Duration::from_secs(3600);

/// What a client has sent already, and how much of what it still sends belongs to it.
#[derive(Debug, Default)]
pub(super) struct Early {
    /// To be passed on first.
    pub(super) bytes: Vec<u8>,
    /// So many bytes follow, and anything after them is dropped; `None`: all.
    pub(super) left: Option<u64>,
}

/// Passes everything on between both until both have finished.
///
/// # Errors
/// One of them failed; both are of no use any more.
pub(super) fn copy(client: &TcpStream, server: &TcpStream, early: Early) -> io::Result<()> {
    os::tcp::prepare_to_copy(client)?;
    os::tcp::prepare_to_copy(server)?;
    let mut there = Half::new(client, server, early);
    let mut back = Half::new(server, client, Early::default());
    there.write()?;
    while !(there.over && back.over) {
        let mut watches = [
            (client, there.wants_to_read(), back.wants_to_write()),
            (server, back.wants_to_read(), there.wants_to_write()),
        ]
        .map(|(stream, read, write)| Watch {
            descriptor: stream.as_fd(),
            read,
            write,
        });
        let limit = (there.over || back.over).then_some(HALF_CLOSED_MAX);
        if !wait_each(&mut watches, limit)? {
            return Err(ErrorKind::TimedOut.into());
        }
        let [of_client, of_server] = watches;
        there.step(of_client.read, of_server.write)?;
        back.step(of_server.read, of_client.write)?;
    }
    Ok(())
}

/// One direction.
struct Half<'s> {
    from: &'s TcpStream,
    to: &'s TcpStream,
    buffer: Vec<u8>,
    /// What is in the buffer and not written: from here to there.
    start: usize,
    end: usize,
    left: Option<u64>,
    /// Nothing more comes.
    ended: bool,
    /// And the other end has been told.
    over: bool,
}

impl<'s> Half<'s> {
    fn new(from: &'s TcpStream, to: &'s TcpStream, early: Early) -> Self {
        let Early {
            bytes: mut buffer,
            left,
        } = early;
        let end = buffer.len();
        buffer.resize(end.max(BUFFER_LEN), 0);
        Self {
            from,
            to,
            buffer,
            start: 0,
            end,
            left,
            ended: false,
            over: false,
        }
    }

    fn wants_to_read(&self) -> bool {
        !self.ended && self.start == self.end
    }

    fn wants_to_write(&self) -> bool {
        self.start < self.end
    }

    fn step(&mut self, readable: bool, writable: bool) -> io::Result<()> {
        if readable && self.wants_to_read() {
            self.read()?;
        } else if !writable {
            return Ok(());
        }
        self.write()
    }

    fn read(&mut self) -> io::Result<()> {
        let Some(count) = ready(self.from.read(&mut self.buffer))? else {
            return Ok(());
        };
        self.ended = count == 0;
        (self.start, self.end) = (0, count);
        if let Some(left) = &mut self.left {
            self.end = count.min(usize::try_from(*left).unwrap_or(count));
            *left -= self.end as u64;
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let waiting = self.buffer.get(self.start..self.end).unwrap_or_default();
        if !waiting.is_empty()
            && let Some(count) = ready(self.to.write(waiting))?
        {
            self.start += count;
        }
        if self.ended && !self.wants_to_write() && !self.over {
            self.over = true;
            self.to.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }
}

/// `None` when it would have to wait.
fn ready(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    /// A client and a server with a copying thread between them.
    fn between(early: Early) -> (TcpStream, TcpStream, JoinHandle<io::Result<()>>) {
        let ((client, here), (server, there)) = (pair(), pair());
        let thread = std::thread::spawn(move || copy(&here, &there, early));
        for stream in [&client, &server] {
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
        }
        (client, server, thread)
    }

    fn rest(mut stream: &TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn both_directions_pass_at_once_and_each_ends_by_itself() {
        let (client, server, thread) = between(Early::default());
        let upload: Vec<u8> = (0..5_000_000u32).map(|n| (n % 251) as u8).collect();
        let download: Vec<u8> = (0..7_000_000u32).map(|n| (n % 241) as u8).collect();
        std::thread::scope(|scope| {
            let sends = [(&client, &upload), (&server, &download)];
            for (mut stream, bytes) in sends {
                scope.spawn(move || {
                    stream.write_all(bytes).unwrap();
                    stream.shutdown(Shutdown::Write).unwrap();
                });
            }
            scope.spawn(|| assert!(rest(&server) == upload));
            assert!(rest(&client) == download);
        });
        thread.join().unwrap().unwrap();
    }

    #[test]
    fn an_end_that_has_finished_still_hears_the_other() {
        let (mut client, mut server, thread) = between(Early::default());
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(rest(&server), b"question");
        std::thread::sleep(Duration::from_millis(50));
        server.write_all(b"a late answer").unwrap();
        drop(server);
        assert_eq!(rest(&client), b"a late answer");
        thread.join().unwrap().unwrap();
    }

    #[test]
    fn what_came_early_goes_first_and_what_is_too_much_goes_nowhere() {
        let early = Early {
            bytes: vec![b'x'; BUFFER_LEN + 10],
            left: Some(3),
        };
        let (mut client, server, thread) = between(early);
        client.write_all(b"abcGET http://elsewhere/").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut expected = vec![b'x'; BUFFER_LEN + 10];
        expected.extend(b"abc");
        assert!(rest(&server) == expected);
        drop(server);
        assert_eq!(rest(&client), b"");
        thread.join().unwrap().unwrap();
    }

    #[test]
    fn an_end_that_breaks_ends_both() {
        let (client, mut server, thread) = between(Early::default());
        drop(client);
        // Written into a closed connection: the answer is a reset.
        while server.write_all(&[0; 4096]).is_ok() {}
        assert!(thread.join().unwrap().is_err());
    }
}
