//! The command line: which commands, options and arguments there are. Every text is a
//! message: `cmd-NAME` with the attributes `long` and `examples`, `opt-NAME` for options and
//! `arg-NAME` for arguments. What is written here in English is language-neutral usage.

use crate::text::Text;
use clap::{Arg, ArgAction, Command};
use std::ffi::OsString;
use std::path::PathBuf;

mod bridge;
mod gms;
mod group;
mod locked;
mod names;
mod users;

const TEMPLATE: &str = "@about\n\n@usage {usage}\n\n{all-args}{after-help}";

/// The whole command line in one language.
pub(crate) fn command(text: &Text) -> Command {
    let builder = Builder { text };
    let root = builder
        .base(
            "kumi",
            "cmd-kumi",
            "kumi [--json] [--lang en|ja] [--state DIR] [--config FILE] COMMAND",
        )
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .subcommand_help_heading(text.t("help-commands"))
        .after_help(text.t("cmd-kumi.after"));
    let root = builder.globals(root);
    let root = builder.everyday(root);
    let root = builder.signing(root);
    let root = builder.access(root);
    let root = builder.upkeep(root);
    let root = root
        .subcommand(builder.bridge())
        .subcommand(builder.group())
        .subcommand(builder.gms())
        .subcommand(builder.id())
        .subcommand(builder.names())
        .subcommand(builder.service());
    builder.with_help(root)
}

struct Builder<'a> {
    text: &'a Text,
}

