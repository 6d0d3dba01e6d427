//! The clock of ages: what time it is, and waiting for a moment.
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
mod moment;
mod scripted;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use boot::BootClock;
pub use moment::{Clock, Moment};
pub use scripted::ScriptedClock;

/// Seconds since 1970-01-01 UTC by the wall clock: for people and records, never for ages.
pub fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
