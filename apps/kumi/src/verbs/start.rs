//! Starting the node, which several commands do.
//!
//! Without `--foreground` the program starts itself again with it, in a session of its own,
//! and waits for one line on a pipe: `{"ready":true}`, or the failure as JSON. A passphrase
//! that was asked for goes to it in an unnamed file in memory.

use super::id;
use crate::client::ask;
use crate::config::Proxy;
use crate::context::Context;
use crate::daemon;
use crate::failure::{Exit, Failure};
use crate::keys::{Keys, NEXT, NODE, Opener, Renewal, State, file_failure};
use crate::output;
use crate::passphrase::Source;
use crate::text::args;
use api::{Request, Status};
use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long a node that was killed may take to be gone.
const DYING_MAX: Duration = Duration::from_secs(3);
/// How often is looked whether it is.
const POLL: Duration = Duration::from_millis(20);
/// A longer log is put aside at the start, in bytes.
const LOG_LEN_MAX: u64 = 1 << 20;

/// How the node came to run.
pub(crate) struct Start {
    /// It ran before.
    pub(crate) already: bool,
    /// An identity was made for it.
    pub(crate) made: bool,
    /// What became of its certificate.
    renewal: Renewal,
}

/// Starts the node in the background unless it runs.
///
/// # Errors
/// It did not start, or is somebody else's.
pub(crate) fn ensure_running(
    context: &Context,
    source: &Source,
    proxy: Proxy,
) -> Result<Start, Failure> {
    match look(context) {
        Ok(()) => {
            let start = prepare(context, source)?;
            if matches!(start.renewal, Renewal::Renewed(_)) {
                id::tell(context)?;
            }
            Ok(Start {
                already: true,
                ..start
            })
        }
        Err(failure) if failure.exit == Exit::NotRunning => {
            let start = prepare(context, source)?;
            spawn(context, source, proxy)?;
            Ok(start)
        }
        Err(failure) => Err(failure),
    }
}

/// Whether the node runs and answers. One that was just killed hangs up: its end is waited for.
fn look(context: &Context) -> Result<(), Failure> {
    let deadline = Instant::now() + DYING_MAX;
    loop {
        match ask(context, &Request::Status) {
            Ok(_) => return Ok(()),
            Err(failure) if failure.id == "error-hung-up" && Instant::now() < deadline => {
                std::thread::sleep(POLL);
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Makes the identity on the first start, and renews its certificate when that is due.
///
/// # Errors
/// A file cannot be read or written, or is not this node's.
pub(crate) fn prepare(context: &Context, source: &Source) -> Result<Start, Failure> {
    context.directories.prepare().map_err(file_failure)?;
    let keys = Keys::new(context);
    let made = !keys.exist();
    if made {
        keys.create(None)?;
    }
    let may_ask = source.is_file() || std::io::stdin().is_terminal();
    let renewal = keys.renew(&mut Opener::new(context, source), may_ask)?;
    Ok(Start {
        already: false,
        made,
        renewal,
    })
}

fn spawn(context: &Context, source: &Source, proxy: Proxy) -> Result<(), Failure> {
    let log = context.log();
    let failed = |detail: std::io::Error| {
        Failure::new(Exit::Failed, "error-start")
            .with("detail", detail)
            .with("log", log.display())
    };
    let mut args: Vec<OsString> = vec!["--lang".into(), context.text.language().as_str().into()];
    if let Some(directory) = &context.state_chosen {
        args.extend(["--state".into(), directory.into()]);
    }
    if let Some(file) = context
        .config_chosen
        .as_ref()
        .or(context.config.file.as_ref())
    {
        args.extend(["--config".into(), file.into()]);
    }
    args.extend(["up".into(), "--daemon".into()]);
    for (option, address) in [("--socks5", proxy.socks5), ("--http-proxy", proxy.http)] {
        if let Some(address) = address {
            args.extend([option.into(), address.to_string().into()]);
        }
    }
    let passphrase = passphrase(context, source)?;
    if let Some(file) = &passphrase {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        args.extend(["--passphrase-file".into(), path.into()]);
    }
    if std::fs::metadata(&log).is_ok_and(|found| found.len() > LOG_LEN_MAX) {
        std::fs::rename(&log, log.with_extension("old")).map_err(failed)?;
    }
    let file = os::files::append_private(&log).map_err(file_failure)?;
    let started = os::process::spawn_daemon(&args, file).map_err(failed)?;
    drop(passphrase);
    let line = started.wait_ready().map_err(failed)?;
    daemon::read_ready(line.as_deref(), &log)
}

/// The passphrase of sealed hot keys, in a file without a name that the node inherits.
fn passphrase(context: &Context, source: &Source) -> Result<Option<OwnedFd>, Failure> {
    use rustix::fs::{MemfdFlags, Mode, fchmod, memfd_create};
    let keys = Keys::new(context);
    if keys.state(NODE, keys.public()?.address())? != State::Sealed {
        return Ok(None);
    }
    let mut opener = Opener::new(context, source);
    keys.local(&mut opener)?;
    let failed =
        |error: std::io::Error| Failure::new(Exit::Failed, "error-terminal").with("detail", error);
    let fd = memfd_create("passphrase", MemfdFlags::empty()).map_err(|e| failed(e.into()))?;
    fchmod(&fd, Mode::RUSR | Mode::WUSR).map_err(|e| failed(e.into()))?;
    let mut file = File::from(fd);
    if let Some(passphrase) = opener.passphrase() {
        file.write_all(passphrase.as_bytes()).map_err(failed)?;
    }
    Ok(Some(file.into()))
}

/// Says how the node came to run.
pub(crate) fn say(context: &Context, start: &Start, status: &Status) {
    let text = &context.text;
    if start.made {
        let address = status.address.to_string();
        context.say(&text.tr("up-identity-made", args!(address = address)));
        id::hint_next_key(context, &Keys::new(context).path(NEXT));
    }
    match start.renewal {
        Renewal::NotDue => {}
        Renewal::Renewed(until) => {
            let until = output::time(until);
            context.say(&text.tr("up-certificate-renewed", args!(until = until)));
        }
        Renewal::Impossible(until) => {
            let until = output::time(until);
            context.say(&text.tr("up-root-sealed", args!(until = until)));
        }
    }
    let message = if start.already {
        "up-already"
    } else {
        "up-started"
    };
    context.say(&text.tr(message, args!(pid = status.pid)));
}
