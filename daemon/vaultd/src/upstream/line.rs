//! What is remembered of one backend? Its breaker, its calls under way, and what was counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::breaker::{Breaker, State};
use super::error::UpstreamError;
use super::name::Name;
use crate::histogram::{Counted, Histogram, SLOW};

/// Calls under way at once, for each backend.
pub(super) const CALLS_AT_ONCE: usize = 5;
/// The least time for a call. One that got less would fail by our own haste, and count.
pub(super) const FAIR: Duration = Duration::from_secs(1);

/// A backend's health, as people see it.
#[derive(Clone, Debug)]
pub struct Health {
    /// Which backend.
    pub name: Name,
    /// Its breaker.
    pub breaker: State,
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// The last failure's words; empty after a success.
    pub last_error: String,
    /// What was counted since the daemon started, or since the backend was configured.
    pub tally: Tally,
}

/// What was counted of one backend.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Calls made.
    pub calls: u64,
    /// Of them, those that brought a value.
    pub fetched: u64,
    /// Of them, those that failed as outages.
    pub failures: u64,
    /// Of them, those that repeated a failed one.
    pub retries: u64,
    /// How often its breaker opened.
    pub opens: u64,
    /// How long calls took.
    pub took: Counted,
}

/// See the module's words.
pub(super) struct Line {
    pub(super) name: Name,
    permits: Semaphore,
    calls: AtomicU64,
    fetched: AtomicU64,
    failures: AtomicU64,
    retries: AtomicU64,
    opens: AtomicU64,
    took: Histogram,
    breaker: Mutex<(Breaker, String)>,
}

/// What is counted one by one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Call,
    Fetched,
    Failure,
    Retry,
    Open,
}

impl Line {
    pub(super) fn new(name: Name) -> Self {
        Self {
            name,
            permits: Semaphore::new(CALLS_AT_ONCE),
            calls: AtomicU64::default(),
            fetched: AtomicU64::default(),
            failures: AtomicU64::default(),
            retries: AtomicU64::default(),
            opens: AtomicU64::default(),
            took: Histogram::new(SLOW),
            breaker: Mutex::default(),
        }
    }

    /// A place among the calls under way, in time for a call before `end`. Waiting for it says
    /// nothing of the backend, so it does not count.
    pub(super) async fn permit(&self, end: Instant) -> Result<SemaphorePermit<'_>, UpstreamError> {
        let wait = end.saturating_duration_since(Instant::now() + FAIR);
        match tokio::time::timeout(wait, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(UpstreamError::Busy(self.name.clone())),
        }
    }

    /// The breaker, and the last failure's words.
    pub(super) fn breaker(&self) -> MutexGuard<'_, (Breaker, String)> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, event: Event) {
        self.counter(event).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn took(&self, took: Duration) {
        self.took.count(took);
    }

    pub(super) fn health(&self) -> Health {
        let breaker = self.breaker();
        let count = |event| self.counter(event).load(Ordering::Relaxed);
        Health {
            name: self.name.clone(),
            breaker: breaker.0.state(),
            consecutive_failures: breaker.0.consecutive_failures(),
            last_error: breaker.1.clone(),
            tally: Tally {
                calls: count(Event::Call),
                fetched: count(Event::Fetched),
                failures: count(Event::Failure),
                retries: count(Event::Retry),
                opens: count(Event::Open),
                took: self.took.look(),
            },
        }
    }

    fn counter(&self, event: Event) -> &AtomicU64 {
        match event {
            Event::Call => &self.calls,
            Event::Fetched => &self.fetched,
            Event::Failure => &self.failures,
            Event::Retry => &self.retries,
            Event::Open => &self.opens,
        }
    }
}
