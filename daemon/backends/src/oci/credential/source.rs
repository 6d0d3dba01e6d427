//! The trait of what identities come from.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::BackendError;
use crate::findings::Finding;
use crate::oci::files::Files;
use crate::oci::identity::Identity;
use crate::oci::token::Lifetime;

/// Why an identity is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// There is none.
    First,
    /// The one there is will end.
    Due,
    /// The files that it came from have changed.
    Files,
    /// OCI refused the one there is.
    Refused,
}

/// An identity, and until when it is one.
pub(super) struct Obtained {
    pub(super) identity: Identity,
    /// `None` where it has no end.
    pub(super) life: Option<Lifetime>,
}

/// One way to get identities. It is asked by one at a time.
#[async_trait]
pub(super) trait Source: Send + Sync {
    /// Whose identities they are, for messages.
    fn principal(&self) -> String;

    /// Gets one, maybe the same again, and notes the files that it looks at.
    async fn obtain(&self, why: Reason, files: &Arc<Files>) -> Result<Obtained, BackendError>;

    /// Whether it must be renewed although nobody uses it: what ends cannot be begun without a person.
    async fn is_kept_while_idle(&self) -> bool {
        false
    }

    /// Looks at what it needs before it can ask for a token.
    async fn examine(&self) -> Vec<Finding>;
}
