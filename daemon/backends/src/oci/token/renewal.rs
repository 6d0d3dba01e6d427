//! The time at which a token is renewed.

use std::time::Duration;

/// From when until when a token can be used, in seconds of the wall clock after 1970 began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// When it began.
    pub issued_at: u64,
    /// When it ends.
    pub expires_at: u64,
}

/// How long after `now` a token is to be renewed: at half its life or, as `jitter` in 0..=1 says, up to
/// a tenth of it later, so that what started together does not come together again. The other half is
/// for trying again. Zero where that is past, and where our clock says that it has not begun.
pub fn renew_in(life: Lifetime, now: u64, jitter: f64) -> Duration {
    if now < life.issued_at {
        // The token's clock is ahead of ours: its end comes sooner than it seems.
        return Duration::ZERO;
    }
    let whole = Duration::from_secs(life.expires_at.saturating_sub(life.issued_at));
    let age = Duration::from_secs(now - life.issued_at);
    let due = whole / 2 + (whole / 10).mul_f64(jitter.clamp(0.0, 1.0));
    due.saturating_sub(age)
}

/// How long to wait after a renewal that failed: an eighth of what is left, between 5 s and a minute,
/// times 0.75 to 1.25 as `jitter` in 0..=1 says.
pub fn pause_after_failure(life: Lifetime, now: u64, jitter: f64) -> Duration {
    let left = Duration::from_secs(life.expires_at.saturating_sub(now));
    let pause = (left / 8).clamp(Duration::from_secs(5), Duration::from_mins(1));
    pause.mul_f64(0.75 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Lifetime = Lifetime {
        issued_at: 1_000,
        expires_at: 4_600,
    };

    #[test]
    fn a_token_is_renewed_between_half_and_six_tenths_of_its_life() {
        for (now, jitter, seconds) in [
            (1_000, 0.0, 1_800),
            (1_000, 1.0, 2_160),
            (1_000, 0.5, 1_980),
            (2_000, 0.0, 800),
            (2_800, 0.0, 0),
            (5_000, 1.0, 0),
            (1_000, -3.0, 1_800),
            (1_000, 7.0, 2_160),
        ] {
            let wait = renew_in(HOUR, now, jitter);
            assert_eq!(wait, Duration::from_secs(seconds), "{now} {jitter}");
        }
    }

    #[test]
    fn times_that_cannot_be_do_not_delay_a_renewal() {
        assert_eq!(renew_in(HOUR, 999, 1.0), Duration::ZERO);
        let backwards = Lifetime {
            issued_at: 9,
            expires_at: 3,
        };
        assert_eq!(renew_in(backwards, 9, 1.0), Duration::ZERO);
        let longest = Lifetime {
            issued_at: 0,
            expires_at: u64::MAX,
        };
        assert!(renew_in(longest, 0, 1.0) > Duration::from_secs(1 << 40));
    }

    #[test]
    fn attempts_come_closer_as_the_end_does() {
        for (now, seconds) in [(1_000, 60), (4_440, 20), (4_590, 5), (9_000, 5)] {
            let pause = pause_after_failure(HOUR, now, 0.5);
            assert_eq!(pause, Duration::from_secs(seconds), "{now}");
        }
        let first = pause_after_failure(HOUR, 1_000, 0.0);
        let last = pause_after_failure(HOUR, 1_000, 1.0);
        assert_eq!((first.as_secs(), last.as_secs()), (45, 75));
    }
}
