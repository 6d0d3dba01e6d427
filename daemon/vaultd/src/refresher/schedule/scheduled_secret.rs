//! When one secret is due. Pure.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use vault_backends::address::{Address, VersionSelector};

use super::outcome::Outcome;
use crate::cache::Seen;
use crate::cache::freshness::Freshness;
use crate::clock::Moment;
use crate::upstream::circuit::LONGEST_PAUSE;

/// Over how long what has become stale is caught up with.
pub const CATCH_UP: Duration = Duration::from_secs(15);
/// After the machine has slept, the network has so long to come back.
pub const AFTER_SLEEP: Duration = Duration::from_secs(10);
/// What could not be asked for is not asked for again before.
pub(super) const NOT_ASKED_PAUSE: Duration = Duration::from_secs(1);
/// How long after it was asked for last a secret is still renewed.
const REMEMBERED: Duration = Duration::from_hours(24);
/// The first pause after a failure, and the longest, for one secret of a backend that is not out.
const AFTER_FAILURE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_mins(5));
/// The same after an answer that says no: only somebody's doing will change it.
const AFTER_NO: (Duration, Duration) = (Duration::from_secs(30), Duration::from_hours(1));
/// The soonest first renewal, as a part of the time to the usual one.
const SOONEST: f64 = 0.1;
/// How much of the time that a value is still fresh may pass until it is caught up with.
const IN_TIME: f64 = 0.9;

/// What tells this host's moments from another's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(pub(super) u64);

/// What a share is drawn for: each is another one.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) enum Use {
    FirstFetch,
    FirstRenewal,
    Renewal,
    Attempt,
    CatchUp,
}

impl Seed {
    pub(super) fn hash(self, address: &Address, what: Use) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.0, address, what).hash(&mut hasher);
        hasher.finish()
    }

    /// A number in 0..1 that stays the same.
    pub(super) fn share(self, address: &Address, what: Use) -> f64 {
        let bits = u32::try_from(self.hash(address, what) >> 32).unwrap_or_default();
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}

/// What is looked at for every secret each time, and drawn once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drawn {
    renewal: f64,
    first: f64,
    pub(super) tie: u64,
}

/// One secret.
#[derive(Clone, Debug)]
pub(super) struct ScheduledSecret {
    pub(super) reference: String,
    pub(super) drawn: Drawn,
    /// Whether it was fetched, or is to be, when many hosts may have been started at once: then its
    /// first renewal comes at any time, or they would all come together again.
    pub(super) is_first: bool,
    /// How fresh a configured service wants it.
    pub(super) configured: Option<Freshness>,
    /// When a caller last asked, and how fresh it was to be.
    pub(super) asked: Option<(Moment, Freshness)>,
    /// Whether a value from before this start is held.
    is_kept: bool,
    /// When the value that is held was confirmed since, and the backend's own bound.
    pub(super) held: Option<(Moment, Option<Duration>)>,
    /// Where nothing is held, since when it is due.
    pub(super) base: Moment,
    /// Not before, whatever else: a pause after a failure, or its place among many.
    pub(super) not_before: Moment,
    /// Not before, by what is wrong with this secret alone.
    pub(super) own_backoff: Moment,
    /// When it was last seen in the cache, by number of the look.
    pub(super) seen: u64,
    /// Whether its backend makes it anew at each fetch, so that none is made ahead.
    is_made_anew: bool,
    pub(super) failures: u32,
    pub(super) is_flying: bool,
    flushed: Option<Moment>,
    /// Whether the last answer was a no: nothing is missed then that asking sooner would bring.
    is_denied: bool,
}

impl ScheduledSecret {
    pub(super) fn new(reference: String, seed: Seed, address: &Address, now: Moment) -> Self {
        Self {
            reference,
            drawn: Drawn {
                renewal: seed.share(address, Use::Renewal),
                first: seed.share(address, Use::FirstRenewal),
                tie: seed.hash(address, Use::CatchUp),
            },
            is_first: false,
            configured: None,
            asked: None,
            is_kept: false,
            held: None,
            base: now,
            not_before: Moment::default(),
            own_backoff: Moment::default(),
            seen: 0,
            is_made_anew: false,
            failures: 0,
            is_flying: false,
            flushed: None,
            is_denied: false,
        }
    }

    /// Takes in what the cache holds of it; returns whether the backend has confirmed it anew.
    pub(super) fn learn(&mut self, seen: &Seen<'_>, now: Moment) -> bool {
        (self.asked, self.is_kept) = (seen.asked, seen.is_kept);
        if seen.flushed > self.flushed {
            self.flushed = seen.flushed;
            self.forget(seen.flushed.unwrap_or(now));
        }
        let is_new = seen.held.is_some() && seen.held != self.held;
        if is_new {
            self.is_well();
            self.is_denied = false;
        } else if seen.held.is_none() && self.held.is_some() {
            // Somebody who asked was told no.
            (self.base, self.not_before) = (now, now + AFTER_NO.0);
            self.is_denied = true;
        }
        self.hold(seen.held);
        is_new
    }

