//! The credential cache: the identity of now, and its renewal ahead of its end.
//!
//! One attempt at a time, in a task of its own: whoever waits for it may go away. While the identity
//! there is has not ended nobody waits: its successor is got ahead of its end and takes its place when
//! it is complete. What has ended is never given out.

mod backoff;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::failure::Failure;
use super::source::{Obtained, Reason, Source};
use crate::error::{BackendError, Class};
use crate::oci::files::Files;
use crate::oci::identity::Identity;
use crate::oci::off_thread::off_thread;
use crate::wall_clock::WallClock;

use state::{Held, LONGEST, Outcome, State};

/// The identity of one source, and what is known of it.
#[derive(Clone)]
pub(super) struct CredentialCache {
    source: Arc<dyn Source>,
    clock: Arc<dyn WallClock>,
    /// A number in 0..=1, another one each time.
    jitter: fn() -> f64,
    state: Arc<Mutex<State>>,
}

/// What is known of the identity, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) principal: Option<String>,
    pub(super) region: Option<String>,
    pub(super) expires_at: Option<u64>,
    pub(super) failure: Option<String>,
}

impl CredentialCache {
    pub(super) fn new(
        source: Arc<dyn Source>,
        clock: Arc<dyn WallClock>,
        jitter: fn() -> f64,
    ) -> Self {
        Self {
            source,
            clock,
            jitter,
            state: Arc::default(),
        }
    }

    /// The identity of now: at once where one is at hand.
    pub(super) async fn current(&self) -> Result<Arc<Identity>, BackendError> {
        self.look_at_files().await;
        let flight = {
            let now = self.now();
            let mut state = self.state();
            state.used = true;
            let held = state.valid(now).cloned();
            let held_back = state.held_back(now).cloned();
            match (held, held_back) {
                (Some(_), Some(why)) if !state.changed => return Err(why.error()),
                // What has an end is renewed behind the scenes; what was only read is read again.
                (Some(held), None) if !state.changed || held.life.is_some() => {
                    if state.changed || state.is_due(now) {
                        let why = if state.changed {
                            Reason::Files
                        } else {
                            Reason::Due
                        };
                        self.start(&mut state, why);
                    }
                    return Ok(held.identity);
                }
                (held, _) => {
                    if let Some(failure) = state.paused(now) {
                        return Err(failure.error());
                    }
                    let why = held.map_or(Reason::First, |_| Reason::Files);
                    self.start(&mut state, why)
                }
            }
        };
        landed(flight).await.map(|held| held.identity)
    }

    /// Another identity than the one that OCI refused, if there is one.
    pub(super) async fn renewed(
        &self,
        refused: &Arc<Identity>,
    ) -> Result<Option<Arc<Identity>>, BackendError> {
        self.state().looked_at = None;
        self.look_at_files().await;
        // An attempt that is under way may have begun before the refusal, and end with the same.
        for _ in 0..2 {
            let (flight, is_new) = {
                let now = self.now();
                let mut state = self.state();
                let held = state.valid(now);
                if let Some(held) = held.filter(|held| !Arc::ptr_eq(&held.identity, refused)) {
                    return Ok(Some(Arc::clone(&held.identity)));
                }
                if let Some(failure) = state.paused(now) {
                    return Err(failure.error());
                }
                let is_new = in_flight(&state).is_none();
                (self.start(&mut state, Reason::Refused), is_new)
            };
            let landed = landed(flight).await;
            match landed {
                Ok(held) if !Arc::ptr_eq(&held.identity, refused) => {
                    return Ok(Some(held.identity));
                }
                Err(error) if is_new => return Err(error),
                _ if is_new => break,
                _ => {}
            }
        }
        Ok(None)
    }

    /// Keeps an identity from being used.
    pub(super) fn hold(&self, refused: &Arc<Identity>, why: &BackendError) {
        let now = self.now();
        self.state().hold(refused, why, now);
    }

    /// Does what is due, and says how long it is until something is due again.
    pub(super) async fn upkeep(&self) -> Duration {
        let used = self.state().used;
        if !used && !self.source.is_kept_while_idle().await {
            return LONGEST;
        }
        self.look_at_files().await;
        let flight = {
            let now = self.now();
            let mut state = self.state();
            let why = match state.valid(now) {
                _ if state.changed => Some(Reason::Files),
                Some(_) => state.is_due(now).then_some(Reason::Due),
                None => state.paused(now).is_none().then_some(Reason::First),
            };
            why.map(|why| self.start(&mut state, why))
        };
        if let Some(flight) = flight {
            // What failed is in the state, for whoever asks.
            let _ = landed(flight).await;
        }
        self.state().next(self.now())
    }

