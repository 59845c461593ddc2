//! What `kumi check` says of states that can be made in a directory.

use super::*;
use crate::config;
use crate::keys::{Keys, NODE};
use crate::language::Language;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn scratch(name: &str) -> PathBuf {
    let name = format!("kumi-chk-{}-{name}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    let _ = std::fs::remove_dir_all(&directory);
    directory
}

fn level_of(findings: &[Finding], id: &str) -> Option<Level> {
    findings.iter().find(|f| f.id == id).map(|f| f.level)
}

#[test]
fn a_fresh_account_is_fine() {
    let directory = scratch("fresh");
    let context = Context::for_test(&directory);
    let findings = files::all(&context);
    assert!(
        findings.iter().all(|f| f.level == Level::Ok),
        "{findings:?}"
    );
    assert!(!directory.exists(), "a check makes nothing");
}

#[test]
fn a_new_identity_is_fine_but_its_next_root_key_should_go() {
    let directory = scratch("new");
    let context = Context::for_test(&directory);
    Keys::new(&context).create(None).unwrap();
    let findings = files::all(&context);
    assert_eq!(level_of(&findings, "next-key"), Some(Level::Warn));
    let others = findings.iter().filter(|f| f.id != "next-key");
    assert!(others.clone().all(|f| f.level == Level::Ok), "{findings:?}");
    assert_eq!(others.count(), 6);
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn permissions_and_damage_fail_with_a_remedy() {
    let directory = scratch("broken");
    let context = Context::for_test(&directory);
    let keys = Keys::new(&context);
    keys.create(None).unwrap();
    let open = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(keys.path(NODE), open).unwrap();
    let findings = files::all(&context);
    assert_eq!(level_of(&findings, "node-key"), Some(Level::Fail));
    for language in Language::ALL {
        let text = Text::new(*language);
        for line in lines(&text, &findings) {
            assert!(!line.contains("check-") && !line.contains("{$"), "{line}");
        }
    }
    std::fs::remove_file(keys.path(NODE)).unwrap();
    assert_eq!(
        level_of(&files::all(&context), "node-key"),
        Some(Level::Fail)
    );
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_wrong_configuration_is_a_failed_check() {
    let mut context = Context::for_test(&scratch("config"));
    context.config_failure = config::parse("lable = 1", Path::new("kumi.toml")).err();
    let findings = files::all(&context);
    assert_eq!(level_of(&findings, "config"), Some(Level::Fail));
    let lines = lines(&context.text, &findings);
    assert!(lines[0].contains("kumi.toml:1:1"), "{lines:?}");
    assert!(lines[1].contains("Did you mean \"label\"?"), "{lines:?}");
}

#[test]
fn a_certificate_is_judged_by_the_clock() {
    let directory = scratch("clock");
    let context = Context::for_test(&directory);
    let public = Keys::new(&context).create(None).unwrap();
    let at = |offset: i64| {
        let now = os::clock::unix_s().saturating_add_signed(offset);
        let finding = files::certificate(&public, now);
        (finding.level, finding.found)
    };
    let day = 86_400;
    assert_eq!(at(0), (Level::Ok, "ok"));
    assert_eq!(at(25 * day), (Level::Warn, "warn"));
    assert_eq!(at(31 * day), (Level::Fail, "fail"));
    assert_eq!(at(-day), (Level::Fail, "early"));
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn every_check_has_all_its_words() {
    let text = Text::new(Language::Ja);
    let context = Context::for_test(&scratch("words"));
    for finding in all(&context) {
        for attribute in [Some(finding.found), finding.fix].into_iter().flatten() {
            let id = format!("check-{}.{attribute}", finding.id);
            assert!(text.find(&id, &[]).is_some(), "{id}");
        }
    }
}
