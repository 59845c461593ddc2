//! Being the running node: from files and `kumi.toml` to [`runtime::Settings`], and how a node
//! in the background tells whoever started it that it is ready or why not.

use crate::config::{Proxy, Routes, TunMode};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::keys::{IDENTITY, Keys, Opener, file_failure, reload};
use crate::passphrase::Source;
use crate::usage::wrong_value;
use api::LABEL_LEN_MAX;
use identity::LocalIdentity;
use os::files::LockError;
use runtime::proxy::SavedError;
use runtime::{InterfaceMode, ProxySettings, RunError, Settings};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;

/// The port when `kumi.toml` names none: 4649, よろしく.
pub(crate) const PORT_DEFAULT: u16 = 4649;
/// What a ready node writes on the pipe.
const READY: &str = "{\"ready\":true}";

/// Runs the node for whoever waits on the pipe.
///
/// # Errors
/// Whatever the node could not start or go on for; it has been written on the pipe too.
pub(crate) fn background(context: &Context, source: &Source, proxy: Proxy) -> Result<(), Failure> {
    log_to_stderr();
    let ran = settings(context, source, proxy).and_then(|settings| {
        let ready = |ready: &runtime::Ready| {
            tracing::info!(address = %ready.address, port = ready.port, "ready");
            // Whoever started it has gone away: then nobody waits.
            let _ = os::process::report_ready(READY);
        };
        context.text.forget();
        runtime::run(settings, ready).map_err(|error| run_failure(context, error))
    });
    if let Err(failure) = &ran {
        tracing::error!(failure = %failure.id, args = ?failure.args, "the node has ended");
        let line = serde_json::json!({
            "exit": failure.exit.number(), "id": failure.id, "args": failure.args,
        });
        let _ = os::process::report_ready(&line.to_string());
    }
    ran
}

/// What the line on the pipe says; `None` when there was none.
///
/// # Errors
/// What the node wrote, or that it wrote nothing.
pub(crate) fn read_ready(line: Option<&str>, log: &Path) -> Result<(), Failure> {
    #[derive(serde::Deserialize)]
    struct Wrong {
        exit: u8,
        id: String,
        args: BTreeMap<String, String>,
    }
    if line == Some(READY) {
        return Ok(());
    }
    let wrong = line.and_then(|line| serde_json::from_str::<Wrong>(line).ok());
    let Some(wrong) = wrong else {
        return Err(Failure::new(Exit::Failed, "error-start-silent").with("log", log.display()));
    };
    let exits = [Exit::Usage, Exit::NotRunning, Exit::Denied];
    let exit = exits.into_iter().find(|exit| exit.number() == wrong.exit);
    Err(Failure {
        exit: exit.unwrap_or(Exit::Failed),
        id: wrong.id,
        args: wrong.args,
    })
}

/// Runs the node here until it is stopped; `ready` runs beside it once it is up.
///
/// # Errors
/// Whatever the node could not start or go on for.
pub(crate) fn foreground(
    context: &Context,
    source: &Source,
    proxy: Proxy,
    ready: impl FnOnce(&Context) -> Result<(), Failure> + Send + 'static,
) -> Result<(), Failure> {
    log_to_stderr();
    let settings = settings(context, source, proxy)?;
    let again = context.again();
    let ready = |_: &runtime::Ready| {
        // The node answers requests only after this closure has returned.
        std::thread::spawn(move || {
            let context = again();
            if let Err(failure) = ready(&context) {
                failure.say(&context.text, context.json);
            }
        });
    };
    context.text.forget();
    runtime::run(settings, ready).map_err(|error| run_failure(context, error))
}

/// `off` switches large frames off, for old kernels and tests that want to see the other way.
const OFFLOADS: &str = "KUMI_OFFLOADS";

/// What the environment says of large frames.
fn may_offload(context: &Context) -> Result<bool, Failure> {
    match context.environment.var(OFFLOADS).as_deref() {
        None | Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(other) => {
            let expected = context.text.t("expected-offloads");
            Err(wrong_value(OFFLOADS, other, &expected))
        }
    }
}

/// The node of a demo ends with the demo, however that ends.
pub(crate) fn die_with_parent() {
    let term = Some(rustix::process::Signal::TERM);
    let _ = rustix::process::set_parent_process_death_signal(term);
    // It may have ended before that.
    if rustix::process::getppid().is_none_or(rustix::process::Pid::is_init) {
        std::process::exit(0);
    }
}

