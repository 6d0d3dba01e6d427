//! What does the cache tell others of what it holds?

use std::sync::Arc;
use std::time::Duration;

use vault_backends::backend::Address;

use super::freshness::Freshness;
use super::held::Held;
use crate::clock::Moment;
use crate::upstream::UpstreamError;

/// A value that may be served.
#[derive(Clone, Debug)]
pub struct Served {
    /// The value.
    pub held: Arc<Held>,
    /// Its age.
    pub age: Duration,
    /// Why it is stale; `None` where it is fresh.
    pub stale: Option<String>,
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
