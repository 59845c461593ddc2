//! `kumi service install` and `kumi service remove`: the node starts at boot. The role of a
//! node, such as that of a Bridge, is in its state, so one command line fits all.
//!
//! | who asks | what there is | way |
//! |---|---|---|
//! | root, without `--user` | systemd runs the machine | a unit of the machine, hardened |
//! | root with `--user`, others | systemd runs the account's services | a unit of the account |
//! | anybody | neither, but `crontab` | a line `@reboot` |
//!
//! | module | owns |
//! |---|---|
//! | [`plan`] | which way; whether the program will still be there. Pure |
//! | [`render`] | the unit, the line, the crontab before and after. Pure |
//! | [`machine`] | what runs here, files, `systemctl`, `crontab` |

mod machine;
mod plan;
mod render;

use super::{id, start};
use crate::client::Client;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::keys::{Keys, NODE, State, file_failure};
use crate::output;
use crate::passphrase::Source;
use crate::text::args;
use clap::ArgMatches;
use plan::{Machine, Place, Way};
use std::path::{Path, PathBuf};

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let Some((verb, matches)) = matches.subcommand() else {
        return Ok(());
    };
    let for_system = os::process::user_id() == 0 && !matches.get_flag("user");
    match verb {
        "install" => install(context, matches, for_system),
        _ => remove(context, for_system),
    }
}

/// What `install` has done.
struct Installed {
    way: Way,
    /// The unit's file.
    file: Option<PathBuf>,
    /// It was not there, or another.
    changed: bool,
}

fn install(context: &Context, matches: &ArgMatches, for_system: bool) -> Result<(), Failure> {
    let program = program()?;
    let machine = machine::look(context, for_system);
    let way = plan::choose(machine)?;
    let source = id::source(context, matches);
    may_start_unasked(context, source.file())?;
    let command = command(context, &program, source.file())?;
    let now = matches.get_flag("now");
    let done = match way {
        Way::Cron => {
            let done = install_line(&command)?;
            remove_unit(context, for_system)?;
            done
        }
        Way::SystemUnit | Way::UserUnit => {
            if now {
                may_take_over(context, way)?;
            }
            let done = install_unit(context, way, &command)?;
            // Two ways would be one node and one failure at each boot. Who may not use cron
            // has no line there.
            let _ = remove_line(machine);
            done
        }
    };
    if now {
        start(context, way, &source)?;
    }
    report(context, &done, &command, &program, now);
    Ok(())
}

fn start(context: &Context, way: Way, source: &Source) -> Result<(), Failure> {
    match way {
        Way::Cron => {
            let proxy = context.config.proxy;
            start::ensure_running(context, source, proxy).map(|_| ())
        }
        Way::SystemUnit | Way::UserUnit => {
            machine::systemctl(context, way, &["start", machine::UNIT])
        }
    }
}

/// The running program, if it may be started at boot.
fn program() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().unwrap_or_default();
    if plan::place(&program) == Place::GoesAway {
        return Err(
            Failure::new(Exit::Failed, "error-service-goes-away").with("file", program.display())
        );
    }
    let for_root = os::process::user_id() == 0;
    match machine::changeable_by_others(&program).filter(|_| for_root) {
        None => Ok(program),
        Some(path) => Err(Failure::new(Exit::Denied, "error-service-changeable")
            .with("file", program.display())
            .with("path", path.display())),
    }
}

/// At boot there is nobody to ask for a passphrase.
fn may_start_unasked(context: &Context, passphrase: Option<&Path>) -> Result<(), Failure> {
    let keys = Keys::new(context);
    if passphrase.is_some() || !keys.exist() {
        return Ok(());
    }
    match keys.state(NODE, keys.public()?.address())? {
        State::Sealed => Err(Failure::new(Exit::Failed, "error-service-sealed")
            .with("file", keys.path(NODE).display())),
        _ => Ok(()),
    }
}

/// A node that was started by hand is in the way of one that systemd starts.
fn may_take_over(context: &Context, way: Way) -> Result<(), Failure> {
    let by_hand = Client::connect(context).is_ok()
        && machine::systemctl(context, way, &["is-active", machine::UNIT]).is_err();
    match by_hand {
        true => Err(Failure::new(Exit::Failed, "error-service-node-runs")),
        false => Ok(()),
    }
}

/// The `--state` and `--config` in use. Where a variable of this login names them, they are
/// written out, since at boot nobody has logged in.
fn files(context: &Context) -> Result<[Option<&PathBuf>; 2], Failure> {
    let set = |name: &str| context.environment.path(name).is_some();
    let for_root = os::process::user_id() == 0;
    let state = context.state_chosen.as_ref().or_else(|| {
        let named = set("XDG_STATE_HOME") && !for_root;
        named.then_some(&context.directories.state)
    });
    let config = context.config_chosen.as_ref().or_else(|| {
        let found = context.config.file.as_ref();
        found.filter(|_| set("XDG_CONFIG_HOME"))
    });
    let mut given = state.into_iter().chain(config);
    match given.find(|path| plan::is_emptied(path)) {
        None => Ok([state, config]),
        Some(file) => {
            Err(Failure::new(Exit::Failed, "error-service-files-go-away")
                .with("file", file.display()))
        }
    }
}