fn settings(context: &Context, source: &Source, proxy: Proxy) -> Result<Settings, Failure> {
    let keys = Keys::new(context);
    let identity = keys.local(&mut Opener::new(context, source))?;
    let (file, hot) = (keys.path(IDENTITY), identity.hot.clone());
    let config = &context.config;
    let tun = &config.tun;
    Ok(Settings {
        directories: context.directories.clone(),
        reload: Box::new(move || reload(&file, &hot)),
        renew: renew(context, &identity),
        port: port(config.listen),
        interface: match &tun.name {
            Some(name) => name.clone(),
            None => runtime::INTERFACE_DEFAULT.to_owned(),
        },
        mode: match tun.mode {
            TunMode::Auto => InterfaceMode::Auto,
            TunMode::Kernel => InterfaceMode::Kernel,
            TunMode::Rootless => InterfaceMode::Rootless,
            TunMode::None => InterfaceMode::None,
        },
        routes: match tun.routes {
            Routes::Overlay => runtime::Routes::Overlay,
            Routes::Peers => runtime::Routes::Peers,
            Routes::None => runtime::Routes::None,
        },
        mtu: tun.mtu.unwrap_or(node::INNER_MTU_DEFAULT),
        offloads: tun.offloads && may_offload(context)?,
        queues: tun.queues.unwrap_or_else(runtime::queues_default),
        addresses: config.ip.addresses.clone(),
        announce: config.ip.announce.clone(),
        site: config.ip.site.clone().unwrap_or_default(),
        group_sites: config.ip.site.is_none(),
        discovery: config.discovery,
        proxies: ProxySettings {
            socks5: proxy.socks5,
            http: proxy.http,
        },
        https: config.gms.clone(),
        label: config.label.clone().or_else(host_name),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        identity,
    })
}

/// Renews the certificate while the node runs. Nobody can be asked for a passphrase then.
fn renew(context: &Context, identity: &LocalIdentity) -> runtime::Renew {
    let (again, hot) = (context.again(), identity.hot.clone());
    Box::new(move || {
        let context = again();
        let renewed = Keys::new(&context).renew_running(&hot);
        renewed.map_err(|failure| format!("{} {:?}", failure.id, failure.args))
    })
}

/// The configured port; else the usual one, or 0 (any) when that is taken.
fn port(listen: Option<SocketAddr>) -> u16 {
    if let Some(listen) = listen {
        return listen.port();
    }
    let six = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, PORT_DEFAULT));
    let taken = |error: &std::io::Error| error.kind() == ErrorKind::AddrInUse;
    let free = match six {
        Ok(_) => true,
        Err(error) if taken(&error) => false,
        Err(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT_DEFAULT)).is_ok(),
    };
    if free { PORT_DEFAULT } else { 0 }
}

pub(crate) fn host_name() -> Option<String> {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_str().ok()?;
    let fits = (1..=LABEL_LEN_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
    fits.then(|| name.to_owned())
}

fn run_failure(context: &Context, error: RunError) -> Failure {
    let failure = |message: &str| Failure::new(Exit::Failed, message);
    match error {
        RunError::File(error)
        | RunError::Lock(LockError::File(error))
        | RunError::Forwards(SavedError::File(error)) => file_failure(error),
        RunError::Lock(LockError::Held { pid }) => failure("error-already-runs")
            .with("pid", pid.map_or("?".to_owned(), |pid| pid.to_string()))
            .with(
                "file",
                context
                    .directories
                    .state
                    .join(runtime::names::LOCK)
                    .display(),
            ),
        RunError::Port { port, source } if source.kind() == ErrorKind::AddrInUse => {
            failure("error-port-taken").with("listen", port)
        }
        RunError::Interface(error) => failure("error-tun").with("detail", error),
        RunError::Site(detail) => failure("error-site-mode").with("detail", detail),
        other => failure("error-start")
            .with("detail", other)
            .with("log", context.log().display()),
    }
}

/// `KUMI_LOG` chooses what is logged, as `RUST_LOG` does elsewhere; `info` without it.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("KUMI_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A second subscriber is refused, and that is fine.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pipe_tells_ready_or_why_not() {
        let log = Path::new("/log");
        assert_eq!(read_ready(Some(READY), log), Ok(()));
        assert_eq!(read_ready(None, log).unwrap_err().id, "error-start-silent");
        let line = r#"{"exit":4,"id":"error-file-owner","args":{"file":"/x","owner":"7"}}"#;
        let failure = read_ready(Some(line), log).unwrap_err();
        assert_eq!(
            (failure.exit, failure.id.as_str()),
            (Exit::Denied, "error-file-owner")
        );
        assert_eq!(failure.args["owner"], "7");
    }

    #[test]
    fn a_port_that_is_taken_gives_way_unless_it_was_asked_for() {
        let taken = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
        let address = taken.local_addr().unwrap();
        assert_eq!(port(Some(address)), address.port());
        let usual = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, PORT_DEFAULT));
        // Whether it was free or another program has it: now it is taken.
        assert_eq!(port(None), 0);
        drop(usual);
    }
}
