//! What the process was started with. Read once, so that tests can say what it is.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Environment variables; a variable that is empty counts as not set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    vars: BTreeMap<String, String>,
}

impl Environment {
    /// That of this process. Variables that are not UTF-8 are left out.
    pub(crate) fn read() -> Environment {
        let vars = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Environment { vars }
    }

    /// One for tests.
    #[cfg(test)]
    pub(crate) fn of(vars: &[(&str, &str)]) -> Environment {
        let vars = vars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Environment { vars }
    }

    /// A variable.
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        self.vars
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    /// A variable that names a path.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.var(name).map(PathBuf::from)
    }
}
