//! Is it safe to ask the backend, and how often? Every call to a backend goes through here.

pub mod attempts;
pub mod breaker;
mod error;
mod line;
mod name;
pub mod retry;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::time::Instant;
use vault_backends::address::{Address, BackendKind};
use vault_backends::bundle::Bundle;
use vault_backends::changing::WritableBackend;
use vault_backends::error::{BackendError, Class, Contact};
use vault_backends::findings::Finding;
use vault_backends::reading::Backend;
use vault_backends::registry::Backends;
use vault_backends::target::{Key, Target};

use crate::backend_kinds::BackendKinds;
use crate::clock::{Clock, Moment};
use attempts::{Attempt, Attempts};
use breaker::Permit;
pub use error::UpstreamError;
use line::{Event, FAIR, Line};
pub use line::{Health, Tally};
pub use name::Name;

/// How long anything but a fetch may take: a list may have many pages.
const ONCE: Duration = Duration::from_mins(1);

/// The way to all backends.
pub struct Upstream {
    backends: Backends,
    kinds: BackendKinds,
    clock: Arc<dyn Clock>,
    lines: Mutex<HashMap<Name, Arc<Line>>>,
    settings: RwLock<ResilienceSettings>,
    attempts: Attempts,
    jitter: Jitter,
    reset: Notify,
}

/// Where numbers in 0..=1 come from that spread calls.
type Jitter = Box<dyn Fn() -> f64 + Send + Sync>;

/// How careful the way is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ResilienceSettings {
    /// When a backend is not asked any more.
    pub breaker: breaker::BreakerSettings,
    /// When a failed call is made again.
    pub retry: retry::RetrySettings,
}

impl Upstream {
    /// The way to `backends`.
    pub fn new(backends: Backends, clock: Arc<dyn Clock>) -> Self {
        Self {
            backends,
            kinds: BackendKinds::SHIPPED,
            clock,
            lines: Mutex::default(),
            settings: RwLock::default(),
            attempts: Attempts::default(),
            jitter: Box::new(jitter),
            reset: Notify::new(),
        }
    }

    /// The same with other numbers in 0..=1 to spread calls by: the same each time, for a simulator.
    #[must_use]
    pub fn with_jitter(mut self, jitter: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.jitter = Box::new(jitter);
        self
    }

    /// The same for other kinds of vaults.
    #[must_use]
    pub fn with_kinds(mut self, kinds: BackendKinds) -> Self {
        self.kinds = kinds;
        self
    }

    /// Sets how careful the way is; calls under way go on as they began.
    pub fn configure(&self, settings: ResilienceSettings) {
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = settings;
    }