/// What is started: this program with those files.
fn command(
    context: &Context,
    program: &Path,
    passphrase: Option<&Path>,
) -> Result<render::Command, Failure> {
    let [state, config] = files(context)?;
    if let Some(state) = state {
        // A unit may write to it only if it is there.
        os::files::private_directory(state).map_err(file_failure)?;
    }
    let passphrase = passphrase.map(|file| std::path::absolute(file).unwrap_or(file.to_owned()));
    let mut needs_home = false;
    let mut word = |path: &Path| {
        needs_home |= path.starts_with("/home") || path.starts_with("/root");
        render::plain(path)
    };
    let mut argv = vec![word(program)?];
    for (option, path) in [("--state", state), ("--config", config)] {
        if let Some(path) = path {
            argv.extend([option.to_owned(), word(path)?]);
        }
    }
    let after = match &passphrase {
        Some(file) => vec!["--passphrase-file".to_owned(), word(file)?],
        None => Vec::new(),
    };
    Ok(render::Command {
        argv,
        after,
        state: state.map(|path| render::plain(path)).transpose()?,
        needs_home,
    })
}

fn install_line(command: &render::Command) -> Result<Installed, Failure> {
    let line = render::cron_line(command)?;
    let before = machine::crontab()?;
    let after = render::with_line(&before, &line);
    let changed = before != after;
    if changed {
        machine::set_crontab(&after)?;
    }
    Ok(Installed {
        way: Way::Cron,
        file: None,
        changed,
    })
}

fn install_unit(
    context: &Context,
    way: Way,
    command: &render::Command,
) -> Result<Installed, Failure> {
    let file = machine::unit_path(context, way)?;
    let text = render::unit(way, command).into_bytes();
    let before = machine::our_unit(&file)?;
    machine::write_unit(&file, &text)?;
    let enabled = machine::systemctl(context, way, &["daemon-reload"])
        .and_then(|()| machine::systemctl(context, way, &["enable", machine::UNIT]));
    if let Err(failure) = enabled {
        match &before {
            Some(before) => machine::write_unit(&file, before)?,
            None => machine::remove_unit(&file)?,
        }
        return Err(failure);
    }
    Ok(Installed {
        way,
        file: Some(file),
        changed: before.as_deref() != Some(text.as_slice()),
    })
}

fn report(
    context: &Context,
    done: &Installed,
    command: &render::Command,
    program: &Path,
    started: bool,
) {
    let lingers = (done.way == Way::UserUnit).then(machine::lingers);
    let in_build = plan::place(program) == Place::BuildDirectory;
    let argv = command.of(done.way);
    if context.json {
        output::json(&serde_json::json!({
            "way": done.way.as_str(), "file": done.file, "command": argv,
            "changed": done.changed, "started": started, "lingers": lingers,
            "in_build_directory": in_build,
        }));
        return;
    }
    let text = &context.text;
    context.say(&match &done.file {
        Some(file) => {
            let file = file.display().to_string();
            text.tr("service-unit-installed", args!(file = file))
        }
        None => text.t("service-line-installed"),
    });
    context.say(&format!("\n  {}\n", argv.join(" ")));
    if lingers == Some(false) {
        context.say(&text.t("service-linger"));
    }
    if in_build {
        let file = program.display().to_string();
        context.say(&text.tr("service-build-directory", args!(file = file)));
    }
    context.say(&text.t(match (started, done.way) {
        (true, _) => "service-started",
        (false, Way::SystemUnit) => "service-start-system",
        (false, Way::UserUnit) => "service-start-user",
        (false, Way::Cron) => "service-start-cron",
    }));
}

/// Takes away whatever of ours starts the node, by whichever way. A running node goes on.
fn remove(context: &Context, for_system: bool) -> Result<(), Failure> {
    let unit = remove_unit(context, for_system)?;
    let mut removed: Vec<String> = unit
        .map(|file| file.display().to_string())
        .into_iter()
        .collect();
    match remove_line(machine::look(context, for_system)) {
        Ok(true) => removed.push("crontab".to_owned()),
        Err(failure) if removed.is_empty() => return Err(failure),
        Ok(false) | Err(_) => {}
    }
    if context.json {
        output::json(&serde_json::json!({ "removed": removed }));
        return Ok(());
    }
    context.say(&match removed.is_empty() {
        true => context.text.t("service-nothing"),
        false => {
            let what = removed.join(", ");
            context.text.tr("service-removed", args!(what = what))
        }
    });
    Ok(())
}

/// Removes our unit; where it was, if it was there.
fn remove_unit(context: &Context, for_system: bool) -> Result<Option<PathBuf>, Failure> {
    let way = match for_system {
        true => Way::SystemUnit,
        false => Way::UserUnit,
    };
    let file = machine::unit_path(context, way)?;
    if machine::our_unit(&file)?.is_none() {
        return Ok(None);
    }
    // Without a manager there is nobody to tell, and the link goes with the file.
    let _ = machine::systemctl(context, way, &["disable", machine::UNIT]);
    machine::remove_unit(&file)?;
    let _ = machine::systemctl(context, way, &["daemon-reload"]);
    Ok(Some(file))
}

/// Removes our line; whether it was there.
fn remove_line(machine: Machine) -> Result<bool, Failure> {
    if !machine.crontab {
        return Ok(false);
    }
    let before = machine::crontab()?;
    let after = render::without_line(&before);
    let found = before != after;
    if found {
        machine::set_crontab(&after)?;
    }
    Ok(found)
}
