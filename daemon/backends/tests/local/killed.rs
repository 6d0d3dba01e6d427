//! What is left when a writer is killed at any point.

use std::fs;
use std::hint::spin_loop;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;

use vault_backends::reading::Backend;

use super::child::{content, writer};
use super::home::{Home, address, put, value, wait};

#[test]
fn acknowledged_versions_outlive_fifty_killed_writers() {
    let home = Home::new();
    for kill in 0..50_u32 {
        let mut child = writer(&home.directory, "s", usize::MAX);
        let lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let mut acknowledged = lines.filter_map(|line| {
            line.strip_prefix("ack ")
                .map(|number| number.parse::<u64>().unwrap())
        });
        let last = acknowledged.nth((kill % 3) as usize).unwrap();
        // Somewhere in the next write: it takes from one to some milliseconds.
        (0..kill * 7_919 % 50 * 20_000).for_each(|_| spin_loop());
        child.kill().unwrap();
        // What it still could say counts too.
        let last = acknowledged.last().unwrap_or(last);
        assert_eq!(child.wait().unwrap().signal(), Some(9));

        let fetched = wait(home.open().fetch(&address("s"))).unwrap();
        let number: u64 = fetched.version.parse().unwrap();
        assert!(
            number == last || number == last + 1,
            "{number} after {last}"
        );
        assert_eq!(value(&fetched), content("s", &fetched.version));
    }
    put(&home.open(), "other", b"v").unwrap();
    assert_eq!(home.files(), ["identity.txt", "store.age", "store.lock"]);
}

#[test]
fn leftovers_of_a_killed_writer_are_removed_by_the_next_write_alone() {
    let home = Home::new();
    let store = home.open();
    put(&store, "s", b"v").unwrap();
    for name in [".new.abcdef.tmp", "mine.tmp", ".new.mine"] {
        fs::write(home.file(name), "left").unwrap();
    }
    let all = home.files();
    wait(store.fetch(&address("s"))).unwrap();
    assert_eq!(home.files(), all, "a read removes nothing");
    put(&store, "s", b"w").unwrap();
    let kept = [
        ".new.mine",
        "identity.txt",
        "mine.tmp",
        "store.age",
        "store.lock",
    ];
    assert_eq!(home.files(), kept);
}
