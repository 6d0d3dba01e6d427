//! This test binary again, as a process of its own that writes.
//!
//! Asked for by environment: directory, a word that tells its values apart, and how many.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::home::{SHIELD, put};

/// Starts a writer of `count` versions; it prints `ack N` on a line for each that is stored.
pub(crate) fn writer(directory: &Path, word: &str, count: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child::writes_when_asked_to", "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(WORD, word)
        .env(COUNT, count.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What version `number` of a writer's secret holds: long enough to take several blocks.
pub(crate) fn content(word: &str, number: &str) -> Vec<u8> {
    format!("{word} {number} ").repeat(500).into_bytes()
}

/// The child's side. Without being asked it has nothing to do.
#[test]
fn writes_when_asked_to() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let word = std::env::var(WORD).unwrap();
    let count: usize = std::env::var(COUNT).unwrap().parse().unwrap();
    let settings = vault_backends::local::LocalSettings::new(directory);
    let store = vault_backends::local::LocalStore::open(&settings, SHIELD.clone()).unwrap();
    let first = next(&store, &word);
    for number in (first..).take(count) {
        let text = number.to_string();
        assert_eq!(put(&store, &word, &content(&word, &text)).unwrap(), text);
        println!("ack {text}");
    }
}

fn next(store: &vault_backends::local::LocalStore, word: &str) -> u64 {
    use vault_backends::reading::Backend;
    let fetched = super::home::wait(store.fetch(&super::home::address(word)));
    fetched.map_or(1, |fetched| fetched.version.parse::<u64>().unwrap() + 1)
}

const DIRECTORY: &str = "VAULT_BACKENDS_TEST_DIRECTORY";
const WORD: &str = "VAULT_BACKENDS_TEST_WORD";
const COUNT: &str = "VAULT_BACKENDS_TEST_COUNT";
