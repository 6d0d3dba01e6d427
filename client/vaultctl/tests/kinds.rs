//! The kinds of failures that docs/operations.md lists are those of the code, with their exit codes.

use std::collections::BTreeMap;

use vault_client::Error;

/// Each quoted lower-case word of a source text between two marks.
fn words_between<'a>(source: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    let (_, rest) = source.split_once(begin).expect("the beginning");
    let (part, _) = rest.split_once(end).expect("the end");
    let is_kind = |word: &&str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    part.split('"').skip(1).step_by(2).filter(is_kind).collect()
}

/// Kinds with the exit codes of vaultctl, as the code has them.
fn of_code() -> BTreeMap<String, u8> {
    let daemon = include_str!("../../../proto/src/kinds.rs");
    let client = include_str!("../../lib/src/error.rs");
    let own = include_str!("../src/failure.rs");
    let daemon = daemon
        .lines()
        .filter_map(|line| line.split_once("&str = \""));
    let daemon = daemon.map(|(_, word)| word.trim_end_matches("\";"));
    let mut kinds = BTreeMap::new();
    for kind in daemon.filter(|word| *word != vault_proto::kinds::HEADER) {
        let refused = Error::Refused {
            kind: kind.to_owned(),
            message: String::new(),
        };
        kinds.insert(kind.to_owned(), if refused.is_usage() { 2 } else { 3 });
    }
    for kind in words_between(client, "pub fn kind(&self)", "pub fn remedy") {
        kinds.insert(kind.to_owned(), 3);
    }
    for kind in words_between(own, "impl Failure", "/// What `status` ends with.") {
        let code = match kind {
            "usage" | "input" => 2,
            "unexpected" => 1,
            "interrupted" => 130,
            _ => 3,
        };
        kinds.insert(kind.to_owned(), code);
    }
    kinds
}

/// The same as the table has them.
fn of_docs() -> BTreeMap<String, u8> {
    let docs = include_str!("../../../docs/operations.md");
    let (_, rest) = docs
        .split_once("## Kinds of failures")
        .expect("the section");
    let (section, _) = rest.split_once("\n## ").expect("its end");
    let mut kinds = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let code = cells[2].parse().expect("an exit code");
        for kind in cells[1].split('`').skip(1).step_by(2) {
            assert!(
                kinds.insert(kind.to_owned(), code).is_none(),
                "{kind} stands twice"
            );
        }
    }
    kinds
}

#[test]
fn the_documents_list_the_kinds_that_there_are() {
    assert_eq!(of_docs(), of_code());
}
