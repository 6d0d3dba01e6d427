//! The wall clock. For signatures, tokens and certificates, which others date by their clocks.

use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock. Tests move theirs.
pub trait WallClock: Send + Sync {
    /// Seconds since 1970-01-01 UTC.
    fn unix_seconds(&self) -> u64;
}

/// The system's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemWallClock;

impl WallClock for SystemWallClock {
    fn unix_seconds(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    }
}
