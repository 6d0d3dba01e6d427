//! What every vault must be able to do, and how it says that it could not.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use vault_memory::Secret;

/// Which kind of vault an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackendKind {
    /// The encrypted file of this machine, `local://`.
    Local,
    /// OCI Vault, `oci-vault://`.
    Oci,
}

impl BackendKind {
    /// The stable word for status, audit and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Oci => "oci",
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which version of a secret is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// Whatever the vault calls current.
    #[default]
    Current,
    /// This number and no other.
    Version(u64),
    /// A stage by its name, such as `PENDING`.
    Stage(String),
    /// One that was given this name, where a vault has names for versions.
    Named(String),
}

/// Where one value is: what a backend needs to fetch it, and what tells it from others in a cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The kind of vault.
    pub kind: BackendKind,
    /// Whose vault: tenancy, profile, region in one text. Empty where there is only one.
    pub scope: String,
    /// Compartment or vault; `None` where the name stands alone.
    pub container: Option<String>,
    /// Name or identifier of the secret.
    pub name: String,
    /// Which of its versions.
    pub wanted: Wanted,
}

impl Address {
    /// The current version of a secret in the local store.
    pub fn local(name: &str) -> Self {
        Self {
            kind: BackendKind::Local,
            scope: String::new(),
            container: None,
            name: name.to_owned(),
            wanted: Wanted::Current,
        }
    }
}

/// What a backend found.
#[derive(Debug)]
pub struct Fetched {
    /// The value.
    pub secret: Secret,
    /// The version the value has, as its vault writes it.
    pub version: String,
    /// How long the value may be used at most, where the vault says so.
    pub valid_for: Option<Duration>,
}

/// A secret that is to be changed, as somebody means it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The secret. Which of its versions is said beside it.
    pub address: Address,
    /// Where things are for whoever asks.
    pub home: Home,
}

impl From<Address> for Target {
    fn from(address: Address) -> Self {
        let home = Home::default();
        Self { address, home }
    }
}

/// What a configuration says of where new secrets are put, and of where those are that an address names
/// in part. Two that share a vault's connection may differ in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
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
    /// Whether this is what [`Wanted::Current`] means now.
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

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What: "configuration", "key", "clock".
    pub what: String,
    /// Whether it is as it should be.
    pub is_well: bool,
    /// What was found, in words that hold no value.
    pub detail: String,
    /// What to do where it is not; empty where it is.
    pub remedy: String,
}

/// How a failure is to be taken. Said where the failure is made, never guessed from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The vault answered: there is no such value for us. It ends at once.
    Answer,
    /// The vault could not be asked. A stale value may be served; counts for the breaker.
    Outage,
    /// Our own credentials are at fault. A stale value may be served; loud in status.
    Credentials,
    /// We asked wrongly. An error; what was known stays known.
    Request,
}

/// A backend's failure: class, stable word, and a text for a person that holds no value.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct BackendError {
    class: Class,
    kind: &'static str,
    message: String,
    retry_after: Option<Duration>,
    request_id: Option<Box<str>>,
    counts: bool,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl BackendError {
    /// A failure of `class`, named by the stable word `kind`, in words for a person.
    pub fn new(class: Class, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            class,
            kind,
            message: message.into(),
            retry_after: None,
            request_id: None,
            counts: true,
            source: None,
        }
    }

    /// The same failure with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// The same failure with the pause the vault asked for.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// The same failure with the vault's own name for the call, for those who ask its support.
    #[must_use]
    pub fn of_request(mut self, request_id: impl Into<Box<str>>) -> Self {
        self.request_id = Some(request_id.into());
        self
    }

    /// A vault of this kind cannot do what is asked, and why or what can be done instead.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(Class::Request, UNSUPPORTED, message)
    }

    /// The same failure with more words after its own.
    #[must_use]
    pub fn adding(mut self, words: &str) -> Self {
        self.message = format!("{}; {words}", self.message);
        self
    }

    /// The same failure as one that says nothing of the vault itself: the token for it was not to be had,
    /// say. What gets tokens has a breaker of its own.
    #[must_use]
    pub fn uncounted(mut self) -> Self {
        self.counts = false;
        self
    }

    /// Whether it counts for the vault's breaker.
    pub fn counts(&self) -> bool {
        self.counts
    }

    /// How the failure is to be taken.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The pause the vault asked for before the next attempt.
    pub fn pause(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The vault's own name for the call, where it has one.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Whether the same call may succeed if made again soon.
    pub fn is_retryable(&self) -> bool {
        self.class == Class::Outage
    }
}

/// The stable word for what a vault cannot do.
pub const UNSUPPORTED: &str = "unsupported";

/// A vault that can be read.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Which addresses it understands.
    fn kind(&self) -> BackendKind;

    /// Fetches one value. One call is one attempt: retries, deadlines and breakers are the caller's.
    ///
    /// # Errors
    /// [`BackendError`], whose class says how to take it.
    async fn fetch(&self, address: &Address) -> Result<Fetched, BackendError>;

    /// Forgets what was looked up on the way to values, such as which secret a name means, so that the
    /// next fetch looks again.
    fn forget(&self) {}

    /// Does what is due ahead of time, such as renewing a token, and says when to be called again.
    async fn upkeep(&self) -> Duration {
        Duration::from_hours(1)
    }

    /// Looks at everything it needs, one thing after the other, as a person would who looks for a fault.
    async fn examine(&self) -> Vec<Finding> {
        vec![]
    }

    /// What a person should know of it now, a sentence each.
    fn notices(&self) -> Vec<String> {
        vec![]
    }

    /// The same vault as one that can be changed, if it can be.
    fn writable(&self) -> Option<&dyn WritableBackend> {
        None
    }
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
        target: &Target,
        value: Secret,
        new: &NewVersion,
    ) -> Result<String, BackendError>;

    /// Deletes a secret with all its versions, at once, and returns how many there were.
    ///
    /// # Errors
    /// [`BackendError`]; class [`Class::Answer`] where there is no such secret.
    async fn delete(&self, target: &Target) -> Result<usize, BackendError>;

    /// The secrets there are, by name.
    ///
    /// # Errors
    /// [`BackendError`].
    async fn list(&self) -> Result<Vec<ListEntry>, BackendError>;

    /// The versions of one secret, oldest first.
    ///
    /// # Errors
    /// [`BackendError`]; class [`Class::Answer`] where there is no such secret.
    async fn versions(&self, target: &Target) -> Result<Vec<VersionEntry>, BackendError>;

    /// Makes an existing version the current one.
    ///
    /// # Errors
    /// [`BackendError`]; class [`Class::Answer`] where there is no such version.
    async fn promote(&self, target: &Target, version: &str) -> Result<(), BackendError>;

    /// Has a secret, or one of its versions, deleted later, and returns when: `at`, in seconds since
    /// 1970-01-01 UTC, or as late as the vault does it where nobody says. `None` where it is not known.
    ///
    /// # Errors
    /// [`BackendError`]; [`UNSUPPORTED`] where a vault deletes at once.
    async fn schedule_deletion(
        &self,
        _target: &Target,
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
    /// [`BackendError`]; [`UNSUPPORTED`] where a vault deletes at once.
    async fn cancel_deletion(
        &self,
        _target: &Target,
        _version: Option<u64>,
    ) -> Result<(), BackendError> {
        Err(BackendError::unsupported(
            "there is no scheduled deletion here to be cancelled: what is deleted is gone at once",
        ))
    }
}
