//! Does a text keep its meaning on its way through, and does each value stand where it belongs?

mod properties;

use super::places;
use super::reading::Document;
use super::writing::{self, Answers};
use zeroize::Zeroizing;

fn answers(values: &[(&str, &str)]) -> Answers {
    let answer = |(reference, value): &(&str, &str)| {
        let reference = reference.parse().expect("a reference");
        (reference, Ok(Zeroizing::new((*value).to_owned())))
    };
    values.iter().map(answer).collect()
}

fn written(document: &Document, answers: &Answers) -> String {
    let text = writing::write(&document.root, answers).expect("not too long");
    String::from_utf8(text.to_vec()).expect("UTF-8")
}

fn resolved(text: &str, values: &[(&str, &str)]) -> String {
    let document = Document::read(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    written(&document, &answers(values))
}

fn refused(text: &str) -> String {
    match Document::read(text) {
        Ok(_) => panic!("was read: {text}"),
        Err(error) => error.to_string(),
    }
}

fn found(text: &str) -> Vec<String> {
    let document = Document::read(text).expect("readable");
    let mut all = Vec::new();
    places::visit(&document.root, |place, found| {
        all.push(format!(
            "{place}:{} {}",
            found.line,
            found.reference.is_ok()
        ));
    });
    all
}

#[test]
fn scalars_are_written_as_they_were() {
    for scalar in [
        "1.10",
        "007",
        "0o17",
        "0x1F",
        "1e3",
        "~",
        "null",
        "yes",
        "off",
        "True",
        "2024-01-01",
        "22:30",
        ".inf",
        "-0",
        "+1",
        "1_000",
        "'yes'",
        "\"1.0\"",
        "plain text",
        "=",
        "",
    ] {
        for text in [
            format!("k: {scalar}"),
            format!("- {scalar}"),
            format!("a: {{k: {scalar}}}"),
        ] {
            let last = resolved(&text, &[]).lines().last().map(str::to_owned);
            let last = last.expect("a line");
            let value = last.trim_start().split_once([':', '-']).expect("a value");
            let value = if scalar == "-0" {
                "-0"
            } else {
                value.1.trim_start()
            };
            assert_eq!(value, scalar, "{text}: {last}");
        }
    }
    assert_eq!(resolved("1.10", &[]), "1.10\n");
}

#[test]
fn collections_are_written_in_blocks_in_their_order() {
    let text = "{z: 1, a: [1, [2, {b: c, d: []}], {}], 'x y': {k: v}, t: !m {a: [b]}}";
    let block =
        "z: 1\na:\n- 1\n- - 2\n  - b: c\n    d: []\n- {}\n'x y':\n  k: v\nt: !m\n  a:\n  - b\n";
    assert_eq!(resolved(text, &[]), block);
    assert_eq!(
        resolved("- !m [a]\n- !n {b: c}", &[]),
        "- !m\n  - a\n- !n\n  b: c\n"
    );
}

#[test]
fn a_value_is_set_by_position_whatever_the_keys_are() {
    let text = "a.b: local://x\n'a[b]': local://x\n'0': local://x\n0: local://x\nlocal://x: [local://x]\n\
                a: {b: keep}\n";
    let expected =
        "a.b: \"v\"\n'a[b]': \"v\"\n'0': \"v\"\n0: \"v\"\nlocal://x:\n- \"v\"\na:\n  b: keep\n";
    assert_eq!(resolved(text, &[("local://x", "v")]), expected);
}

#[test]
fn the_places_of_references_are_named() {
    let text = "s:\n  p.q: local://x\n  l:\n  - a\n  - {k: 'local://x'}\n'': local://no/such\n";
    let expected = [r#"s["p.q"]:2 true"#, "s.l[1].k:5 true", r#"[""]:6 false"#];
    assert_eq!(found(text), expected);
    assert_eq!(found("local://x"), ["the whole text:1 true"]);
}

#[test]
fn only_strings_that_are_references_are_replaced() {
    let values = [("local://x", "v")];
    for text in [
        "a: see local://x",
        "a: !mine local://x",
        "a: \" local://x\"",
        "local://x: a",
    ] {
        let same = resolved(text, &values);
        assert_eq!(same.trim_end(), text);
    }
    for text in [
        "'local://x'",
        "\"local://x\\n\"",
        "|\n  local://x",
        ">-\n  local://x",
        "!!str local://x",
    ] {
        assert_eq!(resolved(text, &values), "\"v\"\n", "{text}");
    }
}

#[test]
fn anchors_are_lost_and_their_aliases_are_written_out() {
    let text = "a: &a {k: local://x}\nb: *a\n? &c key\n: *a\nd: {*c : 1}\n";
    let expected = "a:\n  k: \"v\"\nb:\n  k: \"v\"\nkey:\n  k: \"v\"\nd:\n  key: 1\n";
    assert_eq!(resolved(text, &[("local://x", "v")]), expected);
}

#[test]
fn merge_keys_are_written_out_and_own_keys_win() {
    let base = "a: &a {x: 1, y: local://x}\nb: &b {y: 2, z: 3}\n";
    let merged = |map: &str| {
        let text = resolved(&format!("{base}m: {map}\n"), &[("local://x", "v")]);
        let map = text.split("m:\n").nth(1).expect("a map").replace('\n', "");
        map.trim_start().to_owned()
    };
    assert_eq!(merged("{<<: *a, x: 9}"), "y: \"v\"  x: 9");
    assert_eq!(merged("{k: 0, <<: [*b, *a]}"), "k: 0  y: 2  z: 3  x: 1");
    assert_eq!(merged("{'<<': 1}"), "'<<': 1");
    assert!(refused("<<: 1").contains("<< stands for a map"));
    assert!(refused("<<: [{a: b}, c]").contains("<< stands for a map"));
}

#[test]
fn of_a_repeated_key_the_last_value_counts_and_that_is_said() {
    let document = Document::read("a: 1\nb: 2\na: 3\n'a': 4\n").expect("readable");
    assert_eq!(document.repeated, [3]);
    assert_eq!(written(&document, &answers(&[])), "a: 3\nb: 2\n'a': 4\n");
}

#[test]
fn a_long_key_is_written_so_that_it_is_one() {
    let key = "k".repeat(1020);
    let text = format!("'{key}': [a]\n");
    assert_eq!(resolved(&text, &[]), format!("? '{key}'\n:\n- a\n"));
    let again = resolved(&resolved(&text, &[]), &[]);
    assert_eq!(again, resolved(&text, &[]));
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
    for text in ["false", "0", "x", "- ~"] {
        assert_eq!(resolved(text, &[]), format!("{text}\n"));
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
        (
            "%TAG !e! tag:e,2000:\n---\na: !e!hunter2 b\n",
            "(line 3): a tag that needs a %TAG line",
        ),
        (
            "%TAG ! tag:e,2000:\n---\na: !hunter2 b\n",
            "(line 3): a tag that needs a %TAG line",
        ),
        ("a: &hunter2 [*hunter2]", "an alias within"),
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
fn tags_that_last_are_kept_and_those_that_say_string_are_obeyed() {
    let text = "a: !!binary aGk=\nb: !x 1\nc: !<tag:e,2000:y> 2\nd: !!set {k: }\ne: !!null\nf: !!str 12\ng: ! 12\nh: !!str\n";
    let expected = "a: !!binary aGk=\nb: !x 1\nc: !<tag:e,2000:y> 2\nd: !!set\n  k:\ne: !!null\nf: \"12\"\ng: \"12\"\nh: \"\"\n";
    assert_eq!(resolved(text, &[]), expected);
    assert_eq!(resolved("%YAML 1.1\n---\na: yes\n", &[]), "a: yes\n");
}

#[test]
fn what_would_grow_without_bound_is_refused() {
    let tenfold = |name: char, of: &str| format!("{name}: &{name} [{}]\n", [of; 10].join(","));
    let mut bomb = tenfold('a', "x");
    for (before, name) in ('a'..'i').zip('b'..='i') {
        bomb += &tenfold(name, &format!("*{before}"));
    }
    assert!(refused(&bomb).contains("more than 1000000 values"));
    assert!(refused(&"[".repeat(100_000)).contains("limit"));
    assert!(refused(&format!("{}a", "- ".repeat(200))).contains("nested too deeply"));
    let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(100), "]".repeat(100));
    let by_alias = format!("- &a {}\n- {}\n", deep("x"), deep("*a"));
    assert!(refused(&by_alias).contains("by way of aliases"));
    let long = "x".repeat(1 << 20);
    let document =
        Document::read(&format!("- &a {long}\n{}", "- *a\n".repeat(70))).expect("readable");
    assert_eq!(
        writing::write(&document.root, &answers(&[])),
        Err(writing::TooLong)
    );
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
        for text in ["local://x", "- local://x", "a:\n  b: local://x"] {
            let output = resolved(text, &[("local://x", value), ("local://y", "not this")]);
            let read: serde_json::Value = serde_saphyr::from_str(&output).expect("readable");
            let read = read
                .get(0)
                .or_else(|| read.pointer("/a/b"))
                .unwrap_or(&read);
            assert_eq!(read, value, "{output}");
        }
    }
}
