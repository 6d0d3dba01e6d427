//! How usable is a value of this age? Pure arithmetic.

use std::time::Duration;

/// How long a value is fresh, and how long it may be served at all. Ages count from the moment the
/// backend last confirmed the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Younger is fresh. Zero asks the backend each time.
    pub ttl: Duration,
    /// From this age on it is never served.
    pub max_stale: Duration,
    /// Whether a value past its `ttl` may be served at all.
    pub stale_fallback: bool,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            ttl: Duration::from_hours(1),
            max_stale: Duration::from_hours(24),
            stale_fallback: true,
        }
    }
}

/// How usable a value is.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// To be served.
    Fresh,
    /// To be served only while the backend cannot be asked.
    Stale,
    /// Not to be served.
    Expired,
}

impl Freshness {
    /// Judges `age`; `valid_for` is the bound the backend itself gave, if it did.
    pub fn judge(&self, age: Duration, valid_for: Option<Duration>) -> Verdict {
        if age >= self.usable(valid_for) {
            Verdict::Expired
        } else if age < self.ttl {
            Verdict::Fresh
        } else {
            Verdict::Stale
        }
    }

    /// How long a value may be served.
    pub fn usable(&self, valid_for: Option<Duration>) -> Duration {
        let bound = if self.stale_fallback {
            self.max_stale.max(self.ttl)
        } else {
            self.ttl
        };
        valid_for.map_or(bound, |valid_for| valid_for.min(bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const F: Freshness = Freshness {
        ttl: Duration::from_secs(10),
        max_stale: Duration::from_secs(100),
        stale_fallback: true,
    };

    #[test]
    fn each_bound_belongs_to_the_worse_side() {
        for (age, verdict) in [
            (0, Verdict::Fresh),
            (9, Verdict::Fresh),
            (10, Verdict::Stale),
            (99, Verdict::Stale),
            (100, Verdict::Expired),
        ] {
            assert_eq!(F.judge(seconds(age), None), verdict, "{age} s");
        }
    }

    #[test]
    fn a_ttl_of_zero_is_never_fresh() {
        let asking = Freshness {
            ttl: Duration::ZERO,
            ..F
        };
        assert_eq!(asking.judge(Duration::ZERO, None), Verdict::Stale);
    }

    #[test]
    fn without_the_fallback_a_value_ends_with_its_ttl() {
        let strict = Freshness {
            stale_fallback: false,
            ..F
        };
        assert_eq!(strict.judge(seconds(9), None), Verdict::Fresh);
        assert_eq!(strict.judge(seconds(10), None), Verdict::Expired);
    }

    #[test]
    fn the_backends_own_bound_cuts_freshness_and_staleness_short() {
        assert_eq!(F.judge(seconds(4), Some(seconds(5))), Verdict::Fresh);
        assert_eq!(F.judge(seconds(5), Some(seconds(5))), Verdict::Expired);
        assert_eq!(F.judge(seconds(50), Some(seconds(40))), Verdict::Expired);
    }
}
