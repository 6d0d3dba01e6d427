//! Writers at the same time lose nothing.

use std::fs::File;
use std::thread;
use std::time::Instant;

use vault_backends::changing::WritableBackend;
use vault_backends::error::Class;

use super::child::{content, writer};
use super::home::{Home, get, put, target, wait};

#[test]
fn writers_in_threads_and_processes_lose_nothing() {
    let home = Home::new();
    let children: Vec<_> = ["one", "two", "three"]
        .map(|word| (word, writer(&home.directory, word, 12)))
        .into_iter()
        .collect();
    let store = home.open();
    thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..5 {
                    put(store, &format!("t{thread}-{number}"), b"own").unwrap();
                    put(store, "shared", b"v").unwrap();
                }
            });
        }
    });
    for (word, child) in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{word}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    for word in ["one", "two", "three"] {
        assert_eq!(get(&store, word).unwrap(), content(word, "12"));
    }
    assert_eq!(
        wait(store.versions(&target("shared"))).unwrap()[9].version,
        "20"
    );
    assert_eq!(wait(store.list()).unwrap().len(), 3 + 1 + 20);
    assert_eq!(home.files(), ["identity.txt", "store.age", "store.lock"]);
}

#[test]
fn readers_see_a_whole_store_while_it_is_written() {
    let home = Home::new();
    put(&home.open(), "w", &content("w", "1")).unwrap();
    let mut child = writer(&home.directory, "w", 30);
    let store = home.open();
    let mut seen = 0;
    loop {
        let ended = child.try_wait().unwrap();
        let value = String::from_utf8(get(&store, "w").unwrap()).unwrap();
        let number = value.split(' ').nth(1).unwrap().to_owned();
        assert_eq!(value.into_bytes(), content("w", &number));
        seen = seen.max(number.parse().unwrap());
        if let Some(status) = ended {
            assert!(status.success());
            return assert_eq!(seen, 31);
        }
    }
}

#[test]
fn held_lock_stops_writers_after_two_seconds_and_readers_never() {
    let home = Home::new();
    let store = home.open();
    put(&store, "s", b"v").unwrap();
    let held = File::open(home.file("store.lock")).unwrap();
    held.lock().unwrap();
    let start = Instant::now();
    let refused = put(&store, "s", b"w").unwrap_err();
    assert_eq!(
        (refused.kind(), refused.class()),
        ("store_locked", Class::Outage)
    );
    assert!(refused.to_string().contains("store.lock"), "{refused}");
    assert!((2..10).contains(&start.elapsed().as_secs()));
    assert_eq!(get(&store, "s").unwrap(), b"v");
    drop(held);
    assert_eq!(put(&store, "s", b"w").unwrap(), "2");
}
