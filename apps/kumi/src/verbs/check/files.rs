//! What `kumi check` looks at on the disk.

use super::{Finding, Level};
use crate::context::Context;
use crate::keys::{Keys, NEXT, NODE, ROOT, State, file_failure};
use crate::output;
use identity::{CLOCK_TOLERANCE_S, PublicIdentity};
use os::files::{FileError, private_directory};

/// All of them.
pub(super) fn all(context: &Context) -> Vec<Finding> {
    let mut findings = vec![config(context)];
    let state = &context.directories.state;
    if !state.exists() {
        findings.push(Finding::ok("directory", "none").with("path", state.display()));
        findings.push(Finding::ok("identity", "none"));
        return findings;
    }
    findings.push(directory(context));
    let keys = Keys::new(context);
    if !keys.exist() {
        findings.push(Finding::ok("identity", "none"));
        return findings;
    }
    match keys.public() {
        Ok(public) => {
            findings.push(Finding::ok("identity", "ok").with("address", public.address()));
            findings.push(certificate(&public, os::clock::unix_s()));
            findings.push(root_key(context, &keys, &public));
            findings.push(next_key(context, &keys, &public));
            findings.push(node_key(context, &keys, &public));
        }
        Err(failure) => findings.push(Finding::failed("identity", &failure, &context.text)),
    }
    findings
}

fn config(context: &Context) -> Finding {
    match (&context.config_failure, &context.config.file) {
        (Some(failure), _) => Finding::failed("config", failure, &context.text),
        (None, Some(file)) => Finding::ok("config", "ok").with("detail", file.display()),
        (None, None) => Finding::ok("config", "none"),
    }
}

/// `private_directory` would make what is missing, so it is only asked about what is there.
fn directory(context: &Context) -> Finding {
    let directories = &context.directories;
    for path in [&directories.state, &directories.runtime] {
        if path.exists()
            && let Err(error) = private_directory(path)
        {
            return Finding::failed("directory", &file_failure(error), &context.text);
        }
    }
    Finding::ok("directory", "ok").with("path", directories.state.display())
}

/// What there is to say about a certificate at `now_unix_s`.
pub(super) fn certificate(public: &PublicIdentity, now_unix_s: u64) -> Finding {
    let certificate = &public.certificate;
    let until = output::time(certificate.not_after_unix_s);
    let id = "certificate";
    if now_unix_s > certificate.not_after_unix_s {
        return Finding::new(id, Level::Fail, "fail")
            .with("until", until)
            .fix("fix");
    }
    if now_unix_s.saturating_add(CLOCK_TOLERANCE_S) < certificate.not_before_unix_s {
        let from = output::time(certificate.not_before_unix_s);
        return Finding::new(id, Level::Fail, "early")
            .with("until", from)
            .fix("fixclock");
    }
    if certificate.expires_soon(now_unix_s) {
        return Finding::new(id, Level::Warn, "warn")
            .with("until", until)
            .fix("fix");
    }
    Finding::ok(id, "ok").with("until", until)
}

fn root_key(context: &Context, keys: &Keys<'_>, public: &PublicIdentity) -> Finding {
    let path = keys.path(ROOT);
    let finding = match keys.state(ROOT, public.address()) {
        Ok(State::Open) => Finding::ok("root-key", "ok"),
        Ok(State::Sealed) => Finding::ok("root-key", "sealed"),
        Ok(State::Absent) => Finding::new("root-key", Level::Warn, "none").fix("fixnone"),
        Err(failure) => return Finding::failed("root-key", &failure, &context.text),
    };
    finding.with("path", path.display())
}

fn next_key(context: &Context, keys: &Keys<'_>, public: &PublicIdentity) -> Finding {
    let path = keys.path(NEXT);
    match keys.state(NEXT, public.address()) {
        Ok(State::Absent) => Finding::ok("next-key", "ok"),
        Ok(State::Open | State::Sealed) => Finding::new("next-key", Level::Warn, "warn")
            .with("path", path.display())
            .fix("fixwarn"),
        Err(failure) => Finding::failed("next-key", &failure, &context.text),
    }
}

fn node_key(context: &Context, keys: &Keys<'_>, public: &PublicIdentity) -> Finding {
    let path = keys.path(NODE);
    let finding = match keys.state(NODE, public.address()) {
        Ok(State::Open) => Finding::ok("node-key", "ok"),
        Ok(State::Sealed) => Finding::ok("node-key", "sealed"),
        Ok(State::Absent) => {
            let failure = file_failure(FileError::Missing(path));
            return Finding::failed("node-key", &failure, &context.text);
        }
        Err(failure) => return Finding::failed("node-key", &failure, &context.text),
    };
    finding.with("path", path.display())
}
