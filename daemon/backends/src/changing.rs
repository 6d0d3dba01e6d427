//! A vault that can be changed, and what is said of a change.

use async_trait::async_trait;
use vault_memory::Secret;

use crate::address::Address;
use crate::error::BackendError;

/// A secret that is to be changed, as somebody means it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeTarget {
    /// The secret. Which of its versions is said beside it.
    pub address: Address,
    /// Where new secrets are put for whoever asks, and where those are that the address names in part.
    pub placement: Placement,
}

impl From<Address> for ChangeTarget {
    fn from(address: Address) -> Self {
        let placement = Placement::default();
        Self { address, placement }
    }
}

/// What a configuration says of where new secrets are put, and of where those are that an address names
/// in part. Two that share a vault's connection may differ in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The compartment.
    pub compartment: Option<String>,
    /// The vault.
    pub vault: Option<String>,
    /// The key that new secrets are encrypted with.
    pub key: Option<String>,
}

/// What is said of a version that is to be stored, beside its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewVersion {
    /// When it is taken into use.
    pub begins: Begins,
    /// What it is called, where its vault names versions.
    pub name: Option<String>,
}

/// When a new version is taken into use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begins {
    /// At once: it is the current one.
    #[default]
    AtOnce,
    /// When it is promoted. Until then the current one stays what it is.
    WhenPromoted,
}

/// One stored version, without its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionEntry {
    /// The version, as the vault writes it.
    pub version: String,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created_unix_seconds: u64,
    /// Whether this is what [`VersionSelector::Current`](crate::address::VersionSelector::Current) means now.
    pub current: bool,
    /// Its stages, in the vault's words. Empty where a vault has none.
    pub stages: Vec<String>,
    /// Its name, where it was given one.
    pub name: Option<String>,
    /// When it ends being good, in seconds since 1970-01-01 UTC.
    pub expires_unix_seconds: Option<u64>,
    /// When it will be deleted, in seconds since 1970-01-01 UTC.
    pub deletion_unix_seconds: Option<u64>,
}

/// One stored secret, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// Name of the secret.
    pub name: String,
    /// Its versions, oldest first.
    pub versions: Vec<VersionEntry>,
}

/// A vault that can also be changed.
///
/// After an error of a change the vault is as it was, with two exceptions: where the error's text says
/// that the change is made, as for the local store's `not_durable`, and where the answer of a vault
/// elsewhere was lost, which leaves open whether it is. So a caller forgets what it holds of the
/// secret either way.
#[async_trait]
pub trait WritableBackend: Send + Sync {
    /// Stores a new version and returns it.
    ///
    /// # Errors
    /// [`BackendError`].
    async fn put(
        &self,
        target: &ChangeTarget,
        value: Secret,
        new: &NewVersion,
    ) -> Result<String, BackendError>;

    /// Deletes a secret with all its versions, at once, and returns how many there were.
    ///
    /// # Errors
    /// [`BackendError`]; class [`Class::Answer`](crate::error::Class::Answer) where there is no such secret.
    async fn delete(&self, target: &ChangeTarget) -> Result<usize, BackendError>;

    /// The secrets there are, by name.
    ///
    /// # Errors
    /// [`BackendError`].
    async fn list(&self) -> Result<Vec<ListEntry>, BackendError>;

    /// The versions of one secret, oldest first.
    ///
    /// # Errors
    /// [`BackendError`]; class [`Class::Answer`](crate::error::Class::Answer) where there is no such secret.
    async fn versions(&self, target: &ChangeTarget) -> Result<Vec<VersionEntry>, BackendError>;

    /// Makes an existing version the current one.
    ///
    /// # Errors
    /// [`BackendError`]; class [`Class::Answer`](crate::error::Class::Answer) where there is no such version.
    async fn promote(&self, target: &ChangeTarget, version: &str) -> Result<(), BackendError>;

    /// Has a secret, or one of its versions, deleted later, and returns when: `at`, in seconds since
    /// 1970-01-01 UTC, or as late as the vault does it where nobody says. `None` where it is not known.
    ///
    /// # Errors
    /// [`BackendError`]; [`UNSUPPORTED`](crate::error::UNSUPPORTED) where a vault deletes at once.
    async fn schedule_deletion(
        &self,
        _target: &ChangeTarget,
        _version: Option<u64>,
        _at: Option<u64>,
    ) -> Result<Option<u64>, BackendError> {
        Err(BackendError::unsupported(
            "a deletion cannot be scheduled here: `vaultctl delete` removes the secret at once",
        ))
    }

    /// Keeps a secret, or one of its versions, that was to be deleted.
    ///
    /// # Errors
    /// [`BackendError`]; [`UNSUPPORTED`](crate::error::UNSUPPORTED) where a vault deletes at once.
    async fn cancel_deletion(
        &self,
        _target: &ChangeTarget,
        _version: Option<u64>,
    ) -> Result<(), BackendError> {
        Err(BackendError::unsupported(
            "there is no scheduled deletion here to be cancelled: what is deleted is gone at once",
        ))
    }
}
