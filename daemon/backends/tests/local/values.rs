//! Every value comes back, under the version that it was given.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vault_backends::address::{BackendKind, VersionSelector};
use vault_backends::changing::{Begins, NewVersion, WritableBackend};
use vault_backends::error::Class;
use vault_backends::oci::OciSettings;
use vault_backends::process_context::ProcessContext;
use vault_backends::reading::Backend;
use vault_backends::registry::Backends;
use vault_backends::target::Target;
use vault_backends::wall_clock::SystemWallClock;
use vault_memory::MAX_SECRET_BYTES;

use super::home::{Home, SHIELD, address, at, get, put, target, value, wait, write_document};

#[test]
fn any_value_comes_back_after_opening_again() {
    let home = Home::new();
    let binary: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..=250).cycle().take(MAX_SECRET_BYTES).collect();
    let values = [&b""[..], b"a", b"ab", b"line\n\0", &binary, &large];
    for (number, value) in values.iter().enumerate() {
        assert_eq!(
            put(&home.open(), &format!("s{number}"), value).unwrap(),
            "1"
        );
    }
    for (number, value) in values.iter().enumerate() {
        assert_eq!(get(&home.open(), &format!("s{number}")).unwrap(), *value);
    }
}

#[test]
fn every_length_around_the_padding_and_the_limit_comes_back() {
    let home = Home::new();
    let store = home.open();
    for length in [
        2,
        3,
        4,
        MAX_SECRET_BYTES - 2,
        MAX_SECRET_BYTES - 1,
        MAX_SECRET_BYTES,
    ] {
        put(&store, "s", &vec![7; length]).unwrap();
        assert_eq!(get(&store, "s").unwrap(), vec![7; length]);
    }
}

