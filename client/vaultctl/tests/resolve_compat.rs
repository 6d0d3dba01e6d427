//! Texts are resolved as the predecessor's users need it.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Output;

use fake::{Fake, Plan};
use programs::{code, run_with, stderr, stdout};
use serde_json::{Value, json};
use vault_proto::reference::SecretRef;

/// The cases of this project, or those of another file of the same form.
fn cases(kind: &str) -> Vec<Value> {
    let path = std::env::var_os("COMPAT_CASES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/compat-cases.json"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(&path).expect("the cases are there");
    let document: Value = serde_json::from_str(&text).expect("the cases are JSON");
    let all = document["cases"].as_array().expect("a list of cases");
    let chosen = all.iter().filter(|case| case["kind"] == kind).cloned();
    let chosen: Vec<Value> = chosen.collect();
    assert!(!chosen.is_empty(), "no case of kind {kind}");
    chosen
}

/// A case's text through the program, with a daemon that has the case's secrets.
fn resolved(input: &Value) -> Output {
    let secrets = input["secrets"].as_object().into_iter().flatten();
    let known = secrets.filter_map(|(reference, value)| {
        let asked = reference.parse::<SecretRef>();
        let asked = asked.map_or_else(|_| reference.clone(), |known| known.to_string());
        Some((asked, value.as_str()?.as_bytes().to_vec()))
    });
    let fake = Fake::start(Plan {
        values: Some(known.collect::<BTreeMap<_, _>>()),
        ..Plan::default()
    });
    let yaml = input["yaml"].as_str().expect("a text");
    run_with(&fake, &["resolve", "--verbose"], yaml.as_bytes())
}

/// The numbers of places with references: resolved, and all.
fn counted(output: &Output) -> (u64, u64) {
    let said = stderr(output);
    let line = said.lines().find_map(|line| line.strip_prefix("INFO: "));
    let words: Vec<&str> = line.unwrap_or_default().split(' ').collect();
    match words.as_slice() {
        [resolved, "of", all, ..] => (
            resolved.parse().expect("a number"),
            all.parse().expect("a number"),
        ),
        _ => panic!("no numbers: {said}"),
    }
}

/// What a reader of YAML takes the text for; a case may give such a text, too.
fn taken_for(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn seen(output: &Output) -> Value {
    let exit = code(output);
    if exit != Some(0) {
        assert_eq!(stdout(output), "", "nothing is written");
        let empty = stderr(output).contains("ERROR: the input is empty");
        let error = if empty { "empty" } else { "yaml" };
        return json!({ "error": error, "exit": exit });
    }
    let (resolved, references) = counted(output);
    let text = taken_for(&stdout(output));
    json!({ "output": text, "references": references, "resolved": resolved, "exit": exit })
}

#[test]
fn compat_resolve_config() {
    let cases = cases("resolve_config");
    println!("{} cases of kind resolve_config", cases.len());
    for case in cases {
        let mut expected = case["expected"].clone();
        if let Some(text) = expected.pointer("/output/__yaml__") {
            expected["output"] = taken_for(text.as_str().expect("a text"));
        }
        let output = resolved(&case["input"]);
        assert_eq!(
            seen(&output),
            expected,
            "{}: {}",
            case["id"],
            stderr(&output)
        );
    }
}

#[test]
fn compat_scalar_fidelity() {
    let cases = cases("scalar_fidelity");
    println!("{} cases of kind scalar_fidelity", cases.len());
    for case in cases {
        let output = resolved(&case["input"]);
        assert_eq!(
            code(&output),
            Some(0),
            "{}: {}",
            case["id"],
            stderr(&output)
        );
        let text = stdout(&output);
        let other: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("k:"))
            .collect();
        assert_eq!(
            json!(other),
            case["expected"]["other_lines"],
            "{}",
            case["id"]
        );
    }
}
