//! `kumi bridge`: being a Bridge, its clients, and the Bridges that this node uses.
//!
//! | module | owns |
//! |---|---|
//! | [`serving`] | `up`, `down`, `invite` |
//! | [`clients`] | `allow`, `deny`, `list` |
//! | [`using`] | `use`, `forget`, and what `kumi up --bridge` and `kumi join` do |

mod clients;
mod serving;
mod using;

pub(crate) use clients::fetch as fetch_clients;
pub(crate) use using::{Wanted, join, say_used, take, wanted};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::passphrase;
use crate::usage::wrong_value;
use api::{CUSTOMER_LEN_MAX, PASSWORD_LEN_MAX, PASSWORD_LEN_MIN, Password};
use clap::ArgMatches;
use std::path::PathBuf;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("up", matches)) => serving::up(context, matches),
        Some(("down", _)) => serving::down(context),
        Some(("invite", matches)) => serving::invite(context, matches),
        Some(("allow", matches)) => clients::allow(context, matches),
        Some(("deny", matches)) => clients::deny(context, matches),
        Some(("list", _)) => clients::list(context),
        Some(("use", matches)) => using::join(context, matches),
        Some(("forget", matches)) => using::forget(context, matches),
        _ => Ok(()),
    }
}

/// The password in the first line of a file that only its owner may read.
fn password(file: Option<&PathBuf>) -> Result<Option<Password>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let password = passphrase::first_line(file, "error-password-file")?;
    if !(PASSWORD_LEN_MIN..=PASSWORD_LEN_MAX).contains(&password.len()) {
        return Err(Failure::new(Exit::Failed, "error-password-length")
            .with("file", file.display())
            .with("len", password.len())
            .with("min", PASSWORD_LEN_MIN)
            .with("max", PASSWORD_LEN_MAX));
    }
    Ok(Some(Password(password.to_string())))
}

/// `--customer`, checked; empty without it.
fn customer(context: &Context, matches: &ArgMatches) -> Result<String, Failure> {
    let Some(customer) = matches.get_one::<String>("customer") else {
        return Ok(String::new());
    };
    let fits =
        (1..=CUSTOMER_LEN_MAX).contains(&customer.len()) && !customer.chars().any(char::is_control);
    let expected = || context.text.t("expected-customer");
    fits.then(|| customer.clone())
        .ok_or_else(|| wrong_value("--customer", customer, &expected()))
}
