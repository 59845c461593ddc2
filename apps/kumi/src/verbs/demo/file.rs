//! The file of the demo: made with a canary in it, sent and received by TCP in child
//! processes that `kumi run` puts where the node's interface is.

use crate::failure::{Exit, Failure};
use identity::crypto::{AwsLc, Crypto};
use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// The hidden verb of the two ends; the second argument is `send` or `receive`.
pub(crate) const VERB: &str = "__demo-file";
/// What Eve looks for: 32 bytes that cannot come about by chance.
pub(crate) const CANARY: &[u8; 32] = b"kumihimo demo: the secret canary";
/// One canary in so many bytes of the file.
const CANARY_EVERY: usize = 64 * 1024;
/// Canaries in each MiB of the file.
pub(crate) const CANARIES_PER_MIB: u64 = 16;
/// The TCP port inside the overlay.
const PORT: u16 = 7000;
/// What is sent or received at once.
const CHUNK_LEN: usize = 256 * 1024;
/// How long an end waits for the other.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes the file and returns how many canaries are in it.
pub(crate) fn make(path: &Path, mib: u64) -> io::Result<u64> {
    let mut out = std::fs::File::options()
        .write(true)
        .create_new(true)
        .open(path)?;
    let mut block = vec![0u8; 1 << 20];
    let mut canaries = 0;
    for _ in 0..mib {
        os::random::fill(&mut block)?;
        for part in block.chunks_exact_mut(CANARY_EVERY) {
            // Not at the edge, so that most of them are whole in one packet.
            if let Some(place) = part.get_mut(1000..1000 + CANARY.len()) {
                place.copy_from_slice(CANARY);
                canaries += 1;
            }
        }
        out.write_all(&block)?;
    }
    Ok(canaries)
}

/// How often the canary is in these bytes.
pub(crate) fn canaries(bytes: &[u8]) -> u64 {
    let first = CANARY.first().copied().unwrap_or_default();
    let mut found = 0;
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        let from = rest.get(at..).unwrap_or_default();
        found += u64::from(from.starts_with(CANARY));
        rest = from.get(1..).unwrap_or_default();
    }
    found
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = AwsLc.sha256(&[bytes]);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hidden verb: `__demo-file send|receive ADDRESS FILE`. Prints `ready` when it
/// listens, and the seconds that the transfer took when it is over.
pub(crate) fn serve(arguments: &[String]) -> Result<(), Failure> {
    let failed =
        |detail: String| Failure::new(Exit::Failed, "error-demo-file").with("detail", detail);
    let [_, _, end, address, file] = arguments else {
        return Err(failed("arguments".to_owned()));
    };
    let address: Ipv6Addr = address.parse().map_err(|_| failed(address.clone()))?;
    let address = SocketAddr::from((address, PORT));
    let done = match end.as_str() {
        "send" => send(address, Path::new(file)),
        _ => receive(address, Path::new(file)),
    };
    done.map_err(|error| failed(error.to_string()))
}

fn send(address: SocketAddr, file: &Path) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    copy(&mut std::fs::File::open(file)?, &mut stream)?;
    stream.shutdown(std::net::Shutdown::Write)
}

fn receive(address: SocketAddr, file: &Path) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    let mut out = std::fs::File::options()
        .write(true)
        .create_new(true)
        .open(file)?;
    println!("ready");
    let (mut stream, _) = listener.accept()?;
    let start = Instant::now();
    stream.set_read_timeout(Some(PATIENCE))?;
    copy(&mut stream, &mut out)?;
    println!("{}", start.elapsed().as_secs_f64());
    Ok(())
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut chunk = vec![0u8; CHUNK_LEN];
    loop {
        let read = from.read(&mut chunk)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(chunk.get(..read).unwrap_or_default())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_what_was_put_in_and_nothing_else() {
        let path = std::env::temp_dir().join(format!("kumi-demo-file-{}", std::process::id()));
        let count = make(&path, 2).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(count, 32);
        assert_eq!(bytes.len(), 2 << 20);
        assert_eq!(canaries(&bytes), count);
        assert_eq!(canaries(&bytes[1001..]), count - 1);
        assert_eq!(canaries(&[&CANARY[..], b"k", CANARY].concat()), 2);
        assert_eq!(canaries(&CANARY[..31]), 0);
    }

    #[test]
    fn sums_agree_with_the_standard() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), empty);
    }
}
