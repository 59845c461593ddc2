//! Names for programs: `kumi names …`.

use super::Builder;
use clap::Command;

impl Builder<'_> {
    pub(super) fn names(&self) -> Command {
        self.leaf("names", "cmd-names", "kumi names COMMAND")
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .subcommand_help_heading(self.text.t("help-commands"))
            .subcommand(self.leaf("on", "cmd-names-on", "kumi names on [--json]"))
            .subcommand(self.leaf("off", "cmd-names-off", "kumi names off [--json]"))
            .subcommand(self.leaf("status", "cmd-names-status", "kumi names status [--json]"))
    }
}
