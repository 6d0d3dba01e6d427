//! A histogram of durations: fixed buckets, without a lock.
//!
//! Each number is right; two that are read while somebody counts may not belong to the same moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// An upper bound, and how metrics write it in seconds (OpenMetrics 1.0, "Considerations: Canonical
/// Numbers").
pub type Bound = (Duration, &'static str);

/// For answers out of memory.
pub const FAST: &[Bound] = &[
    (Duration::from_micros(1), "1e-06"),
    (Duration::from_micros(5), "5e-06"),
    (Duration::from_micros(10), "1e-05"),
    (Duration::from_micros(50), "5e-05"),
    (Duration::from_micros(100), "0.0001"),
    (Duration::from_millis(1), "0.001"),
    (Duration::from_millis(10), "0.01"),
    (Duration::from_millis(100), "0.1"),
];

/// For calls over a network. The last is the longest that a fetch may take.
pub const SLOW: &[Bound] = &[
    (Duration::from_millis(1), "0.001"),
    (Duration::from_millis(5), "0.005"),
    (Duration::from_millis(10), "0.01"),
    (Duration::from_millis(25), "0.025"),
    (Duration::from_millis(50), "0.05"),
    (Duration::from_millis(100), "0.1"),
    (Duration::from_millis(250), "0.25"),
    (Duration::from_millis(500), "0.5"),
    (Duration::from_secs(1), "1.0"),
    (Duration::from_millis(2500), "2.5"),
    (Duration::from_secs(5), "5.0"),
    (Duration::from_secs(10), "10.0"),
];

/// What was counted. Totals wrap after five hundred years.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [Bound],
    /// One for each bound, and one for what is above all of them.
    counts: Box<[AtomicU64]>,
    nanoseconds: AtomicU64,
}

/// A look at a [`Histogram`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How many were within each bound, those within smaller ones included.
    pub within: Vec<(&'static str, u64)>,
    /// How many there were.
    pub count: u64,
    /// How long all took together.
    pub sum: Duration,
}

impl Histogram {
    /// Nothing counted yet; `bounds` grow.
    pub fn new(bounds: &'static [Bound]) -> Self {
        Self {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            nanoseconds: AtomicU64::new(0),
        }
    }

    /// Counts one that took so long. A bound belongs to its bucket.
    pub fn count(&self, took: Duration) {
        let bucket = self.bounds.partition_point(|(bound, _)| *bound < took);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn look(&self) -> Counted {
        let mut count = 0;
        let mut sums = self.counts.iter().map(|bucket| {
            count += bucket.load(Ordering::Relaxed);
            count
        });
        let within = self.bounds.iter().map(|(_, text)| *text).zip(&mut sums);
        let within = within.collect();
        let count = sums.next_back().unwrap_or_default();
        Counted {
            within,
            count,
            sum: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_in_its_bucket_and_in_all_above() {
        let histogram = Histogram::new(SLOW);
        for milliseconds in [0, 1, 2, 10_000, 10_001] {
            histogram.count(Duration::from_millis(milliseconds));
        }
        let counted = histogram.look();
        let within = |bound: &str| {
            let found = counted.within.iter().find(|(text, _)| *text == bound);
            found.unwrap().1
        };
        assert_eq!(
            [
                within("0.001"),
                within("0.005"),
                within("5.0"),
                within("10.0")
            ],
            [2, 3, 3, 4]
        );
        assert_eq!(counted.count, 5);
        assert_eq!(counted.sum, Duration::from_millis(20_004));
    }

    #[test]
    fn bounds_grow_and_are_written_as_they_are() {
        for bounds in [FAST, SLOW] {
            assert!(bounds.is_sorted());
            for (bound, text) in bounds {
                let written: f64 = text.parse().unwrap();
                assert!((bound.as_secs_f64() - written).abs() < 1e-12, "{text}");
            }
        }
    }
}
