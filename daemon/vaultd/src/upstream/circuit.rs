//! Whether a backend may be asked now, and for which secret: its circuit breaker, the pause it has asked
//! for, and a breaker of its own for each secret that gives trouble. Pure.
//!
//! The rule, by what a call told ([`Outcome::of`]):
//! - a reply, be it a no, heals the breaker of the backend and that of the secret;
//! - a failure that the backend says is about the one secret counts for that secret, and is a reply;
//! - a failure that was replied and may be either's counts for both, but opens the breaker of the backend
//!   only together with another secret's, or where no other is known; of a secret whose own breaker is
//!   open, while others were well since the backend's breaker opened last, it says nothing new of the
//!   backend, and uses up no turn of theirs;
//! - where nobody replied, the backend is at fault;
//! - what was not sent counts for nobody and heals nobody.
//!
//! A secret that failed last is not the backend's probe while one that did not may be
//! ([`Precedence::Last`]). Once the backend is back, each such secret is tried again: its failures may
//! have been the backend's.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use vault_backends::address::Address;
use vault_backends::error::{Class, Contact, Extent};

use super::breaker::{Breaker, BreakerSettings, Culprit, Permit, Precedence, State};
use crate::clock::Moment;

/// A backend that asks for a longer pause is not believed.
pub const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// So many secrets with trouble are remembered.
const MOST_SECRETS: usize = 256;

/// So many secrets that are well are remembered.
const MOST_WELL: usize = 4;

/// What one backend is known to be like.
#[derive(Debug, Default)]
pub struct Circuit {
    breaker: Breaker,
    paused_until: Moment,
    troubled: HashMap<Address, TroubledSecret>,
    /// Two secrets that were asked for: enough to know that there is another one.
    known: [Option<Address>; 2],
    /// The last ones of which the backend gave a value or said no.
    well: VecDeque<Address>,
    /// Whether it did since its breaker opened last.
    well_since_opening: bool,
    last_error: String,
}

/// A secret whose last call failed by what may be its own fault.
#[derive(Debug, Default)]
struct TroubledSecret {
    breaker: Breaker,
    paused_until: Moment,
    since: Moment,
    last_error: String,
}

/// What a call told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The backend works: it gave a value, or said no.
    Replied,
    /// The backend replied, and with this secret something is wrong.
    SecretFailed,
    /// The backend replied, and something is wrong with it or with this secret.
    Failed,
    /// Nobody replied.
    Silent,
    /// Nothing that counts: a credential was refused, say.
    Undecided,
    /// Nothing: no call was made.
    NotSent,
}

impl Outcome {
    /// What a failure told.
    pub fn of(class: Class, contact: Contact, extent: Extent) -> Self {
        match (contact, class, extent) {
            (Contact::NotSent, ..) => Self::NotSent,
            (Contact::Replied, Class::Answer | Class::Request, _) => Self::Replied,
            (Contact::Replied, Class::Outage, Extent::Secret) => Self::SecretFailed,
            (Contact::Replied, Class::Outage, Extent::Backend) => Self::Failed,
            (Contact::NoReply, Class::Outage, _) => Self::Silent,
            _ => Self::Undecided,
        }
    }

    /// Whether it is a failure that counts for somebody.
    pub fn counts(self) -> bool {
        matches!(self, Self::SecretFailed | Self::Failed | Self::Silent)
    }
}

/// How one call ended.
#[derive(Clone, Copy, Debug)]
pub struct Conclusion<'a> {
    /// What it told.
    pub outcome: Outcome,
    /// The pause that was asked for, and for what.
    pub pause: Option<(Extent, Duration)>,
    /// The failure, for people; `None` where there was none, or it says nothing of the backend.
    pub failure: Option<&'a str>,
}

/// Leave for one call.
#[must_use]
#[derive(Clone, Debug)]
pub struct Leave {
    /// The secret it is about; `None` where it is no read of one.
    secret: Option<Address>,
    of_backend: Permit,
    of_secret: Permit,
}

impl Leave {
    /// Whether the call reads a secret.
    pub fn is_of_a_read(&self) -> bool {
        self.secret.is_some()
    }

    /// Whether the call decides over what follows, so that it is not repeated.
    pub fn is_probe(&self) -> bool {
        [self.of_backend, self.of_secret]
            .iter()
            .any(|permit| matches!(permit, Permit::Probe(_)))
    }
}

/// Why there is no leave, and from when on there is; with the last failure's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The backend's breaker is open.
    BreakerOpen(Moment, String),
    /// The backend has asked for a pause.
    Paused(Moment, String),
    /// This secret's own breaker is open, or a pause was asked for it alone.
    SecretBackoff(Moment, String),
}

