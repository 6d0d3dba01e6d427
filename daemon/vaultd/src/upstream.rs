//! Every call to a backend goes through here: as often as is safe, and not before it may be asked again.

pub mod attempts;
mod backend_state;
pub mod backoff;
pub mod breaker;
pub mod circuit;
mod error;
mod name;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::Instant;
use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::bundle::Bundle;
use vault_backends::changing::WritableBackend;
use vault_backends::error::{BackendError, Class, Contact};
use vault_backends::findings::Finding;
use vault_backends::reading::{Backend, FetchEffect};
use vault_backends::registry::Backends;
use vault_backends::target::{Key, Target};

use crate::backend_kinds::BackendKinds;
use crate::clock::{Clock, Moment};
use attempts::{Attempt, Attempts};
use backend_state::{BackendState, CallLeave, Event, SHORTEST_CALL};
pub use backend_state::{CallCounts, Health};
use circuit::{Conclusion, Outcome, Refusal};
pub use error::UpstreamError;
pub use name::Name;

/// How long anything but a fetch may take: a list may have many pages.
const ONCE: Duration = Duration::from_mins(1);

/// The way to all backends.
pub struct Upstream {
    backends: Backends,
    kinds: BackendKinds,
    clock: Arc<dyn Clock>,
    states: Mutex<HashMap<Name, Arc<BackendState>>>,
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
    pub retry: backoff::BackoffSettings,
}