    /// What is known now.
    pub(super) fn summary(&self) -> Summary {
        let state = self.state();
        let now = self.now();
        let identity = state.held.as_ref().map(|held| &held.identity);
        let life = state.held.as_ref().and_then(|held| held.life);
        let failure = state.held_back(now).or(state.failure.as_ref());
        Summary {
            principal: identity.map(|identity| identity.principal.clone()),
            region: identity.and_then(|identity| identity.region.clone()),
            expires_at: life.map(|life| life.expires_at),
            failure: failure.map(|failure| failure.message().to_owned()),
        }
    }

    /// Once a second at most.
    async fn look_at_files(&self) {
        let now = self.now();
        let files = {
            let mut state = self.state();
            if state.looked_at == Some(now) || state.changed || state.files.are_none() {
                return;
            }
            state.looked_at = Some(now);
            Arc::clone(&state.files)
        };
        let looked = Arc::clone(&files);
        let changed = off_thread(move || Ok(looked.have_changed())).await;
        let mut state = self.state();
        // Others may have been read meanwhile.
        if changed.unwrap_or(false) && Arc::ptr_eq(&state.files, &files) {
            state.files_changed();
        }
    }

    /// The attempt that is under way, or a new one.
    fn start(&self, state: &mut State, why: Reason) -> watch::Receiver<Outcome> {
        if let Some(flight) = in_flight(state) {
            return flight;
        }
        let (sender, flight) = watch::channel(None);
        state.flight = Some(flight.clone());
        let changed = std::mem::take(&mut state.changed);
        let cache = self.clone();
        tokio::spawn(async move {
            let outcome = cache.attempt(why, changed).await;
            sender.send_replace(Some(outcome));
        });
        flight
    }

    async fn attempt(&self, why: Reason, changed: bool) -> Result<Held, Failure> {
        let files = Arc::new(Files::default());
        let obtained = timeout(DEADLINE, self.source.obtain(why, &files)).await;
        let obtained = obtained.unwrap_or_else(|_| Err(self.too_slow()));
        let (now, jitter) = (self.now(), (self.jitter)());
        let mut state = self.state();
        state.flight = None;
        state.files = files;
        if changed {
            state.release();
        }
        match obtained.and_then(|obtained| self.unended(obtained, now)) {
            Ok(held) => Ok(state.obtained(held, now, jitter)),
            Err(error) => {
                let failure = Failure::from(&error);
                state.failed(failure.clone(), now, jitter);
                // What was only read is not better than what is there now.
                let is_read = state.held.as_ref().is_some_and(|held| held.life.is_none());
                if is_read {
                    state.held = None;
                }
                Err(failure)
            }
        }
    }

    fn unended(&self, obtained: Obtained, now: u64) -> Result<Held, BackendError> {
        let Obtained { identity, life } = obtained;
        if let Some(life) = life.filter(|life| life.expires_at <= now) {
            let message = format!(
                "get a token for the {}: the one that is there ended {} s ago; check the clock of this \
                 machine with `timedatectl`",
                self.source.principal(),
                now - life.expires_at
            );
            let error = BackendError::not_sent(Class::Credentials, "expired_token", message);
            return Err(error);
        }
        let identity = Arc::new(identity);
        Ok(Held { identity, life })
    }

    fn too_slow(&self) -> BackendError {
        let message = format!(
            "get a token for the {}: it took longer than {} s; check the network, and that what gives its \
             tokens answers",
            self.source.principal(),
            DEADLINE.as_secs()
        );
        BackendError::not_sent(Class::Outage, "token_timeout", message)
    }

    fn now(&self) -> u64 {
        self.clock.unix_seconds()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The attempt that is under way. One whose task is gone is none.
fn in_flight(state: &State) -> Option<watch::Receiver<Outcome>> {
    let flight = state.flight.as_ref();
    flight
        .filter(|flight| flight.has_changed().is_ok())
        .cloned()
}

async fn landed(mut flight: watch::Receiver<Outcome>) -> Result<Held, BackendError> {
    let outcome = flight.wait_for(Option::is_some).await;
    let outcome = outcome.ok().and_then(|outcome| outcome.clone());
    match outcome {
        Some(Ok(held)) => Ok(held),
        Some(Err(failure)) => Err(failure.error()),
        None => {
            let words = "get a token: the attempt was stopped";
            Err(BackendError::not_sent(Class::Outage, "stopped", words))
        }
    }
}

/// Of a whole attempt. Each call in it has a shorter one, which says what was slow; an attempt that takes
/// longer than a caller waits is finished for the next.
const DEADLINE: Duration = Duration::from_secs(8);
