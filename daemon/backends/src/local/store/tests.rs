//! What is said where the disk fails at the last step.

use vault_memory::Preference;

use super::*;

fn failing(_: &Path) -> io::Result<()> {
    Err(io::Error::other("the disk is gone"))
}

fn put(store: &Store, value: &[u8]) -> Result<u64, LocalError> {
    let value = store.shield.shield(&mut value.to_vec()).unwrap();
    store.put("s", &value, Begins::AtOnce)
}

fn get(store: &Store) -> Result<Vec<u8>, LocalError> {
    let (secret, _) = store.fetch("s", &VersionSelector::Current)?;
    Ok(secret.expose_secret(|value| value.to_vec())?)
}

#[test]
fn a_change_that_the_disk_did_not_confirm_is_made_and_said_to_be() {
    let place = tempfile::tempdir().unwrap();
    let sources = IdentitySources {
        credentials_directory: None,
        passphrase: None,
    };
    let shield = Shield::new(Preference::Auto).unwrap();
    let mut store = Store::open(&place.path().join("vaultd"), sources, shield).unwrap();
    store.sync = failing;
    assert_eq!(put(&store, b"v").unwrap_err().kind(), "io");
    assert_eq!(get(&store).unwrap_err().kind(), "not_found");
    store.sync = sync_directory;
    assert_eq!(put(&store, b"v").unwrap(), 1);
    store.sync = failing;
    let told = put(&store, b"w").unwrap_err();
    assert_eq!(told.kind(), "not_durable");
    assert!(told.to_string().contains("the change is made"), "{told}");
    assert_eq!(get(&store).unwrap(), b"w");
}

/// By what is done to the file between two looks: whether what was held must be forgotten.
#[test]
fn a_store_that_somebody_else_changed_is_noticed_at_the_next_look() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("vaultd");
    let sources = || IdentitySources {
        credentials_directory: None,
        passphrase: None,
    };
    let shield = Shield::new(Preference::Auto).unwrap();
    let store = Store::open(&directory, sources(), Arc::clone(&shield)).unwrap();
    let is_news = || {
        let news = std::cell::Cell::new(false);
        store.when_changed(&|| news.set(true));
        news.get()
    };
    assert!(!is_news(), "there is none");
    put(&store, b"one").unwrap();
    assert!(!is_news(), "its own change");
    let copy = place.path().join("copy");
    std::fs::copy(&store.path, &copy).unwrap();
    put(&store, b"two").unwrap();
    assert!(!is_news(), "its own change");
    std::fs::copy(&copy, &store.path).unwrap();
    assert!(is_news(), "put back from a copy");
    assert!(!is_news(), "said once");
    assert_eq!(get(&store).unwrap(), b"one");
    let other = Store::open(&directory, sources(), shield).unwrap();
    put(&other, b"three").unwrap();
    put(&store, b"four").unwrap();
    assert!(is_news(), "changed by another one before its own change");
    std::fs::remove_file(&store.path).unwrap();
    assert!(is_news(), "taken away");
}
