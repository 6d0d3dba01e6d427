//! A vault that can be read.

use std::time::Duration;

use async_trait::async_trait;

use crate::address::{Address, BackendKind};
use crate::bundle::Bundle;
use crate::changing::WritableBackend;
use crate::error::BackendError;
use crate::findings::Finding;

/// What a fetch does at the vault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FetchEffect {
    /// Nothing: it may be made ahead of time, and again after a failure.
    #[default]
    Reads,
    /// It makes something new, an account say. Only a caller's own wish is a reason for it, and it is not
    /// made again because an answer was lost.
    Creates,
}

/// A vault that can be read.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Which addresses it understands.
    fn kind(&self) -> BackendKind;

    /// What a fetch of `address` does at the vault.
    fn effect(&self, _address: &Address) -> FetchEffect {
        FetchEffect::Reads
    }

    /// Fetches one bundle. One call is one attempt: retries, deadlines and breakers are the caller's.
    ///
    /// # Errors
    /// [`BackendError`], whose class says how to take it.
    async fn fetch(&self, address: &Address) -> Result<Bundle, BackendError>;

    /// Forgets what was looked up on the way to values, such as which secret a name means, so that the
    /// next fetch looks again.
    fn forget(&self) {}

    /// Calls `doubt` where somebody else has changed what this holds since the last time: a value that was
    /// fetched before must not be handed out as fresh. Asked before held values are used, so that it costs
    /// a look at a file at most. A vault that cannot know calls it never, and its values have an age.
    fn when_changed(&self, _doubt: &dyn Fn()) {}

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
