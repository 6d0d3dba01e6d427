//! Failures of signing.

use super::super::key::KeyError;

/// Why a request was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// A header that would not arrive as it was signed.
    #[error("sign a request: its header {0} has letters that no header can have")]
    Header(&'static str),
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl SignatureError {
    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Header(_) => "bad_header",
            Self::Key(error) => error.kind(),
        }
    }
}
