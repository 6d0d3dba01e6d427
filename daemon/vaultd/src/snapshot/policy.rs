//! What the configuration says of values that are kept over a restart.

use std::collections::BTreeSet;
use std::time::Duration;

use vault_backends::address::{Address, BackendKind};
use vault_backends::target::Key;

/// Whether values are kept over a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persist {
    /// No.
    #[default]
    Off,
    /// In a sealed file.
    Sealed,
}

/// Which values are kept over a restart, and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotPolicy {
    /// Whether values are kept at all.
    pub persist: Persist,
    /// The vaults whose values may be kept: those elsewhere that are configured.
    pub keys: BTreeSet<Key>,
    /// Every kind of vault there is.
    pub kinds: Vec<BackendKind>,
    /// The longest that any value may be served. Each caller's own bound counts besides.
    pub longest: Duration,
}

impl SnapshotPolicy {
    /// Whether what is at `address` is kept.
    pub(super) fn keeps(&self, address: &Address) -> bool {
        self.persist == Persist::Sealed
            && self.keys.contains(&(address.kind, address.scope.clone()))
    }

    /// From which age on a value is not kept that the backend itself gave for so long.
    pub(super) fn bound(&self, valid_for: Option<Duration>) -> Duration {
        valid_for.map_or(self.longest, |valid_for| valid_for.min(self.longest))
    }
}
