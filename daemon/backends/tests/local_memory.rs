//! How much memory one use of a large store takes. Alone in its process, whose peak it measures.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

#[path = "local/home.rs"]
#[expect(dead_code, reason = "not all of it is needed here")]
mod home;

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vault_backends::changing::WritableBackend;
use vault_memory::MAX_SECRET_BYTES;

use home::{Home, get, put, target, wait, write_document};

const SECRETS: usize = 120;
/// A fifteenth of the store. The store in one piece, as ciphertext or as plaintext, is far above it;
/// a chunk of 64 KiB and what the allocator does with it is far below.
const MOST_KIBIBYTES: u64 = 700;

#[test]
fn no_use_of_a_store_has_more_of_it_in_memory_than_some_chunks() {
    let home = Home::new();
    let store = home.open();
    // What the first use of code and threads takes is none of the store.
    put(&store, "s0", b"v").unwrap();
    get(&store, "s0").unwrap();
    write_large(&home);
    assert!(fs::metadata(home.file("store.age")).unwrap().len() > 10 << 20);
    let uses: [(&str, &dyn Fn()); 6] = [
        ("fetch", &|| {
            assert_eq!(get(&store, "s7").unwrap(), vec![7; MAX_SECRET_BYTES]);
        }),
        ("list", &|| {
            assert_eq!(wait(store.list()).unwrap().len(), SECRETS);
        }),
        ("versions", &|| {
            assert_eq!(wait(store.versions(&target("s7"))).unwrap().len(), 1);
        }),
        ("put", &|| {
            assert_eq!(put(&store, "s7", &[8; 1000]).unwrap(), "2");
        }),
        ("promote", &|| {
            wait(store.promote(&target("s7"), "1")).unwrap();
        }),
        ("delete", &|| {
            assert_eq!(wait(store.delete(&target("s7"))).unwrap(), 2);
        }),
    ];
    for (name, work) in uses {
        let grown = peak_growth(work);
        assert!(grown < MOST_KIBIBYTES, "{name} took {grown} KiB");
    }
    let large = vec![0_u8; 10 << 20];
    let control = peak_growth(|| drop(std::hint::black_box(large.clone())));
    assert!(control > 9 << 10, "control: a large block is seen");
    assert_eq!(get(&store, "s119").unwrap(), vec![119; MAX_SECRET_BYTES]);
}

/// A store with secrets as large as they can be, written by the age crate alone.
fn write_large(home: &Home) {
    let secrets: Vec<_> = (0..SECRETS)
        .map(|number| {
            let value = STANDARD.encode(vec![u8::try_from(number).unwrap(); MAX_SECRET_BYTES]);
            format!(
                r#""s{number}":{{"current":1,"versions":[{{"version":1,"created":1,"value":"{value}"}}]}}"#
            )
        })
        .collect();
    let document = format!(r#"{{"format":1,"secrets":{{{}}}}}"#, secrets.join(","));
    write_document(home, &document);
}

/// By how many KiB the peak of this process's memory is above what it has before.
fn peak_growth(work: impl FnOnce()) -> u64 {
    // What earlier work left free is not to be taken from.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = kibibytes("VmRSS:");
    work();
    kibibytes("VmHWM:").saturating_sub(before)
}

fn kibibytes(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}
