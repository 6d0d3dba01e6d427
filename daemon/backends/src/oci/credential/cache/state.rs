//! The state of a credential cache.
//!
//! Decisions over what is known and the time; nothing here waits.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::super::failure::Failure;
use super::backoff::Backoff;
use crate::error::BackendError;
use crate::oci::files::Files;
use crate::oci::identity::Identity;
use crate::oci::token::{Lifetime, pause_after_failure, renew_in};

/// An identity and its end.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) identity: Arc<Identity>,
    pub(super) life: Option<Lifetime>,
}

/// What came of an attempt, for all who wait for it.
pub(super) type Outcome = Option<Result<Held, Failure>>;

/// Everything that changes.
#[derive(Default)]
pub(super) struct State {
    pub(super) held: Option<Held>,
    /// When its successor is due, in seconds of the wall clock.
    due_at: u64,
    pub(super) files: Arc<Files>,
    pub(super) looked_at: Option<u64>,
    /// The files were seen to have changed, and have not been read since.
    pub(super) changed: bool,
    backoff: Backoff,
    hold: Option<Hold>,
    pub(super) flight: Option<watch::Receiver<Outcome>>,
    /// Somebody has asked for it.
    pub(super) used: bool,
    pub(super) failure: Option<Failure>,
}

/// An identity that OCI has refused.
struct Hold {
    identity: Arc<Identity>,
    why: Failure,
    since: u64,
}

impl State {
    /// The identity, if it has not ended.
    pub(super) fn valid(&self, now: u64) -> Option<&Held> {
        let held = self.held.as_ref();
        held.filter(|held| held.life.is_none_or(|life| now < life.expires_at))
    }

    /// Whether a successor should be had ahead of the end, and may be asked for.
    pub(super) fn is_due(&self, now: u64) -> bool {
        let ends = self.held.as_ref().is_some_and(|held| held.life.is_some());
        ends && now >= self.due_at && self.paused(now).is_none()
    }

    /// Why nothing is asked now, where nothing is.
    pub(super) fn paused(&self, now: u64) -> Option<&Failure> {
        self.backoff.paused_for(now)?;
        self.failure.as_ref()
    }

    /// Why the identity is not to be used, though it has not ended.
    pub(super) fn held_back(&self, now: u64) -> Option<&Failure> {
        let hold = self.hold.as_ref()?;
        let held = self.held.as_ref()?;
        let is_it = Arc::ptr_eq(&hold.identity, &held.identity);
        let lasts = (hold.since..hold.since + HOLD_SECONDS).contains(&now);
        (is_it && lasts).then_some(&hold.why)
    }

    /// Keeps an identity from being used.
    pub(super) fn hold(&mut self, refused: &Arc<Identity>, why: &BackendError, now: u64) {
        self.hold = Some(Hold {
            identity: Arc::clone(refused),
            why: why.into(),
            since: now,
        });
    }

    /// Files were put in order, or it seems so: what failed may succeed.
    pub(super) fn files_changed(&mut self) {
        self.changed = true;
        self.backoff = Backoff::default();
    }

    /// An attempt succeeded. What is the same as before stays the one it was.
    pub(super) fn obtained(&mut self, new: Held, now: u64, jitter: f64) -> Held {
        let same = self.held.as_ref().map(|held| &held.identity);
        let same = same.filter(|held| are_same(held, &new.identity));
        let identity = same.map_or(new.identity, Arc::clone);
        // Who gave it may be a little ahead of our clock, or the machine's clock behind.
        let life = new.life.map(|life| Lifetime {
            issued_at: life.issued_at.min(now),
            ..life
        });
        if let Some(life) = life {
            let soon = pause_after_failure(life, now, jitter);
            let due = renew_in(life, now, jitter).max(soon);
            self.due_at = now.saturating_add(due.as_secs());
        }
        self.backoff = Backoff::default();
        self.failure = None;
        let held = Held { identity, life };
        self.held = Some(held.clone());
        held
    }

    /// An attempt failed.
    pub(super) fn failed(&mut self, failure: Failure, now: u64, jitter: f64) {
        let old = self.valid(now).and_then(|held| held.life);
        self.backoff.failed(now, old, jitter);
        self.failure = Some(failure);
    }

    /// The files were read anew: whatever was refused may be good now.
    pub(super) fn release(&mut self) {
        self.hold = None;
    }

    /// How long it is until there is something to do. Never nothing, so that failures do not follow
    /// each other without a pause.
    pub(super) fn next(&self, now: u64) -> Duration {
        let paused = self.backoff.paused_for(now);
        let due = match self.valid(now) {
            None => paused.unwrap_or(AFTER_FAILURE),
            Some(Held { life: None, .. }) => LONGEST,
            Some(_) => {
                let due = Duration::from_secs(self.due_at.saturating_sub(now));
                due.max(paused.unwrap_or_default())
            }
        };
        due.clamp(SHORTEST, LONGEST)
    }
}

/// Whether they are one identity, read twice.
fn are_same(one: &Identity, other: &Identity) -> bool {
    let parts = |identity: &Identity| {
        let token = identity.delegation_token.clone();
        let place = (identity.region.clone(), identity.instance.clone());
        (token, place, identity.principal.clone())
    };
    one.signer.key_id().as_str() == other.signer.key_id().as_str()
        && one.signer.key().public_key_der() == other.signer.key().public_key_der()
        && parts(one) == parts(other)
}

/// How long a refused identity is not used.
const HOLD_SECONDS: u64 = 60;
const AFTER_FAILURE: Duration = Duration::from_secs(5);
const SHORTEST: Duration = Duration::from_secs(1);
/// How long may nothing be due.
pub(super) const LONGEST: Duration = Duration::from_hours(1);
