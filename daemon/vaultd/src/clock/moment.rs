//! What is a moment, and what can a clock do?

use std::ops::Add;
use std::time::Duration;

use futures_util::future::BoxFuture;

/// A moment on the boot clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub(super) Duration);

impl Moment {
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

    /// Waits for so long.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.sleep_until(self.now() + time)
    }
}
