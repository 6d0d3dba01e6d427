//! A moment, and what a clock can do.

use std::ops::Add;
use std::time::Duration;

use futures_util::future::BoxFuture;

/// How far moments reach back from the machine's start, which is no beginning for values: some that
/// the daemon kept over it are older. More than a century.
const BEFORE_START: Duration = Duration::from_secs(1 << 32);

/// A moment on the boot clock, or before its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// So long after the machine's start.
    pub fn after_start(time: Duration) -> Self {
        Self(BEFORE_START) + time
    }

    /// How long after the machine's start this is; zero where it is before it.
    pub fn time_since_start(self) -> Duration {
        self.0.saturating_sub(BEFORE_START)
    }

    /// So long before this; `None` where moments do not reach back so far.
    pub fn before(self, time: Duration) -> Option<Self> {
        self.0.checked_sub(time).map(Self)
    }

    /// How long after `earlier` this is; zero where it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

/// The one source of time for ages.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Moment;

    /// Waits until `moment`; a moment that has passed while the machine slept counts at once.
    fn sleep_until(&self, moment: Moment) -> BoxFuture<'static, ()>;

    /// Waits until `moment`, and for ever where there is none.
    fn sleep_until_any(&self, moment: Option<Moment>) -> BoxFuture<'static, ()> {
        match moment {
            Some(moment) => self.sleep_until(moment),
            None => Box::pin(std::future::pending()),
        }
    }

    /// Waits for so long.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.sleep_until(self.now() + time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_before_the_machines_start_have_their_ages() {
        let now = Moment::after_start(Duration::from_secs(5));
        let day = Duration::from_hours(24);
        let before = now.before(day).unwrap();
        assert_eq!(now.since(before), day);
        assert!(before < now);
        assert_eq!(before.time_since_start(), Duration::ZERO);
        assert_eq!((before + day).time_since_start(), Duration::from_secs(5));
        assert_eq!(now.before(Duration::MAX), None);
    }
}
