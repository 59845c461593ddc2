//! Signing in: `kumi login`, `kumi logout`, `kumi gms user …`, `kumi group sign-in`.

use super::Builder;
use clap::{Arg, ArgAction, Command};

impl Builder<'_> {
    pub(super) fn signing(&self, root: Command) -> Command {
        root.subcommand(
            self.verb(
                "login",
                "kumi login [NAME] [--password-file FILE] [--group GROUP] [--wait SECONDS]",
            )
            .arg(self.argument("NAME", "arg-user"))
            .arg(self.user_password())
            .arg(self.sign_in_group())
            .arg(self.option("wait", "SECONDS")),
        )
        .subcommand(
            self.verb("logout", "kumi logout [--group GROUP]")
                .arg(self.sign_in_group()),
        )
    }

    pub(super) fn gms_user(&self) -> Command {
        let name = || self.argument("NAME", "arg-user").required(true);
        let on = || {
            self.option("on", "MEMBER")
                .action(ArgAction::Append)
                .help(self.text.t("opt-user-on"))
        };
        self.leaf("user", "cmd-gms-user", "kumi gms user COMMAND")
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .subcommand_help_heading(self.text.t("help-commands"))
            .subcommand(
                self.leaf(
                    "add",
                    "cmd-gms-user-add",
                    "kumi gms user add NAME [--on MEMBER]… [--password-file FILE]",
                )
                .arg(name())
                .arg(on())
                .arg(self.user_password()),
            )
            .subcommand(self.leaf("list", "cmd-gms-user-list", "kumi gms user list [--json]"))
            .subcommand(
                self.leaf(
                    "set",
                    "cmd-gms-user-set",
                    "kumi gms user set NAME [--on MEMBER]… [--disable | --enable]",
                )
                .arg(name())
                .arg(on())
                .arg(self.flag("disable", None).conflicts_with("enable"))
                .arg(self.flag("enable", None)),
            )
            .subcommand(
                self.leaf(
                    "password",
                    "cmd-gms-user-password",
                    "kumi gms user password NAME [--password-file FILE]",
                )
                .arg(name())
                .arg(self.user_password()),
            )
            .subcommand(
                self.leaf("remove", "cmd-gms-user-remove", "kumi gms user remove NAME")
                    .arg(name()),
            )
    }

    pub(super) fn group_sign_in(&self) -> Command {
        self.leaf(
            "sign-in",
            "cmd-group-sign-in",
            "kumi group sign-in GROUP TIME|off",
        )
        .arg(self.argument("GROUP", "arg-group").required(true))
        .arg(self.argument("TIME", "arg-sign-in").required(true))
    }

    fn user_password(&self) -> Arg {
        self.path_option("password-file", "FILE")
            .help(self.text.t("opt-user-password-file"))
    }

    fn sign_in_group(&self) -> Arg {
        self.option("group", "GROUP")
            .help(self.text.t("opt-sign-in-group"))
    }
}
