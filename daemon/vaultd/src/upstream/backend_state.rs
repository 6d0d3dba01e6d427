//! What is remembered of one backend: its circuit, its calls under way, and what was counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::breaker::State;
use super::circuit::{Circuit, Leave};
use super::error::UpstreamError;
use super::name::Name;
use crate::histogram::{Counted, Histogram, SLOW};

/// Calls under way at once, for each backend.
pub(super) const CALLS_AT_ONCE: usize = 5;
/// Of them, those that nobody waits for at most: callers always find room.
pub(super) const IN_BACKGROUND: usize = CALLS_AT_ONCE - 2;
/// The least time for a call. One that got less would fail by our own haste, and count.
pub(super) const SHORTEST_CALL: Duration = Duration::from_secs(1);

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
    pub counts: CallCounts,
}

/// What was counted of one backend.
#[derive(Clone, Debug)]
pub struct CallCounts {
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
pub(super) struct BackendState {
    pub(super) name: Name,
    calls_under_way: Semaphore,
    background_turns: Arc<Semaphore>,
    calls: AtomicU64,
    fetched: AtomicU64,
    failures: AtomicU64,
    retries: AtomicU64,
    opens: AtomicU64,
    took: Histogram,
    circuit: Mutex<Circuit>,
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

impl BackendState {
    pub(super) fn new(name: Name) -> Self {
        Self {
            name,
            calls_under_way: Semaphore::new(CALLS_AT_ONCE),
            background_turns: Arc::new(Semaphore::new(IN_BACKGROUND)),
            calls: AtomicU64::default(),
            fetched: AtomicU64::default(),
            failures: AtomicU64::default(),
            retries: AtomicU64::default(),
            opens: AtomicU64::default(),
            took: Histogram::new(SLOW),
            circuit: Mutex::default(),
        }
    }

    /// A place among the calls under way, in time for a call before `end`. Waiting for it says
    /// nothing of the backend, so it does not count.
    pub(super) async fn call_permit(
        &self,
        end: Instant,
    ) -> Result<SemaphorePermit<'_>, UpstreamError> {
        let wait = end.saturating_duration_since(Instant::now() + SHORTEST_CALL);
        match tokio::time::timeout(wait, self.calls_under_way.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(UpstreamError::Busy(self.name.clone())),
        }
    }

    /// A turn for work that nobody waits for, within `time`.
    pub(super) async fn background_turn(
        &self,
        time: Duration,
    ) -> Result<OwnedSemaphorePermit, UpstreamError> {
        let turn = Arc::clone(&self.background_turns).acquire_owned();
        match tokio::time::timeout(time, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(UpstreamError::Busy(self.name.clone())),
        }
    }

    pub(super) fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, event: Event) {
        self.counter(event).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn took(&self, took: Duration) {
        self.took.count(took);
    }

    pub(super) fn health(&self) -> Health {
        let circuit = self.circuit();
        let count = |event| self.counter(event).load(Ordering::Relaxed);
        Health {
            name: self.name.clone(),
            breaker: circuit.state(),
            consecutive_failures: circuit.consecutive_failures(),
            last_error: circuit.last_error().to_owned(),
            counts: CallCounts {
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

/// Leave for one call of a backend; given back where the call is given up.
pub(super) struct CallLeave<'a> {
    state: &'a BackendState,
    leave: Option<Leave>,
}

impl<'a> CallLeave<'a> {
    pub(super) fn new(state: &'a BackendState, leave: Leave) -> Self {
        let leave = Some(leave);
        Self { state, leave }
    }

    pub(super) fn state(&self) -> &'a BackendState {
        self.state
    }

    /// Whether the call decides over what follows, so that it is not repeated.
    pub(super) fn is_probe(&self) -> bool {
        self.leave.as_ref().is_some_and(Leave::is_probe)
    }

    /// Whether the call reads a secret.
    pub(super) fn is_of_a_read(&self) -> bool {
        self.leave.as_ref().is_some_and(Leave::is_of_a_read)
    }

    /// The leave of a call that has ended.
    pub(super) fn used(mut self) -> Option<Leave> {
        self.leave.take()
    }
}

impl Drop for CallLeave<'_> {
    fn drop(&mut self) {
        if let Some(leave) = &self.leave {
            self.state.circuit().abandoned(leave);
        }
    }
}
