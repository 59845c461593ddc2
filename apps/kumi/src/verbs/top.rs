//! `kumi top`: asks the node again and again and shows what happened in between.
//!
//! | module | owns |
//! |---|---|
//! | [`sample`] | two samples and their comparison |
//! | [`view`] | what a comparison looks like |
//! | [`screen`] | drawing on a terminal |

mod sample;
mod screen;
mod view;

use super::{peers, ping, status};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use clap::ArgMatches;
use sample::{Sample, compare};
use screen::Screen;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use view::Size;

/// How soon a terminal that was made larger or smaller is drawn anew.
const RESIZE_SEEN_WITHIN: Duration = Duration::from_millis(200);

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let count = ping::count(context, matches)?;
    let interval = Duration::from_millis(ping::interval_ms(context, matches)?);
    let mut pair = Pair {
        before: None,
        now: take(context)?,
    };
    let mut screen = Screen::open(context)?;
    // Only a terminal can be watched without an end.
    let count = count.or_else(|| screen.is_none().then_some(1));
    let mut shown = 0;
    while count.is_none_or(|count| shown < count) {
        // A sample that came late does not make the next interval shorter than was asked for:
        // the shorter it is, the more a late answer distorts the rates.
        let due = pair.now.at + interval;
        match &mut screen {
            Some(screen) => watch(context, screen, &pair, due),
            None => std::thread::sleep(left(due)),
        }
        pair = Pair {
            now: take(context)?,
            before: Some(pair.now),
        };
        if screen.is_none() {
            print(context, &pair, shown == 0);
        }
        shown += 1;
    }
    if let Some(screen) = &mut screen {
        draw(context, screen, &pair);
    }
    Ok(())
}

/// The newest sample and the one before.
struct Pair {
    before: Option<Sample>,
    now: Sample,
}

/// Asks the node how it stands.
fn take(context: &Context) -> Result<Sample, Failure> {
    let status = status::fetch(context)?;
    let asked_at = os::clock::monotonic();
    let peers = peers::fetch(context)?;
    // A busy node answers late, and does not say when it looked at its counters.
    let took = os::clock::monotonic().saturating_sub(asked_at);
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    let unix_ms = unix.unwrap_or_default().as_millis();
    Ok(Sample {
        at: asked_at + took / 2,
        unix_ms: u64::try_from(unix_ms).unwrap_or(u64::MAX),
        status,
        peers,
    })
}

fn left(due: Duration) -> Duration {
    due.saturating_sub(os::clock::monotonic())
}

/// Shows a pair until the next sample is due, anew whenever the terminal changes its size.
fn watch(context: &Context, screen: &mut Screen, pair: &Pair, due: Duration) {
    let mut drawn = draw(context, screen, pair);
    while !left(due).is_zero() {
        std::thread::sleep(left(due).min(RESIZE_SEEN_WITHIN));
        if Screen::size() != drawn {
            drawn = draw(context, screen, pair);
        }
    }
}

fn draw(context: &Context, screen: &mut Screen, pair: &Pair) -> Size {
    let size = Screen::size();
    let view = compare(pair.before.as_ref(), &pair.now);
    screen.draw(&view::lines(&context.text, &view, Some(size)), size);
    size
}

fn print(context: &Context, pair: &Pair, is_first: bool) {
    let view = compare(pair.before.as_ref(), &pair.now);
    if context.json {
        // One line each, so that a program can read on while this one goes on.
        output::line(&view::object(&view).to_string());
        return;
    }
    if !is_first {
        output::line("");
    }
    for line in view::lines(&context.text, &view, None) {
        output::line(&line);
    }
}
