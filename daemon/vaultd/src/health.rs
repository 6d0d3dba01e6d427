//! Whether all is well, as `vaultctl status`, its exit code and the metrics say it.

use crate::audit::Audit;
use crate::cache::CacheEntry;
use crate::cache::freshness::{Freshness, Verdict};
use crate::cache::machine::Dated;
use crate::setup::Current;
use crate::snapshot::Snapshot;
use crate::upstream::Health;
use crate::upstream::breaker::State;

/// Whether nothing needs a person: the newest configuration is in force and no service of it refused, records are written, no breaker is
/// open, nothing that was replaced is left on the disk, and no value is stale because it cannot be renewed.
/// `others` judges values that nobody has asked for.
pub fn is_healthy(
    current: &Current,
    audit: &Audit,
    snapshot: &Snapshot,
    backends: &[Health],
    entries: &[CacheEntry],
    others: &Freshness,
) -> bool {
    let (_, refused) = current.history();
    let holds_old = snapshot.warning().is_some_and(|warning| warning.holds_old);
    refused.is_none()
        && current.get().refused().is_empty()
        && audit.last_error().is_none()
        && !holds_old
        && backends.iter().all(is_well)
        && !entries.iter().any(|entry| cannot_be_renewed(entry, others))
}

/// A store of this machine has no breaker; its last error is all there is to see.
fn is_well(backend: &Health) -> bool {
    backend.breaker == State::Closed && backend.last_error.is_empty()
}

/// Past its ttl and simply not asked for since is no fault.
fn cannot_be_renewed(entry: &CacheEntry, others: &Freshness) -> bool {
    let Ok((held, age, why)) = &entry.known else {
        return false;
    };
    let freshness = entry.wanted.as_ref().unwrap_or(others);
    let is_stale = held.judge(*age, freshness) != Verdict::Fresh;
    is_stale && why.as_ref().is_some_and(|why| !why.is_empty())
}