    fn settings(&self) -> ResilienceSettings {
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
    ) -> Result<(Bundle, Moment), UpstreamError> {
        let backend = self
            .backends
            .of(address.kind, &address.scope)
            .ok_or_else(|| UpstreamError::NoBackend(Name::of(address)))?;
        let line = self.line(Name::of(address));
        let end = Instant::now() + time;
        let mut attempt = 0;
        loop {
            let permit = line.permit(end).await?;
            // Only now: the breaker may have opened meanwhile, and a probe must not wait.
            let probe = self.ask(&line)?;
            if attempt > 0 {
                line.count(Event::Retry);
            }
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
                        (self.jitter)(),
                        left,
                    )
                }
                _ => None,
            };
            let Some(pause) = pause else {
                return Err(error);
            };
            self.clock.sleep(pause).await;
            attempt += 1;
        }
    }

    /// Lets these vaults be asked, and forgets those that can be asked no more.
    pub fn set_targets(&self, targets: impl IntoIterator<Item = Arc<dyn Target>>) {
        self.backends.configure(targets);
        let open = self.backends.keys();
        self.lines().retain(|name, _| open.contains(&name.key()));
    }

    /// Refuses an address that no backend serves, or can be asked for.
    ///
    /// # Errors
    /// [`UpstreamError::NoBackend`].
    pub fn check(&self, address: &Address) -> Result<(), UpstreamError> {
        if !self.backends.has(address.kind, &address.scope) {
            return Err(UpstreamError::NoBackend(Name::of(address)));
        }
        if let Some(target) = self.backends.target(address.kind, &address.scope) {
            target.check(address)?;
        }
        Ok(())
    }

    /// The backend of an address as one that can be changed.
    ///
    /// # Errors
    /// [`UpstreamError::NoBackend`], [`UpstreamError::ReadOnly`].
    pub fn writable(&self, address: &Address) -> Result<Writable, UpstreamError> {
        let backend = self
            .backends
            .of(address.kind, &address.scope)
            .ok_or_else(|| UpstreamError::NoBackend(Name::of(address)))?;
        if backend.writable().is_none() {
            return Err(UpstreamError::ReadOnly(Name::of(address)));
        }
        Ok(Writable(backend))
    }

    /// Does something with the backend of an address that is no fetch: once, within a minute, and like one
    /// as far as its breaker and the number of calls at once go.
    ///
    /// # Errors
    /// [`UpstreamError`]. After [`UpstreamError::Deadline`] nobody knows whether it is done.
    pub async fn once<T>(
        &self,
        address: &Address,
        work: impl Future<Output = Result<T, BackendError>>,
    ) -> Result<T, UpstreamError> {
        let line = self.line(Name::of(address));
        let end = Instant::now() + ONCE;
        let _permit = line.permit(end).await?;
        self.ask(&line)?;
        line.count(Event::Call);
        let result = match tokio::time::timeout_at(end, work).await {
            Ok(result) => result.map_err(UpstreamError::Backend),
            Err(_) => Err(UpstreamError::Deadline {
                name: line.name.clone(),
                seconds: ONCE.as_secs(),
            }),
        };
        self.remember(&line, &result);
        result
    }

    /// The health of every backend that is open.
    pub fn health(&self) -> Vec<Health> {
        let health = |(kind, scope): Key| self.line(Name { kind, scope }).health();
        self.backends.keys().into_iter().map(health).collect()
    }

    /// The last calls for `address`, newest first.
    pub fn attempts(&self, address: &Address) -> Vec<Attempt> {
        self.attempts.of(address)
    }

    /// Lets every open backend do what is due ahead of time, and says when to call again.
    pub async fn upkeep(&self) -> Duration {
        self.backends.settle();
        let all = self.backends.all();
        let each = all.iter().map(|(_, backend)| backend.upkeep());
        let waits = join_all(each).await.into_iter();
        waits.min().unwrap_or(Duration::from_hours(1))
    }

    /// Lets every open backend forget what names mean.
    pub fn forget(&self) {
        for (_, backend) in self.backends.all() {
            backend.forget();
        }
    }

    /// What a backend finds when it looks at everything it needs.
    ///
    /// # Errors
    /// [`UpstreamError::NoBackend`].
    pub async fn examine(&self, name: &Name) -> Result<Vec<Finding>, UpstreamError> {
        let backend = self.backends.of(name.kind, &name.scope);
        let backend = backend.ok_or_else(|| UpstreamError::NoBackend(name.clone()))?;
        Ok(backend.examine().await)
    }

    /// What a person should know of the open backends.
    pub fn notices(&self) -> Vec<String> {
        let all = self.backends.all();
        all.iter()
            .flat_map(|(_, backend)| backend.notices())
            .collect()
    }

    /// How long until `moment`.
    pub fn until(&self, moment: Moment) -> Duration {
        moment.since(self.clock.now())
    }

    /// Closes the breakers that `chosen` picks; returns how many were not closed.
    pub fn reset(&self, chosen: impl Fn(&Name) -> bool) -> usize {
        let lines = self.lines();
        let chosen = lines.values().filter(|line| chosen(&line.name));
        let reset = chosen.filter(|line| line.breaker().0.reset()).count();
        self.reset.notify_one();
        reset
    }

    /// Waits until a person resets breakers.
    pub async fn reset_by_hand(&self) {
        self.reset.notified().await;
    }

    /// From when on a breaker lets a probe through; `None` where it is closed.
    pub fn next_probe(&self, name: &Name) -> Option<Moment> {
        let line = self.lines().get(name).map(Arc::clone)?;
        let breaker = line.breaker();
        breaker.0.next_probe()
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Name, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, name: Name) -> Arc<Line> {
        let mut lines = self.lines();
        let line = lines.entry(name.clone());
        let line = line.or_insert_with(|| Arc::new(Line::new(name)));
        Arc::clone(line)
    }

    /// Whether the call is a probe, or an error where it must not be made.
    fn ask(&self, line: &Line) -> Result<bool, UpstreamError> {
        let mut breaker = line.breaker();
        match breaker.0.ask(
            self.clock.now(),
            &self.breaker(line.name.kind),
            (self.jitter)(),
        ) {
            Permit::Call => Ok(false),
            Permit::Probe => Ok(true),
            Permit::Wait(_) => Err(UpstreamError::BreakerOpen {
                name: line.name.clone(),
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
    ) -> Result<Bundle, UpstreamError> {
        line.count(Event::Call);
        let (began, moment) = (Instant::now(), self.clock.now());
        let result = match tokio::time::timeout(left, backend.fetch(address)).await {
            Ok(result) => result.map_err(UpstreamError::Backend),
            Err(_) => Err(UpstreamError::Deadline {
                name: line.name.clone(),
                seconds: whole.as_secs(),
            }),
        };
        let took = began.elapsed();
        line.took(took);
        if result.is_ok() {
            line.count(Event::Fetched);
        }
        let attempt = Attempt::of(moment, took, &result);
        self.attempts.remember(address, attempt);
        self.remember(line, &result);
        result
    }

    /// Only what was heard shows that a backend is well, an answer that says no as much as a value. What
    /// was not sent shows nothing.
    fn remember<T>(&self, line: &Line, result: &Result<T, UpstreamError>) {
        let now = self.clock.now();
        let settings = self.breaker(line.name.kind);
        let mut breaker = line.breaker();
        let Err(error) = result else {
            breaker.0.succeeded(now, &settings);
            breaker.1.clear();
            return;
        };
        let was_heard = error.contact() == Contact::Replied;
        match error.class() {
            _ if error.counts() => {
                line.count(Event::Failure);
                breaker.1 = error.to_string();
                if breaker.0.failed(now, &settings, (self.jitter)()) {
                    line.count(Event::Open);
                    tracing::warn!(backend = %line.name, error = %error, "breaker opened");
                }
            }
            Class::Answer | Class::Request if was_heard => {
                breaker.0.succeeded(now, &settings);
                breaker.1.clear();
            }
            _ => {
                breaker.0.undecided();
                breaker.1 = error.to_string();
            }
        }
    }

    /// What is on this machine is guarded by no breaker: once a person has repaired it, it must be asked
    /// at once.
    fn breaker(&self, kind: BackendKind) -> breaker::BreakerSettings {
        let settings = self.settings().breaker;
        match self.kinds.policy(kind).is_remote {
            true => settings,
            false => breaker::BreakerSettings {
                threshold: 0,
                ..settings
            },
        }
    }

    /// Asking a file again soon helps nobody.
    fn retry(&self, kind: BackendKind) -> retry::RetrySettings {
        let settings = self.settings().retry;
        match self.kinds.policy(kind).is_remote {
            true => settings,
            false => retry::RetrySettings {
                max_retries: 0,
                ..settings
            },
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
mod compat;
#[cfg(test)]
mod tests;
