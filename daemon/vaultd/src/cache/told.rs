//! What does the cache tell others of what it holds?

use std::sync::Arc;
use std::time::Duration;

use vault_backends::backend::Address;

use super::freshness::Freshness;
use super::held::Held;
use crate::clock::Moment;
use crate::upstream::UpstreamError;

/// How long a call takes at most.
const AT_MOST: Duration = Duration::from_secs(10);

/// A value that may be served.
#[derive(Clone, Debug)]
pub struct Served {
    /// The value.
    pub held: Arc<Held>,
    /// Its age.
    pub age: Duration,
    /// Why it is stale; `None` where it is fresh.
    pub stale: Option<String>,
    /// From when on it may not leave any more, however long it took to write down that it does.
    pub until: Moment,
}

impl Served {
    /// `held` for somebody who wants it so fresh.
    pub fn new(held: Arc<Held>, now: Moment, freshness: &Freshness, stale: Option<String>) -> Self {
        let age = now.since(held.confirmed);
        let usable = freshness.usable(held.valid_for);
        // What was waited for is taken at any age, and has the time that a call may take.
        let left = usable.checked_sub(age).filter(|left| !left.is_zero());
        Self {
            until: now + left.unwrap_or(AT_MOST),
            held,
            age,
            stale,
        }
    }
}

/// One held address, for status.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its address.
    pub address: Address,
    /// The reference it was first asked for by.
    pub reference: String,
    /// The value, its age, and why it could not be renewed; or the backend's no.
    pub known: Result<(Arc<Held>, Duration, Option<String>), Arc<UpstreamError>>,
    /// How fresh whoever asked last wants it, or else for whom it was fetched ahead.
    pub wanted: Option<Freshness>,
    /// Whether the backend is being asked now.
    pub refreshing: bool,
}

/// One address, for whoever renews values ahead of time.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The address.
    pub address: Address,
    /// The reference it was first asked for by.
    pub reference: String,
    /// When a caller last asked for it, and how fresh it was to be; `None` since the last flush.
    pub asked: Option<(Moment, Freshness)>,
    /// When the value that is held was confirmed since this start, and the backend's own bound.
    pub held: Option<(Moment, Option<Duration>)>,
    /// Whether a value from before this start is held.
    pub is_kept: bool,
    /// When it was last flushed.
    pub flushed: Option<Moment>,
}

/// What came of asking ahead of time.
#[derive(Clone, Debug)]
pub enum Renewal {
    /// The backend's answer or failure.
    Done(Result<Arc<Held>, Arc<UpstreamError>>),
    /// A flush went by: nothing was kept, and nobody asks again.
    Overtaken,
}
