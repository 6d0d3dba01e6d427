//! The vaults that somebody's references lead to: one of each kind.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use vault_backends::address::BackendKind;
use vault_backends::target::{Key, Target};

use crate::backend_kinds::BackendKinds;

/// One target of each kind, as the configuration computes them for an environment or a service.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    kinds: BackendKinds,
    by_kind: BTreeMap<BackendKind, Arc<dyn Target>>,
}

impl Targets {
    /// What each kind is where nothing is configured, for a user with this home.
    pub fn unconfigured(kinds: BackendKinds, home: &Path) -> Self {
        let targets = kinds.all().filter_map(|policy| policy.unconfigured);
        let by_kind = targets.map(|target| target(home));
        Self {
            kinds,
            by_kind: by_kind.map(|target| (target.kind(), target)).collect(),
        }
    }

    /// The same with another target of its kind.
    #[must_use]
    pub fn with(mut self, target: impl Target) -> Self {
        self.by_kind.insert(target.kind(), Arc::new(target));
        self
    }

    /// The kinds there are.
    pub fn kinds(&self) -> BackendKinds {
        self.kinds
    }

    /// The target of a kind; `None` where its backend is always open, or there is none.
    pub fn of(&self, kind: BackendKind) -> Option<&Arc<dyn Target>> {
        self.by_kind.get(&kind)
    }

    /// Every target.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Target>> {
        self.by_kind.values()
    }

    /// Their keys.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.all().map(|target| target.key())
    }

    /// Whether this identity is used without anybody's choosing it.
    pub fn has_identity(&self, name: &str) -> bool {
        self.all().any(|target| target.identity() == Some(name))
    }

    /// The same vaults asked as another identity, where they have any to choose.
    #[must_use]
    pub fn as_identity(&self, name: &str) -> Self {
        let mut targets = self.clone();
        for target in targets.by_kind.values_mut() {
            if let Some(other) = target.as_identity(name) {
                *target = other;
            }
        }
        targets
    }

    /// The settings of OCI Vault among them.
    #[cfg(test)]
    pub(crate) fn oci(&self) -> &vault_backends::oci::OciSettings {
        let target: &dyn std::any::Any = &**self.of(BackendKind::OCI).expect("shipped");
        target.downcast_ref().expect("of its kind")
    }
}

/// What two targets do not differ in leads to the same secrets.
impl PartialEq for Targets {
    fn eq(&self, other: &Self) -> bool {
        let facts = |targets: &Self| -> Vec<_> {
            let facts = |target: &Arc<dyn Target>| {
                let container = target.container().map(str::to_owned);
                (target.key(), container, target.placement())
            };
            targets.all().map(facts).collect()
        };
        facts(self) == facts(other)
    }
}

impl Eq for Targets {}
