//! Every sentence that a person reads, from the catalogues in `i18n/`.
//!
//! The catalogues are Fluent files and are part of the binary. A message has an id
//! (`status-title`) and may have attributes (`error-usage.fix`). An id that does not exist is
//! shown as itself: `cargo xtask i18n` and the tests below see to it that none is missing.

use crate::language::Language;
use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use std::cell::RefCell;

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
    /// Read when a sentence is wanted.
    bundle: RefCell<Option<FluentBundle<FluentResource>>>,
}

impl Text {
    /// The catalogue of a language.
    pub(crate) fn new(language: Language) -> Text {
        let bundle = RefCell::default();
        Text { language, bundle }
    }

    /// Lets go of what was read: it is large, and a node that runs for months says little.
    pub(crate) fn forget(&self) {
        self.bundle.take();
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
        let mut bundle = self.bundle.borrow_mut();
        let bundle = bundle.get_or_insert_with(|| read(self.language));
        let message = bundle.get_message(id)?;
        let pattern = match attribute {
            Some(attribute) => message.get_attribute(attribute)?.value(),
            None => message.value()?,
        };
        let mut fluent = FluentArgs::with_capacity(args.len());
        for (name, value) in args {
            fluent.set(*name, value.clone());
        }
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&fluent), &mut errors);
        Some(text.into_owned())
    }
}

fn read(language: Language) -> FluentBundle<FluentResource> {
    let sources = match language {
        Language::En => EN,
        Language::Ja => JA,
    };
    let id = language.as_str().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new(vec![id]);
    bundle.set_use_isolating(false);
    for source in sources {
        let resource = match FluentResource::try_new((*source).to_owned()) {
            Ok(resource) => resource,
            Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
    }
    bundle
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
