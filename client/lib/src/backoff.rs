//! The pauses between attempts: exponential, with a longest one and a bound for all together.

use std::time::Duration;

/// Pauses that double, with a bound for each and one for all of them together.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
    left: Duration,
}

impl Backoff {
    /// The first pause, the longest, and what all may come to.
    pub(crate) const fn new(first: Duration, longest: Duration, together: Duration) -> Self {
        Self {
            next: first,
            longest,
            left: together,
        }
    }
}

impl Iterator for Backoff {
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
        let pauses = Backoff::new(milliseconds(10), milliseconds(40), milliseconds(135));
        let expected = [10, 20, 40, 40, 25].map(milliseconds);
        assert_eq!(pauses.collect::<Vec<_>>(), expected);
    }
}
