//! Where plaintext of the local store is in the memory of the daemon: nowhere after a fetch, and at no
//! moment more of it than some chunks.
//!
//! Memory is read as root alone may; elsewhere the tests say that they were skipped.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;
use vault_backends::local::{LocalError, LocalSettings, LocalStore};
use vault_memory::{Preference, Shield};
use vault_tests::harness::{Daemon, Home};
use vault_tests::scan::{Scanner, marked_value, writable_memory};

const POLICY: &str = "policy: {rules: [{allow: [all]}]}\n";

const NOT_READ: &str = "skipped: the daemon's memory cannot be read, root alone may";

/// What can be written in the memory of the daemon while it stands still.
fn stopped_memory(daemon: &Daemon<'_>) -> io::Result<Vec<(String, Vec<u8>)>> {
    daemon.signal(Signal::SIGSTOP);
    let memory = writable_memory(daemon.pid());
    daemon.signal(Signal::SIGCONT);
    memory
}

#[test]
fn after_a_fetch_of_one_secret_no_plaintext_of_any_is_in_memory() {
    let home = Home::new();
    home.write_resolver(POLICY);
    // A name is no secret, and is in memory as long as its value is held: the control.
    let name = "the-name-of-a-secret-that-is-fetched".to_owned();
    let (fetched, other) = (marked_value(), marked_value());
    {
        let daemon = home.start();
        home.put(&name, &fetched);
        home.put("other", &other);
        assert!(daemon.terminate().success());
    }
    let daemon = home.start();
    let reference = format!("local://{name}");
    home.ctl(&["refresh", &reference]).success();
    let memory = match stopped_memory(&daemon) {
        Ok(memory) => memory,
        Err(error) => return println!("{NOT_READ}: {error}"),
    };
    let found = |text: &str| {
        let scanner = Scanner::new(text.as_bytes());
        let mut memory = memory.iter();
        memory.find_map(|(place, bytes)| scanner.first_in(place, bytes))
    };
    assert!(found(&name).is_some(), "control: memory was looked at");
    assert_eq!(found(&other), None);
    assert_eq!(found(&fetched), None);
}

/// As many values as make a store of ten MiB.
const SECRETS: usize = 160;
/// Values of this many groups of 36 letters: 64 KiB in base64, which is a chunk of the age format.
const GROUPS: usize = 1365;
/// For a fetch under way and one more, what the age format's chunk and its copies come to. The store is
/// 20 times as large.
const MOST_BYTES: usize = 512 * 1024;

#[test]
fn at_no_moment_of_a_fetch_is_more_of_the_store_in_memory_than_some_chunks() {
    let home = Home::new();
    home.write_resolver(POLICY);
    let group = marked_value();
    write_store(&home, &group.repeat(GROUPS));
    let daemon = home.start();
    let mut most = 0;
    for _ in 0..6 {
        match while_fetching(&home, &daemon, &group) {
            Ok(seen) => most = most.max(seen),
            Err(error) => return println!("{NOT_READ}: {error}"),
        }
    }
    assert!(most > 0, "control: no fetch was seen under way");
    assert!(most < MOST_BYTES, "{most} bytes of plaintext");
}

/// The most plaintext that was in memory at once while a value was fetched.
fn while_fetching(home: &Home, daemon: &Daemon<'_>, group: &str) -> io::Result<usize> {
    let forms = [group.to_owned(), STANDARD.encode(group)];
    std::thread::scope(|scope| {
        let fetching = scope.spawn(|| home.ctl(&["refresh", "local://s7"]));
        let mut most = 0;
        while !fetching.is_finished() {
            let memory = stopped_memory(daemon)?;
            let bytes = memory.iter().map(|(_, bytes)| {
                let count = |form: &String| count(bytes, form.as_bytes()) * form.len();
                forms.iter().map(count).sum::<usize>()
            });
            most = most.max(bytes.sum());
        }
        fetching.join().expect("it ends").success();
        Ok(most)
    })
}

/// How often `needle` is in `bytes`.
fn count(bytes: &[u8], needle: &[u8]) -> usize {
    let mut found = 0;
    let mut rest = bytes;
    while let Some(start) = rest.iter().position(|&byte| byte == needle[0]) {
        rest = &rest[start..];
        let is_here = rest.starts_with(needle);
        found += usize::from(is_here);
        rest = &rest[if is_here { needle.len() } else { 1 }..];
    }
    found
}

/// A store in which each value is this one.
fn write_store(home: &Home, value: &str) {
    let value = STANDARD.encode(value);
    let shield = Shield::new(Preference::Auto).expect("memory");
    let directory = home.state("");
    let store = LocalStore::open(&LocalSettings::new(&directory), shield).expect("a store");
    let file = store.sealed_file(&directory, "store.age");
    let written = file.replace(|out| {
        let mut write = || {
            write!(out, r#"{{"format":1,"secrets":{{"#)?;
            for number in 0..SECRETS {
                let separator = if number == 0 { "" } else { "," };
                write!(out, r#"{separator}"s{number}":{{"current":1,"versions":["#)?;
                write!(out, r#"{{"version":1,"created":1,"value":"{value}"}}]}}"#)?;
            }
            write!(out, "}}}}")
        };
        write().expect("room on the disk");
        Ok::<_, LocalError>(())
    });
    written.expect("a store");
}