impl Upstream {
    /// The way to `backends`.
    pub fn new(backends: Backends, clock: Arc<dyn Clock>) -> Self {
        Self {
            backends,
            kinds: BackendKinds::SHIPPED,
            clock,
            states: Mutex::default(),
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
        let may_repeat = backend.effect(address) == FetchEffect::Reads;
        let state = self.state(Name::of(address));
        let end = Instant::now() + time;
        let mut attempt = 0;
        loop {
            let permit = state.call_permit(end).await?;
            // Only now: the breaker may have opened meanwhile, and a probe must not wait.
            let leave = self.try_acquire(&state, Some(address))?;
            let is_probe = leave.is_probe();
            if attempt > 0 {
                state.count(Event::Retry);
            }
            let asked = self.clock.now();
            let error = match self.call(leave, &*backend, address, end, time).await {
                Ok(fetched) => return Ok((fetched, asked)),
                Err(error) => error,
            };
            drop(permit);
            let may_repeat = may_repeat || error.contact() == Contact::NotSent;
            let UpstreamError::Backend(cause) = &error else {
                return Err(error);
            };
            if !cause.is_retryable() || is_probe || !may_repeat {
                return Err(error);
            }
            let left = end.saturating_duration_since(Instant::now() + SHORTEST_CALL);
            let settings = self.retry(address.kind);
            let jitter = (self.jitter)();
            let Some(pause) = backoff::pause(&settings, attempt, cause.pause(), jitter, left)
            else {
                return Err(error);
            };
            self.clock.sleep(pause).await;
            attempt += 1;
        }
    }

    /// What a fetch of `address` does at its vault.
    pub fn effect(&self, address: &Address) -> FetchEffect {
        let backend = self.backends.of(address.kind, &address.scope);
        backend.map_or(FetchEffect::Reads, |backend| backend.effect(address))
    }

    /// A turn for work on `address` that nobody waits for, within `time`: there are fewer of them than
    /// calls at once, so that callers always find room.
    ///
    /// # Errors
    /// [`UpstreamError::Busy`].
    pub async fn background_turn(
        &self,
        address: &Address,
        time: Duration,
    ) -> Result<OwnedSemaphorePermit, UpstreamError> {
        self.state(Name::of(address)).background_turn(time).await
    }

    /// Whether a network lies between.
    pub fn is_remote(&self, kind: BackendKind) -> bool {
        self.kinds.policy(kind).is_remote
    }

    /// No answer for `address` within `time`.
    pub(crate) fn late(&self, address: &Address, time: Duration) -> UpstreamError {
        self.silent("read", address, time)
    }

    fn silent(&self, operation: &str, address: &Address, time: Duration) -> UpstreamError {
        UpstreamError::Deadline {
            about: format!("{operation} {}", self.described(address)),
            seconds: time.as_secs(),
            is_remote: self.kinds.policy(address.kind).is_remote,
        }
    }

    /// A secret as people write it.
    fn described(&self, address: &Address) -> String {
        let scheme = self.kinds.policy(address.kind).scheme;
        let container = address.container.as_deref().unwrap_or_default();
        let slash = if container.is_empty() { "" } else { "/" };
        let version = match &address.version {
            VersionSelector::Current => String::new(),
            VersionSelector::Version(number) => format!("?version={number}"),
            VersionSelector::Stage(stage) => format!("?stage={stage}"),
            VersionSelector::Named(name) => format!("?version_name={name}"),
        };
        format!("{scheme}://{container}{slash}{}{version}", address.name)
    }

    /// Lets these vaults be asked, and forgets those that can be asked no more.
    pub fn set_targets(&self, targets: impl IntoIterator<Item = Arc<dyn Target>>) {
        self.backends.configure(targets);
        let open = self.backends.keys();
        self.states().retain(|name, _| open.contains(&name.key()));
    }

    /// Refuses an address that no backend serves, or can be asked for.
    ///
    /// # Errors
    /// [`UpstreamError::NoBackend`].
    pub fn check(&self, address: &Address) -> Result<(), UpstreamError> {
        let checked = self.backends.check(address);
        checked.ok_or_else(|| UpstreamError::NoBackend(Name::of(address)))??;
        Ok(())
    }

    /// Calls `doubt` with each kind of which somebody else has changed what this machine holds.
    pub fn when_changed(&self, doubt: impl Fn(BackendKind)) {
        for backend in self.backends.fixed() {
            backend.when_changed(&|| doubt(backend.kind()));
        }
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
        let state = self.state(Name::of(address));
        let end = Instant::now() + ONCE;
        let _permit = state.call_permit(end).await?;
        let leave = self.try_acquire(&state, None)?;
        state.count(Event::Call);
        let result = match tokio::time::timeout_at(end, work).await {
            Ok(result) => result.map_err(UpstreamError::Backend),
            Err(_) => Err(self.silent("list or change", address, ONCE)),
        };
        self.conclude(leave, &result);
        result
    }

    /// The health of every backend that is open.
    pub fn health(&self) -> Vec<Health> {
        let health = |(kind, scope): Key| self.state(Name { kind, scope }).health();
        self.backends.keys().into_iter().map(health).collect()
    }

    /// The last calls for `address`, newest first.
    pub fn attempts(&self, address: &Address) -> Vec<Attempt> {
        self.attempts.of(address)
    }

    /// The open backends. Whoever keeps them up calls this every some seconds: those that are
    /// configured no more are closed after a while.
    pub fn settled(&self) -> Vec<(Name, Arc<dyn Backend>)> {
        self.backends.settle();
        let all = self.backends.all().into_iter();
        all.map(|((kind, scope), backend)| (Name { kind, scope }, backend))
            .collect()
    }

    /// Lets the open backends of a kind, or of all, forget what names mean.
    pub fn forget(&self, chosen: Option<BackendKind>) {
        for ((kind, _), backend) in self.backends.opened() {
            if chosen.is_none_or(|chosen| chosen == kind) {
                backend.forget();
            }
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

    /// What a person who may see them should know of single secrets that fail while others may be read.
    pub fn notices_of_secrets(&self) -> Vec<(Address, String)> {
        let mut notices = Vec::new();
        for (kind, scope) in self.backends.keys() {
            let state = self.state(Name { kind, scope });
            let circuit = state.circuit();
            notices.extend(circuit.troubled().map(|(secret, last)| {
                let described = self.described(secret);
                let notice = format!(
                    "{described} fails while others may be read, and is asked for seldom: {last}"
                );
                (secret.clone(), notice)
            }));
        }
        notices
    }

    /// How long until `moment`.
    pub fn until(&self, moment: Moment) -> Duration {
        moment.since(self.clock.now())
    }

    /// Closes the breakers that `chosen` picks, those of single secrets included, and ends pauses that
    /// were asked for; returns how many backends were concerned.
    pub fn reset(&self, chosen: impl Fn(&Name) -> bool) -> usize {
        let now = self.clock.now();
        let states = self.states();
        let chosen = states.values().filter(|state| chosen(&state.name));
        let reset = chosen.filter(|state| state.circuit().reset(now)).count();
        self.reset.notify_one();
        reset
    }

    /// Waits until a person resets breakers.
    pub async fn reset_by_hand(&self) {
        self.reset.notified().await;
    }

    /// From when on a backend may be asked again, by one call: its breaker lets a probe through, or the
    /// pause is over that it asked for. `None` where it may be asked now.
    pub fn closed_until(&self, name: &Name) -> Option<Moment> {
        let state = self.states().get(name).map(Arc::clone)?;
        let circuit = state.circuit();
        circuit.closed_until(self.clock.now())
    }

    fn states(&self) -> MutexGuard<'_, HashMap<Name, Arc<BackendState>>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self, name: Name) -> Arc<BackendState> {
        let mut states = self.states();
        let state = states.entry(name.clone());
        let state = state.or_insert_with(|| Arc::new(BackendState::new(name)));
        Arc::clone(state)
    }

    /// Leave for a call to read `secret`, or for another one.
    fn try_acquire<'a>(
        &self,
        state: &'a BackendState,
        secret: Option<&Address>,
    ) -> Result<CallLeave<'a>, UpstreamError> {
        let now = self.clock.now();
        let settings = self.breaker(state.name.kind);
        let acquired = state
            .circuit()
            .try_acquire(secret, now, &settings, (self.jitter)());
        let seconds =
            |until: Moment| (until.since(now) + Duration::from_nanos(999_999_999)).as_secs();
        let leave = acquired.map_err(|refusal| match refusal {
            Refusal::BreakerOpen(_, last) => UpstreamError::BreakerOpen {
                name: state.name.clone(),
                last,
            },
            Refusal::Paused(until, last) => UpstreamError::Paused {
                name: state.name.clone(),
                seconds: seconds(until),
                last,
            },
            Refusal::SecretBackoff(until, last) => UpstreamError::SecretBackoff {
                secret: secret
                    .map(|secret| self.described(secret))
                    .unwrap_or_default(),
                seconds: seconds(until),
                last,
            },
        })?;
        Ok(CallLeave::new(state, leave))
    }

