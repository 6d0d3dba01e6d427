//! What holds for every text? Read by ours, and by the reader that the daemon has.

use std::fmt::Write;

use proptest::prelude::*;
use serde_json::Value;

use super::{Answers, Document, answers, written};
use crate::resolve::node::{Node, Scalar};

const REFERENCES: [&str; 3] = ["local://a", "oci-vault://c/n?version=2", "oci-vault://b\n"];

/// A text in the notation of JSON, but with scalars of YAML's.
#[derive(Clone, Debug)]
enum Model {
    Plain(&'static str),
    Text(String),
    Reference(usize),
    List(Vec<Model>),
    Map(Vec<(String, Model)>),
}

fn models() -> impl Strategy<Value = Model> {
    let plain = [
        "1.10",
        "007",
        "0o17",
        "0xff",
        "1e3",
        "~",
        "null",
        "yes",
        "true",
        "False",
        "2024-01-01",
        "-1",
        "22:30",
        ".5",
        "a b",
        "a:b",
        "x#y",
        "-a",
        "<<x",
        "é",
    ];
    let leaf = prop_oneof![
        proptest::sample::select(plain.to_vec()).prop_map(Model::Plain),
        texts().prop_map(Model::Text),
        (0..REFERENCES.len()).prop_map(Model::Reference),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let entries = proptest::collection::btree_map(texts(), inner.clone(), 1..6);
        prop_oneof![
            proptest::collection::vec(inner, 1..6).prop_map(Model::List),
            entries.prop_map(|entries| Model::Map(entries.into_iter().collect())),
        ]
    })
}

fn texts() -> impl Strategy<Value = String> {
    let doubtful = [
        "", "yes", "1.0", "null", "<<", "- a", "a: b", " a", "a\n", "---", "#", "a.b[0]",
    ];
    prop_oneof![
        proptest::sample::select(doubtful.to_vec()).prop_map(str::to_owned),
        any::<String>(),
        "[ -~]{0,12}",
    ]
}

fn notation(model: &Model) -> String {
    let joined = |parts: Vec<String>| parts.join(" , ");
    match model {
        Model::Plain(text) => (*text).to_owned(),
        Model::Text(text) => quoted(text),
        Model::Reference(number) => quoted(REFERENCES[*number]),
        Model::List(items) => format!("[ {} ]", joined(items.iter().map(notation).collect())),
        Model::Map(entries) => {
            let entry =
                |(key, value): &(String, Model)| format!("{} : {}", quoted(key), notation(value));
            format!("{{ {} }}", joined(entries.iter().map(entry).collect()))
        }
    }
}

/// In ASCII, so that the reader's opinion of other letters does not matter.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for unit in text.encode_utf16() {
        write!(quoted, "\\u{unit:04x}").expect("memory");
    }
    quoted.push('"');
    quoted
}

/// What the reader of the daemon takes a text for.
fn taken_for(text: &str) -> Option<Value> {
    serde_saphyr::from_str(text).ok()
}

fn replaced(value: Value, values: &[String; 3]) -> Value {
    match value {
        Value::String(text) => match REFERENCES.iter().position(|known| *known == text) {
            Some(number) => Value::String(values[number].clone()),
            None => Value::String(text),
        },
        Value::Array(items) => items
            .into_iter()
            .map(|item| replaced(item, values))
            .collect(),
        Value::Object(entries) => {
            let entry = |(key, value)| (key, replaced(value, values));
            Value::Object(entries.into_iter().map(entry).collect())
        }
        other => other,
    }
}

/// A tree without its notation.
fn shape(node: &Node, out: &mut String) {
    match node {
        Node::Scalar { scalar, .. } => write!(out, "{:?}{:?}", scalar.tag, scalar.text),
        Node::List { tag, items } => {
            for item in items {
                shape(item, out);
            }
            write!(out, "{tag:?}[{}]", items.len())
        }
        Node::Map { tag, entries } => {
            for entry in entries {
                let Scalar { tag, text, .. } = &*entry.key;
                write!(out, "{tag:?}{text:?}=").expect("memory");
                shape(&entry.value, out);
            }
            write!(out, "{tag:?}{{{}}}", entries.len())
        }
    }
    .expect("memory");
}

fn shape_of(document: &Document) -> String {
    let mut out = String::new();
    shape(&document.root, &mut out);
    out
}

proptest! {
    #[test]
    fn a_tree_comes_back_with_its_references_replaced(
        model in models(),
        values in [texts(), texts(), texts()],
    ) {
        let text = notation(&model);
        let Ok(document) = Document::read(&text) else {
            // An empty text at the top.
            let empty = taken_for(&text).is_some_and(|value| value.is_null() || value == "");
            prop_assert!(empty, "{}", text);
            return Ok(());
        };
        let known = [0, 1, 2].map(|number| (REFERENCES[number].trim_end(), values[number].as_str()));
        let output = written(&document, &answers(&known));
        let expected = replaced(taken_for(&text).expect("readable"), &values);
        prop_assert_eq!(taken_for(&output), Some(expected), "{}", output);
    }

    #[test]
    fn any_text_is_refused_or_keeps_its_shape(text in "[ \\n\\-:?\\[\\]{},&*'\"|>%#!a1~<.\\\\]{0,40}") {
        if let Ok(document) = Document::read(&text) {
            let output = written(&document, &Answers::new());
            let again = Document::read(&output);
            prop_assert!(again.is_ok(), "{:?}: {:?}", again, output);
            let again = again.expect("just looked at");
            prop_assert_eq!(shape_of(&again), shape_of(&document), "{:?}", output);
            if let Some(value) = taken_for(&text) {
                prop_assert_eq!(taken_for(&output), Some(value), "{:?}", output);
            }
            prop_assert_eq!(written(&again, &Answers::new()), output);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let read = Document::read(&text);
        if let Ok(document) = read {
            written(&document, &Answers::new());
        }
    }
}
