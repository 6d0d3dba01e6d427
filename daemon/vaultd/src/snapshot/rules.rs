//! What does the configuration say of what is kept?

use std::collections::BTreeSet;
use std::time::Duration;

use vault_backends::backend::{Address, BackendKind};

/// Whether values are kept over a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persist {
    /// No.
    #[default]
    Off,
    /// In a sealed file.
    Sealed,
}

/// What the configuration says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether values are kept at all.
    pub persist: Persist,
    /// The scopes of the vaults that are configured; values of others are not kept.
    pub scopes: BTreeSet<String>,
    /// The longest that any value may be served. Each caller's own bound counts besides.
    pub longest: Duration,
}

impl Rules {
    /// Whether what is at `address` is kept.
    pub(super) fn keep(&self, address: &Address) -> bool {
        self.persist == Persist::Sealed
            && address.kind == BackendKind::Oci
            && self.scopes.contains(&address.scope)
    }

    /// From which age on a value is not kept that the backend itself gave for so long.
    pub(super) fn bound(&self, valid_for: Option<Duration>) -> Duration {
        valid_for.map_or(self.longest, |valid_for| valid_for.min(self.longest))
    }
}
