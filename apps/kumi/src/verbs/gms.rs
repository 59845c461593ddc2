//! `kumi gms`: being the management server of groups.

use super::group::orders;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::keys::file_failure;
use crate::output;
use api::{DATABASE_LEN_MAX, GroupRequest, Hidden};
use clap::ArgMatches;
use os::files::read_private;
use std::path::PathBuf;

/// Bytes of a server's key.
const KEY_LEN: u64 = 32;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("serve", matches)) => serve(context, matches),
        _ => Ok(()),
    }
}

/// Runs `kumi gms serve`.
fn serve(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let request = GroupRequest::Serve {
        database: database(matches)?,
        key: key(matches)?,
    };
    orders::running(context, matches)?;
    orders::done(context, request)?;
    if context.json {
        output::json(&serde_json::json!({ "serving": true }));
        return Ok(());
    }
    context.say(&context.text.t("gms-serving"));
    Ok(())
}

/// The place of a database: what was typed, or what is in a file that nobody else may read.
fn database(matches: &ArgMatches) -> Result<Option<Hidden>, Failure> {
    let typed = matches.get_one::<String>("database").cloned();
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
