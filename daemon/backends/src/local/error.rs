//! What can go wrong with the local store, and the class of each failure.

use std::io;
use std::path::PathBuf;

use vault_memory::ShieldError;

use crate::error::{BackendError, Class};

/// Why the local store could not be used. In each case but [`LocalError::NotDurable`] what it holds
/// is as it was.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "the message of a variant says what its fields are"
)]
pub enum LocalError {
    /// The operating system refused.
    #[error("{doing} {path}", path = path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The store is changed, but the disk did not confirm it.
    #[error("sync {path}: the change is made, but it may not outlive a power failure; look at the disk", path = path.display())]
    NotDurable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A file or directory of somebody else.
    #[error("use {path}: it belongs to uid {owner}, not to {euid}; give it over with chown {euid} {path}", path = path.display())]
    WrongOwner {
        path: PathBuf,
        owner: u32,
        euid: u32,
    },
    /// A file or directory that others can use.
    #[error("use {path}: its mode {mode:04o} lets others use it; close it with chmod {wanted:o} {path}", path = path.display())]
    WrongMode {
        path: PathBuf,
        mode: u32,
        wanted: u32,
    },
    /// A symbolic link, a pipe, a directory, or a file where a directory should be.
    #[error("use {path}: it is not a {expected}; move it away", path = path.display())]
    WrongType {
        path: PathBuf,
        expected: &'static str,
    },
    /// Another writer did not finish.
    #[error("change the local store: another process holds {path} for over 2 s; find it with fuser {path}", path = path.display())]
    Locked { path: PathBuf },
    /// There is a store, but nothing that opens it. A new identity would never open it.
    #[error("open {store}: there is no identity for it, neither {searched}; put back the one that it was made with", store = store.display())]
    NoIdentity { store: PathBuf, searched: String },
    /// An identity file with something else in it.
    #[error("read an identity from {path}: one line AGE-SECRET-KEY-1... and comments are expected", path = path.display())]
    BadIdentity { path: PathBuf },
    /// An encrypted identity and nothing to unlock it.
    #[error("unlock {path}: no passphrase is given; set the credential vaultd.passphrase", path = path.display())]
    NoPassphrase { path: PathBuf },
    /// An encrypted identity and the wrong passphrase.
    #[error("unlock {path}: the passphrase is wrong, or the file was altered", path = path.display())]
    WrongPassphrase { path: PathBuf },
    /// The store was made for another identity.
    #[error("open {store}: the identity from {identity} does not fit, or the head of the file was altered; put back what belongs together", store = store.display(), identity = identity.display())]
    WrongIdentity { store: PathBuf, identity: PathBuf },
    /// A file that is no longer what was written.
    #[error("decrypt {path}: the file is damaged, {reason}; put back a copy", path = path.display())]
    Damaged { path: PathBuf, reason: &'static str },
    /// An authentic store with a document that cannot be read.
    #[error("read the document in {path}: unexpected text at line {line}, column {column}", path = path.display())]
    Syntax {
        path: PathBuf,
        line: usize,
        column: usize,
    },
    /// An authentic store with a document that contradicts itself.
    #[error("read the document in {path}: its names, versions or values contradict its format", path = path.display())]
    Inconsistent { path: PathBuf },
    /// A store of another version of this program.
    #[error("read the document in {path}: it has format {format}, this program knows 1", path = path.display())]
    Format { path: PathBuf, format: u64 },
    /// A file too large to be ours.
    #[error("read {path}: it is larger than {limit} bytes", path = path.display())]
    TooLarge { path: PathBuf, limit: u64 },
    /// No room for another value.
    #[error("write {path}: it would be larger than 16 MiB; delete secrets that are not needed", path = path.display())]
    Full { path: PathBuf },
    /// No such secret.
    #[error("find local://{name}: there is no such secret")]
    NotFound { name: String },
    /// No such version.
    #[error("find version {version} of local://{name}: there is no such version")]
    VersionNotFound { name: String, version: String },
    /// The first version of a secret that would not be current.
    #[error(
        "store local://{name} as pending: there is no such secret yet, and its first version is the \
         current one; store it without --pending"
    )]
    NothingCurrent { name: String },
    /// No such stage.
    #[error("find stage {stage:?} of local://{name}: the local store has CURRENT and LATEST only")]
    NoSuchStage { name: String, stage: String },
    /// Protected memory could not be used.
    #[error(transparent)]
    Shield(#[from] ShieldError),
    /// The work ended before it was done.
    #[error("finish work on the local store: it was stopped")]
    Stopped,
}

impl LocalError {
    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        self.verdict().1
    }

    fn verdict(&self) -> (Class, &'static str) {
        use Class::{Answer, Credentials, Outage, Request};
        match self {
            Self::Io { .. } => (Outage, "io"),
            Self::NotDurable { .. } => (Outage, "not_durable"),
            Self::WrongOwner { .. } => (Credentials, "wrong_owner"),
            Self::WrongMode { .. } => (Credentials, "wrong_mode"),
            Self::WrongType { .. } => (Credentials, "wrong_type"),
            Self::Locked { .. } => (Outage, "store_locked"),
            Self::NoIdentity { .. } => (Credentials, "no_identity"),
            Self::BadIdentity { .. } => (Credentials, "bad_identity"),
            Self::NoPassphrase { .. } => (Credentials, "no_passphrase"),
            Self::WrongPassphrase { .. } => (Credentials, "wrong_passphrase"),
            Self::WrongIdentity { .. } => (Credentials, "wrong_identity"),
            Self::Damaged { .. } | Self::Syntax { .. } | Self::Inconsistent { .. } => {
                (Outage, "store_damaged")
            }
            Self::Format { .. } => (Outage, "store_format"),
            Self::TooLarge { .. } => (Outage, "store_too_large"),
            Self::Full { .. } => (Request, "store_full"),
            Self::NotFound { .. } => (Answer, "not_found"),
            Self::VersionNotFound { .. } => (Answer, "version_not_found"),
            Self::NoSuchStage { .. } => (Answer, "no_such_stage"),
            Self::NothingCurrent { .. } => (Request, "nothing_current"),
            Self::Shield(error @ ShieldError::TooLarge { .. }) => (Request, error.kind()),
            Self::Shield(error) => (Outage, error.kind()),
            Self::Stopped => (Outage, "stopped"),
        }
    }
}

impl From<LocalError> for BackendError {
    /// The text holds the causes too, since they are all that a person can act upon.
    fn from(error: LocalError) -> Self {
        let (class, kind) = error.verdict();
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        // The store is a file: what cannot be read of it is no word of its.
        match class {
            Class::Outage => Self::no_reply(kind, message),
            Class::Answer => Self::replied(class, kind, message),
            Class::Credentials | Class::Request => Self::not_sent(class, kind, message),
        }
    }
}
