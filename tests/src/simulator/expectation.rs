//! A model of what the vault may expect of its daemon, which sees no more than the vault does: calls that
//! come, and how they end. Its breaker is kept, a pause that it asked for is one, and whose fault a
//! failure is counts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use vaultd::clock::Moment;
use vaultd::upstream::breaker::BreakerSettings;

/// How much longer than the period the time to the next probe may be.
const LONGEST: f64 = 1.15;
/// No longer pause is believed.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// What a call told the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallOutcome {
    /// That the vault is well: a value or a no.
    Reply,
    /// That something is wrong with this secret alone.
    OfSecret,
    /// That something is wrong, with the vault or with this secret.
    OfEither,
    /// Nothing: nobody replied.
    Silence,
    /// That a credential is refused.
    Undecided,
    /// Nothing: it was not sent.
    NotSent,
}

/// A daemon, seen from outside.
#[derive(Debug, Default)]
pub(super) struct ExpectedBreaker {
    settings: BreakerSettings,
    failures: u32,
    /// Whose failures these were; the vault's own where there is none.
    suspects: BTreeSet<Option<usize>>,
    open: Option<Window>,
    known: BTreeSet<usize>,
    /// How often in a row each secret has failed by what may be its own fault.
    own: BTreeMap<usize, u32>,
    /// Those that were well last, the latest first.
    well: VecDeque<usize>,
    well_since_opening: bool,
    paused_until: Moment,
    secrets_paused_until: BTreeMap<usize, Moment>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    /// When it began, or later: with the opening, with the last probe, or with a failure after its end.
    since: Moment,
    /// When the next probe is due at the latest.
    due: Moment,
    /// The number of the last probe.
    probe: Option<usize>,
    /// When it began and ended before the last probe, and whether that was free.
    before: (Moment, Moment, bool),
    successes: u32,
    /// A success lets the next one through at once.
    is_free: bool,
}

impl ExpectedBreaker {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// A secret is asked for, whether or not a call for it is sent.
    pub(super) fn knows(&mut self, secret: usize) {
        self.known.insert(secret);
    }

    /// The call of this number, for a secret, comes.
    ///
    /// # Errors
    /// That it should not have.
    pub(super) fn begins(&mut self, call: usize, secret: usize, now: Moment) -> Result<(), String> {
        let paused = self.secrets_paused_until.get(&secret).copied();
        let paused = paused.unwrap_or_default().max(self.paused_until);
        if now < paused {
            let left = paused.since(now);
            return Err(format!("a call {left:?} before the end of a pause"));
        }
        let Some(window) = &mut self.open else {
            return Ok(());
        };
        let gone = now.since(window.since);
        let was_free = std::mem::take(&mut window.is_free);
        if !was_free && gone < self.settings.recovery {
            return Err(format!(
                "a call {gone:?} after the last one that an open breaker let through"
            ));
        }
        window.before = (window.since, window.due, was_free);
        window.probe = Some(call);
        (window.since, window.due) = (now, now + self.settings.recovery.mul_f64(LONGEST));
        Ok(())
    }

    /// The call of this number, for a secret, has ended.
    pub(super) fn ends(&mut self, call: usize, secret: usize, told: CallOutcome, now: Moment) {
        match told {
            CallOutcome::Reply => {
                self.replies();
                self.own.remove(&secret);
                self.well.retain(|well| *well != secret);
                self.well.push_front(secret);
                self.well_since_opening = true;
                self.well.truncate(4);
                self.secrets_paused_until.remove(&secret);
            }
            CallOutcome::OfSecret => {
                self.replies();
                self.well.retain(|well| *well != secret);
                *self.own.entry(secret).or_default() += 1;
            }
            CallOutcome::OfEither => {
                let own = self.own.entry(secret).or_default();
                let threshold = self.settings.threshold;
                let is_known = threshold > 0 && *own >= threshold;
                *own += 1;
                let has_others = self.known.iter().any(|known| *known != secret);
                match (has_others, is_known && self.well_since_opening) {
                    (true, true) => self.gives_back(call),
                    (true, false) => self.fails(Some(secret), now),
                    (false, _) => self.fails(None, now),
                }
                self.well.retain(|well| *well != secret);
            }
            CallOutcome::Silence => self.fails(None, now),
            CallOutcome::Undecided | CallOutcome::NotSent => {}
        }
    }

    /// The vault has asked for a pause, for everything or for one secret.
    pub(super) fn pauses(&mut self, secret: Option<usize>, pause: Duration, now: Moment) {
        let until = now + pause.min(LONGEST_PAUSE);
        let known = match secret {
            Some(secret) => self.secrets_paused_until.entry(secret).or_default(),
            None => &mut self.paused_until,
        };
        *known = until.max(*known);
    }

    /// Until when it is not to be asked.
    pub(super) fn paused_until(&self) -> Moment {
        self.paused_until
    }

    /// A person closes it.
    pub(super) fn resets(&mut self) {
        *self = Self {
            known: std::mem::take(&mut self.known),
            well: std::mem::take(&mut self.well),
            well_since_opening: self.well_since_opening,
            ..Self::new(self.settings)
        };
    }

    /// A call told nothing new. Where it was the last probe, the next one may come at once.
    fn gives_back(&mut self, call: usize) {
        if let Some(window) = &mut self.open
            && window.probe.take_if(|probe| *probe == call).is_some()
        {
            (window.since, window.due, window.is_free) = window.before;
        }
    }

    fn replies(&mut self) {
        self.failures = 0;
        self.suspects.clear();
        if let Some(window) = &mut self.open {
            window.successes += 1;
            window.is_free = true;
            if window.successes >= self.settings.successes {
                self.open = None;
            }
        }
    }

    fn fails(&mut self, suspect: Option<usize>, now: Moment) {
        self.failures += 1;
        self.suspects.insert(suspect);
        let is_the_vaults = self.suspects.contains(&None) || self.suspects.len() > 1;
        let threshold = self.settings.threshold;
        let due = now + self.settings.recovery.mul_f64(LONGEST);
        match &mut self.open {
            Some(window) => {
                // The period may be over, and by then it is: a failure begins another.
                if window.is_free || now >= window.due {
                    (window.since, window.due) = (now, due);
                } else if now.since(window.since) >= self.settings.recovery {
                    window.due = due;
                }
                (window.successes, window.is_free) = (0, false);
            }
            None if threshold > 0 && self.failures >= threshold && is_the_vaults => {
                self.well_since_opening = false;
                self.open = Some(Window {
                    since: now,
                    due,
                    probe: None,
                    before: (now, due, false),
                    successes: 0,
                    is_free: false,
                });
            }
            None => {}
        }
    }
}