#[test]
fn a_value_at_the_border_of_two_chunks_of_the_age_format_comes_back() {
    const CHUNK: usize = 64 * 1024;
    let home = Home::new();
    let store = home.open();
    put(&store, "s", b"v").unwrap();
    let (head, tail) = (r#"{"format":1,"secrets":{"#, r#""}]}}}"#);
    let secret = r#""s":{"current":1,"versions":[{"version":1,"created":1,"value":""#;
    for start in CHUNK - 3..CHUNK + 3 {
        // The end of the document is the end of a chunk, too.
        for length in [5, CHUNK - 12] {
            let space = " ".repeat(start - head.len() - secret.len());
            let text = STANDARD.encode(vec![9; length]);
            let mut document = format!("{head}{space}{secret}{text}{tail}");
            document.push_str(&" ".repeat(document.len().next_multiple_of(CHUNK) - document.len()));
            write_document(&home, &document);
            assert_eq!(get(&store, "s").unwrap(), vec![9; length], "{start}");
            put(&store, "other", b"v").unwrap();
            assert_eq!(get(&store, "s").unwrap(), vec![9; length], "{start}");
        }
    }
}

#[test]
fn a_version_can_wait_until_it_is_promoted() {
    let home = Home::new();
    let store = home.open();
    let waits = |name: Option<&str>| NewVersion {
        begins: Begins::WhenPromoted,
        name: name.map(str::to_owned),
    };
    let put_so = |new| wait(store.put(&target("s"), super::home::secret(b"new"), &new));
    let first = put_so(waits(None)).unwrap_err();
    assert_eq!(
        (first.class(), first.kind()),
        (Class::Request, "nothing_current")
    );
    put(&store, "s", b"old").unwrap();
    assert_eq!(put_so(waits(None)).unwrap(), "2");
    assert_eq!(get(&store, "s").unwrap(), b"old");
    wait(store.promote(&target("s"), "2")).unwrap();
    assert_eq!(get(&store, "s").unwrap(), b"new");
    assert_eq!(
        put_so(waits(Some("blue"))).unwrap_err().kind(),
        "unsupported"
    );
}

#[test]
fn nothing_is_deleted_later() {
    let home = Home::new();
    let store = home.open();
    put(&store, "s", b"v").unwrap();
    for refused in [
        wait(store.schedule_deletion(&target("s"), None, None)).map(drop),
        wait(store.cancel_deletion(&target("s"), Some(1))),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(
            (error.class(), error.kind()),
            (Class::Request, "unsupported")
        );
    }
    assert_eq!(get(&store, "s").unwrap(), b"v");
}

#[test]
fn nothing_is_made_before_the_first_write() {
    let home = Home::new();
    let store = home.open();
    assert_eq!(get(&store, "absent").unwrap_err().kind(), "not_found");
    assert!(wait(store.list()).unwrap().is_empty());
    assert_eq!(home.files(), [""; 0]);
    put(&store, "s", b"v").unwrap();
    assert_eq!(home.files(), ["identity.txt", "store.age", "store.lock"]);
}

#[test]
fn ten_versions_are_kept_and_numbers_go_on() {
    let home = Home::new();
    let store = home.open();
    for number in 1..=13 {
        let value = format!("value {number}");
        assert_eq!(
            put(&store, "s", value.as_bytes()).unwrap(),
            number.to_string()
        );
    }
    let versions = wait(store.versions(&target("s"))).unwrap();
    let numbers: Vec<_> = versions
        .iter()
        .map(|version| version.version.as_str())
        .collect();
    assert_eq!(
        numbers,
        ["4", "5", "6", "7", "8", "9", "10", "11", "12", "13"]
    );
    let current: Vec<_> = versions.iter().filter(|version| version.current).collect();
    assert_eq!((current.len(), current[0].version.as_str()), (1, "13"));
    let fetch = |number| wait(store.fetch(&at("s", VersionSelector::Version(number))));
    assert_eq!(value(&fetch(4).unwrap()), b"value 4");
    let dropped = fetch(3).unwrap_err();
    assert_eq!(
        (dropped.kind(), dropped.class()),
        ("version_not_found", Class::Answer)
    );
}

#[test]
fn promoted_version_is_current_until_the_next_write() {
    let home = Home::new();
    let store = home.open();
    for value in [b"one", b"two"] {
        put(&store, "s", value).unwrap();
    }
    wait(store.promote(&target("s"), "1")).unwrap();
    let fetched = wait(store.fetch(&address("s"))).unwrap();
    assert_eq!(
        (value(&fetched), fetched.version.as_str()),
        (b"one".to_vec(), "1")
    );
    assert_eq!(put(&store, "s", b"three").unwrap(), "3");
    assert_eq!(get(&store, "s").unwrap(), b"three");
}

#[test]
fn absent_things_are_answers_and_change_nothing() {
    let home = Home::new();
    let store = home.open();
    put(&store, "s", b"v").unwrap();
    let before = super::home::state(&home.file("store.age"));
    let stage = at("s", VersionSelector::Stage("PENDING".to_owned()));
    let errors = [
        (wait(store.fetch(&address("t"))).unwrap_err(), "not_found"),
        (wait(store.delete(&target("t"))).unwrap_err(), "not_found"),
        (wait(store.versions(&target("t"))).unwrap_err(), "not_found"),
        (
            wait(store.promote(&target("t"), "1")).unwrap_err(),
            "not_found",
        ),
        (
            wait(store.promote(&target("s"), "2")).unwrap_err(),
            "version_not_found",
        ),
        (
            wait(store.promote(&target("s"), "one")).unwrap_err(),
            "version_not_found",
        ),
        (wait(store.fetch(&stage)).unwrap_err(), "no_such_stage"),
    ];
    for (error, kind) in errors {
        assert_eq!(
            (error.kind(), error.class()),
            (kind, Class::Answer),
            "{error}"
        );
    }
    assert_eq!(super::home::state(&home.file("store.age")), before);
}

#[test]
fn deleted_secret_is_gone_with_all_its_versions() {
    let home = Home::new();
    let store = home.open();
    for name in ["s", "s", "other"] {
        put(&store, name, b"v").unwrap();
    }
    assert_eq!(wait(store.delete(&target("s"))).unwrap(), 2);
    assert_eq!(get(&store, "s").unwrap_err().kind(), "not_found");
    let listed = wait(store.list()).unwrap();
    assert_eq!(
        listed
            .iter()
            .map(|entry| entry.name.as_str())
            .collect::<Vec<_>>(),
        ["other"]
    );
}

#[test]
fn names_and_addresses_of_others_are_refused() {
    let home = Home::new();
    let store = home.open();
    for name in ["", "..", "../s", "a/b", ".s", "s\n", "s\0"] {
        let refused = put(&store, name, b"v").unwrap_err();
        assert_eq!(
            (refused.kind(), refused.class()),
            ("invalid_name", Class::Request),
            "{name:?}"
        );
    }
    let mut other = address("s");
    other.kind = BackendKind::OCI;
    assert_eq!(
        wait(store.fetch(&other)).unwrap_err().kind(),
        "wrong_backend"
    );
    let mut contained = address("s");
    contained.container = Some("c".to_owned());
    assert_eq!(
        wait(store.fetch(&contained)).unwrap_err().kind(),
        "wrong_backend"
    );
    assert_eq!(home.files(), [""; 0]);
}

#[test]
fn store_is_an_age_file_that_the_identity_file_opens() {
    let home = Home::new();
    put(&home.open(), "bar-token", b"hunter2").unwrap();
    let text = fs::read_to_string(home.file("identity.txt")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[0].starts_with("# created: 20") && lines[0].ends_with('Z'),
        "{}",
        lines[0]
    );
    let identity: age::x25519::Identity = lines[2].parse().unwrap();
    assert_eq!(lines[1], format!("# public key: {}", identity.to_public()));
    assert_eq!(lines.len(), 3);

    let file = fs::read(home.file("store.age")).unwrap();
    assert!(file.starts_with(b"age-encryption.org/v1\n-> X25519 "));
    let decryptor = age::Decryptor::new(&file[..]).unwrap();
    let mut document = String::new();
    let keys = std::iter::once(&identity as &dyn age::Identity);
    decryptor
        .decrypt(keys)
        .unwrap()
        .read_to_string(&mut document)
        .unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let version = &document["secrets"]["bar-token"]["versions"][0];
    assert_eq!(document["format"], 1);
    assert_eq!(document["secrets"]["bar-token"]["current"], 1);
    assert_eq!(version["version"], 1);
    assert_eq!(version["value"], STANDARD.encode("hunter2"));
    assert!(version["created"].as_u64().unwrap() > 1_700_000_000);
}

#[test]
fn no_file_holds_the_value_in_any_spelling() {
    let home = Home::new();
    let store = home.open();
    let marker = b"correct horse battery staple";
    put(&store, "s", marker).unwrap();
    put(&store, "s", b"another").unwrap();
    let hex = marker.map(|byte| format!("{byte:02x}")).concat();
    let spellings = [
        marker.to_vec(),
        STANDARD.encode(marker).into_bytes(),
        hex.into_bytes(),
    ];
    for name in home.files() {
        let bytes = fs::read(home.file(&name)).unwrap();
        for spelling in &spellings {
            for part in spelling.windows(8) {
                assert!(!bytes.windows(8).any(|window| window == part), "{name}");
            }
        }
    }
}

#[test]
fn registry_opens_the_local_store_and_knows_no_other() {
    let home = Home::new();
    let context = ProcessContext {
        home: "/h".into(),
        variables: BTreeMap::new(),
        euid: 0,
        clock: Arc::new(SystemWallClock),
    };
    let backends = Backends::open(&home.settings(), context, SHIELD.clone()).unwrap();
    assert_eq!(backends.keys().len(), 1);
    let local = backends.of(BackendKind::LOCAL, "").unwrap();
    assert_eq!(local.kind(), BackendKind::LOCAL);
    assert!(backends.of(BackendKind::OCI, "").is_none());
    let writable = local.writable().unwrap();
    let new = NewVersion::default();
    wait(writable.put(&target("s"), super::home::secret(b"v"), &new)).unwrap();
    assert_eq!(value(&wait(local.fetch(&address("s"))).unwrap()), b"v");
}

/// A request that began before a new configuration may still use what names meant to its vault.
#[test]
fn registry_reaches_a_vault_of_the_configuration_before_until_it_is_settled() {
    let home = Home::new();
    let context = ProcessContext {
        home: "/h".into(),
        variables: BTreeMap::new(),
        euid: 0,
        clock: Arc::new(SystemWallClock),
    };
    let backends = Backends::open(&home.settings(), context, SHIELD.clone()).unwrap();
    let vault: Arc<dyn Target> = Arc::new(OciSettings::default_for(Path::new("/h")));
    let (kind, scope) = vault.key();
    backends.configure([vault]);
    assert!(backends.of(kind, &scope).is_some());
    backends.configure([]);
    let counts = || (backends.all().len(), backends.opened().len());
    assert_eq!(counts(), (1, 2), "the local store, and the vault of before");
    for _ in 0..2 {
        backends.settle();
    }
    assert_eq!(counts(), (1, 1));
}
