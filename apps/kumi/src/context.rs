//! What every command needs: language, configuration, where this node keeps its files.

use crate::config::Config;
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::language::Language;
use crate::output;
use crate::text::Text;
use clap::ArgMatches;
use os::files::Directories;
use std::path::PathBuf;

/// What every command needs.
pub(crate) struct Context {
    /// The sentences.
    pub(crate) text: Text,
    /// Whether to print JSON.
    pub(crate) json: bool,
    /// The variables of this process.
    pub(crate) environment: Environment,
    /// What `kumi.toml` says; the usual settings when it is wrong.
    pub(crate) config: Config,
    /// What is wrong with `kumi.toml`, for the commands that go on nevertheless.
    pub(crate) config_failure: Option<Failure>,
    /// Where this node keeps its files.
    pub(crate) directories: Directories,
    /// `--state`, as it was given.
    pub(crate) state_chosen: Option<PathBuf>,
    /// `--config`, as it was given.
    pub(crate) config_chosen: Option<PathBuf>,
}

impl Context {
    /// From the command line and the configuration.
    ///
    /// # Errors
    /// There is no place for this node's files.
    pub(crate) fn new(
        language: Option<Language>,
        environment: Environment,
        config: Result<Config, Failure>,
        matches: &ArgMatches,
    ) -> Result<Context, Failure> {
        let (config, config_failure) = match config {
            Ok(config) => (config, None),
            Err(failure) => (Config::default(), Some(failure)),
        };
        let language = language
            .or(config.language)
            .or_else(|| Language::of(&environment));
        let absolute = |name: &str| {
            let path = matches.get_one::<PathBuf>(name)?;
            Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
        };
        let (state_chosen, config_chosen) = (absolute("state"), absolute("config"));
        let directories = match &state_chosen {
            Some(directory) => Directories::under(directory),
            None => Directories::standard()
                .ok_or_else(|| Failure::new(Exit::Failed, "error-no-home"))?,
        };
        Ok(Context {
            text: Text::new(language.unwrap_or(Language::En)),
            json: matches.get_flag("json"),
            environment,
            config,
            config_failure,
            directories,
            state_chosen,
            config_chosen,
        })
    }

    /// The control socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directories.runtime.join(runtime::names::SOCKET)
    }

    /// What a background node says.
    pub(crate) fn log(&self) -> PathBuf {
        self.directories.state.join(LOG)
    }

    /// Makes the same context again in another thread (catalogues stay in theirs).
    pub(crate) fn again(&self) -> impl Fn() -> Context + Send + 'static {
        let language = self.text.language();
        let (json, environment) = (self.json, self.environment.clone());
        let (config, config_failure) = (self.config.clone(), self.config_failure.clone());
        let directories = self.directories.clone();
        let (state_chosen, config_chosen) = (self.state_chosen.clone(), self.config_chosen.clone());
        move || Context {
            text: Text::new(language),
            json,
            environment: environment.clone(),
            config: config.clone(),
            config_failure: config_failure.clone(),
            directories: directories.clone(),
            state_chosen: state_chosen.clone(),
            config_chosen: config_chosen.clone(),
        }
    }

    /// Prints a message for people; with `--json`, nothing.
    pub(crate) fn say(&self, message: &str) {
        if !self.json {
            output::line(message);
        }
    }
}

/// The log's name in the state directory.
const LOG: &str = "log";

#[cfg(test)]
impl Context {
    /// One whose node keeps its files in `directory`.
    pub(crate) fn for_test(directory: &std::path::Path) -> Context {
        Context {
            text: Text::new(Language::En),
            json: false,
            environment: Environment::default(),
            config: Config::default(),
            config_failure: None,
            directories: Directories::under(directory),
            state_chosen: Some(directory.to_owned()),
            config_chosen: None,
        }
    }
}
