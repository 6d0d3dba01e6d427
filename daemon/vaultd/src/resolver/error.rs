//! Why a caller is given nothing, by rules and not by a backend.

use vault_proto::kinds;

use crate::policy::Action;

/// Why nothing is answered.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// Policy says no.
    #[error("policy denies {action}{of} ({rule}); to allow it, {hint}")]
    Denied {
        /// The action.
        action: Action,
        /// " of REFERENCE", or nothing.
        of: String,
        /// The rule that decided.
        rule: String,
        /// What would allow it.
        hint: String,
    },
    /// The record could not be written.
    #[error("nothing leaves without its audit record, and {0}")]
    Audit(String),
    /// The process that connected has ended.
    #[error("the caller that connected has ended")]
    PeerGone,
    /// It took so long to write the record that a value ended meanwhile.
    #[error("a value has ended while its release was written down; ask again")]
    Ended,
}

impl ResolveError {
    /// The stable word, on the wire and in the audit record.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Denied { .. } => kinds::DENIED,
            Self::Audit(_) => kinds::AUDIT,
            Self::PeerGone => kinds::PEER_GONE,
            Self::Ended => kinds::UNAVAILABLE,
        }
    }
}
