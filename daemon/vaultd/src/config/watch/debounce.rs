//! The end of a burst of changes. Pure.

use std::time::Duration;

use crate::clock::Moment;

/// Editors and tools write more than once; this long after the last change they are done.
const QUIET: Duration = Duration::from_millis(200);
/// So long after the first change nobody waits for quiet any more.
const LONGEST: Duration = Duration::from_secs(2);

/// The first and the last change of a burst; `None` while nothing has changed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Debounce(Option<(Moment, Moment)>);

/// When to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Next {
    /// Nothing has changed.
    Never,
    /// After this time, if nothing changes meanwhile.
    In(Duration),
    /// Now.
    Now,
}

impl Debounce {
    /// Something changed.
    pub(super) fn event(&mut self, now: Moment) {
        let first = self.0.map_or(now, |(first, _)| first);
        self.0 = Some((first, now));
    }

    /// When to read, as things stand.
    pub(super) fn next(&self, now: Moment) -> Next {
        let Some((first, last)) = self.0 else {
            return Next::Never;
        };
        let due = (last + QUIET).min(first + LONGEST);
        match due.since(now) {
            Duration::ZERO => Next::Now,
            wait => Next::In(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, ScriptedClock};

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn without_a_change_there_is_nothing_to_read() {
        let clock = ScriptedClock::default();
        clock.advance(LONGEST);
        assert_eq!(Debounce::default().next(clock.now()), Next::Never);
    }

    #[test]
    fn one_change_is_read_after_the_quiet() {
        let clock = ScriptedClock::default();
        let mut debounce = Debounce::default();
        debounce.event(clock.now());
        assert_eq!(debounce.next(clock.now()), Next::In(QUIET));
        clock.advance(millis(150));
        assert_eq!(debounce.next(clock.now()), Next::In(millis(50)));
        clock.advance(millis(50));
        assert_eq!(debounce.next(clock.now()), Next::Now);
    }

    #[test]
    fn each_change_starts_the_quiet_anew() {
        let clock = ScriptedClock::default();
        let mut debounce = Debounce::default();
        for _ in 0..5 {
            debounce.event(clock.now());
            clock.advance(millis(150));
            assert_eq!(debounce.next(clock.now()), Next::In(millis(50)));
        }
    }

    #[test]
    fn endless_changes_are_read_at_the_bound() {
        let clock = ScriptedClock::default();
        let mut debounce = Debounce::default();
        let mut waited = Duration::ZERO;
        while debounce.next(clock.now()) != Next::Now {
            assert!(waited < LONGEST, "not read after {waited:?}");
            debounce.event(clock.now());
            clock.advance(millis(100));
            waited += millis(100);
        }
        assert_eq!(waited, LONGEST);
    }
}