impl Circuit {
    /// Takes leave for a call at `now`: a read of `secret`, or something else.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn try_acquire(
        &mut self,
        secret: Option<&Address>,
        now: Moment,
        settings: &BreakerSettings,
        jitter: f64,
    ) -> Result<Leave, Refusal> {
        if now < self.paused_until {
            return Err(Refusal::Paused(self.paused_until, self.last_error.clone()));
        }
        if let Some(secret) = secret {
            self.remember(secret);
        }
        let has_failed = secret.is_some_and(|secret| self.troubled.contains_key(secret));
        let precedence = if has_failed && !self.well.is_empty() {
            Precedence::Last
        } else {
            Precedence::Usual
        };
        let open = |until| Refusal::BreakerOpen(until, self.last_error.clone());
        self.breaker
            .check(now, settings, precedence)
            .map_err(open)?;
        let of_secret = match secret.and_then(|secret| self.troubled.get_mut(secret)) {
            Some(secret) => secret.try_acquire(now, settings, jitter)?,
            None => Permit::Call,
        };
        let open = |until| Refusal::BreakerOpen(until, self.last_error.clone());
        let of_backend = self.breaker.try_acquire(now, settings, precedence, jitter);
        Ok(Leave {
            secret: secret.cloned(),
            of_backend: of_backend.map_err(open)?,
            of_secret,
        })
    }

    /// Takes in how a call ended. Returns whether the backend's breaker opened by it.
    pub fn conclude(
        &mut self,
        leave: &Leave,
        conclusion: Conclusion<'_>,
        now: Moment,
        settings: &BreakerSettings,
        jitter: f64,
    ) -> bool {
        let outcome = conclusion.outcome;
        let failure = conclusion.failure.unwrap_or_default();
        let mut opened = false;
        match outcome {
            Outcome::Replied => {
                self.replied(now, settings);
                if let Some(secret) = &leave.secret {
                    self.troubled.remove(secret);
                    self.well.retain(|well| well != secret);
                    self.well.truncate(MOST_WELL - 1);
                    self.well.push_front(secret.clone());
                    self.well_since_opening = true;
                }
            }
            Outcome::SecretFailed => {
                self.replied(now, settings);
                self.secret_failed(leave, failure, now, settings, jitter);
            }
            Outcome::Failed | Outcome::Silent => {
                failure.clone_into(&mut self.last_error);
                opened = self.failed(leave, outcome, now, settings, jitter);
                if outcome == Outcome::Failed {
                    self.secret_failed(leave, failure, now, settings, jitter);
                }
            }
            Outcome::Undecided | Outcome::NotSent => {
                if let Some(failure) = conclusion.failure {
                    failure.clone_into(&mut self.last_error);
                }
                self.give_back(leave, outcome);
            }
        }
        if let Some((extent, pause)) = conclusion.pause {
            self.pause(leave, extent, now + pause.min(LONGEST_PAUSE));
        }
        opened
    }

    /// A call was given up before it told anything.
    pub fn abandoned(&mut self, leave: &Leave) {
        self.give_back(leave, Outcome::Undecided);
    }

    /// A person says that all is well again; returns whether it was not.
    pub fn reset(&mut self, now: Moment) -> bool {
        let was_paused = now < std::mem::take(&mut self.paused_until);
        let mut was_troubled = false;
        for (_, mut secret) in self.troubled.drain() {
            was_troubled |= secret.breaker.reset() || now < secret.paused_until;
        }
        self.breaker.reset() || was_paused || was_troubled
    }

    /// From when on somebody may be the backend's probe, or its pause is over; `None` where it may be
    /// asked at `now` for anything.
    pub fn closed_until(&self, now: Moment) -> Option<Moment> {
        let paused = (now < self.paused_until).then_some(self.paused_until);
        self.breaker.next_probe().max(paused)
    }

    /// The breaker of the backend.
    pub fn state(&self) -> State {
        self.breaker.state()
    }

    /// Failures of the backend in a row.
    pub fn consecutive_failures(&self) -> u32 {
        self.breaker.consecutive_failures()
    }

    /// The last failure's words; empty after a reply.
    pub fn last_error(&self) -> &str {
        &self.last_error
    }

    /// The secrets whose own breaker is open, with the last failure's words.
    pub fn troubled(&self) -> impl Iterator<Item = (&Address, &str)> {
        let open = self.troubled.iter().filter(|(_, secret)| secret.is_open());
        open.map(|(address, secret)| (address, secret.last_error.as_str()))
    }

    fn replied(&mut self, now: Moment, settings: &BreakerSettings) {
        self.last_error.clear();
        if self.breaker.succeeded(now, settings) {
            for secret in self.troubled.values_mut() {
                secret.breaker.hasten(now);
            }
        }
    }

    fn failed(
        &mut self,
        leave: &Leave,
        outcome: Outcome,
        now: Moment,
        settings: &BreakerSettings,
        jitter: f64,
    ) -> bool {
        let perhaps = leave
            .secret
            .as_ref()
            .filter(|secret| outcome == Outcome::Failed && self.knows_another(Some(secret)));
        // Those that were well before an outage say nothing of its end: else each secret would be taken
        // for the only one with trouble, and have probes of its own.
        if self.is_open(perhaps) && self.well_since_opening {
            self.breaker.not_sent(leave.of_backend);
            return false;
        }
        let culprit = perhaps.map_or(Culprit::Backend, Culprit::PerhapsOnly);
        let permit = leave.of_backend;
        let opened = self.breaker.failed(permit, culprit, now, settings, jitter);
        if opened {
            self.well_since_opening = false;
        }
        opened
    }

    fn secret_failed(
        &mut self,
        leave: &Leave,
        failure: &str,
        now: Moment,
        settings: &BreakerSettings,
        jitter: f64,
    ) {
        let Some(address) = &leave.secret else {
            return;
        };
        self.well.retain(|well| well != address);
        let secret = self.troubled_secret(address, now);
        failure.clone_into(&mut secret.last_error);
        let settings = of_secret(settings);
        let (permit, culprit) = (leave.of_secret, Culprit::Backend);
        secret
            .breaker
            .failed(permit, culprit, now, &settings, jitter);
    }

    fn give_back(&mut self, leave: &Leave, outcome: Outcome) {
        let secret = leave.secret.as_ref();
        let secret = secret.and_then(|secret| self.troubled.get_mut(secret));
        let secret = secret.map(|secret| (&mut secret.breaker, leave.of_secret));
        for (breaker, permit) in secret
            .into_iter()
            .chain([(&mut self.breaker, leave.of_backend)])
        {
            match outcome {
                Outcome::NotSent => breaker.not_sent(permit),
                _ => breaker.undecided(permit),
            }
        }
    }

    fn pause(&mut self, leave: &Leave, extent: Extent, until: Moment) {
        let secret = leave.secret.as_ref();
        let secret = secret.and_then(|secret| self.troubled.get_mut(secret));
        match (extent, secret) {
            (Extent::Backend, _) => self.paused_until = self.paused_until.max(until),
            (Extent::Secret, Some(secret)) => secret.paused_until = secret.paused_until.max(until),
            (Extent::Secret, None) => {}
        }
    }

    fn is_open(&self, secret: Option<&Address>) -> bool {
        let secret = secret.and_then(|secret| self.troubled.get(secret));
        secret.is_some_and(TroubledSecret::is_open)
    }

    fn knows_another(&self, secret: Option<&Address>) -> bool {
        self.known
            .iter()
            .flatten()
            .any(|known| Some(known) != secret)
    }

    fn remember(&mut self, secret: &Address) {
        if self.known.iter().flatten().all(|known| known != secret)
            && let Some(free) = self.known.iter_mut().find(|known| known.is_none())
        {
            *free = Some(secret.clone());
        }
    }

    /// The trouble with a secret; the oldest is forgotten where there are too many.
    fn troubled_secret(&mut self, address: &Address, now: Moment) -> &mut TroubledSecret {
        if !self.troubled.contains_key(address) && self.troubled.len() >= MOST_SECRETS {
            let oldest = self.troubled.iter().min_by_key(|(_, secret)| secret.since);
            if let Some(oldest) = oldest.map(|(address, _)| address.clone()) {
                self.troubled.remove(&oldest);
            }
        }
        let secret = self.troubled.entry(address.clone()).or_default();
        secret.since = now;
        secret
    }
}

impl TroubledSecret {
    fn is_open(&self) -> bool {
        self.breaker.next_probe().is_some()
    }

    fn try_acquire(
        &mut self,
        now: Moment,
        settings: &BreakerSettings,
        jitter: f64,
    ) -> Result<Permit, Refusal> {
        let backoff = |until| Refusal::SecretBackoff(until, self.last_error.clone());
        if now < self.paused_until {
            return Err(backoff(self.paused_until));
        }
        let (settings, precedence) = (of_secret(settings), Precedence::Usual);
        let acquired = self.breaker.try_acquire(now, &settings, precedence, jitter);
        acquired.map_err(backoff)
    }
}

/// One value shows that a secret is well.
fn of_secret(settings: &BreakerSettings) -> BreakerSettings {
    BreakerSettings {
        successes: 1,
        ..*settings
    }
}

#[cfg(test)]
mod tests;
