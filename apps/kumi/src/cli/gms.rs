//! `kumi gms` and its commands.

use super::Builder;
use clap::{Command, value_parser};
use std::path::PathBuf;

impl Builder<'_> {
    pub(super) fn gms(&self) -> Command {
        self.leaf("gms", "cmd-gms", "kumi gms COMMAND")
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .subcommand_help_heading(self.text.t("help-commands"))
            .subcommand(
                self.site(self.leaf(
                    "serve",
                    "cmd-gms-serve",
                    "kumi gms serve [--site PREFIX]… [--no-site] \
                     [--database URL | --database-file FILE] [--key FILE]",
                ))
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
            .subcommand(self.leaf("status", "cmd-gms-status", "kumi gms status [--json]"))
            .subcommand(
                self.leaf(
                    "log",
                    "cmd-gms-log",
                    "kumi gms log [--after N] [--most N] [--json]",
                )
                .arg(self.option("after", "N"))
                .arg(self.option("most", "N")),
            )
            .subcommand(self.gms_admin())
            .subcommand(self.gms_user())
            .subcommand(self.gms_use())
    }

    fn gms_admin(&self) -> Command {
        let name = || self.argument("NAME", "arg-admin").required(true);
        self.leaf("admin", "cmd-gms-admin", "kumi gms admin COMMAND")
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .subcommand_help_heading(self.text.t("help-commands"))
            .subcommand(
                self.leaf(
                    "add",
                    "cmd-gms-admin-add",
                    "kumi gms admin add NAME [--role auditor|admin|owner] [--expires TIME]",
                )
                .arg(name())
                .arg(self.option("role", "ROLE"))
                .arg(
                    self.option("expires", "TIME")
                        .help(self.text.t("opt-admin-expires")),
                ),
            )
            .subcommand(self.leaf("list", "cmd-gms-admin-list", "kumi gms admin list [--json]"))
            .subcommand(
                self.leaf(
                    "remove",
                    "cmd-gms-admin-remove",
                    "kumi gms admin remove NAME",
                )
                .arg(name()),
            )
    }

    fn gms_use(&self) -> Command {
        self.leaf(
            "use",
            "cmd-gms-use",
            "kumi gms use KEY [--url URL --trust FILE] | --own",
        )
        .arg(
            self.argument("KEY", "arg-admin-key")
                .required_unless_present("own"),
        )
        .arg(self.option("url", "URL"))
        .arg(self.path_option("trust", "FILE"))
        .arg(
            self.flag("own", None)
                .conflicts_with_all(["KEY", "url", "trust"]),
        )
    }
}
