//! Why can the file not be used?

use vault_backends::error::BackendError;
use vault_backends::local::{LocalError, SealedFile};
use vault_memory::ShieldError;

use super::document::Unreadable;

/// Why the file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error(transparent)]
    File(#[from] LocalError),
    #[error(transparent)]
    Shield(#[from] ShieldError),
    #[error("{0}")]
    Document(#[from] Unreadable),
}

impl Unusable {
    /// In words for a person, with all causes.
    pub(super) fn text(self, file: &SealedFile) -> String {
        match self {
            Self::File(error) => BackendError::from(error).to_string(),
            error => format!("{}: {error}", file.path().display()),
        }
    }
}

/// Why the file is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// In words for a person.
    pub words: String,
    /// Whether values are on the disk that are to be gone from it.
    pub holds_old: bool,
}

impl Trouble {
    /// One that leaves nothing behind.
    pub(super) fn warning(words: String) -> Self {
        Self {
            words,
            holds_old: false,
        }
    }
}
