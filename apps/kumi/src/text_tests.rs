//! The catalogues: both languages say the same things with the same arguments, and every
//! code that a node may send has its sentences.

use super::*;
use fluent_bundle::FluentResource;
use std::collections::{BTreeMap, BTreeSet};

/// Every id and `id.attribute` with the variables in it. Our files write a variable as
/// `{ $name }`, or `{ $name ->` in a selection.
fn catalogue(sources: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut id, mut part) = (String::new(), String::new());
    for line in sources.iter().flat_map(|source| source.lines()) {
        let head = line.split_once(" =").map(|(head, _)| head);
        if let Some(head) = head.filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase())) {
            id = head.to_owned();
            part = id.clone();
            assert!(!found.contains_key(&part), "{part} stands twice");
        } else if let Some(attribute) = head.and_then(|head| head.strip_prefix("    .")) {
            part = format!("{id}.{attribute}");
        }
        let variables = found.entry(part.clone()).or_default();
        for rest in line.split("{ $").skip(1) {
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            variables.insert(name);
        }
    }
    found.remove("");
    found
}

#[test]
fn both_languages_have_the_same_messages_with_the_same_arguments() {
    let (en, ja) = (catalogue(EN), catalogue(JA));
    let ids = |c: &BTreeMap<String, BTreeSet<String>>| c.keys().cloned().collect::<Vec<_>>();
    assert_eq!(ids(&en), ids(&ja));
    for (id, variables) in &en {
        assert_eq!(variables, &ja[id], "{id}");
    }
    assert!(en.len() > 300, "only {} messages", en.len());
}

#[test]
fn every_file_is_fluent_and_every_message_can_be_shown() {
    for (language, sources) in [(Language::En, EN), (Language::Ja, JA)] {
        for source in sources {
            if let Err((_, errors)) = FluentResource::try_new((*source).to_owned()) {
                panic!("{language:?}: {errors:?}");
            }
        }
        let text = Text::new(language);
        for (id, variables) in catalogue(sources) {
            let args: Vec<Arg<'_>> = variables
                .iter()
                .map(|name| (name.as_str(), FluentValue::from("7")))
                .collect();
            let shown = text.find(&id, &args);
            let shown = shown.unwrap_or_else(|| panic!("{language:?} {id} cannot be shown"));
            assert!(!shown.is_empty() && !shown.contains("{$"), "{id}: {shown}");
        }
    }
}

#[test]
fn japanese_is_japanese() {
    let japanese = |c: char| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}');
    let text = Text::new(Language::Ja);
    let same_in_both = ["check-config", "expected-", "check-check"];
    for (id, variables) in catalogue(JA) {
        let plain = variables.is_empty() && !id.ends_with(".examples");
        if plain && !same_in_both.iter().any(|prefix| id.starts_with(prefix)) {
            assert!(text.t(&id).chars().any(japanese), "{id}: {}", text.t(&id));
        }
    }
}

#[test]
fn every_failure_says_what_why_and_what_to_do() {
    for sources in [EN, JA] {
        let catalogue = catalogue(sources);
        for id in catalogue.keys().filter(|id| !id.contains('.')) {
            if id.starts_with("error-") || id.starts_with("api-") {
                assert!(catalogue.contains_key(&format!("{id}.why")), "{id}");
                assert!(catalogue.contains_key(&format!("{id}.fix")), "{id}");
            }
        }
    }
}

#[test]
fn every_code_and_notice_of_a_node_has_a_text() {
    let text = Text::new(Language::En);
    for code in api::Code::ALL {
        let id = format!("api-{}", code.as_str());
        assert!(text.find(&id, &[]).is_some(), "{id}");
    }
    for verdict in api::Verdict::ALL {
        let id = format!("netcheck-verdict-{}", verdict.as_str());
        assert!(text.find(&id, &[]).is_some(), "{id}");
    }
    for kind in api::NoticeKind::ALL {
        let id = format!("notice-{}", kind.as_str());
        assert!(text.find(&id, &[]).is_some(), "{id}");
    }
}

#[test]
fn arguments_are_put_in_their_places() {
    let text = Text::new(Language::Ja);
    let sentence = text.tr("up-started", args!(pid = 42));
    assert_eq!(sentence, "ノードを起動しました(プロセス 42)。");
    assert_eq!(text.t("no-such-message"), "no-such-message");
}
