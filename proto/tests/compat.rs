//! References are read as the files of the predecessor need it, but for parameters it ignored.

use std::path::PathBuf;

use serde_json::Value;
use vault_proto::reference::{Place, ReferenceError, SecretRef, Selector};

/// The cases of this project, or those of another file of the same form.
fn cases(kind: &str) -> Vec<Value> {
    let path = std::env::var_os("COMPAT_CASES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/cases/compat-cases.json"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(&path).expect("the cases are there");
    let document: Value = serde_json::from_str(&text).expect("the cases are JSON");
    let all = document["cases"].as_array().expect("a list of cases");
    let chosen: Vec<Value> = all
        .iter()
        .filter(|case| case["kind"] == kind)
        .cloned()
        .collect();
    assert!(!chosen.is_empty(), "no case of kind {kind}");
    chosen
}

fn seen(text: &str) -> Value {
    let Ok(reference) = text.parse::<SecretRef>() else {
        return serde_json::json!({ "valid": false });
    };
    let (ocid, container, name) = match reference.place() {
        Place::OciSecret { ocid } => (Some(ocid), None, None),
        Place::OciName { container, name } => (None, container.as_ref(), Some(name)),
        Place::Local { name } => (None, None, Some(name)),
        Place::Vault { path, .. } => (None, None, Some(path)),
    };
    let version = match reference.selector() {
        Selector::Version(number) => Some(number.get()),
        _ => None,
    };
    serde_json::json!({
        "valid": true, "secret_ocid": ocid, "container": container, "name": name, "version": version
    })
}

#[test]
fn compat_parse_reference() {
    let cases = cases("parse_reference");
    println!("{} cases of kind parse_reference", cases.len());
    for case in cases {
        let text = case["input"]["reference"].as_str().expect("a reference");
        // The predecessor ignored parameters it did not know, so that `?verison=1` meant the current
        // version. They are refused; see daemon/DECISIONS.md.
        if let Err(ReferenceError::Parameter { .. }) = text.parse::<SecretRef>() {
            assert!(text.contains("&other="), "{} {text:?}", case["id"]);
            continue;
        }
        assert_eq!(seen(text), case["expected"], "{} {text:?}", case["id"]);
    }
}
