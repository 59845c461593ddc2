//! `kumi invite`.

use super::show;
use crate::client::expect_answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::text::args;
use crate::usage::wrong_value;
use api::{EXPIRES_S_DEFAULT, EXPIRES_S_MAX, EXPIRES_S_MIN, Invite, Invited, Request, Response};
use clap::ArgMatches;

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let expires_s = expires_s(context, matches, EXPIRES_S_DEFAULT)?;
    let invited = make(context, expires_s)?;
    if context.json {
        output::json(&invited);
        return Ok(());
    }
    // The line alone goes to standard output, so that it can be piped.
    context.say(&invited.line);
    let until = output::time(invited.expires_unix_s);
    eprintln!("{}", context.text.tr("invite-life", args!(until = until)));
    if let Some(named) = show::invite_bridges(&context.text, &invited.line) {
        eprintln!("{named}");
    }
    Ok(())
}

/// `--expires` in seconds.
///
/// # Errors
/// It is no time from a minute to 30 days.
pub(crate) fn expires_s(
    context: &Context,
    matches: &ArgMatches,
    default_s: u64,
) -> Result<u64, Failure> {
    let Some(value) = matches.get_one::<String>("expires") else {
        return Ok(default_s);
    };
    seconds(value)
        .filter(|seconds| (EXPIRES_S_MIN..=EXPIRES_S_MAX).contains(seconds))
        .ok_or_else(|| wrong_value("--expires", value, &context.text.t("expected-expires")))
}

/// Asks the node for an invite.
pub(crate) fn make(context: &Context, expires_s: u64) -> Result<Invited, Failure> {
    let request = Request::Invite(Invite { expires_s });
    Ok(expect_answer!(context, &request, Response::Invited(invited) => invited))
}

/// The seconds of `90s`, `30m`, `24h`, `7d`.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    text.strip_suffix(unit)?
        .parse::<u64>()
        .ok()?
        .checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("30m"), Some(1800));
        assert_eq!(seconds("24h"), Some(86_400));
        assert_eq!(seconds("7d"), Some(604_800));
        for wrong in [
            "",
            "5",
            "h",
            "-1h",
            "1.5h",
            "1時間",
            "99999999999999999999d",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
