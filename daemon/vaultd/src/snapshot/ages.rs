//! The age of a value that was kept over a restart. Pure.
//!
//! Never younger than it is: where the time in between cannot be told, there is no age.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How far the wall clock may have lagged behind the boot clock since the machine's start before it
/// was set back: clocks that drift are corrected, and leap seconds happen.
const DRIFT: Duration = Duration::from_mins(1);
/// Wall clocks are read in whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

/// When something was kept, or is read again, by each clock there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockReading {
    /// The machine's start, as the kernel names it; `None` where that is hidden.
    pub(super) boot: Option<String>,
    /// How long that is ago.
    pub(super) since_start: Duration,
    /// Seconds since 1970-01-01 UTC.
    pub(super) unix_seconds: u64,
}

impl ClockReading {
    /// How much time went by from `then` until this; `None` where that cannot be told.
    pub(super) fn since(&self, then: &Self) -> Option<Duration> {
        if self.boot.is_some() && self.boot == then.boot {
            // Of one start this clock alone counts: the wall clock may be set as one likes.
            return self.since_start.checked_sub(then.since_start);
        }
        let passed = self.unix_seconds.checked_sub(then.unix_seconds)?;
        let passed = Duration::from_secs(passed) + ROUNDING;
        let is_hidden = self.boot.is_none() || then.boot.is_none();
        // All of another start came after `then`. Where it may be the same one, so much of it did.
        let of_the_same = self.since_start.checked_sub(then.since_start);
        let least = of_the_same.filter(|_| is_hidden);
        let least = least.unwrap_or(self.since_start);
        // A wall clock that knows of less was set back.
        (passed + DRIFT >= least).then(|| passed.max(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn time(boot: &str, since_start: u64, unix_seconds: u64) -> ClockReading {
        ClockReading {
            boot: (!boot.is_empty()).then(|| boot.to_owned()),
            since_start: seconds(since_start),
            unix_seconds,
        }
    }

    #[test]
    fn of_one_start_the_boot_clock_alone_counts() {
        let then = time("a", 500, 1_000_000);
        for wall in [0, 1_000_000, 1_000_099, 9_000_000] {
            assert_eq!(time("a", 600, wall).since(&then), Some(seconds(100)));
        }
    }

    #[test]
    fn a_boot_clock_that_went_back_tells_nothing() {
        let then = time("a", 500, 1_000_000);
        assert_eq!(time("a", 499, 1_000_100).since(&then), None);
    }

    #[test]
    fn over_a_reboot_the_wall_clock_counts_and_never_makes_younger() {
        let then = time("a", 5000, 1_000_000);
        assert_eq!(time("b", 60, 1_000_300).since(&then), Some(seconds(301)));
        assert_eq!(time("b", 0, 1_000_000).since(&then), Some(seconds(1)));
    }

    #[test]
    fn a_wall_clock_that_went_back_over_a_reboot_tells_nothing() {
        let then = time("a", 5000, 1_000_000);
        assert_eq!(time("b", 60, 999_999).since(&then), None);
        // Not below the old time yet, but too little for how long the machine is up.
        assert_eq!(time("b", 3600, 1_000_100).since(&then), None);
    }

    #[test]
    fn drift_and_leap_seconds_are_no_way_back() {
        let then = time("a", 5000, 1_000_000);
        assert_eq!(time("b", 300, 1_000_298).since(&then), Some(seconds(300)));
        let leap = time("a", 6000, 1_000_999);
        assert_eq!(leap.since(&then), Some(seconds(1000)));
    }

    #[test]
    fn where_the_start_is_hidden_the_wall_clock_counts_and_never_makes_younger() {
        let then = time("", 5000, 1_000_000);
        let table = [
            // As long as one start has lasted at least.
            (5010, 1_000_010, Some(11)),
            (5010, 1_009_999, Some(10_000)),
            (5070, 1_000_012, Some(70)),
            (9000, 1_000_010, None),
            (9000, 999_999, None),
            // It can only be another one.
            (5, 1_000_010, Some(11)),
            (70, 1_000_012, Some(70)),
            (4999, 1_000_010, None),
        ];
        for (up, wall, expected) in table {
            for boot in ["", "a"] {
                let age = time(boot, up, wall).since(&then);
                assert_eq!(age, expected.map(seconds), "{boot:?} {up} {wall}");
            }
        }
    }
}
