//! Users' passwords: from a file, or from the terminal without echo. Never from an argument, which every user of
//! the machine could read.

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::passphrase::{ask, first_line};
use crate::text::args;
use api::{USER_PASSWORD_LEN_MAX, USER_PASSWORD_LEN_MIN, UserPassword};
use clap::ArgMatches;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The password of somebody who signs in.
///
/// # Errors
/// Nobody can be asked, or the file cannot be used.
pub(crate) fn existing(
    context: &Context,
    matches: &ArgMatches,
    user: &str,
) -> Result<UserPassword, Failure> {
    let text = match matches.get_one::<PathBuf>("password-file") {
        Some(file) => first_line(file, "error-password-file")?,
        None => typed(&context.text.tr("password-ask", args!(user = user)))?,
    };
    fits(text, 1)
}

/// A new password; the terminal is asked twice.
///
/// # Errors
/// As [`existing`]; or it is too short, or typed differently.
pub(crate) fn new_one(
    context: &Context,
    matches: &ArgMatches,
    user: &str,
) -> Result<UserPassword, Failure> {
    if let Some(file) = matches.get_one::<PathBuf>("password-file") {
        return fits(
            first_line(file, "error-password-file")?,
            USER_PASSWORD_LEN_MIN,
        );
    }
    let first = typed(&context.text.tr("password-new", args!(user = user)))?;
    let first = fits(first, USER_PASSWORD_LEN_MIN)?;
    if *first.0 != **typed(&context.text.t("password-again"))? {
        return Err(Failure::new(Exit::Failed, "error-password-differs"));
    }
    Ok(first)
}

fn typed(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    ask(prompt).map_err(|failure| match failure.id.as_str() {
        "error-passphrase-needed" => Failure::new(Exit::Failed, "error-password-needed"),
        _ => failure,
    })
}

fn fits(mut text: Zeroizing<String>, least: usize) -> Result<UserPassword, Failure> {
    let len = text.len();
    if !(least..=USER_PASSWORD_LEN_MAX).contains(&len) {
        let failure = Failure::new(Exit::Failed, "error-user-password-length");
        let failure = failure.with("least", least);
        return Err(failure.with("most", USER_PASSWORD_LEN_MAX));
    }
    Ok(UserPassword(std::mem::take(&mut *text)))
}
