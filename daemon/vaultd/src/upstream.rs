//! Is it safe to ask the backend, and how often? Every call to a backend goes through here.

pub mod breaker;
pub mod retry;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use vault_backends::backend::{
    Address, Backend, BackendError, BackendKind, Class, Fetched, WritableBackend,
};
use vault_backends::registry::Backends;

use crate::clock::{Clock, Moment};
use breaker::{Breaker, Permit, State};

/// Calls under way at once, for each kind of backend.
const CALLS_AT_ONCE: usize = 5;
/// The least time for a call. One that got less would fail by our own haste, and count.
const FAIR: Duration = Duration::from_secs(1);

/// Why a backend gave no value.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No backend of that kind is set up.
    #[error("no backend for {0} secrets is set up in this version")]
    NoBackend(BackendKind),
    /// The backend cannot be changed.
    #[error("{0} secrets cannot be changed through vaultd")]
    ReadOnly(BackendKind),
    /// The breaker is open; the last failure's words.
    #[error("not asked: the breaker of {kind} is open after repeated failures; last: {last}")]
    BreakerOpen {
        /// Which backend.
        kind: BackendKind,
        /// What went wrong last.
        last: String,
    },
    /// Too many calls are waiting or under way.
    #[error("not asked: there are too many calls to {0} at once")]
    Busy(BackendKind),
    /// No answer in time.
    #[error("{kind} did not answer within {seconds} s")]
    Deadline {
        /// Which backend.
        kind: BackendKind,
        /// How long was waited.
        seconds: u64,
    },
    /// The work ended without a word: a fault of the daemon's own.
    #[error("the work was lost; this is a fault in vaultd")]
    Lost,
    /// The backend's own failure.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl UpstreamError {
    /// How the failure is to be taken.
    pub fn class(&self) -> Class {
        match self {
            Self::NoBackend(_) | Self::ReadOnly(_) => Class::Request,
            Self::BreakerOpen { .. } | Self::Busy(_) | Self::Deadline { .. } | Self::Lost => {
                Class::Outage
            }
            Self::Backend(error) => error.class(),
        }
    }

    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoBackend(_) => "no_backend",
            Self::ReadOnly(_) => "read_only",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::Busy(_) => "busy",
            Self::Deadline { .. } => "deadline",
            Self::Lost => "internal",
            Self::Backend(error) => error.kind(),
        }
    }
}

/// A backend's health, as people see it.
#[derive(Clone, Debug)]
pub struct Health {
    /// Which backend.
    pub kind: BackendKind,
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

/// The way to all backends.
pub struct Upstream {
    backends: Backends,
    clock: Arc<dyn Clock>,
    lines: Mutex<HashMap<BackendKind, Arc<Line>>>,
    settings: RwLock<Settings>,
}

/// How careful the way is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Settings {
    /// When a backend is not asked any more.
    pub breaker: breaker::Settings,
    /// When a failed call is made again.
    pub retry: retry::Settings,
}

/// What is remembered of one backend.
struct Line {
    kind: BackendKind,
    permits: Semaphore,
    calls: AtomicU64,
    failures: AtomicU64,
    breaker: Mutex<(Breaker, String)>,
}

