//! A store that is not what was written is refused, and left as it is.

use std::fs;
use std::io::Write;

use vault_backends::changing::WritableBackend;
use vault_backends::error::Class;

use super::home::{Home, get, put, state, wait, write_document};

/// Every operation on the store fails with one of `kinds` and changes nothing.
fn refused_and_untouched(home: &Home, kinds: &[&str]) {
    let path = home.file("store.age");
    let before = state(&path);
    let store = home.open();
    let errors = [
        get(&store, "s").map(drop).unwrap_err(),
        wait(store.list()).map(drop).unwrap_err(),
        put(&store, "s", b"new").map(drop).unwrap_err(),
    ];
    for error in errors {
        assert!(kinds.contains(&error.kind()), "{}: {error}", error.kind());
        assert!(error.to_string().contains("store.age"), "{error}");
    }
    assert!(state(&path) == before, "the file was touched");
}

#[test]
fn store_cut_at_any_length_is_refused_and_untouched() {
    let home = Home::new();
    put(&home.open(), "s", b"v").unwrap();
    let whole = fs::read(home.file("store.age")).unwrap();
    for length in 0..whole.len() {
        fs::write(home.file("store.age"), &whole[..length]).unwrap();
        refused_and_untouched(&home, &["store_damaged"]);
    }
    fs::write(home.file("store.age"), &whole).unwrap();
    assert_eq!(
        get(&home.open(), "s").unwrap(),
        b"v",
        "control: it was the cut"
    );
}

#[test]
fn store_with_any_byte_altered_is_refused_and_untouched() {
    let home = Home::new();
    put(&home.open(), "s", b"v").unwrap();
    let whole = fs::read(home.file("store.age")).unwrap();
    for place in 0..whole.len() {
        let mut altered = whole.clone();
        altered[place] ^= 1 << (place % 8);
        fs::write(home.file("store.age"), &altered).unwrap();
        // An altered wrapped key cannot be told from one for another identity.
        refused_and_untouched(&home, &["store_damaged", "wrong_identity"]);
    }
}

#[test]
fn store_with_bytes_appended_is_refused_and_untouched() {
    let home = Home::new();
    put(&home.open(), "s", b"v").unwrap();
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(home.file("store.age"))
        .unwrap();
    file.write_all(b"\n").unwrap();
    refused_and_untouched(&home, &["store_damaged"]);
}

#[test]
fn authentic_document_that_makes_no_sense_is_refused_without_quoting_it() {
    let home = Home::new();
    put(&home.open(), "s", b"v").unwrap();
    let one = |value: &str| {
        format!(
            r#"{{"format":1,"secrets":{{"s":{{"current":1,"versions":[{{"version":1,"created":1,"value":{value}}}]}}}}}}"#
        )
    };
    let cases = [
        ("hunter2".to_owned(), "store_damaged"),
        (
            one("\"hunter2\"").replace(":1,\"versions\"", ":\"hunter2\",\"versions\""),
            "store_damaged",
        ),
        (
            one("\"dg==\"").replace("\"current\":1", "\"current\":2"),
            "store_damaged",
        ),
        (r#"{"format":2,"hunter2":1}"#.to_owned(), "store_format"),
    ];
    for (document, kind) in cases {
        write_document(&home, &document);
        refused_and_untouched(&home, &[kind]);
        let error = get(&home.open(), "s").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    for value in ["\"hunter2\"", "\"dg=\"", "\"dg==dg==\"", "\"d\""] {
        write_document(&home, &one(value));
        let error = get(&home.open(), "s").unwrap_err();
        assert_eq!(error.kind(), "store_damaged", "{value}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    write_document(&home, &one("\"dg==\""));
    assert_eq!(
        get(&home.open(), "s").unwrap(),
        b"v",
        "control: the document is otherwise right"
    );
}

#[test]
fn store_beyond_all_bounds_is_refused_before_it_is_read() {
    let home = Home::new();
    put(&home.open(), "s", b"v").unwrap();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(home.file("store.age"))
        .unwrap();
    file.set_len(1 << 40).unwrap();
    let error = get(&home.open(), "s").unwrap_err();
    assert_eq!(
        (error.kind(), error.class()),
        ("store_too_large", Class::Outage)
    );
    assert_eq!(file.metadata().unwrap().len(), 1 << 40);
}

#[test]
fn store_that_would_grow_beyond_its_bound_refuses_the_value_and_keeps_the_rest() {
    let home = Home::new();
    put(&home.open(), "s", b"v").unwrap();
    let full: Vec<_> = (0..191)
        .map(|number| {
            let value = "AAAA".repeat(22_000 - 160);
            format!(r#""n{number}":{{"current":1,"versions":[{{"version":1,"created":1,"value":"{value}"}}]}}"#)
        })
        .collect();
    write_document(
        &home,
        &format!(r#"{{"format":1,"secrets":{{{}}}}}"#, full.join(",")),
    );
    let store = home.open();
    let before = state(&home.file("store.age"));
    let error = put(&store, "s", &vec![1; 65_536]).unwrap_err();
    assert_eq!(
        (error.kind(), error.class()),
        ("store_full", Class::Request)
    );
    assert!(state(&home.file("store.age")) == before);
    assert_eq!(
        put(&store, "s", b"small").unwrap(),
        "1",
        "control: a small one fits"
    );
}
