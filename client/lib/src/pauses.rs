//! How long is waited before the next attempt, and when is there none?

use std::time::Duration;

/// Pauses that double, with a bound for each and one for all of them together.
#[derive(Clone, Debug)]
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
    left: Duration,
}

impl Pauses {
    /// The first pause, the longest, and what all may come to.
    pub(crate) const fn new(first: Duration, longest: Duration, together: Duration) -> Self {
        Self {
            next: first,
            longest,
            left: together,
        }
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    /// The next pause; `None` when all that may be waited has been.
    fn next(&mut self) -> Option<Duration> {
        let pause = self.next.min(self.left);
        self.left -= pause;
        self.next = (self.next * 2).min(self.longest);
        (!pause.is_zero()).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_to_what_they_may_come_to() {
        let milliseconds = Duration::from_millis;
        let pauses = Pauses::new(milliseconds(10), milliseconds(40), milliseconds(135));
        let expected = [10, 20, 40, 40, 25].map(milliseconds);
        assert_eq!(pauses.collect::<Vec<_>>(), expected);
    }
}
