//! Each value stands where its reference stood, and all else stays as it was.

use std::fmt::Write;

use proptest::prelude::*;
use serde_json::Value;
use zeroize::Zeroizing;

use super::replacing::{self, Answers};
use super::scanning::Document;

fn answers(values: &[(&str, &str)]) -> Answers {
    let answer = |(reference, value): &(&str, &str)| {
        let reference = reference.parse().expect("a reference");
        (reference, Ok(Zeroizing::new((*value).to_owned())))
    };
    values.iter().map(answer).collect()
}

fn resolved(text: &str, values: &[(&str, &str)]) -> String {
    let document = Document::scan(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let text = replacing::resolved(text, &document, &answers(values)).expect("not too long");
    String::from_utf8(text.to_vec()).expect("UTF-8")
}

fn refused(text: &str) -> String {
    match Document::scan(text) {
        Ok(_) => panic!("was read: {text}"),
        Err(error) => error.to_string(),
    }
}

/// What the daemon's reader of YAML takes a text for.
fn taken_for(text: &str) -> Option<Value> {
    serde_saphyr::from_str(text).ok()
}

#[test]
fn a_text_without_references_stays_byte_for_byte() {
    for text in [
        "# a comment\nk:   1.10  # another\n\n\nl: [ a,b ,  {c:  'it''s'} ]\n",
        "base: &b {x: 0o17, y: yes}\nm:\n  <<: *b\n  z: |2\n     text\n\n# end",
        "%TAG !e! tag:e,2000:\n---\na: !e!b c\n...\n",
        "\u{feff}a: \"\\u0041\"\r\nb: >-\r\n  folded\r\n  text\r\n",
        "? long key\n: value\n",
        "{\n\t\"json\": [1.0, true, null, \"\\/\"]\n}\n",
        "1.10",
        "a: see local://x\n",
        "a: !mine local://x\n",
        "a: \" local://x\"\n",
        "local://x: a\n",
        "- vault://name\n",
    ] {
        assert_eq!(resolved(text, &[("local://x", "v")]), text);
    }
}

#[test]
fn a_value_stands_at_each_kind_of_place() {
    for (text, expected) in [
        ("a: local://x", "a: \"v\""),
        ("a:  local://x  # why\nb: 1\n", "a:  \"v\"  # why\nb: 1\n"),
        ("a:\n  # why\n  local://x\n", "a:\n  # why\n  \"v\"\n"),
        ("a: 'local://x'\n", "a: \"v\"\n"),
        ("a: \"local://x\\n\"\n", "a: \"v\"\n"),
        ("a: \"local:\\\n  //x\" # c\n", "a: \"v\" # c\n"),
        (
            "[local://x,'local://x' , {a: local://x}]",
            "[\"v\",\"v\" , {a: \"v\"}]",
        ),
        ("{\"a\":local://x,b: local://x }", "{\"a\":\"v\",b: \"v\" }"),
        ("{\"a\":\"local://x\"}\n", "{\"a\":\"v\"}\n"),
        (
            "a: !!str local://x\nb: ! local://x\n",
            "a: !!str \"v\"\nb: ! \"v\"\n",
        ),
        ("a: &x local://x\nb: *x\n", "a: &x \"v\"\nb: *x\n"),
        ("? a\n: local://x\n", "? a\n: \"v\"\n"),
        ("- - local://x\n  - local://x\n", "- - \"v\"\n  - \"v\"\n"),
        ("--- local://x\n...\n", "--- \"v\"\n...\n"),
        (
            "\u{feff}ü: local://x\r\nb: ü\r\n",
            "\u{feff}ü: \"v\"\r\nb: ü\r\n",
        ),
    ] {
        assert_eq!(resolved(text, &[("local://x", "v")]), expected, "{text:?}");
    }
}

#[test]
fn a_value_stands_in_place_of_a_block_scalar_and_comments_stay() {
    for (text, expected) in [
        ("a: |\n  local://x\nb: 1\n", "a: \"v\"\nb: 1\n"),
        (
            "a: >- # why | how\n  local://x\n\n# c\nb: 1\n",
            "a: \"v\" # why | how\n\n# c\nb: 1\n",
        ),
        ("- |\n  local://x", "- \"v\""),
        (
            "a:\n- &a|b !!str |2-\n  local://x\n- b\n",
            "a:\n- &a|b !!str \"v\"\n- b\n",
        ),
        (
            "'k | >': |\r\n  local://x\r\nb: 1\r\n",
            "'k | >': \"v\"\r\nb: 1\r\n",
        ),
        ("a: # c | d\n  |\n  local://x\n", "a: # c | d\n  \"v\"\n"),
        ("a:\n  - |\n    local://x\n  - b", "a:\n  - \"v\"\n  - b"),
        (
            "a: |\n    local://x\n  \nb: |-\n local://x\n",
            "a: \"v\"\n  \nb: \"v\"\n",
        ),
        ("|\nlocal://x\n", "\"v\"\n"),
        ("--- |\n local://x\n", "--- \"v\"\n"),
    ] {
        assert_eq!(resolved(text, &[("local://x", "v")]), expected, "{text:?}");
    }
}

#[test]
fn the_paths_of_references_are_named() {
    let text = "s:\n  p.q: local://x\n  l:\n  - a\n  - {k: 'local://x'}\n'': local://no/such\n";
    let found = |text: &str| -> Vec<String> {
        let found = Document::scan(text).expect("readable").references;
        let words = found
            .iter()
            .map(|it| format!("{}:{} {}", it.path, it.line, it.reference.is_ok()));
        words.collect()
    };
    let expected = [r#"s["p.q"]:2 true"#, "s.l[1].k:5 true", r#"[""]:6 false"#];
    assert_eq!(found(text), expected);
    assert_eq!(found("local://x"), ["the whole text:1 true"]);
}

#[test]
fn aliases_count_and_a_repeated_key_is_said() {
    let document =
        Document::scan("a: &a [local://x, &b local://y]\nb: *a\nc: {<<: *a, d: *b}\n? *b\n: 1\n");
    let counts: Vec<usize> = document
        .expect("readable")
        .references
        .iter()
        .map(|it| it.count)
        .collect();
    assert_eq!(counts, [3, 4]);
    let document = Document::scan("a: 1\nb: 2\na: 3\n'a': 4\n").expect("readable");
    assert_eq!(document.repeated, [3]);
}

#[test]
fn what_is_empty_is_said_to_be_empty() {
    for text in [
        "",
        "\n",
        "# only this\n",
        "---\n",
        "~",
        "null",
        "{}",
        "[]",
        "''",
        "\u{feff}",
    ] {
        assert_eq!(refused(text), "the input is empty", "{text:?}");
    }
    for text in ["false", "0", "x", "- ~", "local://x"] {
        assert_eq!(resolved(text, &[]), text);
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place_and_without_its_text() {
    for (text, words) in [
        ("a: [hunter2\n", "not readable as YAML (line 1, column 4)"),
        ("a: \"hunter2\n", "not readable as YAML"),
        ("a: @hunter2\n", "unexpected character"),
        ("a: *hunter2\n", "unknown anchor"),
        ("--- hunter2\n--- b\n", "(line 2): a second document"),
        ("? [hunter2]\n: v\n", "(line 1): a map or list as a key"),
    ] {
        let error = refused(text);
        assert!(error.contains(words), "{text:?}: {error}");
        assert!(
            !error.contains("hunter2") && !error.contains('@'),
            "{error}"
        );
    }
}

#[test]
fn what_would_grow_without_bound_does_not() {
    let tenfold = |name: char, of: &str| format!("{name}: &{name} [{}]\n", [of; 10].join(","));
    let mut bomb = tenfold('a', "local://x");
    for (before, name) in ('a'..'i').zip('b'..='i') {
        bomb += &tenfold(name, &format!("*{before}"));
    }
    assert_eq!(resolved(&bomb, &[]), bomb);
    assert!(refused(&"[".repeat(100_000)).contains("limit"));
    let text = "- local://x\n".repeat(70);
    let document = Document::scan(&text).expect("readable");
    let long = "x".repeat(1 << 20);
    let result = replacing::resolved(&text, &document, &answers(&[("local://x", &long)]));
    assert_eq!(result, Err(replacing::TooLong));
}

#[test]
fn any_value_comes_back_as_the_same_string() {
    for value in [
        "",
        " ",
        "yes",
        "1.0",
        "null",
        "~",
        "2024-01-01",
        "- a",
        "a: b # c",
        "l1\nl2\n",
        "\r\n",
        "\t",
        " leading",
        "trailing ",
        "'",
        "\"",
        "\\",
        "*a",
        "&a",
        "!a",
        "%",
        "@",
        "`",
        "---",
        "...",
        "{}",
        "[",
        "|",
        ">",
        "\0",
        "\u{7f}\u{85}\u{2028}\u{feff}\u{ffff}",
        "😀",
        &"x".repeat(5000),
        "local://y",
    ] {
        for text in [
            "local://x",
            "- local://x",
            "a:\n  b: local://x",
            "a:\n  b: |\n    local://x\n",
            "a: {b: 'local://x'}",
            "a: {\"b\":\"local://x\"}",
        ] {
            let output = resolved(text, &[("local://x", value), ("local://y", "not this")]);
            let read = taken_for(&output).expect("readable");
            let read = read
                .get(0)
                .or_else(|| read.pointer("/a/b"))
                .unwrap_or(&read);
            assert_eq!(read, value, "{output}");
        }
    }
}

const REFERENCES: [&str; 3] = ["local://a", "oci-vault://c/n?version=2", "oci-vault://b"];

/// A tree, with the way each of its strings is written.
#[derive(Clone, Debug)]
enum Model {
    Plain(&'static str),
    Text(String),
    Reference(usize, u8),
    List(Vec<Model>),
    Map(Vec<(String, Model)>),
}

fn texts() -> impl Strategy<Value = String> {
    let doubtful = [
        "", "yes", "1.0", "null", "<<", "- a", "a: b", " a", "a\n", "---", "#", "a.b[0]", "|",
    ];
    prop_oneof![
        proptest::sample::select(doubtful.to_vec()).prop_map(str::to_owned),
        any::<String>(),
        "[ -~]{0,12}",
    ]
}

fn models() -> impl Strategy<Value = Model> {
    let plain = [
        "1.10",
        "007",
        "~",
        "yes",
        "2024-01-01",
        "-1",
        "22:30",
        "a b",
        "x#y",
        "é",
    ];
    let leaf = prop_oneof![
        proptest::sample::select(plain.to_vec()).prop_map(Model::Plain),
        texts().prop_map(Model::Text),
        (0..REFERENCES.len(), 0..6_u8).prop_map(|(number, style)| Model::Reference(number, style)),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        let entries = proptest::collection::btree_map(texts(), inner.clone(), 1..5);
        prop_oneof![
            proptest::collection::vec(inner, 1..5).prop_map(Model::List),
            entries.prop_map(|entries| Model::Map(entries.into_iter().collect())),
        ]
    })
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

/// The model in block style, from behind the `-` or `:` on.
fn written(model: &Model, indentation: usize, out: &mut String) {
    let below = " ".repeat(indentation + 2);
    match model {
        Model::Plain(text) => out.extend([" ", text, " # | c\n"]),
        Model::Text(text) => out.extend([" ", &quoted(text), "\n"]),
        Model::Reference(number, style) => {
            let reference = REFERENCES[*number];
            let written = match style {
                0 => format!(" {reference}   # c\n"),
                1 => format!(" '{reference}'\n"),
                2 => format!(" {}\n", quoted(reference)),
                3 => format!(" |\n{below}{reference}\n"),
                4 => format!(" >- # > |\n{below}  {reference}\n\n"),
                _ => format!("\n{below}# c\n{below}{reference}\n"),
            };
            out.push_str(&written);
        }
        Model::List(items) => {
            out.push('\n');
            for item in items {
                out.extend([&below, "-"]);
                written(item, indentation + 2, out);
            }
        }
        Model::Map(entries) => {
            out.push('\n');
            for (key, value) in entries {
                out.extend([&below, &*quoted(key), " :"]);
                written(value, indentation + 2, out);
            }
        }
    }
}

fn replaced(value: Value, values: &[String; 3]) -> Value {
    match value {
        Value::String(text) => match REFERENCES.iter().position(|it| *it == text.trim_end()) {
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

proptest! {
    #[test]
    fn a_document_comes_back_with_its_references_replaced(
        model in models(),
        values in [texts(), texts(), texts()],
    ) {
        let mut text = String::from("root:");
        written(&model, 0, &mut text);
        let known = [0, 1, 2].map(|number| (REFERENCES[number], values[number].as_str()));
        let output = resolved(&text, &known);
        let expected = replaced(taken_for(&text).expect("readable"), &values);
        prop_assert_eq!(taken_for(&output), Some(expected), "{}\n{}", text, output);
        prop_assert_eq!(resolved(&text, &[]), text);
    }

    #[test]
    fn no_text_makes_it_panic_and_without_values_it_stays(
        text in prop_oneof![
            any::<String>(),
            "[ \\n\\-:?\\[\\]{},&*'\"|>%#!a1~<.\\\\]{0,40}",
            "([ \\n\\-:|>'\"#]|local://x|a: ){0,12}",
        ],
    ) {
        if let Ok(document) = Document::scan(&text) {
            let same = replacing::resolved(&text, &document, &Answers::new()).expect("short");
            prop_assert_eq!(&**same, text.as_bytes());
            // With a value it stays readable, and the value is there.
            let output = resolved(&text, &[("local://x", "v")]);
            prop_assert!(Document::scan(&output).is_ok(), "{:?}: {:?}", text, output);
        }
    }
}
