//! Does the local store take exactly the names that references can have?
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use proptest::prelude::*;
use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::local::{LocalSettings, LocalStore};
use vault_backends::reading::Backend;
use vault_memory::{Preference, Shield};
use vault_proto::reference::SecretRef;

struct Room {
    _place: tempfile::TempDir,
    store: LocalStore,
    runtime: tokio::runtime::Runtime,
}

impl Room {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let settings = LocalSettings::new(place.path().join("vaultd"));
        let shield = Shield::new(Preference::Auto).unwrap();
        Self {
            store: LocalStore::open(&settings, shield).unwrap(),
            _place: place,
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
        }
    }

    fn takes(&self, name: &str) -> bool {
        let address = Address {
            kind: BackendKind::LOCAL,
            scope: String::new(),
            container: None,
            name: name.to_owned(),
            version: VersionSelector::Current,
        };
        let refused = self.runtime.block_on(self.store.fetch(&address));
        match refused.unwrap_err().kind() {
            "not_found" => true,
            "invalid_name" => false,
            other => panic!("{other}"),
        }
    }
}

#[test]
fn the_store_takes_the_names_that_references_can_have() {
    let room = Room::new();
    let names = prop_oneof![
        "[A-Za-z0-9._-]{1,12}",
        "[a.]{1,6}",
        "[A-Za-z0-9][A-Za-z0-9._-]{252,257}",
        "\\PC{0,8}",
    ];
    proptest!(|(name in names)| {
        prop_assert_eq!(room.takes(&name), SecretRef::local(&name).is_ok());
    });
}
