//! The grammar of `vault://` holds for each case of `tests/cases/vault-references.json`.

use serde_json::{Value, json};
use vault_proto::reference::{Place, SecretRef, Selector};

fn seen(text: &str) -> Value {
    let reference = match text.parse::<SecretRef>() {
        Ok(reference) => reference,
        Err(error) => {
            let variant = format!("{error:?}");
            let name = variant.split([' ', '(']).next().unwrap_or_default();
            return json!({ "valid": false, "error": name.trim_start_matches("Vault") });
        }
    };
    let Place::Vault { path, namespace } = reference.place() else {
        panic!("{text}: {:?}", reference.place());
    };
    let version = match reference.selector() {
        Selector::Version(number) => Some(number.get()),
        _ => None,
    };
    json!({
        "valid": true, "path": path, "namespace": namespace, "version": version,
        "field": reference.field(), "canonical": reference.to_string()
    })
}

#[test]
fn vault_references_are_read_as_the_cases_say() {
    let cases = include_str!("../../tests/cases/vault-references.json");
    let cases: Value = serde_json::from_str(cases).expect("the cases are JSON");
    for case in cases["cases"].as_array().expect("a list of cases") {
        let mut expected = case["expected"].clone();
        expected.as_object_mut().expect("an object").remove("why");
        let text = case["input"].as_str().expect("a reference");
        assert_eq!(seen(text), expected, "{} {text:?}", case["id"]);
        if let Some(canonical) = expected["canonical"].as_str() {
            assert_eq!(canonical.parse::<SecretRef>(), text.parse(), "{canonical}");
        }
    }
}

#[test]
fn vault_references_say_their_parts() {
    let whole = "vault://kv/app/db?namespace=team#user";
    let reference: SecretRef = whole.parse().expect("a reference");
    assert_eq!(reference.place().scheme(), "vault");
    assert_eq!(reference.place().name(), "kv/app/db");
    assert_eq!(reference.place().container(), Some("team"));
    assert_eq!(reference.field(), Some("user"));
}
