//! Is a breaker kept? A model of it that sees no more than the vault does: calls that come, and how
//! they end.

use std::time::Duration;

use vaultd::clock::Moment;
use vaultd::upstream::breaker::BreakerSettings;

/// How much longer than the period the time to the next probe may be.
const LONGEST: f64 = 1.15;

/// A breaker, seen from outside.
#[derive(Debug, Default)]
pub(super) struct Watched {
    settings: BreakerSettings,
    failures: u32,
    open: Option<Window>,
}

#[derive(Debug)]
struct Window {
    /// When it began: with the opening, or with the last probe.
    since: Moment,
    successes: u32,
    /// A success lets the next one through at once.
    is_free: bool,
}

impl Watched {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// A call comes.
    ///
    /// # Errors
    /// That it should not have.
    pub(super) fn begins(&mut self, now: Moment) -> Result<(), String> {
        let Some(window) = &mut self.open else {
            return Ok(());
        };
        let gone = now.since(window.since);
        if !std::mem::take(&mut window.is_free) && gone < self.settings.recovery {
            return Err(format!(
                "a call {gone:?} after the last one that an open breaker let through"
            ));
        }
        window.since = now;
        Ok(())
    }

    /// The vault has answered, if only with a no.
    pub(super) fn answers(&mut self) {
        self.failures = 0;
        if let Some(window) = &mut self.open {
            window.successes += 1;
            window.is_free = true;
            if window.successes >= self.settings.successes {
                self.open = None;
            }
        }
    }

    /// A call has ended without an answer.
    pub(super) fn fails(&mut self, now: Moment) {
        self.failures += 1;
        let threshold = self.settings.threshold;
        match &mut self.open {
            Some(window) => {
                let longest: Duration = self.settings.recovery.mul_f64(LONGEST);
                if window.is_free || now.since(window.since) >= longest {
                    window.since = now;
                }
                (window.successes, window.is_free) = (0, false);
            }
            None if threshold > 0 && self.failures >= threshold => {
                self.open = Some(Window {
                    since: now,
                    successes: 0,
                    is_free: false,
                });
            }
            None => {}
        }
    }

    /// A person closes it.
    pub(super) fn resets(&mut self) {
        (self.failures, self.open) = (0, None);
    }
}
