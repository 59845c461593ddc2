//! What a client that is not well-behaved gets, over real connections: nothing that costs the server.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it is surprised"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use api::{ApiError, Code, Reply, Response};
use webapi::{
    BODY_LEN_MAX, Backend, CALLS_MAX, Call, HEAD_LEN_MAX, HEAD_TIMEOUT, Listening, Server,
};

/// Counts what it is asked; as long as the gate is closed nothing is answered.
#[derive(Default)]
struct Slow {
    asked: AtomicUsize,
    closed: Mutex<bool>,
    opened: Condvar,
}

impl Slow {
    fn set(&self, closed: bool) {
        *self.closed.lock().unwrap() = closed;
        self.opened.notify_all();
    }
}

impl Backend for Slow {
    fn call(&self, key: &str, _: Call) -> Reply {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let closed = self.closed.lock().unwrap();
        drop(self.opened.wait_while(closed, |closed| *closed).unwrap());
        match key {
            "right" => Ok(Response::Done),
            _ => Err(ApiError::new(Code::AdminKey)),
        }
    }
}

fn start(backend: &Arc<Slow>) -> (Server, SocketAddr) {
    let at = "127.0.0.1:0".parse().unwrap();
    let listening = vec![Listening { at, tls: None }];
    let server = Server::start(listening, Arc::clone(backend) as Arc<dyn Backend>).unwrap();
    let at = server.addresses()[0];
    (server, at)
}

fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(2 * HEAD_TIMEOUT)).unwrap();
    stream
}

/// Sends this, and reads until the server hangs up or stops.
fn answer(at: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(at);
    // It may hang up before it has read everything.
    let _ = stream.write_all(request);
    let mut text = Vec::new();
    if let Err(error) = stream.read_to_end(&mut text) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    String::from_utf8(text).unwrap()
}

fn rotate(key: &str) -> Vec<u8> {
    let head = "POST /v1/groups/sales/rotation HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    format!("{head}Authorization: Bearer {key}\r\n\r\n").into_bytes()
}

#[test]
fn a_key_is_asked_for_before_anything_else() {
    let backend = Arc::new(Slow::default());
    let (_server, at) = start(&backend);
    for authorization in [
        "",
        "Authorization: Basic eDp5\r\n",
        "Authorization: right\r\n",
    ] {
        let head = "PUT /v1/members/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
        let request = format!("{head}{authorization}Content-Length: 1\r\n\r\n{{");
        let answer = answer(at, request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
        assert!(answer.contains("www-authenticate: Bearer"), "{answer}");
    }
    assert_eq!(backend.asked.load(Ordering::SeqCst), 0);
    assert!(answer(at, &rotate("wrong")).starts_with("HTTP/1.1 401 "));
    assert!(answer(at, &rotate("right")).starts_with("HTTP/1.1 204 "));
    assert_eq!(backend.asked.load(Ordering::SeqCst), 2);
}

#[test]
fn what_is_too_long_or_no_http_is_refused_unread() {
    let backend = Arc::new(Slow::default());
    let (_server, at) = start(&backend);
    let head = "POST /v1/groups HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n";
    let long = format!(
        "{head}Authorization: Bearer right\r\nContent-Length: {}\r\n\r\n",
        BODY_LEN_MAX + 1
    );
    let long = [long.into_bytes(), vec![b' '; BODY_LEN_MAX + 1]].concat();
    let said = answer(at, &long);
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    let wide = format!(
        "GET /v1/log HTTP/1.1\r\nX: {}\r\n\r\n",
        "a".repeat(2 * HEAD_LEN_MAX)
    );
    let said = answer(at, wide.as_bytes());
    assert!(
        said.is_empty() || said.starts_with("HTTP/1.1 431 "),
        "{said}"
    );
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"SSH-2.0-x\r\n\r\n",
        b"GET\r\n\r\n",
    ] {
        let said = answer(at, noise);
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 400 "),
            "{said}"
        );
    }
    assert_eq!(backend.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn who_sends_no_request_is_hung_up_on() {
    let backend = Arc::new(Slow::default());
    let (_server, at) = start(&backend);
    let began = Instant::now();
    assert!(!answer(at, b"GET /v1/server HTTP/1.1\r\n").starts_with("HTTP/1.1 2"));
    assert!(began.elapsed() >= HEAD_TIMEOUT - Duration::from_millis(100));
}

#[test]
fn more_than_the_server_takes_at_once_may_come_again() {
    let backend = Arc::new(Slow::default());
    let (server, at) = start(&backend);
    backend.set(true);
    let mut waiting: Vec<TcpStream> = Vec::new();
    for count in 1..=CALLS_MAX {
        let mut stream = connect(at);
        stream.write_all(&rotate("right")).unwrap();
        waiting.push(stream);
        while backend.asked.load(Ordering::SeqCst) < count {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let busy = answer(at, &rotate("right"));
    assert!(
        busy.starts_with("HTTP/1.1 503 ") && busy.contains("retry-after: 1"),
        "{busy}"
    );
    backend.set(false);
    for mut stream in waiting {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 204 "), "{text}");
    }
    assert!(answer(at, &rotate("right")).starts_with("HTTP/1.1 204 "));
    drop(server);
    assert!(TcpStream::connect(at).is_err(), "it listens no more");
}
