//! Real connections to listeners of the process, in the network of the test.

use super::super::link::{Kind, Place};
use super::*;
use api::Target;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;

/// Services that wait at free ports, with the thread that serves them.
struct Running {
    node: Option<UnixStream>,
    addresses: Vec<SocketAddr>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Running {
    fn start(kinds: &[Kind]) -> Self {
        let place = Place {
            holder_pid: None,
            device: "lo".to_owned(),
            address: "fc12::1".parse().unwrap(),
            control: "/nonexistent/control".into(),
        };
        let ground = Arc::new(Ground::enter(&place));
        let mut open = Open::default();
        let mut addresses = Vec::new();
        for kind in kinds {
            let listen = Listen::Host("127.0.0.1:0".parse().unwrap());
            let listener = ground.listen(listen).unwrap();
            addresses.push(listener.local_addr().unwrap());
            let service = Service {
                listen,
                kind: *kind,
            };
            open.services.push((service, listener, Seats::default()));
        }
        let (node, part) = UnixStream::pair().unwrap();
        let thread = std::thread::spawn(move || open.accept_until_told(&part, &ground));
        Self {
            node: Some(node),
            addresses,
            thread: Some(thread),
        }
    }

    fn connect(&self, service: usize) -> TcpStream {
        let stream = TcpStream::connect(self.addresses[service]).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    /// A connection that is served: the proxy has answered its greeting.
    fn greeted(&self, service: usize) -> Option<TcpStream> {
        let mut stream = self.connect(service);
        let mut answer = [0; 2];
        stream.write_all(&[5, 1, 0]).ok()?;
        stream.read_exact(&mut answer).ok()?;
        assert_eq!(answer, [5, 0]);
        Some(stream)
    }

    /// What the service says to `bytes`, until it closes.
    fn said(&self, service: usize, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect(service);
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is as good an end.
        let _ = stream.read_to_end(&mut answer);
        answer
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.node.take());
        let thread = self.thread.take().map(JoinHandle::join);
        assert!(matches!(thread, Some(Ok(Ok(())))));
    }
}

#[test]
fn connections_are_bounded_and_no_service_takes_those_of_the_others() {
    let running = Running::start(&[Kind::Socks5; 3]);
    let fill = |service| -> Vec<TcpStream> {
        let all = (0..SERVICE_CONNECTIONS_MAX).map(|_| running.greeted(service));
        all.collect::<Option<_>>().unwrap()
    };
    let mut first = fill(0);
    assert!(
        running.greeted(0).is_none(),
        "one more than the service may have"
    );
    let second = fill(1);
    assert_eq!(first.len() + second.len(), CONNECTIONS_MAX);
    assert!(running.greeted(2).is_none(), "one more than there may be");
    first.pop();
    let freed = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(20));
        running.greeted(2)
    });
    assert!(freed.is_some(), "a connection that ended still counts");
}

#[test]
fn a_forward_passes_on_what_its_target_says() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::Host(server.local_addr().unwrap());
    let running = Running::start(&[Kind::Forward(target)]);
    let mut client = running.connect(0);
    let (mut served, _) = server.accept().unwrap();
    served.write_all(b"SSH-2.0").unwrap();
    drop(served);
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "SSH-2.0");
    drop((client, server));
    assert_eq!(running.said(0, b"anybody?"), b"", "nobody listens any more");
}

#[test]
fn proxies_say_why_they_do_not_connect() {
    let running = Running::start(&[Kind::Socks5, Kind::Http]);
    let code = |request: &[u8]| {
        let said = running.said(0, &[&[5, 1, 0], request].concat());
        assert_eq!(said[..3], [5, 0, 5], "{said:?}");
        said[3]
    };
    assert_eq!(
        code(&[5, 1, 0, 1, 127, 0, 0, 1, 0, 22]),
        2,
        "the host itself"
    );
    assert_eq!(code(&[5, 2, 0, 1, 10, 0, 0, 1, 0, 22]), 7, "not CONNECT");
    assert_eq!(code(&[5, 1, 0, 7]), 8, "no such address type");
    assert_eq!(
        code(&[5, 1, 0, 3, 1, b'x', 0, 22]),
        1,
        "the node does not answer"
    );
    assert_eq!(running.said(0, &[5, 1, 2]), [5, 0xff], "wants a password");
    assert_eq!(running.said(0, b"GET / HTTP/1.1\r\n\r\n"), b"");
    let status = |request: &str| {
        let said = String::from_utf8(running.said(1, request.as_bytes())).unwrap();
        said.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(status("CONNECT [::1]:22 HTTP/1.1\r\n\r\n"), "403");
    assert_eq!(status("GET http://127.0.0.1/ HTTP/1.1\r\n\r\n"), "403");
    assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "400");
    assert_eq!(status("CONNECT x:22 HTTP/1.1\r\n\r\n"), "502");
    assert_eq!(status(&"x".repeat(17_000)), "431");
}

#[test]
fn a_new_plan_closes_what_is_not_in_it_and_keeps_the_rest() {
    let place = Place {
        holder_pid: None,
        device: "lo".to_owned(),
        address: "::1".parse().unwrap(),
        control: "/nonexistent/control".into(),
    };
    let ground = Ground::enter(&place);
    let free = || TcpListener::bind("[::1]:0").unwrap().local_addr().unwrap();
    let service = |listen| Service {
        listen,
        kind: Kind::Socks5,
    };
    let (host, inside) = (free(), free());
    let both = [
        service(Listen::Host(host)),
        service(Listen::Inside(inside.port())),
    ];
    let mut open = Open::default();
    assert_eq!(open.follow(&both, &ground), []);
    assert!(TcpStream::connect(inside).is_ok());
    let taken = open.follow(&[both[1], service(Listen::Host(inside))], &ground);
    assert_eq!(taken.len(), 1, "two at one address");
    assert_eq!(taken[0].0, Listen::Host(inside));
    assert!(TcpStream::connect(host).is_err() && TcpStream::connect(inside).is_ok());
    let gone = Place {
        holder_pid: Some(u32::MAX),
        ..place
    };
    let failed = Open::default().follow(&both, &Ground::enter(&gone));
    assert_eq!(failed.len(), 2, "without the inside nothing is of use");
}