impl Builder<'_> {
    fn base(&self, name: &'static str, message: &str, usage: &'static str) -> Command {
        let text = self.text;
        let long = text.find(&format!("{message}.long"), &[]);
        let about = text.t(message);
        let long = long.map_or_else(|| about.clone(), |long| format!("{about}\n\n{long}"));
        // clap's long form spreads the options over the whole screen; this is the short one
        // with the long text.
        let template = TEMPLATE
            .replace("@usage", &text.t("help-usage"))
            .replace("@about", &long);
        Command::new(name)
            .about(about)
            .override_usage(usage)
            .help_template(template)
            .disable_help_flag(true)
    }

    /// The option that explains a command, after those of its own.
    fn with_help(&self, command: Command) -> Command {
        command.mut_subcommands(|sub| self.with_help(sub)).arg(
            self.flag("help", Some('h'))
                .action(ArgAction::HelpShort)
                .display_order(905),
        )
    }

    fn verb(&self, name: &'static str, usage: &'static str) -> Command {
        self.leaf(name, &format!("cmd-{name}"), usage)
    }

    fn leaf(&self, name: &'static str, message: &str, usage: &'static str) -> Command {
        let examples = format!(
            "{}\n{}",
            self.text.t("help-examples"),
            indent(&self.text.t(&format!("{message}.examples")))
        );
        self.base(name, message, usage).after_help(examples)
    }

    fn flag(&self, name: &'static str, short: Option<char>) -> Arg {
        let arg = Arg::new(name)
            .long(name)
            .action(ArgAction::SetTrue)
            .help(self.text.t(&format!("opt-{name}")))
            .help_heading(self.text.t("help-options"));
        match short {
            Some(short) => arg.short(short),
            None => arg,
        }
    }

    fn option(&self, name: &'static str, value: &'static str) -> Arg {
        self.flag(name, None)
            .action(ArgAction::Set)
            .value_name(value)
            .allow_hyphen_values(false)
    }

    fn path_option(&self, name: &'static str, value: &'static str) -> Arg {
        self.option(name, value)
            .value_parser(clap::value_parser!(PathBuf))
            .value_hint(clap::ValueHint::AnyPath)
    }

    fn argument(&self, name: &'static str, message: &str) -> Arg {
        Arg::new(name)
            .value_name(name)
            .help(self.text.t(message))
            .help_heading(self.text.t("help-arguments"))
    }

    fn passphrase(&self) -> Arg {
        self.path_option("passphrase-file", "FILE")
    }

    fn globals(&self, root: Command) -> Command {
        root.arg(self.flag("json", None).global(true).display_order(901))
            .arg(self.option("lang", "en|ja").global(true).display_order(902))
            .arg(
                self.path_option("state", "DIR")
                    .global(true)
                    .display_order(903),
            )
            .arg(
                self.path_option("config", "FILE")
                    .global(true)
                    .display_order(904),
            )
            .arg(
                self.flag("version", Some('V'))
                    .action(ArgAction::Version)
                    .display_order(906),
            )
    }

    fn everyday(&self, root: Command) -> Command {
        root.subcommand(
            self.verb("demo", "kumi demo [--size MIB] [--json]")
                .arg(self.option("size", "MIB")),
        )
        .subcommand(self.up())
        .subcommand(
            self.verb("join", "kumi join LINE [--label NAME] [--wait SECONDS]")
                .arg(self.argument("LINE", "arg-line").required(true))
                .arg(self.option("label", "NAME"))
                .arg(self.option("wait", "SECONDS"))
                .arg(self.passphrase()),
        )
        .subcommand(
            self.verb("invite", "kumi invite [--expires TIME]")
                .arg(self.option("expires", "TIME")),
        )
        .subcommand(self.verb("status", "kumi status [--json]"))
        .subcommand(
            self.verb("ping", "kumi ping [PEER] [-c N] [--interval SECONDS]")
                .arg(self.argument("PEER", "arg-peer"))
                .arg(self.option("count", "N").short('c'))
                .arg(self.option("interval", "SECONDS").short('i')),
        )
        .subcommand(self.verb("peers", "kumi peers [--json]"))
        .subcommand(
            self.verb("why", "kumi why TARGET [--port PORT] [--json]")
                .arg(self.argument("TARGET", "arg-why-target").required(true))
                .arg(
                    self.option("port", "PROTO/PORT")
                        .help(self.text.t("opt-why-port")),
                ),
        )
        .subcommand(
            self.verb("pit", "kumi pit [--forget ADDRESS] [--json]")
                .arg(self.option("forget", "ADDRESS")),
        )
        .subcommand(self.top())
        .subcommand(
            self.verb("run", "kumi run -- COMMAND [ARGUMENT…]").arg(
                self.argument("COMMAND", "arg-command")
                    .num_args(1..)
                    .required(true)
                    .trailing_var_arg(true)
                    .allow_hyphen_values(true)
                    .value_parser(clap::value_parser!(OsString)),
            ),
        )
        .subcommand(self.forward())
        .subcommand(self.verb("down", "kumi down"))
    }

    fn top(&self) -> Command {
        let interval = self.option("interval", "SECONDS").short('i');
        let count = self.option("count", "N").short('c');
        self.verb("top", "kumi top [--interval SECONDS] [-c N] [--json]")
            .arg(interval.help(self.text.t("opt-top-interval")))
            .arg(count.help(self.text.t("opt-top-count")))
    }

    fn up(&self) -> Command {
        let command = self.verb(
            "up",
            "kumi up [--bridge LINE]… [--bridge-password-file FILE] [--foreground] [--no-invite] [--socks5 ADDR] [--http-proxy ADDR] [--passphrase-file FILE]",
        );
        self.bridges(command)
            .arg(self.flag("foreground", None))
            .arg(self.flag("no-invite", None))
            .arg(self.option("socks5", "ADDR"))
            .arg(self.option("http-proxy", "ADDR"))
            .arg(hidden("daemon"))
            .arg(hidden("die-with-parent"))
            .arg(self.passphrase())
    }

    fn forward(&self) -> Command {
        self.verb(
            "forward",
            "kumi forward [LISTEN TARGET] [--remove LISTEN] [--json]",
        )
        .arg(self.argument("LISTEN", "arg-listen").requires("TARGET"))
        .arg(self.argument("TARGET", "arg-target"))
        .arg(self.option("remove", "LISTEN").conflicts_with("LISTEN"))
    }

    fn access(&self, root: Command) -> Command {
        root.subcommand(
            self.verb(
                "allow",
                "kumi allow ADDR|KEY [--port tcp/22]… [--accept PREFIX]… [--label NAME]",
            )
            .arg(self.argument("WHO", "arg-who").required(true))
            .arg(
                self.option("port", "PROTO/PORT")
                    .action(ArgAction::Append)
                    .short('p'),
            )
            .arg(
                self.option("accept", "PREFIX|none")
                    .action(ArgAction::Append),
            )
            .arg(self.option("label", "NAME")),
        )
        .subcommand(
            self.verb("deny", "kumi deny ADDR|KEY|NAME")
                .arg(self.argument("WHO", "arg-who-listed").required(true)),
        )
        .subcommand(self.verb("list", "kumi list [--json]"))
    }

    fn upkeep(&self, root: Command) -> Command {
        let place = self.argument("HOST:PORT", "arg-place").num_args(0..);
        let netcheck = self.verb("netcheck", "kumi netcheck [HOST:PORT…] [--json]");
        root.subcommand(netcheck.arg(place))
            .subcommand(self.verb("check", "kumi check [--json]"))
            .subcommand(
                self.verb("bugreport", "kumi bugreport [FILE]").arg(
                    self.argument("FILE", "arg-report")
                        .value_parser(clap::value_parser!(PathBuf)),
                ),
            )
            .subcommand(
                self.verb(
                    "completions",
                    "kumi completions bash|zsh|fish|elvish|powershell",
                )
                .arg(self.argument("SHELL", "arg-shell").required(true)),
            )
    }

    fn id(&self) -> Command {
        let file = |message: &str| {
            self.argument("FILE", message)
                .required(true)
                .value_parser(clap::value_parser!(PathBuf))
        };
        self.leaf("id", "cmd-id", "kumi id COMMAND")
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .subcommand_help_heading(self.text.t("help-commands"))
            .subcommand(
                self.leaf(
                    "new",
                    "cmd-id-new",
                    "kumi id new [--seal] [--passphrase-file FILE]",
                )
                .arg(self.flag("seal", None))
                .arg(self.passphrase()),
            )
            .subcommand(self.leaf("show", "cmd-id-show", "kumi id show [--json]"))
            .subcommand(
                self.leaf(
                    "rotate",
                    "cmd-id-rotate",
                    "kumi id rotate [--passphrase-file FILE]",
                )
                .arg(self.passphrase()),
            )
            .subcommand(
                self.leaf(
                    "seal",
                    "cmd-id-seal",
                    "kumi id seal [--node] [--passphrase-file FILE] [--new-passphrase-file FILE]",
                )
                .arg(self.flag("node", None))
                .arg(self.passphrase())
                .arg(self.path_option("new-passphrase-file", "FILE")),
            )
            .subcommand(
                self.leaf(
                    "backup",
                    "cmd-id-backup",
                    "kumi id backup FILE [--passphrase-file FILE]",
                )
                .arg(file("arg-backup"))
                .arg(self.passphrase()),
            )
            .subcommand(
                self.leaf(
                    "restore",
                    "cmd-id-restore",
                    "kumi id restore FILE [--passphrase-file FILE]",
                )
                .arg(file("arg-restore"))
                .arg(self.passphrase()),
            )
    }

    fn service(&self) -> Command {
        let install = "kumi service install [--user] [--now] [--passphrase-file FILE]";
        let remove = "kumi service remove [--user]";
        self.leaf("service", "cmd-service", "kumi service COMMAND")
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .subcommand_help_heading(self.text.t("help-commands"))
            .subcommand(
                self.leaf("install", "cmd-service-install", install)
                    .arg(self.flag("user", None))
                    .arg(self.flag("now", None))
                    .arg(self.passphrase()),
            )
            .subcommand(
                self.leaf("remove", "cmd-service-remove", remove)
                    .arg(self.flag("user", None)),
            )
    }
}

/// A flag that `kumi` gives to itself.
fn hidden(name: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::SetTrue)
        .hide(true)
}

fn indent(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

#[cfg(test)]
#[path = "cli_tests.rs"]
mod tests;
