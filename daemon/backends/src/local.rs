//! The encrypted store of this machine.
//!
//! One file in the age format, `store.age`, whose plaintext is a JSON document. Nothing is cached
//! between calls but the shielded identity, while its file stays the same: each reads, decrypts and
//! parses anew, so that a flush elsewhere leaves no plaintext here. The document is a stream, and no
//! more of it is in memory than a chunk of the age format. A file that cannot be used is left exactly
//! as it is.
//!
//! Identity first, document second, value last: no secret is used inside the use of another.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use vault_memory::{Secret, Shield};

use crate::address::{Address, BackendKind};
use crate::bundle::Bundle;
use crate::changing::{ChangeTarget, ListEntry, NewVersion, VersionEntry, WritableBackend};
use crate::error::BackendError;
use crate::reading::Backend;

mod document;
mod envelope;
mod error;
mod identity;
mod json_reader;
mod name;
mod place;
mod sealed_file;
mod store;
mod writing;

pub use error::LocalError;
pub use sealed_file::{SealedFile, SealedReader};

use identity::IdentitySources;
use name::checked_name;
use store::Store;

/// Where the store is and what may unlock it.
#[derive(Clone, Debug)]
pub struct LocalSettings {
    /// The store's directory. Made with mode 0700 if it is missing.
    pub directory: PathBuf,
    /// `$CREDENTIALS_DIRECTORY`, where systemd may have put `vaultd.identity`.
    pub credentials_directory: Option<PathBuf>,
    /// Unlocks `identity.age`. With neither store nor identity the first write makes one.
    pub passphrase: Option<SecretString>,
}

impl LocalSettings {
    /// The store in `directory`, with its identity in a file beside it.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            credentials_directory: None,
            passphrase: None,
        }
    }
}

/// The encrypted store of this machine.
#[derive(Clone, Debug)]
pub struct LocalStore {
    store: Arc<Store>,
    uses: Arc<Semaphore>,
    /// A change waits for this before it waits for a use: those that another process keeps waiting
    /// must not keep readers out.
    changes: Arc<Semaphore>,
}

/// Each use decrypts and reads the whole store.
const USES_AT_ONCE: usize = 2;

impl LocalStore {
    /// Makes and checks the directory, and loads the identity if there is one.
    ///
    /// With a passphrase this takes about a second: scrypt is meant to be slow.
    ///
    /// # Errors
    /// [`LocalError`] if the directory or the identity cannot be used, or if there is a store
    /// without an identity.
    pub fn open(settings: &LocalSettings, shield: Arc<Shield>) -> Result<Self, LocalError> {
        let sources = IdentitySources {
            credentials_directory: settings.credentials_directory.clone(),
            passphrase: settings.passphrase.clone(),
        };
        let store = Store::open(&settings.directory, sources, shield)?;
        Ok(Self {
            store: Arc::new(store),
            uses: Arc::new(Semaphore::new(USES_AT_ONCE)),
            changes: Arc::new(Semaphore::new(1)),
        })
    }

    /// The file `name` in `directory`, which this store's identity opens.
    pub fn sealed_file(&self, directory: &Path, name: &'static str) -> SealedFile {
        SealedFile::new(Arc::clone(&self.store), directory, name)
    }

    /// Does `work`, which reads files, off the serving threads. A caller that goes away while it waits
    /// ends it; what is begun is finished, and keeps its permit until then.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, LocalError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let permit = Arc::clone(&self.uses).acquire_owned().await;
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let done = work(&store);
            vault_memory::wipe_parked_thread();
            done
        })
        .await
        .unwrap_or(Err(LocalError::Stopped))
        .map_err(BackendError::from)
    }

    /// Does `work` that also writes, one after the other.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, LocalError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let permit = Arc::clone(&self.changes).acquire_owned().await;
        self.blocking(move |store| {
            let _permit = permit;
            work(store)
        })
        .await
    }
}

#[async_trait]
impl Backend for LocalStore {
    fn kind(&self) -> BackendKind {
        BackendKind::LOCAL
    }

    async fn fetch(&self, address: &Address) -> Result<Bundle, BackendError> {
        let name = checked_name(address)?;
        let wanted = address.version.clone();
        let (secret, version) = self
            .blocking(move |store| store.fetch(&name, &wanted))
            .await?;
        Ok(Bundle::plain(secret, version.to_string()))
    }

    fn when_changed(&self, doubt: &dyn Fn()) {
        self.store.when_changed(doubt);
    }

    fn writable(&self) -> Option<&dyn WritableBackend> {
        Some(self)
    }
}

#[async_trait]
impl WritableBackend for LocalStore {
    async fn put(
        &self,
        target: &ChangeTarget,
        value: Secret,
        new: &NewVersion,
    ) -> Result<String, BackendError> {
        if new.name.is_some() {
            return Err(BackendError::unsupported(
                "versions of the local store have numbers and no names: leave the name away",
            ));
        }
        let (name, begins) = (checked_name(&target.address)?, new.begins);
        let put = self.change(move |store| store.put(&name, &value, begins));
        Ok(put.await?.to_string())
    }

    async fn delete(&self, target: &ChangeTarget) -> Result<usize, BackendError> {
        let name = checked_name(&target.address)?;
        self.change(move |store| store.delete(&name)).await
    }

    async fn list(&self) -> Result<Vec<ListEntry>, BackendError> {
        self.blocking(Store::list).await
    }

    async fn versions(&self, target: &ChangeTarget) -> Result<Vec<VersionEntry>, BackendError> {
        let name = checked_name(&target.address)?;
        self.blocking(move |store| store.versions(&name)).await
    }

    async fn promote(&self, target: &ChangeTarget, version: &str) -> Result<(), BackendError> {
        let name = checked_name(&target.address)?;
        let version = version.to_owned();
        self.change(move |store| store.promote(&name, &version))
            .await
    }
}

#[cfg(test)]
mod tests;