    pub(super) fn land(&mut self, outcome: Outcome, again: f64, now: Moment) {
        if !matches!(outcome, Outcome::NotAsked | Outcome::SecretBackoff(_)) {
            self.is_denied = matches!(outcome, Outcome::Gone | Outcome::Refused);
        }
        let pause = match outcome {
            Outcome::Confirmed(at, valid_for) => {
                self.hold(Some((at, valid_for)));
                return self.is_well();
            }
            Outcome::Overtaken => return self.forget(now),
            Outcome::MadeAnew => {
                self.is_made_anew = true;
                return;
            }
            Outcome::SecretBackoff(left) => {
                (self.not_before, self.own_backoff) = (now + left, now + left);
                return;
            }
            Outcome::NotAsked => NOT_ASKED_PAUSE,
            Outcome::Failed(_) | Outcome::NotSent | Outcome::SecretFailed(_) => {
                self.failed(AFTER_FAILURE)
            }
            Outcome::Refused => self.failed(AFTER_NO),
            Outcome::Gone => {
                (self.held, self.base) = (None, now);
                self.failed(AFTER_NO)
            }
        };
        self.not_before = now + pause.mul_f64(0.75 + 0.5 * again);
        if let Outcome::SecretFailed(Some(pause)) = outcome {
            self.not_before = self.not_before.max(now + pause.min(LONGEST_PAUSE));
        }
        if matches!(outcome, Outcome::NotSent | Outcome::SecretFailed(_)) {
            self.own_backoff = self.not_before;
        }
    }

    fn is_well(&mut self) {
        self.failures = 0;
        (self.not_before, self.own_backoff) = (Moment::default(), Moment::default());
    }

    fn hold(&mut self, held: Option<(Moment, Option<Duration>)>) {
        self.is_first &= self.held.is_none() || self.held == held;
        self.held = held;
    }

    /// Counts a failure, and says how long to wait after it.
    fn failed(&mut self, (first, longest): (Duration, Duration)) -> Duration {
        let doubled = first.saturating_mul(2u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        doubled.min(longest)
    }

    /// Due again as if it had been fetched at `now`.
    fn forget(&mut self, now: Moment) {
        let period = self
            .wishes()
            .filter_map(|wish| wish.renewed_at(None, self.drawn.renewal))
            .min();
        (self.held, self.failures) = (None, 0);
        self.base = now + period.unwrap_or(REMEMBERED);
        self.not_before = self.base;
    }

    /// Whether anybody will miss it.
    pub(super) fn is_wanted(&self, now: Moment) -> bool {
        let lately = |(asked, _)| now.since(asked) < REMEMBERED;
        // What is under way is to be found when it lands.
        self.is_flying
            || self.configured.is_some()
            || self.has_value() && self.asked.is_some_and(lately)
    }

    fn has_value(&self) -> bool {
        self.held.is_some() || self.is_kept
    }

    /// When it is due, failures and other backends' turns aside.
    pub(super) fn due(&self, address: &Address) -> Option<Moment> {
        if self.is_made_anew {
            return None;
        }
        let (confirmed, valid_for) = match self.held {
            // A version never changes: once it is here, it is asked for again by callers alone.
            Some(_) if matches!(address.version, VersionSelector::Version(_)) => return None,
            Some(held) => held,
            None => {
                // What was kept is renewed for whoever asks, too.
                let asked = self.asked.filter(|_| self.is_kept);
                let wish = self.configured.or(asked.map(|(_, freshness)| freshness));
                let is_renewed =
                    |wish: Freshness| wish.renewed_at(None, self.drawn.renewal).is_some();
                return wish.is_some_and(is_renewed).then_some(self.base);
            }
        };
        let ages = self.wishes();
        let age = ages
            .filter_map(|wish| wish.renewed_at(valid_for, self.drawn.renewal))
            .min();
        let first = if self.is_first {
            SOONEST + (1.0 - SOONEST) * self.drawn.first
        } else {
            1.0
        };
        age.map(|age| confirmed + age.mul_f64(first))
    }

    /// How long it is still fresh to whoever wants it freshest.
    pub(super) fn fresh_for(&self, now: Moment) -> Duration {
        let until = self.fresh_until();
        until.map(|until| until.since(now)).unwrap_or_default()
    }

    /// Until when; `None` where nothing is held.
    pub(super) fn fresh_until(&self) -> Option<Moment> {
        let ttl = self.wishes().map(|wish| wish.ttl).min();
        let (confirmed, valid_for) = self.held?;
        Some(confirmed + ttl?.min(valid_for.unwrap_or(Duration::MAX)))
    }

    /// From when on somebody may miss it; `None` where the answer was no.
    pub(super) fn is_missed_from(&self) -> Option<Moment> {
        match self.held {
            Some(_) => self.fresh_until(),
            None => (!self.is_denied).then_some(self.base),
        }
    }

    /// Gives it a place among all that are overdue.
    pub(super) fn catch_up(&mut self, address: &Address, from: Moment, share: f64, now: Moment) {
        // What was never tried has its place already.
        let was_tried = self.held.is_some() || self.failures > 0;
        if was_tried && self.due(address).is_some_and(|due| due <= now) {
            let window = self.fresh_for(now).mul_f64(IN_TIME).max(CATCH_UP);
            // Later rather than sooner: what has little time left makes the beginning busy.
            self.not_before = from + window.mul_f64(share.sqrt());
            self.failures = 0;
        }
    }

    /// How fresh it is to be.
    pub(super) fn wish(&self) -> Freshness {
        self.wishes().next().unwrap_or_default()
    }

    fn wishes(&self) -> impl Iterator<Item = Freshness> {
        let asked = self.asked.map(|(_, freshness)| freshness);
        self.configured.into_iter().chain(asked)
    }
}
