//! What is remembered of one backend, and how many may call it at once?

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::breaker::{Breaker, State};
use super::error::UpstreamError;
use super::name::Name;
use crate::clock::Moment;

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
    /// Calls made since start.
    pub calls: u64,
    /// Of them, those that failed as outages.
    pub failures: u64,
}

/// What is remembered of one backend.
pub(super) struct Line {
    pub(super) name: Name,
    permits: Semaphore,
    pub(super) calls: AtomicU64,
    pub(super) failures: AtomicU64,
    breaker: Mutex<(Breaker, String)>,
}

impl Line {
    /// One on which nobody has called.
    pub(super) fn to(name: Name) -> Self {
        Self {
            name,
            permits: Semaphore::new(CALLS_AT_ONCE),
            calls: AtomicU64::default(),
            failures: AtomicU64::default(),
            breaker: Mutex::default(),
        }
    }

    /// Its health at `now`.
    pub(super) fn health(&self, now: Moment) -> Health {
        let breaker = self.breaker();
        Health {
            name: self.name.clone(),
            breaker: breaker.0.state(now),
            consecutive_failures: breaker.0.consecutive_failures(),
            last_error: breaker.1.clone(),
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
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

    pub(super) fn breaker(&self) -> MutexGuard<'_, (Breaker, String)> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
