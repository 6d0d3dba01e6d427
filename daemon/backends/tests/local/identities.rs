//! The right identity is taken, and never made where another one is missing.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use secrecy::SecretString;
use vault_backends::error::Class;
use vault_backends::local::{LocalError, LocalSettings, LocalStore};

use super::home::{Home, SHIELD, get, put, state};

fn open(settings: &LocalSettings) -> Result<LocalStore, LocalError> {
    LocalStore::open(settings, Arc::clone(&SHIELD))
}

fn with_passphrase(home: &Home, passphrase: &str) -> LocalSettings {
    LocalSettings {
        passphrase: Some(SecretString::from(passphrase)),
        ..home.settings()
    }
}

#[test]
fn missing_identity_of_a_store_is_an_error_and_none_is_made() {
    let home = Home::new();
    let store = home.open();
    put(&store, "s", b"v").unwrap();
    fs::remove_file(home.file("identity.txt")).unwrap();
    let before = state(&home.file("store.age"));
    let refused = home.try_open().unwrap_err();
    assert_eq!(refused.kind(), "no_identity");
    for name in ["store.age", "identity.age", "identity.txt"] {
        assert!(refused.to_string().contains(name), "{refused}");
    }
    assert_eq!(home.files(), ["store.age", "store.lock"]);
    assert!(state(&home.file("store.age")) == before);
}

#[test]
fn store_that_appears_without_identity_after_opening_is_not_overwritten() {
    let home = Home::new();
    let store = home.open();
    let other = Home::new();
    put(&other.open(), "s", b"v").unwrap();
    fs::copy(other.file("store.age"), home.file("store.age")).unwrap();
    let before = state(&home.file("store.age"));
    assert_eq!(put(&store, "t", b"w").unwrap_err().kind(), "no_identity");
    assert!(state(&home.file("store.age")) == before);
    assert!(!home.file("identity.txt").exists());
}

#[test]
fn identity_that_is_gone_is_missed_by_an_open_store_until_it_is_back() {
    let home = Home::new();
    let store = home.open();
    put(&store, "s", b"v").unwrap();
    assert_eq!(get(&store, "s").unwrap(), b"v", "it is in use");
    let aside = home.directory.with_extension("aside");
    fs::rename(home.file("identity.txt"), &aside).unwrap();
    let before = state(&home.file("store.age"));
    for refused in [get(&store, "s").map(drop), put(&store, "s", b"w").map(drop)] {
        assert_eq!(refused.unwrap_err().kind(), "no_identity");
    }
    assert_eq!(home.files(), ["store.age", "store.lock"], "none is made");
    assert!(state(&home.file("store.age")) == before);
    fs::rename(&aside, home.file("identity.txt")).unwrap();
    assert_eq!(get(&store, "s").unwrap(), b"v");
}

#[test]
fn nothing_is_written_for_an_identity_that_is_gone() {
    let home = Home::new();
    let store = home.open();
    put(&store, "s", b"v").unwrap();
    assert_eq!(get(&store, "s").unwrap(), b"v", "the identity is in use");
    fs::remove_file(home.file("store.age")).unwrap();
    fs::remove_file(home.file("identity.txt")).unwrap();
    put(&store, "s", b"w").unwrap();
    assert_eq!(get(&home.open(), "s").unwrap(), b"w", "a new one was made");
}

