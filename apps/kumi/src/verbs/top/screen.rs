//! The terminal that a view is drawn on, again and again in the same place.
//!
//! Nothing of the terminal is changed that would have to be put back: a program that is killed
//! leaves its last view and the cursor below it. What was on the screen before goes up into the
//! scrollback.

use super::view::Size;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use os::process::Signals;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use unicode_width::UnicodeWidthStr;

/// What terminals have that do not say.
const USUAL: Size = Size {
    columns: 80,
    rows: 24,
};

/// A terminal.
#[derive(Debug)]
pub(crate) struct Screen {
    // Locked while a frame is written, so that the end comes before or after it.
    out: Arc<Mutex<File>>,
    is_drawn: bool,
}

impl Screen {
    /// Standard output, if it is a terminal that frames can be drawn on and JSON is not wanted.
    ///
    /// # Errors
    /// No descriptors or threads left.
    pub(crate) fn open(context: &Context) -> Result<Option<Screen>, Failure> {
        let dumb = context.environment.var("TERM").is_none_or(|t| t == "dumb");
        if context.json || dumb || !std::io::stdout().is_terminal() {
            return Ok(None);
        }
        // Not through the buffer of stdout, which would write a frame in two parts.
        let out = std::io::stdout().as_fd().try_clone_to_owned();
        let screen = Screen {
            out: Arc::new(Mutex::new(File::from(out.map_err(failed)?))),
            is_drawn: false,
        };
        screen.watch_signals().map_err(failed)?;
        Ok(Some(screen))
    }

    /// Its size now.
    pub(crate) fn size() -> Size {
        let Ok(size) = rustix::termios::tcgetwinsize(std::io::stdout()) else {
            return USUAL;
        };
        let or = |value: u16, usual: usize| match value {
            0 => usual,
            some => usize::from(some),
        };
        Size {
            columns: or(size.ws_col, USUAL.columns),
            rows: or(size.ws_row, USUAL.rows),
        }
    }

    /// Draws lines that fit into `size`. A terminal that has gone ends the command.
    pub(crate) fn draw(&mut self, lines: &[String], size: Size) {
        let frame = frame(lines, size, !self.is_drawn);
        self.is_drawn = true;
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.write_all(frame.as_bytes()).is_err() {
            std::process::exit(0);
        }
    }

    /// Ctrl-C is how this command is meant to end, also while the node does not answer.
    fn watch_signals(&self) -> std::io::Result<()> {
        let signals = Signals::catch()?;
        let out = Arc::clone(&self.out);
        let watch = move || {
            let _ = os::wait::readable(&[signals.as_fd()], None);
            let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
            // The terminal has written ^C below the view.
            let _ = out.write_all(b"\r\x1b[K");
            std::process::exit(0);
        };
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(watch)?;
        Ok(())
    }
}

fn failed(error: std::io::Error) -> Failure {
    Failure::new(Exit::Failed, "error-terminal").with("detail", error)
}

/// One frame in one piece: from the upper left corner each line replaces the one that was there,
/// so nothing is blank in between.
fn frame(lines: &[String], size: Size, is_first: bool) -> String {
    let mut frame = String::new();
    if is_first {
        frame.extend(std::iter::repeat_n('\n', size.rows));
    }
    frame.push_str("\x1b[H");
    for line in lines {
        frame.push_str(line);
        // In a full line the cursor stands on the last character, which would be erased.
        if line.width() < size.columns {
            frame.push_str("\x1b[K");
        }
        frame.push_str("\r\n");
    }
    frame.push_str("\x1b[J");
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_begins_in_the_corner_and_ends_below_itself() {
        let size = Size {
            columns: 4,
            rows: 3,
        };
        let lines = ["ab".to_owned(), "日本".to_owned()];
        assert_eq!(
            frame(&lines, size, false),
            "\x1b[Hab\x1b[K\r\n日本\r\n\x1b[J"
        );
        assert!(frame(&lines, size, true).starts_with("\n\n\n\x1b[H"));
    }
}