impl Line {
    /// A place among the calls under way, in time for a call before `end`. Waiting for it says
    /// nothing of the backend, so it does not count.
    async fn permit(&self, end: Instant) -> Result<SemaphorePermit<'_>, UpstreamError> {
        let wait = end.saturating_duration_since(Instant::now() + FAIR);
        match tokio::time::timeout(wait, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(UpstreamError::Busy(self.kind)),
        }
    }

    fn breaker(&self) -> MutexGuard<'_, (Breaker, String)> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upstream {
    /// The way to `backends`.
    pub fn new(backends: Backends, clock: Arc<dyn Clock>) -> Self {
        Self {
            backends,
            clock,
            lines: Mutex::default(),
            settings: RwLock::default(),
        }
    }

    /// Sets how careful the way is; calls under way go on as they began.
    pub fn configure(&self, settings: Settings) {
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = settings;
    }

    fn settings(&self) -> Settings {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches one value within `time`, repeating as breaker and retries allow, with the moment of the
    /// call that brought it: how long the answer was on its way nobody knows, least of all when the
    /// machine slept meanwhile.
    ///
    /// # Errors
    /// [`UpstreamError`], whose class says how to take it.
    pub async fn fetch(
        &self,
        address: &Address,
        time: Duration,
    ) -> Result<(Fetched, Moment), UpstreamError> {
        let backend = self
            .backends
            .of(address.kind)
            .ok_or(UpstreamError::NoBackend(address.kind))?;
        let line = self.line(address.kind);
        let end = Instant::now() + time;
        let mut attempt = 0;
        loop {
            let permit = line.permit(end).await?;
            // Only now: the breaker may have opened meanwhile, and a probe must not wait.
            let probe = self.ask(&line)?;
            let asked = self.clock.now();
            let left = end.saturating_duration_since(Instant::now());
            let error = match self.call(&line, &*backend, address, left, time).await {
                Ok(fetched) => return Ok((fetched, asked)),
                Err(error) => error,
            };
            drop(permit);
            let pause = match &error {
                UpstreamError::Backend(cause) if cause.is_retryable() && !probe => {
                    let left = end.saturating_duration_since(Instant::now() + FAIR);
                    retry::pause(
                        &self.retry(address.kind),
                        attempt,
                        cause.pause(),
                        jitter(),
                        left,
                    )
                }
                _ => None,
            };
            let Some(pause) = pause else {
                return Err(error);
            };
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// The backend that can change secrets of that kind, and its memory.
    ///
    /// # Errors
    /// [`UpstreamError::NoBackend`], [`UpstreamError::ReadOnly`].
    pub fn writable(&self, kind: BackendKind) -> Result<Writable, UpstreamError> {
        let backend = self
            .backends
            .of(kind)
            .ok_or(UpstreamError::NoBackend(kind))?;
        if backend.writable().is_none() {
            return Err(UpstreamError::ReadOnly(kind));
        }
        Ok(Writable(backend))
    }

    /// The health of every backend that is set up.
    pub fn health(&self) -> Vec<Health> {
        let now = self.clock.now();
        let health = |backend: &Arc<dyn Backend>| {
            let line = self.line(backend.kind());
            let breaker = line.breaker();
            Health {
                kind: line.kind,
                breaker: breaker.0.state(now),
                consecutive_failures: breaker.0.consecutive_failures(),
                last_error: breaker.1.clone(),
                calls: line.calls.load(Ordering::Relaxed),
                failures: line.failures.load(Ordering::Relaxed),
            }
        };
        self.backends.iter().map(health).collect()
    }

    /// How long until `moment`.
    pub fn until(&self, moment: Moment) -> Duration {
        moment.since(self.clock.now())
    }

    /// Closes the breaker of `kind`, or all; returns how many were not closed.
    pub fn reset(&self, kind: Option<BackendKind>) -> usize {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = lines
            .values()
            .filter(|line| kind.is_none_or(|kind| kind == line.kind));
        chosen.filter(|line| line.breaker().0.reset()).count()
    }

    fn line(&self, kind: BackendKind) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.entry(kind).or_insert_with(|| {
            Arc::new(Line {
                kind,
                permits: Semaphore::new(CALLS_AT_ONCE),
                calls: AtomicU64::default(),
                failures: AtomicU64::default(),
                breaker: Mutex::default(),
            })
        });
        Arc::clone(line)
    }

    /// Whether the call is a probe, or an error where it must not be made.
    fn ask(&self, line: &Line) -> Result<bool, UpstreamError> {
        let mut breaker = line.breaker();
        match breaker
            .0
            .ask(self.clock.now(), &self.breaker(line.kind), jitter())
        {
            Permit::Call => Ok(false),
            Permit::Probe => Ok(true),
            Permit::Wait(_) => Err(UpstreamError::BreakerOpen {
                kind: line.kind,
                last: breaker.1.clone(),
            }),
        }
    }

    async fn call(
        &self,
        line: &Line,
        backend: &dyn Backend,
        address: &Address,
        left: Duration,
        whole: Duration,
    ) -> Result<Fetched, UpstreamError> {
        line.calls.fetch_add(1, Ordering::Relaxed);
        let result = match tokio::time::timeout(left, backend.fetch(address)).await {
            Ok(result) => result.map_err(UpstreamError::Backend),
            Err(_) => Err(UpstreamError::Deadline {
                kind: line.kind,
                seconds: whole.as_secs(),
            }),
        };
        self.remember(line, &result);
        result
    }

    /// An answer that says no is an answer: only outages count.
    fn remember(&self, line: &Line, result: &Result<Fetched, UpstreamError>) {
        let now = self.clock.now();
        let settings = self.breaker(line.kind);
        let mut breaker = line.breaker();
        match result {
            Err(error) if error.class() == Class::Outage => {
                line.failures.fetch_add(1, Ordering::Relaxed);
                breaker.1 = error.to_string();
                if breaker.0.failed(now, &settings, jitter()) {
                    tracing::warn!(backend = %line.kind, error = %error, "breaker opened");
                }
            }
            Err(error) if error.class() == Class::Credentials => breaker.1 = error.to_string(),
            _ => {
                breaker.0.succeeded(now, &settings);
                breaker.1.clear();
            }
        }
    }

    /// The store of this machine is a file: asking it again soon helps nobody, and once a person
    /// has repaired it, it must be asked at once.
    fn breaker(&self, kind: BackendKind) -> breaker::Settings {
        match kind {
            BackendKind::Local => breaker::Settings {
                threshold: 0,
                ..self.settings().breaker
            },
            BackendKind::Oci => self.settings().breaker,
        }
    }

    fn retry(&self, kind: BackendKind) -> retry::Settings {
        match kind {
            BackendKind::Local => retry::Settings {
                max_retries: 0,
                ..self.settings().retry
            },
            BackendKind::Oci => self.settings().retry,
        }
    }
}

/// A backend that is known to be writable.
pub struct Writable(Arc<dyn Backend>);

impl Writable {
    /// The backend.
    pub fn backend(&self) -> &dyn WritableBackend {
        self.0.writable().expect("checked when this was made")
    }
}

/// A number in 0..=1 that differs from call to call and from host to host.
fn jitter() -> f64 {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(random) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
