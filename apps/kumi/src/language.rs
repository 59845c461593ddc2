//! Which language to speak: `--lang`, then `language` in `kumi.toml`, then `LC_ALL`,
//! `LC_MESSAGES`, `LANG`; English when none of them names one that we speak.

use crate::environment::Environment;

/// A language that the catalogues have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// English.
    En,
    /// Japanese.
    Ja,
}

impl Language {
    /// Every language.
    #[cfg(test)]
    pub(crate) const ALL: &'static [Language] = &[Language::En, Language::Ja];

    /// `en` or `ja`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::Ja => "ja",
        }
    }

    /// From `en`, `ja`, or a locale's name such as `ja_JP.UTF-8`.
    pub(crate) fn parse(name: &str) -> Option<Language> {
        let primary = name.split(['_', '-', '.', '@']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "en" | "c" | "posix" => Some(Language::En),
            "ja" => Some(Language::Ja),
            _ => None,
        }
    }

    /// From the environment. As POSIX has it, the first variable that is set and not empty
    /// decides, whether we speak its language or not.
    pub(crate) fn of(environment: &Environment) -> Option<Language> {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| environment.var(name))
            .and_then(|value| Language::parse(&value))
    }
}

/// The value of `--lang` before the command line is parsed, because the help and the errors
/// of the parser are in that language too.
pub(crate) fn from_arguments(arguments: &[String]) -> Option<Language> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            return None;
        }
        if argument == "--lang" {
            return rest.next().and_then(|value| Language::parse(value));
        }
        if let Some(value) = argument.strip_prefix("--lang=") {
            return Language::parse(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let of = |vars: &[(&str, &str)]| Language::of(&Environment::of(vars));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("LANG", "ja_JP.UTF-8")]), Some(Language::Ja));
        let both = [("LC_ALL", "C.UTF-8"), ("LANG", "ja_JP.UTF-8")];
        assert_eq!(of(&both), Some(Language::En));
        let empty = [("LC_ALL", ""), ("LC_MESSAGES", "ja"), ("LANG", "en_US")];
        assert_eq!(of(&empty), Some(Language::Ja));
        assert_eq!(of(&[("LANG", "tlh"), ("LC_ALL", "tlh_KX")]), None);
    }

    #[test]
    fn the_option_is_found_before_parsing_but_not_in_the_command_to_run() {
        let find =
            |line: &str| from_arguments(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(find("kumi status --lang ja"), Some(Language::Ja));
        assert_eq!(find("kumi --lang=en status"), Some(Language::En));
        assert_eq!(find("kumi run -- x --lang ja"), None);
        assert_eq!(find("kumi --lang"), None);
    }
}
