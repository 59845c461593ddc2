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

use super::{id, up};
use crate::client::Client;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::keys::{Keys, NODE, State, file_failure};
use crate::output;
use crate::passphrase::Source;
use crate::text::args;
use clap::ArgMatches;
use plan::{Place, Way};
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
    let program = program(for_system)?;
    let way = plan::choose(machine::look(context, for_system))?;
    let source = id::source(context, matches);
    may_start_unasked(context, source.file())?;
    let command = command(context, &program, source.file())?;
    let now = matches.get_flag("now");
    let done = match way {
        Way::Cron => install_line(&command)?,
        Way::SystemUnit | Way::UserUnit => {
            if now {
                may_take_over(context, way)?;
            }
            install_unit(context, way, &command)?
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
        Way::Cron => up::ensure_running(context, source).map(|_| ()),
        Way::SystemUnit | Way::UserUnit => {
            machine::systemctl(context, way, &["start", machine::UNIT])
        }
    }
}

/// The running program, if it may be started at boot.
fn program(for_system: bool) -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().unwrap_or_default();
    if plan::place(&program) == Place::GoesAway {
        return Err(
            Failure::new(Exit::Failed, "error-service-goes-away").with("file", program.display())
        );
    }
    match machine::changeable_by_others(&program).filter(|_| for_system) {
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

/// What is started: this program with the `--state` and `--config` in use. Where a variable of
/// this login names them, they are written out, since at boot nobody has logged in.
fn command(
    context: &Context,
    program: &Path,
    passphrase: Option<&Path>,
) -> Result<render::Command, Failure> {
    let set = |name: &str| context.environment.path(name).is_some();
    let for_root = os::process::user_id() == 0;
    let state = context
        .state_chosen
        .as_ref()
        .or_else(|| (set("XDG_STATE_HOME") && !for_root).then_some(&context.directories.state));
    let config = context.config_chosen.as_ref().or_else(|| {
        let found = context.config.file.as_ref();
        found.filter(|_| set("XDG_CONFIG_HOME"))
    });
    if let Some(file) = state
        .into_iter()
        .chain(config)
        .find(|p| plan::is_emptied(p))
    {
        let failure = Failure::new(Exit::Failed, "error-service-files-go-away");
        return Err(failure.with("file", file.display()));
    }
    if let Some(state) = state {
        // A unit may write to it only if it is there.
        os::files::private_directory(state).map_err(file_failure)?;
    }
    let mut argv = vec![render::plain(program)?];
    for (option, path) in [("--state", state), ("--config", config)] {
        if let Some(path) = path {
            argv.extend([option.to_owned(), render::plain(path)?]);
        }
    }
    let mut after = Vec::new();
    let passphrase = passphrase.map(|file| std::path::absolute(file).unwrap_or(file.to_owned()));
    if let Some(file) = &passphrase {
        after.extend(["--passphrase-file".to_owned(), render::plain(file)?]);
    }
    let at_home = |path: &Path| ["/home", "/root"].iter().any(|home| path.starts_with(home));
    let needed = [
        Some(program),
        state.map(PathBuf::as_path),
        config.map(PathBuf::as_path),
    ];
    let needed = needed.into_iter().flatten().chain(passphrase.as_deref());
    Ok(render::Command {
        argv,
        after,
        state: state.map(|path| render::plain(path)).transpose()?,
        needs_home: needed.into_iter().any(at_home),
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
    let machine = machine::look(context, for_system);
    let way = match for_system {
        true => Way::SystemUnit,
        false => Way::UserUnit,
    };
    let mut removed = Vec::new();
    let file = machine::unit_path(context, way)?;
    if machine::our_unit(&file)?.is_some() {
        // Without a manager there is nobody to tell, and the link goes with the file.
        let _ = machine::systemctl(context, way, &["disable", machine::UNIT]);
        machine::remove_unit(&file)?;
        let _ = machine::systemctl(context, way, &["daemon-reload"]);
        removed.push(file.display().to_string());
    }
    if machine.crontab {
        let before = machine::crontab()?;
        let after = render::without_line(&before);
        if before != after {
            machine::set_crontab(&after)?;
            removed.push("crontab".to_owned());
        }
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
