//! `kumi group` and its commands.

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
        let command = self.group_locked(command);
        let command = self.group_servers(command);
        command.subcommand(self.group_cost())
    }

    /// The addresses that groups protect: these, or none.
    pub(super) fn site(&self, command: Command) -> Command {
        let site = self.option("site", "PREFIX").action(ArgAction::Append);
        command
            .arg(site.conflicts_with("no-site"))
            .arg(self.flag("no-site", None))
    }

    fn group_making(&self, command: Command) -> Command {
        command
            .subcommand(
                self.site(self.leaf(
                    "create",
                    "cmd-group-create",
                    "kumi group create GROUP… [--as NAME | --apart] [--site PREFIX]… [--no-site] [--zone ZONE] [--sign-in TIME] [--locked K --admin-key KEY…]",
                ))
                .arg(
                    self.argument("GROUP", "arg-group-new")
                        .num_args(1..)
                        .required(true),
                )
                .arg(self.option("as", "NAME").conflicts_with("apart"))
                .arg(self.flag("apart", None))
                .arg(self.option("locked", "K").requires("admin-key"))
                .arg(
                    self.option("admin-key", "KEY")
                        .action(ArgAction::Append)
                        .num_args(1..)
                        .requires("locked"),
                )
                .arg(self.option("zone", "ZONE"))
                .arg(self.option("sign-in", "TIME"))
                .arg(self.passphrase()),
            )
            .subcommand(
                self.leaf("rotate", "cmd-group-rotate", "kumi group rotate GROUP")
                    .arg(self.argument("GROUP", "arg-group").required(true)),
            )
            .subcommand(self.group_sign_in())
            .subcommand(self.leaf("list", "cmd-group-list", "kumi group list [--json]"))
    }

    /// Several servers.
    fn group_servers(&self, command: Command) -> Command {
        let line = self.argument("LINE", "arg-share-line").required(true);
        let server = self.argument("SERVER", "arg-server").required(true);
        command
            .subcommand(
                self.leaf(
                    "share",
                    "cmd-group-share",
                    "kumi group share GROUP… [--expires TIME]",
                )
                .arg(self.groups())
                .arg(self.group_expires()),
            )
            .subcommand(
                self.leaf(
                    "accept",
                    "cmd-group-accept",
                    "kumi group accept LINE [--wait TIME]",
                )
                .arg(line)
                .arg(self.option("wait", "TIME"))
                .arg(self.passphrase()),
            )
            .subcommand(
                self.leaf(
                    "unshare",
                    "cmd-group-unshare",
                    "kumi group unshare GROUP SERVER",
                )
                .arg(self.argument("GROUP", "arg-group").required(true))
                .arg(server),
            )
    }

    fn group_members(&self, command: Command) -> Command {
        command
            .subcommand(
                self.added(self.leaf(
                    "add",
                    "cmd-group-add",
                    "kumi group add MEMBER GROUP… [--role ROLE]… [--mode open|closed] [--behind PREFIX]… [--expires TIME]",
                ))
                .arg(self.option("mode", "open|closed"))
                .arg(self.option("behind", "PREFIX").action(ArgAction::Append))
                .arg(self.group_expires()),
            )
            .subcommand(
                self.invited(self.leaf(
                    "invite",
                    "cmd-group-invite",
                    "kumi group invite GROUP… [--uses N] [--role ROLE]… [--mode open|closed] [--expires TIME]",
                ))
                .arg(self.option("mode", "open|closed"))
                .arg(self.group_expires()),
            )
            .subcommand(
                self.removed(self.leaf(
                    "remove",
                    "cmd-group-remove",
                    "kumi group remove MEMBER [GROUP]",
                )),
            )
            .subcommand(self.said(self.leaf(
                "role",
                "cmd-group-role",
                "kumi group role MEMBER [ROLE]…",
            )))
            .subcommand(
                self.ruled(self.leaf(
                    "rules",
                    "cmd-group-rules",
                    "kumi group rules GROUP [FILE | --none] [--json]",
                ))
                .arg(self.flag("none", None).conflicts_with("FILE")),
            )
            .subcommand(self.leaf("lines", "cmd-group-lines", "kumi group lines [--json]"))
            .subcommand(
                self.leaf("withdraw", "cmd-group-withdraw", "kumi group withdraw ID")
                    .arg(self.argument("ID", "arg-line-id").required(true)),
            )
            .subcommand(self.group_plan())
    }

    /// The same orders, which are not carried out.
    fn group_plan(&self) -> Command {
        let plan = |name, message, usage| self.leaf(name, message, usage);
        self.leaf(
            "plan",
            "cmd-group-plan",
            "kumi group plan add|invite|remove|role|rules … [--json]",
        )
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .subcommand_help_heading(self.text.t("help-commands"))
        .subcommand(self.added(plan(
            "add",
            "cmd-group-plan-add",
            "kumi group plan add MEMBER GROUP… [--role ROLE]… [--json]",
        )))
        .subcommand(self.invited(plan(
            "invite",
            "cmd-group-plan-invite",
            "kumi group plan invite GROUP… [--uses N] [--role ROLE]… [--json]",
        )))
        .subcommand(self.removed(plan(
            "remove",
            "cmd-group-plan-remove",
            "kumi group plan remove MEMBER [GROUP] [--json]",
        )))
        .subcommand(self.said(plan(
            "role",
            "cmd-group-plan-role",
            "kumi group plan role MEMBER [ROLE]… [--json]",
        )))
        .subcommand(
            self.ruled(plan(
                "rules",
                "cmd-group-plan-rules",
                "kumi group plan rules GROUP FILE [--json]",
            ))
            .mut_arg("FILE", |file| file.required(true)),
        )
    }

    fn groups(&self) -> Arg {
        let groups = self.argument("GROUP", "arg-groups");
        groups.num_args(1..).required(true)
    }

    /// Who is added, and where.
    fn added(&self, command: Command) -> Command {
        let member = self.argument("MEMBER", "arg-member-new");
        command
            .arg(member.required(true))
            .arg(self.groups())
            .arg(self.roles())
    }

    /// Where somebody is invited to, and how many.
    fn invited(&self, command: Command) -> Command {
        command
            .arg(self.groups())
            .arg(self.option("uses", "N"))
            .arg(self.roles())
    }

    pub(super) fn roles(&self) -> Arg {
        let roles = self.option("role", "ROLE").action(ArgAction::Append);
        roles.help(self.text.t("opt-group-role"))
    }

    /// What a member is.
    fn said(&self, command: Command) -> Command {
        command
            .arg(self.argument("MEMBER", "arg-member").required(true))
            .arg(self.argument("ROLE", "arg-roles").num_args(0..))
    }

    /// Whose rules, and which.
    fn ruled(&self, command: Command) -> Command {
        let file = self
            .argument("FILE", "arg-rules")
            .value_parser(value_parser!(PathBuf))
            .value_hint(clap::ValueHint::FilePath);
        command
            .arg(self.argument("GROUP", "arg-group").required(true))
            .arg(file)
    }

    /// Who is removed, and from where.
    fn removed(&self, command: Command) -> Command {
        command
            .arg(self.argument("MEMBER", "arg-member").required(true))
            .arg(self.argument("GROUP", "arg-group-left"))
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
