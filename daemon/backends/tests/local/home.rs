//! A store in a temporary directory, and short words for what tests do with it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use tempfile::TempDir;
use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::bundle::Bundle;
use vault_backends::changing::{ChangeTarget, NewVersion, WritableBackend};
use vault_backends::error::BackendError;
use vault_backends::local::{LocalError, LocalSettings, LocalStore};
use vault_backends::reading::Backend;
use vault_memory::{Preference, Secret, Shield};

/// One for all tests, as a process has one.
pub(crate) static SHIELD: LazyLock<Arc<Shield>> =
    LazyLock::new(|| Shield::new(Preference::Auto).unwrap());

pub(crate) struct Home {
    _parent: TempDir,
    pub(crate) directory: PathBuf,
}

impl Home {
    pub(crate) fn new() -> Self {
        let parent = TempDir::new().unwrap();
        let directory = parent.path().join("vaultd");
        Self {
            _parent: parent,
            directory,
        }
    }

    pub(crate) fn settings(&self) -> LocalSettings {
        LocalSettings::new(&self.directory)
    }

    pub(crate) fn try_open(&self) -> Result<LocalStore, LocalError> {
        LocalStore::open(&self.settings(), Arc::clone(&SHIELD))
    }

    pub(crate) fn open(&self) -> LocalStore {
        self.try_open().unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Names of all files, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.directory).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn address(name: &str) -> Address {
    at(name, VersionSelector::Current)
}

pub(crate) fn target(name: &str) -> ChangeTarget {
    address(name).into()
}

pub(crate) fn at(name: &str, wanted: VersionSelector) -> Address {
    Address {
        kind: BackendKind::LOCAL,
        scope: String::new(),
        container: None,
        name: name.to_owned(),
        version: wanted,
    }
}

pub(crate) fn secret(value: &[u8]) -> Secret {
    SHIELD.shield(&mut value.to_vec()).unwrap()
}

pub(crate) fn value(fetched: &Bundle) -> Vec<u8> {
    fetched
        .field(None)
        .unwrap()
        .expose_secret(|plain| plain.to_vec())
        .unwrap()
}

/// Waits for what the store does on threads of its own.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work)
}

pub(crate) fn put(store: &LocalStore, name: &str, value: &[u8]) -> Result<String, BackendError> {
    wait(store.put(&target(name), secret(value), &NewVersion::default()))
}

pub(crate) fn get(store: &LocalStore, name: &str) -> Result<Vec<u8>, BackendError> {
    wait(store.fetch(&address(name))).map(|fetched| value(&fetched))
}

/// Writes an authentic store with this document. The home has an identity.
pub(crate) fn write_document(home: &Home, document: &str) {
    let text = fs::read_to_string(home.file("identity.txt")).unwrap();
    let identity: age::x25519::Identity = text.lines().last().unwrap().parse().unwrap();
    let file = age::encrypt(&identity.to_public(), document.as_bytes()).unwrap();
    fs::write(home.file("store.age"), file).unwrap();
}

/// All that a write would change about a file.
pub(crate) fn state(path: &Path) -> (Vec<u8>, u64, i64, i64, u32) {
    let metadata = fs::symlink_metadata(path).unwrap();
    let bytes = fs::read(path).unwrap_or_default();
    (
        bytes,
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.mode(),
    )
}
