//! A real PostgreSQL server that is reached by TLS, or should be.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use crate::common::postgres::{PASSWORD, Postgres};
use crate::common::{Folder, Ground, create};

/// A port that nobody has.
fn port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// What a server that is reached by a URL says, or why it is not reached.
fn reach(server: &Arc<Postgres>, url: String) -> Result<Ground, String> {
    let ground = Ground {
        folder: Folder::new("tls"),
        url: Some(url),
        server: Some(Arc::clone(server)),
    };
    let mut instance = ground.open()?;
    instance
        .order(&create("lab"))
        .map_err(|it| it.to_string())?;
    let query = "SELECT count(*), bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                 WHERE application_name = 'kumi gms'";
    assert_eq!(server.sql("postgres", query), "1|t");
    Ok(ground)
}

/// A certificate that has nothing to do with any server.
fn certificate_in(folder: &Folder) -> String {
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-nodes"])
        .args(["-subj", "/CN=test", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-keyout", "key", "-out", "pem"])
        .current_dir(&folder.0)
        .output();
    assert!(made.unwrap().status.success());
    folder.0.join("pem").display().to_string()
}

#[test]
fn a_server_is_believed_by_its_certificate_and_its_name() {
    let port = port();
    let server = Postgres::start_by_tls(&[], "127.0.0.1", port, "DNS:localhost,DNS:db.example");
    let server = Arc::new(server);
    let authority = server.authority();
    let own = authority.replace("authority.pem", "server.pem");
    let url = |host: &str, more: &str| {
        let name = server.database();
        let name = name.split(['/', '?']).nth(3).unwrap();
        format!("postgresql://kumi:{PASSWORD}@{host}:{port}/{name}?{more}")
    };
    let taken = [
        (
            "localhost",
            format!("sslmode=require&sslrootcert={authority}"),
        ),
        (
            "localhost",
            format!("sslmode=verify-full&sslrootcert={own}"),
        ),
        (
            "127.0.0.1",
            format!("sslmode=verify-ca&sslrootcert={authority}"),
        ),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={own}")),
        (
            "db.example",
            format!("hostaddr=127.0.0.1&sslmode=require&sslrootcert={authority}"),
        ),
    ];
    for (host, more) in taken {
        let url = url(host, &more);
        assert_eq!(reach(&server, url.clone()).err(), None, "{url}");
    }
    let other_folder = Folder::new("tls-other");
    let other = certificate_in(&other_folder);
    let refused = [
        (
            "localhost",
            format!("sslmode=require&sslrootcert={other}"),
            "comes from none of",
        ),
        (
            "127.0.0.1",
            format!("sslmode=verify-ca&sslrootcert={other}"),
            "comes from none of",
        ),
        (
            "127.0.0.1",
            format!("sslmode=require&sslrootcert={authority}"),
            "is not for 127.0.0.1",
        ),
        (
            "127.0.0.1",
            format!("sslmode=require&sslrootcert={own}"),
            "is not for 127.0.0.1",
        ),
        (
            "localhost",
            "sslmode=require&sslrootcert=/nowhere".to_owned(),
            "sslrootcert /nowhere",
        ),
        (
            "localhost",
            "sslmode=require&sslrootcert=/dev/null".to_owned(),
            "no certificate",
        ),
        // In clear the server takes nobody: what it took above came by TLS.
        ("127.0.0.1", String::new(), "no encryption"),
    ];
    for (host, more, why) in refused {
        let url = url(host, &more);
        let error = reach(&server, url.clone()).err().unwrap();
        assert!(
            error.contains(why) && !error.contains(PASSWORD),
            "{url}: {error}"
        );
    }
    // One that is its own CA, as openssl makes it unless told otherwise.
    for kind in ["pem", "key"] {
        let file = |name: &str| server.socket().join(format!("{name}.{kind}"));
        std::fs::copy(file("authority"), file("server")).unwrap();
    }
    server.signal("HUP");
    let verified = |file: &str| {
        let more = format!("sslmode=verify-ca&sslrootcert={file}");
        reach(&server, url("127.0.0.1", &more))
    };
    let mut errors = (0..100).map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        verified(&other).err().unwrap()
    });
    let error = errors.find(|error| error.contains("CaUsedAsEndEntity"));
    assert!(error.unwrap().contains("comes from none of"));
    assert_eq!(verified(&authority).err(), None);
}

#[test]
fn a_server_that_shows_no_certificate_gets_no_password() {
    let port = port();
    let settings = ["listen_addresses=127.0.0.1", &format!("port={port}")];
    let server = Arc::new(Postgres::start(&[], &settings));
    let url = format!("postgresql://kumi:{PASSWORD}@localhost:{port}/postgres?sslmode=require");
    let error = reach(&server, url).err().unwrap();
    assert!(error.contains("does not support TLS"), "{error}");
}

/// All that somebody in its place sees is the question whether there is TLS.
#[test]
fn a_listener_without_tls_sees_no_password() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = [0; 8];
        stream.read_exact(&mut heard).unwrap();
        stream.write_all(b"N").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        (heard, rest)
    });
    let ground = Ground {
        url: Some(format!(
            "postgresql://kumi:{PASSWORD}@{at}/kumi?sslmode=require"
        )),
        ..Ground::sqlite("tls-listener")
    };
    assert!(ground.open().is_err());
    // SSLRequest: its length and its code.
    let request = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    assert_eq!(heard.join().unwrap(), (request, Vec::new()));
}
