//! What is held for one address? A slot that can be emptied while others still point at it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vault_memory::Secret;

use crate::clock::Moment;
use crate::upstream::UpstreamError;

/// A value the backend gave, with what it said of it.
#[derive(Debug)]
pub struct Held {
    /// The value, shielded.
    pub secret: Secret,
    /// Its version, as the backend writes it.
    pub version: String,
    /// When the backend was last asked and confirmed it.
    pub confirmed: Moment,
    /// The bound the backend itself gave.
    pub valid_for: Option<Duration>,
}

/// What is known of one address.
#[derive(Clone, Debug, Default)]
pub(crate) enum Known {
    /// Nothing: never asked, or flushed.
    #[default]
    Nothing,
    /// A value, and why it could not be renewed, if it could not.
    Value(Arc<Held>, Option<String>),
    /// The backend said that there is none; remembered until then.
    Negative(Arc<UpstreamError>, Moment),
}

impl Known {
    /// Forgets; returns whether a value was held.
    pub(crate) fn forget(&mut self) -> bool {
        matches!(std::mem::take(self), Self::Value(..))
    }
}

/// A handle on the shelf. Emptying it drops the value at once, whatever the shelf still holds.
#[derive(Debug)]
pub(crate) struct Slot {
    /// The reference it was first asked for by, for people.
    pub(crate) reference: String,
    known: Mutex<Known>,
}

impl Slot {
    pub(crate) fn new(reference: String) -> Self {
        Self {
            reference,
            known: Mutex::default(),
        }
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
