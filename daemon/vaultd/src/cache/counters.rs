//! What was answered since the start?

use std::sync::atomic::AtomicU64;

use crate::histogram::{FAST, Histogram};

/// What was counted since start.
#[derive(Debug)]
pub struct Counters {
    /// Answers from a fresh value, and how long they took.
    pub hits: Histogram,
    /// Answers that needed the backend.
    pub misses: AtomicU64,
    /// Answers with a stale value.
    pub stale: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            hits: Histogram::new(FAST),
            misses: AtomicU64::default(),
            stale: AtomicU64::default(),
        }
    }
}