#[test]
fn replaced_identity_is_taken_by_an_open_store() {
    let [home, other] = [Home::new(), Home::new()];
    let store = home.open();
    put(&store, "s", b"v").unwrap();
    put(&other.open(), "s", b"other").unwrap();
    for name in ["identity.txt", "store.age"] {
        fs::copy(other.file(name), home.file(name)).unwrap();
    }
    assert_eq!(get(&store, "s").unwrap(), b"other");
    fs::write(home.file("identity.age"), "it comes before the plain one").unwrap();
    fs::set_permissions(home.file("identity.age"), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(get(&store, "s").unwrap_err().kind(), "no_passphrase");
}

#[test]
fn another_identity_is_refused_and_the_store_untouched() {
    let [home, other] = [Home::new(), Home::new()];
    for home in [&home, &other] {
        put(&home.open(), "s", b"v").unwrap();
    }
    fs::copy(other.file("identity.txt"), home.file("identity.txt")).unwrap();
    let store = home.open();
    let before = state(&home.file("store.age"));
    for refused in [get(&store, "s").map(drop), put(&store, "s", b"w").map(drop)] {
        let refused = refused.unwrap_err();
        assert_eq!(
            (refused.kind(), refused.class()),
            ("wrong_identity", Class::Credentials)
        );
        assert!(refused.to_string().contains("identity.txt"), "{refused}");
    }
    assert!(state(&home.file("store.age")) == before);
}

#[test]
fn passphrase_locks_a_new_identity_and_is_needed_afterwards() {
    let home = Home::new();
    let settings = with_passphrase(&home, "open sesame");
    put(&open(&settings).unwrap(), "s", b"v").unwrap();
    assert_eq!(home.files(), ["identity.age", "store.age", "store.lock"]);
    assert_eq!(get(&open(&settings).unwrap(), "s").unwrap(), b"v");
    let refused = home.try_open().unwrap_err();
    assert_eq!(refused.kind(), "no_passphrase");
    let before = state(&home.file("identity.age"));
    let refused = open(&with_passphrase(&home, "open barley")).unwrap_err();
    assert_eq!(refused.kind(), "wrong_passphrase");
    assert!(!format!("{refused} {refused:?}").contains("barley"));
    assert!(state(&home.file("identity.age")) == before);
}

#[test]
fn plain_identity_goes_on_to_count_when_a_passphrase_comes_later() {
    let home = Home::new();
    put(&home.open(), "s", b"v").unwrap();
    let store = open(&with_passphrase(&home, "open sesame")).unwrap();
    assert_eq!(get(&store, "s").unwrap(), b"v");
    assert!(!home.file("identity.age").exists());
}

#[test]
fn credential_comes_before_a_file_and_may_be_readable_by_its_group() {
    let [home, other, credentials] = [Home::new(), Home::new(), Home::new()];
    put(&other.open(), "s", b"v").unwrap();
    fs::create_dir(&credentials.directory).unwrap();
    let credential = credentials.file("vaultd.identity");
    fs::copy(other.file("identity.txt"), &credential).unwrap();
    fs::set_permissions(&credential, Permissions::from_mode(0o440)).unwrap();
    let settings = LocalSettings {
        credentials_directory: Some(credentials.directory.clone()),
        ..home.settings()
    };
    put(&open(&settings).unwrap(), "s", b"v").unwrap();
    assert_eq!(
        home.files(),
        ["store.age", "store.lock"],
        "no identity is made"
    );
    assert_eq!(get(&open(&settings).unwrap(), "s").unwrap(), b"v");

    fs::write(home.file("identity.txt"), "damaged, but not looked at").unwrap();
    assert_eq!(get(&open(&settings).unwrap(), "s").unwrap(), b"v");
    fs::set_permissions(&credential, Permissions::from_mode(0o444)).unwrap();
    assert_eq!(open(&settings).unwrap_err().kind(), "wrong_mode");
}

#[test]
fn credentials_without_an_identity_leave_the_choice_to_the_files() {
    let [home, credentials] = [Home::new(), Home::new()];
    let settings = LocalSettings {
        credentials_directory: Some(credentials.directory.clone()),
        ..home.settings()
    };
    put(&open(&settings).unwrap(), "s", b"v").unwrap();
    assert!(home.file("identity.txt").exists());
}

#[test]
fn damaged_identity_is_refused_without_quoting_it() {
    let home = Home::new();
    put(&home.open(), "s", b"v").unwrap();
    fs::write(home.file("identity.txt"), "AGE-SECRET-KEY-1HUNTER2").unwrap();
    let refused = home.try_open().unwrap_err();
    assert_eq!(refused.kind(), "bad_identity");
    assert!(
        !format!("{refused} {refused:?}").contains("HUNTER2"),
        "{refused}"
    );
}
