//! Who hears of changes? Watchers, by names, versions and times: no value waits for a slow one.

use tokio::sync::broadcast;

use crate::clock::Moment;

/// How many changes a slow watcher may lag behind before it misses some.
const BACKLOG: usize = 64;

/// One change, for watchers.
#[derive(Clone, Debug)]
pub struct Change {
    /// The reference.
    pub reference: String,
    /// What is known now; `None` where it was flushed.
    pub now: Option<Result<Confirmed, ()>>,
}

/// What is said of a value.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// Its version.
    pub version: String,
    /// When the backend confirmed it.
    pub at: Moment,
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

    pub(crate) fn tell(&self, reference: &str, now: Option<Result<Confirmed, ()>>) {
        // Nobody watching is no fault.
        let _ = self.0.send(Change {
            reference: reference.to_owned(),
            now,
        });
    }
}
