//! Every sentence that a person reads, from the catalogues in `i18n/`.
//!
//! The catalogues are Fluent files and are part of the binary. A message has an id
//! (`status-title`) and may have attributes (`error-usage.fix`). An id that does not exist is
//! shown as itself: `cargo xtask i18n` and the tests below see to it that none is missing.

use crate::language::Language;
use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};

/// One argument of a message.
pub(crate) type Arg<'a> = (&'a str, FluentValue<'a>);

/// `args!(name = value, …)`: the arguments of a message.
macro_rules! args {
    ($($name:ident = $value:expr),* $(,)?) => {
        &[$((stringify!($name), fluent_bundle::FluentValue::from($value))),*]
    };
}
pub(crate) use args;

const EN: &[&str] = &[
    include_str!("../i18n/en/help.ftl"),
    include_str!("../i18n/en/errors.ftl"),
    include_str!("../i18n/en/output.ftl"),
    include_str!("../i18n/en/check.ftl"),
    include_str!("../i18n/en/demo.ftl"),
    include_str!("../i18n/en/service.ftl"),
    include_str!("../i18n/en/bridge.ftl"),
    include_str!("../i18n/en/names.ftl"),
    include_str!("../i18n/en/netcheck.ftl"),
    include_str!("../i18n/en/group.ftl"),
    include_str!("../i18n/en/gms.ftl"),
    include_str!("../i18n/en/locked.ftl"),
    include_str!("../i18n/en/users.ftl"),
];
const JA: &[&str] = &[
    include_str!("../i18n/ja/help.ftl"),
    include_str!("../i18n/ja/errors.ftl"),
    include_str!("../i18n/ja/output.ftl"),
    include_str!("../i18n/ja/check.ftl"),
    include_str!("../i18n/ja/demo.ftl"),
    include_str!("../i18n/ja/service.ftl"),
    include_str!("../i18n/ja/bridge.ftl"),
    include_str!("../i18n/ja/names.ftl"),
    include_str!("../i18n/ja/netcheck.ftl"),
    include_str!("../i18n/ja/group.ftl"),
    include_str!("../i18n/ja/gms.ftl"),
    include_str!("../i18n/ja/locked.ftl"),
    include_str!("../i18n/ja/users.ftl"),
];

/// The sentences of one language.
pub(crate) struct Text {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl Text {
    /// The catalogue of a language.
    pub(crate) fn new(language: Language) -> Text {
        let (id, sources) = match language {
            Language::En => (unic_langid::LanguageIdentifier::default(), EN),
            Language::Ja => (unic_langid::LanguageIdentifier::default(), JA),
        };
        let id = language.as_str().parse().unwrap_or(id);
        let mut bundle = FluentBundle::new(vec![id]);
        bundle.set_use_isolating(false);
        for source in sources {
            let resource = match FluentResource::try_new((*source).to_owned()) {
                Ok(resource) => resource,
                Err((resource, _)) => resource,
            };
            bundle.add_resource_overriding(resource);
        }
        Text { language, bundle }
    }

    /// The language.
    pub(crate) fn language(&self) -> Language {
        self.language
    }

    /// The message, or the attribute after the dot, without arguments.
    pub(crate) fn t(&self, id: &str) -> String {
        self.tr(id, &[])
    }

    /// The message, or the attribute after the dot, with arguments.
    pub(crate) fn tr(&self, id: &str, args: &[Arg<'_>]) -> String {
        self.find(id, args).unwrap_or_else(|| id.to_owned())
    }

    /// As [`Text::tr`], `None` when there is no such message.
    pub(crate) fn find(&self, id: &str, args: &[Arg<'_>]) -> Option<String> {
        let (id, attribute) = match id.split_once('.') {
            Some((id, attribute)) => (id, Some(attribute)),
            None => (id, None),
        };
        let message = self.bundle.get_message(id)?;
        let pattern = match attribute {
            Some(attribute) => message.get_attribute(attribute)?.value(),
            None => message.value()?,
        };
        let mut fluent = FluentArgs::with_capacity(args.len());
        for (name, value) in args {
            fluent.set(*name, value.clone());
        }
        let mut errors = Vec::new();
        let text = self
            .bundle
            .format_pattern(pattern, Some(&fluent), &mut errors);
        Some(text.into_owned())
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
