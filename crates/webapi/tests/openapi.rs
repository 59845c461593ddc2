//! docs/api/openapi.json is the interface; `UPDATE_OPENAPI=1 cargo test -p webapi` writes it anew.

#![allow(clippy::unwrap_used, reason = "a test stops where it is surprised")]

use std::path::Path;

#[test]
fn the_committed_document_is_this_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api/openapi.json");
    let document = webapi::document();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(
        committed == document,
        "docs/api/openapi.json is another interface; if that is meant, write it anew with \
         `UPDATE_OPENAPI=1 cargo test -p webapi` and say in CHANGELOG.md what changed for clients"
    );
}

#[test]
fn every_operation_takes_a_key_with_a_role_and_says_why_not() {
    let document: serde_json::Value = serde_json::from_str(&webapi::document()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let role = &operation["security"][0]["key"][0];
            let role = role.as_str().unwrap_or_default();
            assert!(
                ["auditor", "admin", "owner"].contains(&role),
                "{method} {path}"
            );
            for status in ["401", "403", "503"] {
                let content = &operation["responses"][status]["content"];
                assert!(
                    content["application/problem+json"].is_object(),
                    "{method} {path}"
                );
            }
            operations += 1;
        }
    }
    assert_eq!(operations, 31);
}
