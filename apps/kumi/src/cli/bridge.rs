//! `kumi bridge` and its commands, and the options of `kumi up` that name Bridges.

use super::Builder;
use clap::{Arg, ArgAction, Command};

impl Builder<'_> {
    pub(super) fn bridge(&self) -> Command {
        let command = self
            .leaf("bridge", "cmd-bridge", "kumi bridge COMMAND")
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .subcommand_help_heading(self.text.t("help-commands"));
        let command = self.bridge_serving(command);
        let command = self.bridge_clients(command);
        self.bridge_using(command)
    }

    /// `--bridge` and its password.
    pub(super) fn bridges(&self, command: Command) -> Command {
        command
            .arg(self.option("bridge", "LINE").action(ArgAction::Append))
            .arg(self.path_option("bridge-password-file", "FILE"))
    }

    fn bridge_serving(&self, command: Command) -> Command {
        command
            .subcommand(
                self.leaf(
                    "up",
                    "cmd-bridge-up",
                    "kumi bridge up [--password-file FILE] [--customer NAME] [--expires TIME] [--no-line]",
                )
                .arg(self.password_file())
                .arg(self.option("customer", "NAME"))
                .arg(self.line_expires())
                .arg(self.flag("no-line", None))
                .arg(self.passphrase()),
            )
            .subcommand(self.leaf("down", "cmd-bridge-down", "kumi bridge down"))
            .subcommand(
                self.leaf(
                    "invite",
                    "cmd-bridge-invite",
                    "kumi bridge invite [--customer NAME] [--expires TIME] [--password]",
                )
                .arg(self.option("customer", "NAME"))
                .arg(self.line_expires())
                .arg(self.flag("password", None)),
            )
    }

    fn bridge_clients(&self, command: Command) -> Command {
        let client = |message: &str| self.argument("WHO", message).required(true);
        command
            .subcommand(
                self.leaf(
                    "allow",
                    "cmd-bridge-allow",
                    "kumi bridge allow ADDR|KEY [--customer NAME] [--label NAME] [--rate RATE]",
                )
                .arg(client("arg-who"))
                .arg(self.option("customer", "NAME"))
                .arg(self.option("label", "NAME"))
                .arg(self.option("rate", "RATE")),
            )
            .subcommand(
                self.leaf("deny", "cmd-bridge-deny", "kumi bridge deny ADDR|KEY|NAME")
                    .arg(client("arg-client")),
            )
            .subcommand(self.leaf("list", "cmd-bridge-list", "kumi bridge list [--json]"))
    }

    fn bridge_using(&self, command: Command) -> Command {
        let wait = self.option("wait", "SECONDS");
        command
            .subcommand(
                self.leaf(
                    "use",
                    "cmd-bridge-use",
                    "kumi bridge use LINE [--password-file FILE] [--wait SECONDS]",
                )
                .arg(self.argument("LINE", "arg-bridge-line").required(true))
                .arg(self.password_file())
                .arg(wait.help(self.text.t("opt-bridge-wait")))
                .arg(self.passphrase()),
            )
            .subcommand(
                self.leaf("forget", "cmd-bridge-forget", "kumi bridge forget ADDR")
                    .arg(self.argument("ADDR", "arg-bridge").required(true)),
            )
    }

    fn password_file(&self) -> Arg {
        self.path_option("password-file", "FILE")
    }

    fn line_expires(&self) -> Arg {
        self.option("expires", "TIME")
            .help(self.text.t("opt-line-expires"))
    }
}
