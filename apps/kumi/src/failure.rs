//! How a command fails: an exit code and three sentences, what happened, why, and what to
//! do. The sentences are a message of the catalogue with the attributes `why` and `fix`.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | it failed |
//! | 2 | the command line or `kumi.toml` is wrong |
//! | 3 | the node does not run |
//! | 4 | not allowed: file permissions, or another user's node |

use crate::text::Text;
use api::{ApiError, Code};
use fluent_bundle::FluentValue;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

/// The exit code of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It failed.
    Failed,
    /// The command line or `kumi.toml` is wrong.
    Usage,
    /// The node does not run.
    NotRunning,
    /// Not allowed.
    Denied,
}

impl Exit {
    /// The number.
    pub(crate) fn number(self) -> u8 {
        match self {
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NotRunning => 3,
            Exit::Denied => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.number())
    }
}

/// Why a command failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// The message's id.
    pub(crate) id: String,
    /// Its arguments.
    pub(crate) args: BTreeMap<String, String>,
}

impl Failure {
    /// A failure that a message tells of.
    pub(crate) fn new(exit: Exit, message: &str) -> Failure {
        Failure {
            exit,
            id: message.to_owned(),
            args: BTreeMap::new(),
        }
    }

    /// The same with one more argument.
    pub(crate) fn with(mut self, name: &str, value: impl std::fmt::Display) -> Failure {
        self.args.insert(name.to_owned(), value.to_string());
        self
    }

    /// What happened, why, and what to do.
    pub(crate) fn sentences(&self, text: &Text) -> [String; 3] {
        let args: Vec<_> = self
            .args
            .iter()
            .map(|(name, value)| (name.as_str(), FluentValue::from(value.as_str())))
            .collect();
        let of = |id: String| text.tr(&id, &args);
        [
            of(self.id.clone()),
            of(format!("{}.why", self.id)),
            of(format!("{}.fix", self.id)),
        ]
    }

    /// Says it on standard error, or with `json` on standard output as
    /// `{"error":{"code","what","why","fix"}}`.
    pub(crate) fn say(&self, text: &Text, json: bool) {
        let [what, why, fix] = self.sentences(text);
        if json {
            let value = serde_json::json!({"error": {
                "code": self.id.trim_start_matches("error-").trim_start_matches("api-"),
                "exit": self.exit.number(), "what": what, "why": why, "fix": fix,
            }});
            crate::output::line(&value.to_string());
            return;
        }
        let (why_label, fix_label) = (text.t("failure-why"), text.t("failure-fix"));
        // Whoever reads may have hung up; that is no failure of ours.
        let text = format!("kumi: {what}\n  {why_label} {why}\n  {fix_label} {fix}\n");
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Failure {
        let exit = match error.code {
            Code::BadRequest
            | Code::NotAnInvite
            | Code::InviteDamaged
            | Code::OwnAddress
            | Code::BridgeLine
            | Code::NotABridge
            | Code::BridgePassword => Exit::Usage,
            Code::SignInWrong => Exit::Usage,
            Code::SignInRefused => Exit::Denied,
            Code::Stopping => Exit::NotRunning,
            _ => Exit::Failed,
        };
        let mut args = error.args;
        if let Some(unix_s) = args
            .get("expired_unix_s")
            .and_then(|value| value.parse().ok())
        {
            args.insert("expired".to_owned(), crate::output::time(unix_s));
        }
        if let Some(tried) = args.get_mut("tried").filter(|tried| tried.is_empty()) {
            "-".clone_into(tried);
        }
        Failure {
            exit,
            id: format!("api-{}", error.code.as_str()),
            args,
        }
    }
}
