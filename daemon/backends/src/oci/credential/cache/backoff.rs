//! Backoff of attempts to get a token.

use std::time::Duration;

use crate::oci::token::{Lifetime, pause_after_failure};

/// Failures in a row, and the pause after them. It counts by the wall clock, which may be set back: a
/// pause that has not begun is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: u32,
    since: u64,
    until: u64,
}

impl Backoff {
    /// One more failure. While there is an old token nothing is urgent, and each is followed by a pause;
    /// otherwise so is the third and each that follows, by longer ones.
    pub(super) fn failed(&mut self, now: u64, old: Option<Lifetime>, jitter: f64) {
        self.failures = self.failures.saturating_add(1);
        let pause = match (old, self.failures.checked_sub(FREE)) {
            (Some(life), _) => pause_after_failure(life, now, jitter),
            (None, None) => Duration::ZERO,
            (None, Some(more)) => Duration::from_secs(1 << more.min(5)).min(LONGEST),
        };
        (self.since, self.until) = (now, now + pause.as_secs());
    }

    /// How long it is until the next attempt; `None` where it may be made now.
    pub(super) fn paused_for(self, now: u64) -> Option<Duration> {
        let is_paused = (self.since..self.until).contains(&now);
        is_paused.then(|| Duration::from_secs(self.until - now))
    }
}

/// The failure with which pauses begin.
const FREE: u32 = 3;
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(old: Option<Lifetime>) -> Vec<u64> {
        let mut backoff = Backoff::default();
        let pauses = (0..9).map(|_| {
            backoff.failed(100, old, 0.5);
            backoff.paused_for(100).map_or(0, |pause| pause.as_secs())
        });
        pauses.collect()
    }

    #[test]
    fn pauses_grow_from_the_third_failure_on() {
        assert_eq!(pauses(None), [0, 0, 1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn with_an_old_token_there_is_time() {
        let life = |expires_at| {
            Some(Lifetime {
                issued_at: 0,
                expires_at,
            })
        };
        assert_eq!(pauses(life(3_600)), [60; 9]);
        assert_eq!(pauses(life(180)), [10; 9]);
    }

    #[test]
    fn a_clock_that_is_set_back_ends_a_pause() {
        let mut backoff = Backoff::default();
        (0..8).for_each(|_| backoff.failed(100, None, 0.5));
        assert_eq!(backoff.paused_for(129), Some(Duration::from_secs(1)));
        assert_eq!(backoff.paused_for(130), None);
        assert_eq!(backoff.paused_for(99), None);
    }
}
