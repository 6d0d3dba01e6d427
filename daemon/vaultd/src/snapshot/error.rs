//! Why the snapshot cannot be written or read, and what a person is told of it.

use std::io;

use vault_backends::error::BackendError;
use vault_backends::local::{LocalError, SealedFile};
use vault_memory::ShieldError;

use super::document::FormatError;

/// Why the file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(super) enum SnapshotError {
    #[error(transparent)]
    File(#[from] LocalError),
    #[error(transparent)]
    Stream(#[from] io::Error),
    #[error(transparent)]
    Shield(#[from] ShieldError),
    #[error("{0}")]
    Format(FormatError),
}

impl From<FormatError> for SnapshotError {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::Source(error) => error.into(),
            FormatError::Shield(error) => error.into(),
            error => Self::Format(error),
        }
    }
}

impl SnapshotError {
    /// In words for a person, with all causes.
    pub(super) fn text(self, file: &SealedFile) -> String {
        let error = match self {
            // What is read of a sealed file breaks off with such an error inside.
            Self::Stream(error) => error.downcast().map_or_else(Self::Stream, Self::File),
            error => error,
        };
        match error {
            Self::File(error) => BackendError::from(error).to_string(),
            error => format!("{}: {error}", file.path().display()),
        }
    }
}

/// What a person should know of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotWarning {
    /// In words for a person.
    pub text: String,
    /// Whether values are on the disk that are to be gone from it.
    pub holds_old: bool,
}

impl SnapshotWarning {
    /// One where no old value stays on the disk.
    pub(super) fn new(text: String) -> Self {
        Self {
            text,
            holds_old: false,
        }
    }
}
