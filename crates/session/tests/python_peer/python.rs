//! The other implementation, `tests/interop/peer.py`, as a child process: one command a line,
//! answered by lines up to a dot.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Debian's interpreter, which sees Debian's packages; another `python3` in PATH may not.
const INTERPRETER: &str = "/usr/bin/python3";

pub(crate) struct Python {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

/// A command that runs a file of `tests/interop`, without leaving compiled copies there.
#[allow(clippy::disallowed_methods, reason = "the peer is a process")]
pub(crate) fn command(file: &str, flags: &[&str]) -> Command {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop");
    let mut command = Command::new(INTERPRETER);
    command.arg("-B").args(flags).arg(folder.join(file));
    command
}

impl Python {
    pub(crate) fn start() -> Self {
        let mut child = command("peer.py", &[])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{INTERPRETER}: {e}; install the Debian package python3"));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().and_then(Result::ok);
        assert_eq!(
            first.as_deref(),
            Some("ready"),
            "tests/interop/peer.py did not start (why: on standard error); it needs the Debian \
             packages python3 and python3-cryptography"
        );
        let stdin = child.stdin.take();
        Self {
            child,
            stdin,
            lines,
        }
    }

    /// Gives a command; what it answered before the dot.
    pub(crate) fn ask(&mut self, command: &str) -> Vec<String> {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{command}").unwrap();
        stdin.flush().unwrap();
        let mut answer = Vec::new();
        loop {
            match self.lines.next() {
                Some(Ok(line)) if line == "." => return answer,
                Some(Ok(line)) if line.is_empty() => {}
                Some(Ok(line)) => answer.push(line),
                _ => panic!("peer.py ended at `{command}` (why: on standard error)"),
            }
        }
    }

    /// The words of the one line that a command answers with.
    pub(crate) fn words(&mut self, command: &str) -> Vec<String> {
        let answer = self.ask(command);
        assert_eq!(answer.len(), 1, "{command}: {answer:?}");
        answer[0].split(' ').map(str::to_owned).collect()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // End of input ends it.
        self.stdin = None;
        let _ = self.child.wait();
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let text = text.trim_start_matches('-').as_bytes();
    text.chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
