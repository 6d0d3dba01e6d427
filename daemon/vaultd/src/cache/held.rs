//! What is held for one address? A slot that can be emptied while others still point at it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vault_backends::bundle::Bundle;

use super::freshness::Freshness;
use super::machine::{self, Dated};
use crate::clock::Moment;
use crate::upstream::UpstreamError;

/// A bundle that the backend gave, and when.
#[derive(Clone, Debug)]
pub struct Held {
    /// What it gave, shielded.
    pub bundle: Arc<Bundle>,
    /// When the backend was last asked and confirmed it.
    pub confirmed: Moment,
    /// Whether it is from before this start, or from before somebody else has changed what the backend holds:
    /// the backend was not asked for it since.
    pub is_kept: bool,
}

impl Dated for Arc<Held> {
    fn confirmed(&self) -> Moment {
        self.confirmed
    }

    fn valid_for(&self) -> Option<Duration> {
        self.bundle.valid_for
    }

    fn is_kept(&self) -> bool {
        self.is_kept
    }
}

/// What is known of one address.
pub(crate) type Known = machine::Known<Arc<Held>, Arc<UpstreamError>>;
/// What it offers.
pub(crate) type Offer = machine::Offer<Arc<Held>, Arc<UpstreamError>>;

/// The slot of one address. Emptying it drops the value at once, whoever still points at it.
#[derive(Debug)]
pub(crate) struct Slot {
    /// The reference it was first asked for by, for people.
    pub(crate) reference: String,
    known: Mutex<Known>,
    uses: Mutex<Uses>,
}

/// Who wanted the address, and who did not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Uses {
    /// When a caller last asked, and how fresh it was to be.
    pub(crate) asked: Option<(Moment, Freshness)>,
    /// How fresh it is to be for whom it was fetched ahead.
    pub(crate) planned: Option<Freshness>,
    /// When it was last flushed.
    pub(crate) flushed: Option<Moment>,
}

impl Uses {
    /// How fresh it is wanted.
    pub(crate) fn wanted(&self) -> Option<Freshness> {
        self.asked.map(|(_, freshness)| freshness).or(self.planned)
    }

    /// After a flush nobody has asked.
    pub(crate) fn forget(&mut self, now: Moment) {
        (self.asked, self.flushed) = (None, Some(now));
    }
}

impl Slot {
    pub(crate) fn new(reference: String) -> Self {
        Self {
            reference,
            known: Mutex::default(),
            uses: Mutex::default(),
        }
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn uses(&self) -> MutexGuard<'_, Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
