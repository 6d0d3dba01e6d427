//! What time is it, for the age of values, and who is woken when?
//!
//! `CLOCK_BOOTTIME`: sleep counts, wall-clock jumps do not (std's and tokio's clocks stop while a
//! laptop sleeps). Whoever judges ages or waits for one takes a [`Clock`], so that tests can move it.
//! Deadlines of calls are not ages: they are tokio's, since a machine that sleeps does not wait.
//!
//! A simulator takes tokio's `current_thread` runtime with paused time and
//! [`ScriptedClock::flowing`], which moves along with tokio's: tokio steps to the next deadline or to
//! the next moment somebody sleeps until, whichever is nearer, whenever nothing is left to do.
//! [`ScriptedClock::advance`] is then the machine's sleep: ages grow, and deadlines do not move.

mod boot;
mod scripted;

use std::ops::Add;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;

pub use boot::BootClock;
pub use scripted::ScriptedClock;

/// A moment on the boot clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

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

/// Seconds since 1970-01-01 UTC by the wall clock: for people and records, never for ages.
pub fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
