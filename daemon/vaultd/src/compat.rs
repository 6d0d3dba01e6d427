//! The cases of the contract with what was before.
//!
//! `COMPAT_CASES` names another file of the same form.

use std::path::PathBuf;

use serde_json::Value;

/// Runs `check` on every case of `kind` and says how many there were; none is a failure.
pub(crate) fn each(kind: &str, check: impl Fn(&Value, &Value)) {
    let file = std::env::var_os("COMPAT_CASES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/compat-cases.json"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(&file).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let cases = all["cases"].as_array().unwrap();
    let cases: Vec<&Value> = cases.iter().filter(|case| case["kind"] == kind).collect();
    assert!(
        !cases.is_empty(),
        "no case of kind {kind} in {}",
        file.display()
    );
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        let run = std::panic::AssertUnwindSafe(|| check(&case["input"], &case["expected"]));
        assert!(std::panic::catch_unwind(run).is_ok(), "case {id}: {case}");
    }
    println!("{kind}: {} cases", cases.len());
}
