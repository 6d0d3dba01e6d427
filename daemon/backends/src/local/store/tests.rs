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