    async fn call(
        &self,
        leave: CallLeave<'_>,
        backend: &dyn Backend,
        address: &Address,
        end: Instant,
        whole: Duration,
    ) -> Result<Bundle, UpstreamError> {
        let state = leave.state();
        state.count(Event::Call);
        let (began, moment) = (Instant::now(), self.clock.now());
        let result = match tokio::time::timeout_at(end, backend.fetch(address)).await {
            Ok(result) => result.map_err(UpstreamError::Backend),
            Err(_) => Err(self.late(address, whole)),
        };
        let took = began.elapsed();
        state.took(took);
        if result.is_ok() {
            state.count(Event::Fetched);
        }
        let attempt = Attempt::of(moment, took, &result);
        self.attempts.remember(address, attempt);
        self.conclude(leave, &result);
        result
    }

    fn conclude<T>(&self, leave: CallLeave<'_>, result: &Result<T, UpstreamError>) {
        let state = leave.state();
        let error = result.as_ref().err();
        let outcome = error.map_or(Outcome::Replied, |error| {
            Outcome::of(error.class(), error.contact(), error.extent())
        });
        // A change that cannot be asked for is its caller's mistake, and no state of the backend.
        let is_callers_own = |error: &UpstreamError| {
            let is_unsent = error.contact() == Contact::NotSent;
            is_unsent && error.class() == Class::Request && !leave.is_of_a_read()
        };
        let failure = error.filter(|error| outcome != Outcome::Replied && !is_callers_own(error));
        let failure = failure.map(ToString::to_string);
        let pause = error.and_then(|error| Some((error.extent(), error.pause()?)));
        if outcome.counts() {
            state.count(Event::Failure);
        }
        let (now, jitter) = (self.clock.now(), (self.jitter)());
        let settings = self.breaker(state.name.kind);
        let conclusion = Conclusion {
            outcome,
            pause,
            failure: failure.as_deref(),
        };
        let Some(leave) = leave.used() else {
            return;
        };
        let opened = state
            .circuit()
            .conclude(&leave, conclusion, now, &settings, jitter);
        if opened {
            state.count(Event::Open);
            tracing::warn!(backend = %state.name, error = failure, "breaker opened");
        }
    }

    /// What is on this machine is guarded by no breaker: once a person has repaired it, it must be asked
    /// at once.
    fn breaker(&self, kind: BackendKind) -> breaker::BreakerSettings {
        let settings = self.settings().breaker;
        if self.kinds.policy(kind).is_remote {
            settings
        } else {
            breaker::BreakerSettings {
                threshold: 0,
                ..settings
            }
        }
    }

    /// Asking a file again soon helps nobody.
    fn retry(&self, kind: BackendKind) -> backoff::BackoffSettings {
        let settings = self.settings().retry;
        if self.kinds.policy(kind).is_remote {
            settings
        } else {
            backoff::BackoffSettings {
                max_retries: 0,
                ..settings
            }
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
