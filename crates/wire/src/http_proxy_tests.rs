//! Heads that browsers and `curl` send, and heads that nobody should.

use super::*;
use proptest::prelude::*;

fn to(host: &str, port: u16) -> Destination {
    let host = Host::from_text(host).unwrap();
    Destination { host, port }
}

fn parsed(text: &str) -> Request {
    let (request, len) = Request::parse(text.as_bytes()).unwrap().unwrap();
    assert_eq!(len, text.len());
    request
}

fn refused(text: &str) -> HttpError {
    Request::parse(text.as_bytes()).expect_err(text)
}

#[test]
fn connect_names_a_host_and_a_port() {
    for (authority, destination) in [
        ("[fc12::1]:443", to("fc12::1", 443)),
        ("server:22", to("server", 22)),
        ("10.1.2.3:80", to("10.1.2.3", 80)),
    ] {
        let head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        assert_eq!(parsed(&head), Request::Connect(destination));
    }
    for wrong in [
        "server",
        "server:",
        "server:0",
        "server:70000",
        "server:+1",
        "fc12::1",
        "fc12::1:443",
        "[server]:1",
        ":1",
        "me@server:1",
        "[fc12::1]",
    ] {
        let head = format!("CONNECT {wrong} HTTP/1.1\r\n\r\n");
        assert_eq!(refused(&head), HttpError::Malformed, "{wrong}");
    }
}

#[test]
fn an_absolute_uri_becomes_a_path_and_a_host() {
    let text = "GET http://[fc12::1]:8080/a?b HTTP/1.1\r\nHost: elsewhere\r\n\
                User-Agent: curl\r\nProxy-Connection: Keep-Alive\r\nX-Once: 1\r\n\
                Connection: keep-alive, X-Once, Content-Length\r\nContent-Length: 3\r\n\
                Proxy-Authorization: Basic eA==\r\n\r\n";
    let head = "GET /a?b HTTP/1.1\r\nHost: [fc12::1]:8080\r\nUser-Agent: curl\r\n\
                Content-Length: 3\r\nConnection: close\r\n\r\n";
    let expected = Request::Fetch {
        destination: to("fc12::1", 8080),
        head: head.as_bytes().to_vec(),
        body: Body::Length(3),
    };
    assert_eq!(parsed(text), expected);
    for (uri, line, port) in [
        ("http://server", "GET / HTTP/1.0", 80),
        ("http://server/", "GET / HTTP/1.0", 80),
        ("HTTP://server:81?q", "GET /?q HTTP/1.0", 81),
    ] {
        let request = parsed(&format!("GET {uri} HTTP/1.0\r\n\r\n"));
        let Request::Fetch {
            destination, head, ..
        } = request
        else {
            panic!("{request:?}");
        };
        assert_eq!(destination, to("server", port));
        let head = String::from_utf8(head).unwrap();
        assert!(
            head.starts_with(&format!("{line}\r\nHost: server")),
            "{head}"
        );
    }
}

#[test]
fn what_follows_a_head_is_said_once() {
    let body = |fields: &str| {
        let text = format!("POST http://server/ HTTP/1.1\r\n{fields}\r\n");
        Request::parse(text.as_bytes()).map(|found| match found.unwrap().0 {
            Request::Fetch { body, .. } => body,
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(body(""), Ok(Body::Length(0)));
    assert_eq!(body("Content-Length: 5\r\n"), Ok(Body::Length(5)));
    let twice = "content-length: 5\r\nContent-Length:5\r\n";
    assert_eq!(body(twice), Ok(Body::Length(5)));
    assert_eq!(body("Transfer-Encoding: Chunked\r\n"), Ok(Body::Chunked));
    for wrong in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: \r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ] {
        assert_eq!(body(wrong), Err(HttpError::Malformed), "{wrong}");
    }
}

#[test]
fn what_is_not_for_a_proxy_is_refused() {
    for line in [
        "GET / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET https://x/ HTTP/1.1",
    ] {
        assert_eq!(refused(&format!("{line}\r\n\r\n")), HttpError::NotForProxy);
    }
    for text in [
        "GET http://server/ HTTP/2\r\n\r\n",
        "GET  http://server/ HTTP/1.1\r\n\r\n",
        "G(T http://server/ HTTP/1.1\r\n\r\n",
        "GET http://me:pw@server/ HTTP/1.1\r\n\r\n",
        "GET http:///x HTTP/1.1\r\n\r\n",
        "GET http://server/\u{e9} HTTP/1.1\r\n\r\n",
        "GET http://server/ HTTP/1.1\r\nA b: c\r\n\r\n",
        "GET http://server/ HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "GET http://server/ HTTP/1.1\r\nA: b\nX: c\r\n\r\n",
        "GET http://server/ HTTP/1.1\r\nA: b\0\r\n\r\n",
        "\r\n\r\n",
    ] {
        assert_eq!(refused(text), HttpError::Malformed, "{text:?}");
    }
}

#[test]
fn a_head_is_bounded_and_waits_for_its_end() {
    let start = "GET http://server/ HTTP/1.1\r\nA: ";
    let fill = HEAD_LEN_MAX - start.len() - END.len();
    let longest = format!("{start}{}\r\n\r\n", "x".repeat(fill));
    assert_eq!(longest.len(), HEAD_LEN_MAX);
    parsed(&longest);
    for len in (0..100).chain(HEAD_LEN_MAX - 100..HEAD_LEN_MAX) {
        assert_eq!(Request::parse(&longest.as_bytes()[..len]), Ok(None));
    }
    let longer = format!("{start}{}\r\n\r\n", "x".repeat(fill + 1));
    assert_eq!(refused(&longer), HttpError::TooLong);
    assert_eq!(refused(&"x".repeat(HEAD_LEN_MAX)), HttpError::TooLong);
    let follows = "CONNECT server:22 HTTP/1.1\r\n\r\nSSH-2.0";
    let (_, len) = Request::parse(follows.as_bytes()).unwrap().unwrap();
    assert_eq!(&follows[len..], "SSH-2.0");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(GET|CONNECT) (http://)?[\\[\\]a-f0-9:@/?.]{0,40} HTTP/1.1\r\n([A-Za-z-]{0,9}: ?[ -~]{0,9}\r\n){0,4}\r\n") {
        if let Ok(Some((Request::Fetch { head, .. }, _))) = Request::parse(text.as_bytes()) {
            // What is sent on is itself a head, for nobody but a server.
            prop_assert_eq!(Request::parse(&head), Err(HttpError::NotForProxy));
        }
    }
}
