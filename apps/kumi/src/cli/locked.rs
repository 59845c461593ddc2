//! The commands of `kumi group` for locked groups.

use super::Builder;
use clap::{Arg, ArgAction, Command};

impl Builder<'_> {
    pub(super) fn group_locked(&self, command: Command) -> Command {
        command
            .subcommand(self.group_key())
            .subcommand(self.leaf(
                "pending",
                "cmd-group-pending",
                "kumi group pending [--json]",
            ))
            .subcommand(
                self.leaf(
                    "request",
                    "cmd-group-request",
                    "kumi group request MEMBER GROUP | --rules GROUP",
                )
                .arg(self.asked_of("MEMBER", "arg-member"))
                .arg(self.asked_of("GROUP", "arg-group"))
                .arg(self.option("rules", "GROUP")),
            )
            .subcommand(
                self.leaf(
                    "sign",
                    "cmd-group-sign",
                    "kumi group sign REQUEST [--key-file FILE] [--yes] [--passphrase-file FILE]",
                )
                .arg(self.argument("REQUEST", "arg-request").required(true))
                .arg(self.admin_key_file())
                .arg(self.flag("yes", None))
                .arg(self.passphrase()),
            )
            .subcommand(
                self.leaf(
                    "approve",
                    "cmd-group-approve",
                    "kumi group approve SIGNATURE…",
                )
                .arg(self.signatures()),
            )
            .subcommand(self.group_offer())
            .subcommand(
                self.leaf(
                    "complete",
                    "cmd-group-complete",
                    "kumi group complete SIGNATURE…",
                )
                .arg(self.signatures()),
            )
    }

    fn group_key(&self) -> Command {
        self.leaf("key", "cmd-group-key", "kumi group key new|show")
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .subcommand_help_heading(self.text.t("help-commands"))
            .subcommand(
                self.leaf(
                    "new",
                    "cmd-group-key-new",
                    "kumi group key new [--key-file FILE] [--passphrase-file FILE]",
                )
                .arg(self.admin_key_file())
                .arg(self.passphrase()),
            )
            .subcommand(
                self.leaf(
                    "show",
                    "cmd-group-key-show",
                    "kumi group key show [--key-file FILE] [--passphrase-file FILE]",
                )
                .arg(self.admin_key_file())
                .arg(self.passphrase()),
            )
    }

    fn group_offer(&self) -> Command {
        self.leaf(
            "offer",
            "cmd-group-offer",
            "kumi group offer LINE [--name NAME] [--mode open|closed] [--behind PREFIX]… [--role ROLE]… [--several]",
        )
        .arg(self.argument("LINE", "arg-line-locked").required(true))
        .arg(self.option("name", "NAME"))
        .arg(self.option("mode", "open|closed"))
        .arg(self.option("behind", "PREFIX").action(ArgAction::Append))
        .arg(self.roles())
        .arg(self.flag("several", None))
    }

    /// Of whom something is asked, unless it is the rules.
    fn asked_of(&self, name: &'static str, message: &'static str) -> Arg {
        let argument = self.argument(name, message);
        argument
            .required_unless_present("rules")
            .conflicts_with("rules")
    }

    fn admin_key_file(&self) -> Arg {
        self.path_option("key-file", "FILE")
    }

    fn signatures(&self) -> Arg {
        let signatures = self.argument("SIGNATURE", "arg-signature");
        signatures.num_args(1..).required(true)
    }
}
