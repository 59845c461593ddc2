//! `kumi names on|off|status`: whether every program of this machine finds members by name.
//!
//! | module | owns |
//! |---|---|
//! | [`switch`] | the line of `/etc/nsswitch.conf`, before and after. Pure |
//! | [`inside`] | the same for `kumi run` |
//! | [`machine`] | that file, the module beside the C library, systemd-resolved |

pub(super) mod inside;
mod machine;
mod switch;

use super::{show, status};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::text::{Text, args};
use api::NetworkMode;
use clap::ArgMatches;
use machine::{MODULE_NAME, Module, SWITCH, Switch};

/// Runs it.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("on", _)) => on(context),
        Some(("off", _)) => off(context),
        _ => say(context, &look(context)),
    }
}

/// The module first: a line that names one that is not there is no help to anybody.
fn on(context: &Context) -> Result<(), Failure> {
    may_change()?;
    let before = Switch::read()?;
    let text = before.with_module()?;
    let mut changed = machine::install_module()?;
    if text != before.text {
        before.write(&text)?;
        changed = true;
    }
    done(context, changed, "names-on")
}

fn off(context: &Context) -> Result<(), Failure> {
    may_change()?;
    let before = Switch::read()?;
    let text = switch::without(&before.text);
    let mut changed = text != before.text;
    if changed {
        before.write(&text)?;
    }
    changed |= machine::remove_module()?;
    done(context, changed, "names-off")
}

fn may_change() -> Result<(), Failure> {
    match os::process::user_id() {
        0 => Ok(()),
        _ => Err(Failure::new(Exit::Denied, "error-names-root")),
    }
}

fn done(context: &Context, changed: bool, message: &str) -> Result<(), Failure> {
    let found = look(context);
    if context.json {
        let mut value = found.json();
        if let Some(fields) = value.as_object_mut() {
            fields.insert("changed".to_owned(), changed.into());
        }
        output::json(&value);
        return Ok(());
    }
    context.say(&context.text.tr(message, args!(file = SWITCH)));
    if message == "names-on" {
        context.say(&context.text.t(found.verdict()));
    }
    Ok(())
}

/// How names are found now.
struct Found {
    /// Where the node has its interface; `None`: none runs that this account may ask.
    node: Option<NetworkMode>,
    /// Whether `/etc/nsswitch.conf` names the module; `None`: it is not there, or cannot be read.
    switch: Option<bool>,
    module: Module,
    /// Whether systemd-resolved runs.
    resolved: bool,
    /// Whether a program finds names.
    works: bool,
}

fn look(context: &Context) -> Found {
    let status = status::fetch(context).ok();
    let switch = Switch::read().ok().map(|it| switch::is_on(&it.text));
    let resolved = runtime::resolved::is_running();
    let asks = switch == Some(true) || resolved;
    Found {
        node: status.map(|status| status.network.mode),
        switch,
        module: machine::module(),
        resolved,
        works: asks && machine::are_found(),
    }
}

impl Found {
    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "works": self.works,
            "nsswitch": self.switch.map(|on| if on { "on" } else { "off" }),
            "module": self.module.as_str(),
            "module_file": machine::module_path(),
            "resolved_runs": self.resolved,
            "node": self.node,
            "responder": group::responder::ADDRESS,
        })
    }

    /// What it comes to.
    fn verdict(&self) -> &'static str {
        match (self.works, self.node) {
            (true, _) => "names-work",
            (false, None) => "names-no-node",
            (false, Some(NetworkMode::Rootless)) => "names-inside-only",
            (false, Some(NetworkMode::None)) => "names-no-network",
            (false, Some(NetworkMode::Kernel)) if self.switch == Some(true) => "names-fail",
            (false, Some(NetworkMode::Kernel)) => "names-not-yet",
        }
    }
}

fn say(context: &Context, found: &Found) -> Result<(), Failure> {
    if context.json {
        output::json(&found.json());
        return Ok(());
    }
    let text = &context.text;
    context.say(&text.t(found.verdict()));
    let pairs = [
        ("names-label-switch", switch_line(text, found.switch)),
        ("names-label-module", module_line(text, found.module)),
        ("names-label-resolved", resolved_line(text, found.resolved)),
        ("names-label-responder", responder_line()),
    ];
    show::pairs(context, &pairs);
    Ok(())
}

fn switch_line(text: &Text, on: Option<bool>) -> String {
    let id = match on {
        Some(true) => "names-switch-on",
        Some(false) => "names-switch-off",
        None => "names-switch-none",
    };
    text.tr(id, args!(file = SWITCH))
}

fn module_line(text: &Text, module: Module) -> String {
    let file = machine::module_path().map(|path| path.display().to_string());
    let file = file.unwrap_or_else(|| MODULE_NAME.to_owned());
    let id = format!("names-module-{}", module.as_str());
    text.tr(&id, args!(file = file))
}

fn resolved_line(text: &Text, runs: bool) -> String {
    text.t(match runs {
        true => "names-resolved-runs",
        false => "names-resolved-not",
    })
}

fn responder_line() -> String {
    let (address, port) = (group::responder::ADDRESS, group::responder::PORT);
    format!("[{address}]:{port} (UDP)")
}

#[cfg(test)]
mod tests {
    use super::machine::MODULE;

    fn has(bytes: &[u8]) -> bool {
        MODULE.windows(bytes.len()).any(|part| part == bytes)
    }

    /// It lives in programs of others, which would end with it.
    #[test]
    fn the_module_is_small_and_has_nothing_that_panics() {
        assert!((1_000..100_000).contains(&MODULE.len()), "{}", MODULE.len());
        assert!(MODULE.starts_with(b"\x7fELF"));
        for name in ["gethostbyname4_r", "gethostbyname3_r", "gethostbyname2_r"] {
            assert!(has(format!("_nss_kumi_{name}\0").as_bytes()), "{name}");
        }
        for name in ["gethostbyname_r", "gethostbyaddr2_r", "gethostbyaddr_r"] {
            assert!(has(format!("_nss_kumi_{name}\0").as_bytes()), "{name}");
        }
        // The panic handler says so, and is in no module without a panic (crates/nss/src/module.rs).
        assert!(!has(b"this module of kumi can panic"));
    }
}
