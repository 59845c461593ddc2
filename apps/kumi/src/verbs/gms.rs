//! `kumi gms`: being the management server of groups, and using one elsewhere.

mod admins;
mod seen;
mod users;
mod using;

use super::group::orders;
use crate::client::{self, Client};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::keys::file_failure;
use crate::output;
use crate::text::args;
use api::{DATABASE_LEN_MAX, GroupRequest, Hidden, Request, Response};
use clap::ArgMatches;
use indicatif::ProgressBar;
use os::files::{FileError, read_private};
use std::path::{Path, PathBuf};

/// Bytes of a server's key.
const KEY_LEN: u64 = 32;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("serve", matches)) => serve(context, matches),
        Some(("backup", matches)) => backup(context, matches),
        Some(("move", matches)) => carry(context, matches),
        Some(("status", _)) => seen::status(context),
        Some(("log", matches)) => seen::log(context, matches),
        Some(("use", matches)) => using::run(context, matches),
        Some(("user", matches)) => users::run(context, matches),
        Some(("admin", matches)) => match matches.subcommand() {
            Some(("add", matches)) => admins::add(context, matches),
            Some(("list", _)) => admins::list(context),
            Some(("remove", matches)) => admins::remove(context, matches),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Runs `kumi gms serve`.
fn serve(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let request = GroupRequest::Serve {
        site: orders::site(context, matches)?,
        database: database(matches)?,
        key: key(matches)?,
    };
    orders::running(context, matches)?;
    // On this node, whichever server is used otherwise.
    client::ask(context, &Request::Group(request))?;
    if context.json {
        output::json(&serde_json::json!({ "serving": true }));
        return Ok(());
    }
    context.say(&context.text.t("gms-serving"));
    Ok(())
}

/// Runs `kumi gms backup`.
fn backup(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let path = matches.get_one::<PathBuf>("FILE").cloned();
    let path = path.unwrap_or_default();
    let file = absolute(&path)?;
    carried(context, GroupRequest::Backup { file: file.clone() })?;
    let shown = file.display().to_string();
    if context.json {
        output::json(&serde_json::json!({ "file": shown }));
        return Ok(());
    }
    let args = args!(file = shown);
    context.say(&context.text.tr("gms-backup-done", args));
    Ok(())
}

/// Runs `kumi gms move`.
fn carry(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let to = match matches.get_one::<String>("TO") {
        Some(url) if url.contains(':') || url.contains('=') => Hidden(url.clone()),
        Some(path) => Hidden(absolute(Path::new(path))?.display().to_string()),
        None => database(matches)?.unwrap_or_else(|| Hidden(String::new())),
    };
    carried(context, GroupRequest::Move { to })?;
    if context.json {
        output::json(&serde_json::json!({ "moved": true }));
        return Ok(());
    }
    context.say(&context.text.t("gms-moved"));
    Ok(())
}

/// Asks for something that may take long, and shows how far it is.
fn carried(context: &Context, request: GroupRequest) -> Result<(), Failure> {
    let mut client = Client::connect(context)?;
    client.send(&Request::Group(request))?;
    let bar = match context.json {
        true => ProgressBar::hidden(),
        false => ProgressBar::new(0),
    };
    loop {
        match client.next()? {
            Response::Carried { done, all } => {
                bar.set_length(all);
                bar.set_position(done);
            }
            Response::Done => break,
            _ => return Err(client.surprised()),
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let absolute = std::path::absolute(path);
    absolute.map_err(|source| {
        let path = path.to_owned();
        file_failure(FileError::Io { path, source })
    })
}

/// The place of a database: what was typed, or what is in a file that nobody else may read.
fn database(matches: &ArgMatches) -> Result<Option<Hidden>, Failure> {
    let typed = matches.try_get_one::<String>("database");
    let typed = typed.ok().flatten().cloned();
    let Some(path) = matches.get_one::<PathBuf>("database-file") else {
        return Ok(typed.map(Hidden));
    };
    let bytes = read_private(path, DATABASE_LEN_MAX as u64).map_err(file_failure)?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    Ok(Some(Hidden(text.trim().to_owned())))
}

/// The key of the server whose records are used.
fn key(matches: &ArgMatches) -> Result<Option<Hidden>, Failure> {
    let Some(path) = matches.get_one::<PathBuf>("key") else {
        return Ok(None);
    };
    let bytes = read_private(path, KEY_LEN).map_err(file_failure)?;
    if bytes.len() as u64 != KEY_LEN {
        let wrong = Failure::new(Exit::Usage, "error-gms-key");
        return Err(wrong.with("file", path.display()));
    }
    let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
    Ok(Some(Hidden(hex.collect())))
}
