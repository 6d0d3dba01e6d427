//! How many values are in which state now? Pure.

use std::time::Duration;

use super::freshness::{Freshness, Verdict};
use super::machine::Dated;
use super::views::CacheEntry;

/// Values by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// To be served.
    pub fresh: usize,
    /// Past their time to live, or from before this start: to be served only while the backend cannot be asked.
    pub stale: usize,
    /// Held, and never to be served again.
    pub expired: usize,
    /// What the backend said no to.
    pub negative: usize,
    /// The age of the oldest stale value.
    pub oldest_stale: Option<Duration>,
}

impl Census {
    /// Counts `entries` as whoever asked last judges them, or else `others`.
    pub fn of(entries: &[CacheEntry], others: &Freshness) -> Self {
        let mut census = Self::default();
        for entry in entries {
            let Ok((held, age, _)) = &entry.known else {
                census.negative += 1;
                continue;
            };
            match held.judge(*age, entry.wanted.as_ref().unwrap_or(others)) {
                Verdict::Fresh => census.fresh += 1,
                Verdict::Stale => {
                    census.stale += 1;
                    census.oldest_stale = census.oldest_stale.max(Some(*age));
                }
                Verdict::Expired => census.expired += 1,
            }
        }
        census
    }
}
