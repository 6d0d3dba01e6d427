//! What is known of one address, and what becomes of it? The freshness machine, pure: every event
//! and every look comes with its time.
//!
//! *Nothing* → a value by [`Known::confirm`], or a no by [`Known::deny`]. A value ends by a no or by
//! [`Known::forget`]; an outage leaves it and adds why. How usable it is follows from its age alone:
//! nothing has to happen for it to become stale or to expire.

use std::time::Duration;

use super::freshness::{Freshness, Verdict, negative_ttl};
use crate::clock::Moment;

/// A value with the moment of the backend's word on it.
pub trait Dated {
    /// When the backend was last asked and confirmed it.
    fn confirmed(&self) -> Moment;
    /// The bound the backend itself gave.
    fn valid_for(&self) -> Option<Duration>;
    /// Whether it is from before this start: the backend was not asked for it since.
    fn is_kept(&self) -> bool;

    /// How usable it is at this age to somebody who wants it this fresh.
    fn judge(&self, age: Duration, freshness: &Freshness) -> Verdict {
        judge(freshness, age, self.valid_for(), self.is_kept())
    }
}

/// How usable a value is at this age to somebody who wants it this fresh. One that was kept is never
/// fresh: it may be older than one that was served before the restart.
pub fn judge(
    freshness: &Freshness,
    age: Duration,
    valid_for: Option<Duration>,
    is_kept: bool,
) -> Verdict {
    match freshness.judge(age, valid_for) {
        Verdict::Fresh if is_kept => Verdict::Stale,
        verdict => verdict,
    }
}

/// What is known of one address.
#[derive(Clone, Debug, Default)]
pub enum Known<V, E> {
    /// Nothing: never asked, or flushed.
    #[default]
    Nothing,
    /// A value, and why it could not be renewed, if it could not.
    Value(V, Option<String>),
    /// The backend said that there is none, so many times in a row; remembered until then.
    Negative(E, Moment, u32),
}

/// What may be handed out at one moment.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer<V, E> {
    /// A value.
    Fresh(V),
    /// A value, while the backend cannot be asked.
    Stale(V),
    /// The backend's no.
    Negative(E),
    /// Nothing: the backend must be asked.
    Nothing,
}

/// Whether somebody waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchReason {
    /// A caller does.
    Caller,
    /// Nobody: it was asked ahead of time.
    Ahead,
}

impl<V: Dated + Clone, E: Clone> Known<V, E> {
    /// What may be handed out at `now` to somebody who wants it this fresh.
    pub fn offer(&self, now: Moment, freshness: &Freshness) -> Offer<V, E> {
        match self {
            Self::Negative(error, until, _) if now < *until => Offer::Negative(error.clone()),
            Self::Nothing | Self::Negative(..) => Offer::Nothing,
            Self::Value(value, _) => {
                let age = now.since(value.confirmed());
                match value.judge(age, freshness) {
                    Verdict::Fresh => Offer::Fresh(value.clone()),
                    Verdict::Stale => Offer::Stale(value.clone()),
                    Verdict::Expired => Offer::Nothing,
                }
            }
        }
    }

    /// The backend gave `value`. One that was asked for before the one that is held is no news.
    pub fn confirm(&mut self, value: V) {
        match self {
            Self::Value(held, _) if held.confirmed() > value.confirmed() => {}
            _ => *self = Self::Value(value, None),
        }
    }

    /// The backend said that there is no such value. It ends at once; a no that nobody waits for and
    /// that ends nothing is not remembered, for it would be held against the first who asks. Returns
    /// whether it is.
    pub fn deny(&mut self, error: E, now: Moment, reason: FetchReason) -> bool {
        let times = match self {
            Self::Nothing if reason == FetchReason::Ahead => return false,
            Self::Negative(_, _, times) => times.saturating_add(1),
            _ => 1,
        };
        *self = Self::Negative(error, now + negative_ttl(times), times);
        true
    }

    /// The backend could not be asked, and why.
    pub fn fail(&mut self, why: impl FnOnce() -> String) {
        if let Self::Value(_, last) = self {
            *last = Some(why());
        }
    }

    /// Forgets; returns whether a value was held.
    pub fn forget(&mut self) -> bool {
        matches!(std::mem::take(self), Self::Value(..))
    }
}

#[cfg(test)]
mod model;
