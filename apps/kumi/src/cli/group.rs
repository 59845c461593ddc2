//! `kumi group` and its commands.

use super::Builder;
use clap::{Command, value_parser};
use std::path::PathBuf;

impl Builder<'_> {
    pub(super) fn group(&self) -> Command {
        let file = self
            .argument("FILE", "arg-scenario")
            .value_parser(value_parser!(PathBuf))
            .value_hint(clap::ValueHint::FilePath)
            .required_unless_present("nodes");
        let cost = self
            .leaf(
                "cost",
                "cmd-group-cost",
                "kumi group cost [FILE] [--nodes N] [--json]",
            )
            .arg(file)
            .arg(self.option("nodes", "N"));
        self.leaf("group", "cmd-group", "kumi group COMMAND")
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .subcommand_help_heading(self.text.t("help-commands"))
            .subcommand(cost)
    }
}
