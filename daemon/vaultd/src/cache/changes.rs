//! Who hears of changes? Watchers, by names, versions and times: no value waits for a slow one.

use std::time::Duration;

use tokio::sync::broadcast;
use vault_backends::address::Address;

use super::freshness::Freshness;
use super::held::{Held, Known, Slot};
use crate::clock::Moment;

/// How many changes a slow watcher may lag behind before it misses some: a flush tells of all that
/// is held at once.
pub(crate) const BACKLOG: usize = 1024;

/// One change, for watchers.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where it is: one secret may be asked for by several references.
    pub address: Address,
    /// The reference it was first asked for by.
    pub reference: String,
    /// What is known now.
    pub now: NewState,
    /// How fresh it is wanted; `None` where nobody has asked.
    pub wanted: Option<Freshness>,
}

/// What is known after a change.
#[derive(Clone, Debug)]
pub enum NewState {
    /// Nothing: it was flushed.
    Flushed,
    /// Nothing, and why the backend gave nothing.
    Nothing(String),
    /// The backend's no, in its words.
    No(String),
    /// A value.
    Value {
        /// Its version.
        version: String,
        /// When the backend confirmed it.
        at: Moment,
        /// The bound the backend itself gave.
        valid_for: Option<Duration>,
        /// Whether it is from before this start.
        is_kept: bool,
        /// Why it could not be renewed just now; `None` where it was.
        why: Option<String>,
    },
}

impl NewState {
    /// After a flight that left `known` behind, and failed with `why`, if it failed.
    pub(crate) fn after(known: &Known, why: Option<String>) -> Self {
        match known {
            Known::Value(held, _) => Self::value(held, why),
            Known::Negative(error, ..) => Self::No(error.to_string()),
            Known::Nothing => Self::Nothing(why.unwrap_or_default()),
        }
    }

    /// A value that is held, and why it could not be renewed just now.
    pub(crate) fn value(held: &Held, why: Option<String>) -> Self {
        Self::Value {
            version: held.bundle.version.clone(),
            at: held.confirmed,
            valid_for: held.bundle.valid_for,
            is_kept: held.is_kept,
            why,
        }
    }
}

/// The way to all watchers.
pub(crate) struct Changes(broadcast::Sender<Change>);

impl Default for Changes {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl Changes {
    /// Changes from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.0.subscribe()
    }

    pub(crate) fn tell(&self, address: &Address, slot: &Slot, now: NewState) {
        // Nobody watching is no fault.
        let _ = self.0.send(Change {
            address: address.clone(),
            reference: slot.reference.clone(),
            now,
            wanted: slot.uses().wanted(),
        });
    }
}
