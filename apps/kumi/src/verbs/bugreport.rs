//! `kumi bugreport`: what a bug report needs, without secrets.
//!
//! In it: versions, `kumi.toml` as understood, checks, status, peers, the allowlist, the clients of a Bridge, what the
//! node says about its inside, and the end of its log with invite lines blotted out. Keys
//! are not read for it, except that the checks look at the headers of key files.

use super::{bridge, check, peers, status};
use crate::client::{ask, expect_answer};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::keys::file_failure;
use crate::output;
use crate::text::args;
use api::{Request, Response};
use clap::ArgMatches;
use os::files::FileError;
use std::path::{Path, PathBuf};

/// Where it goes without an argument.
const FILE_DEFAULT: &str = "kumi-bugreport.txt";
/// The most lines of the log in it.
const LOG_LINES_MAX: usize = 200;
/// The most bytes of the log that are looked at.
const LOG_LEN_MAX: u64 = 1 << 20;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let file = matches.get_one::<PathBuf>("FILE");
    let file = file.cloned().unwrap_or_else(|| PathBuf::from(FILE_DEFAULT));
    let report = report(context);
    if file == Path::new("-") {
        output::line(report.trim_end());
        return Ok(());
    }
    os::files::create_private(&file, report.as_bytes()).map_err(|error| match error {
        FileError::Exists(_) => file_failure(error),
        other => Failure::new(Exit::Failed, "error-report-write")
            .with("file", file.display())
            .with("detail", other),
    })?;
    let file = file.display().to_string();
    if context.json {
        output::json(&serde_json::json!({ "file": file }));
    }
    context.say(&context.text.tr("bugreport-done", args!(file = file)));
    Ok(())
}

/// The whole text. English headings, so that whoever gets it can read it.
pub(crate) fn report(context: &Context) -> String {
    let mut text = String::new();
    let mut section = |name: &str, body: &str| {
        text.push_str(&format!("== {name} ==\n{}\n\n", body.trim_end()));
    };
    section("versions", &versions());
    section("configuration", &format!("{:#?}", context.config));
    section("checks", &pretty(&check::as_json(context)));
    match status::fetch(context) {
        Ok(status) => section("status", &pretty(&status)),
        Err(failure) => section("status", &failure.id),
    }
    if let Ok(peers) = peers::fetch(context) {
        section("peers", &pretty(&peers));
    }
    if let Ok(Response::List { entries }) = ask(context, &Request::List) {
        section("allowlist", &pretty(&entries));
    }
    if let Ok(Response::Forwards { forwards }) = ask(context, &Request::Forwards) {
        section("forwards", &pretty(&forwards));
    }
    if let Ok((Some(_), clients)) = bridge::fetch_clients(context) {
        section("clients", &pretty(&clients));
    }
    if let Ok(inside) = inside(context) {
        for (name, lines) in inside {
            section(&format!("node: {name}"), &lines.join("\n"));
        }
    }
    section("log", &log(&context.log()));
    text
}

fn versions() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let uname = rustix::system::uname();
    let release = read("/etc/os-release");
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .unwrap_or("?");
    format!(
        "kumi {} for {} on {}\nLinux {} {}\nuser {}\ntime {}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        name.trim_matches('"'),
        uname.release().to_string_lossy(),
        uname.version().to_string_lossy(),
        os::process::user_id(),
        output::time(os::clock::unix_s()),
    )
}

fn pretty<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|error| error.to_string())
}

fn inside(context: &Context) -> Result<Vec<(String, Vec<String>)>, Failure> {
    let report = expect_answer!(context, &Request::Bugreport, Response::Report(report) => report);
    let sections = report.sections.into_iter();
    Ok(sections
        .map(|section| (section.name, section.lines))
        .collect())
}

fn log(file: &Path) -> String {
    let Ok(bytes) = os::files::read_private(file, LOG_LEN_MAX) else {
        return "(none, or longer than 1 MiB)".to_owned();
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.len().saturating_sub(LOG_LINES_MAX);
    let lines = lines.get(last..).unwrap_or_default();
    lines.iter().map(|line| blot(line) + "\n").collect()
}

/// An invite line is a secret until it is used.
fn blot(line: &str) -> String {
    let words = line.split(' ').map(|word| match word.find("kumi1:") {
        Some(at) => format!("{}kumi1:…", word.get(..at).unwrap_or_default()),
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Keys, NEXT, NODE, Opener, ROOT};
    use crate::passphrase::Source;

    /// No 6 bytes in a row of any secret, neither raw nor in the usual ways of writing them.
    fn assert_absent(report: &[u8], secret: &[u8], name: &str) {
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let upper = hex.to_uppercase();
        let decimal: Vec<String> = secret.iter().map(u8::to_string).collect();
        let debug = decimal.join(", ");
        for needle in secret.windows(6) {
            assert!(!report.windows(6).any(|part| part == needle), "{name} raw");
        }
        for spelled in [&hex, &upper] {
            for needle in spelled.as_bytes().windows(12) {
                assert!(!report.windows(12).any(|part| part == needle), "{name} hex");
            }
        }
        let report = String::from_utf8_lossy(report);
        for start in 0..decimal.len() - 5 {
            let needle = decimal[start..start + 6].join(", ");
            assert!(
                debug.contains(&needle) && !report.contains(&needle),
                "{name} decimal"
            );
        }
    }

    #[test]
    fn no_key_byte_is_in_a_report() {
        let name = format!("kumi-bugreport-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&directory);
        let context = Context::for_test(&directory);
        let keys = Keys::new(&context);
        keys.create(None).unwrap();
        let invite = "kumi1:AQAAAABqLiMbSecretSecretSecret";
        let line = format!("INFO made an invite {invite} for somebody\n");
        os::files::write_private(&context.log(), line.as_bytes()).unwrap();
        let report = report(&context);
        let local = keys
            .local(&mut Opener::new(&context, &Source::default()))
            .unwrap();
        assert!(
            report.contains(&local.public.address().to_string()),
            "{report}"
        );
        assert!(report.contains("kumi1:… for somebody") && !report.contains("Secret"));
        assert_absent(
            report.as_bytes(),
            local.hot.noise_secret(),
            "session secret",
        );
        assert_absent(report.as_bytes(), local.hot.sign_seed(), "signing seed");
        for file in [ROOT, NEXT, NODE] {
            // The content of an unsealed key file: 35 bytes of header before, 32 of check after.
            let bytes = std::fs::read(keys.path(file)).unwrap();
            assert_absent(report.as_bytes(), &bytes[35..bytes.len() - 32], file);
        }
        std::fs::remove_dir_all(directory).unwrap();
    }
}
