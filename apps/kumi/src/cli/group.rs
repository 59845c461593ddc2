//! `kumi group`, `kumi gms`, and their commands.

use super::Builder;
use clap::{Arg, ArgAction, Command, value_parser};
use std::path::PathBuf;

impl Builder<'_> {
    pub(super) fn group(&self) -> Command {
        let command = self
            .leaf("group", "cmd-group", "kumi group COMMAND")
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .subcommand_help_heading(self.text.t("help-commands"));
        let command = self.group_making(command);
        let command = self.group_members(command);
        command.subcommand(self.group_cost())
    }

    pub(super) fn gms(&self) -> Command {
        self.leaf("gms", "cmd-gms", "kumi gms COMMAND")
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .subcommand_help_heading(self.text.t("help-commands"))
            .subcommand(
                self.leaf(
                    "serve",
                    "cmd-gms-serve",
                    "kumi gms serve [--database URL | --database-file FILE] [--key FILE]",
                )
                .arg(
                    self.option("database", "URL")
                        .conflicts_with("database-file"),
                )
                .arg(self.path_option("database-file", "FILE"))
                .arg(self.path_option("key", "FILE"))
                .arg(self.passphrase()),
            )
            .subcommand(
                self.leaf("backup", "cmd-gms-backup", "kumi gms backup FILE")
                    .arg(
                        self.argument("FILE", "arg-gms-backup")
                            .value_parser(value_parser!(PathBuf))
                            .value_hint(clap::ValueHint::FilePath)
                            .required(true),
                    ),
            )
            .subcommand(
                self.leaf(
                    "move",
                    "cmd-gms-move",
                    "kumi gms move URL | DIRECTORY | --database-file FILE",
                )
                .arg(
                    self.argument("TO", "arg-gms-to")
                        .required_unless_present("database-file"),
                )
                .arg(
                    self.path_option("database-file", "FILE")
                        .conflicts_with("TO"),
                ),
            )
    }

    fn group_making(&self, command: Command) -> Command {
        command
            .subcommand(
                self.leaf(
                    "create",
                    "cmd-group-create",
                    "kumi group create GROUP [--as NAME | --apart] [--site PREFIX]… [--zone ZONE]",
                )
                .arg(self.argument("GROUP", "arg-group-new").required(true))
                .arg(self.option("as", "NAME").conflicts_with("apart"))
                .arg(self.flag("apart", None))
                .arg(self.option("site", "PREFIX").action(ArgAction::Append))
                .arg(self.option("zone", "ZONE"))
                .arg(self.passphrase()),
            )
            .subcommand(
                self.leaf("rotate", "cmd-group-rotate", "kumi group rotate GROUP")
                    .arg(self.argument("GROUP", "arg-group").required(true)),
            )
            .subcommand(self.leaf("list", "cmd-group-list", "kumi group list [--json]"))
    }

    fn group_members(&self, command: Command) -> Command {
        let groups = || {
            self.argument("GROUP", "arg-groups")
                .num_args(1..)
                .required(true)
        };
        command
            .subcommand(
                self.leaf(
                    "add",
                    "cmd-group-add",
                    "kumi group add MEMBER GROUP… [--mode open|closed] [--behind PREFIX]… [--expires TIME]",
                )
                .arg(self.argument("MEMBER", "arg-member-new").required(true))
                .arg(groups())
                .arg(self.option("mode", "open|closed"))
                .arg(self.option("behind", "PREFIX").action(ArgAction::Append))
                .arg(self.group_expires()),
            )
            .subcommand(
                self.leaf(
                    "invite",
                    "cmd-group-invite",
                    "kumi group invite GROUP… [--uses N] [--expires TIME]",
                )
                .arg(groups())
                .arg(self.option("uses", "N"))
                .arg(self.group_expires()),
            )
            .subcommand(
                self.leaf(
                    "remove",
                    "cmd-group-remove",
                    "kumi group remove MEMBER [GROUP]",
                )
                .arg(self.argument("MEMBER", "arg-member").required(true))
                .arg(self.argument("GROUP", "arg-group-left")),
            )
    }

    fn group_cost(&self) -> Command {
        let file = self
            .argument("FILE", "arg-scenario")
            .value_parser(value_parser!(PathBuf))
            .value_hint(clap::ValueHint::FilePath)
            .required_unless_present("nodes");
        self.leaf(
            "cost",
            "cmd-group-cost",
            "kumi group cost [FILE] [--nodes N] [--json]",
        )
        .arg(file)
        .arg(self.option("nodes", "N"))
    }

    fn group_expires(&self) -> Arg {
        self.option("expires", "TIME")
            .help(self.text.t("opt-group-expires"))
    }
}
