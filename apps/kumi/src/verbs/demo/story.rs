//! How the demo is told: numbered steps with lines below them, and a bar or a spinner while
//! something goes on. Bars are on standard error and only on a terminal.

use crate::context::Context;
use crate::text::Arg;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

const STEPS: u32 = 8;
const TICK: Duration = Duration::from_millis(100);

/// The teller.
pub(crate) struct Story<'a> {
    context: &'a Context,
    step: u32,
    bar: Option<ProgressBar>,
}

impl<'a> Story<'a> {
    /// Begins.
    pub(crate) fn new(context: &'a Context) -> Story<'a> {
        Story {
            context,
            step: 0,
            bar: None,
        }
    }

    /// A new step with its title; `busy` is what goes on.
    pub(crate) fn step(&mut self, title: &str, busy: &str) {
        self.rest();
        self.step += 1;
        let title = self.context.text.tr(title, &[]);
        self.context
            .say(&format!("\n[{}/{STEPS}] {title}", self.step));
        self.busy(busy, &[]);
    }

    /// What goes on now.
    pub(crate) fn busy(&mut self, message: &str, args: &[Arg<'_>]) {
        self.rest();
        let bar = self.bar(None, "  {spinner} {msg}");
        bar.set_message(self.context.text.tr(message, args));
        bar.enable_steady_tick(TICK);
        self.bar = Some(bar);
    }

    /// What goes on now, of which `total` bytes are to come.
    pub(crate) fn busy_bytes(&mut self, message: &str, total: u64) {
        self.rest();
        let bar = self.bar(
            Some(total),
            "  {msg} [{bar:30}] {bytes}/{total_bytes} {eta}",
        );
        bar.set_message(self.context.text.tr(message, &[]));
        self.bar = Some(bar);
    }

    /// How many bytes have come.
    pub(crate) fn progress(&self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    /// A line of the story.
    pub(crate) fn tell(&mut self, message: &str, args: &[Arg<'_>]) {
        self.rest();
        let line = self.context.text.tr(message, args);
        self.context.say(&format!("  {line}"));
    }

    /// A line as it is.
    pub(crate) fn show(&mut self, line: &str) {
        self.rest();
        self.context.say(&format!("    {line}"));
    }

    /// Nothing goes on any more.
    pub(crate) fn rest(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn bar(&self, total: Option<u64>, template: &str) -> ProgressBar {
        let target = match self.context.json {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(total, target);
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style.progress_chars("=> ")),
            Err(_) => bar,
        }
    }
}
