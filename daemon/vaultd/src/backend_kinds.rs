//! The kinds of vaults there are, and how each is treated: the one table that a new kind is added to.

use std::path::Path;
use std::sync::Arc;

use vault_backends::address::BackendKind;
use vault_backends::oci::OciSettings;
use vault_backends::target::Target;

/// Makes the target that counts where nothing is configured, for a user with this home.
pub type UnconfiguredTarget = fn(&Path) -> Arc<dyn Target>;

/// How the daemon treats vaults of one kind.
#[derive(Clone, Copy, Debug)]
pub struct KindPolicy {
    /// Its word.
    pub kind: BackendKind,
    /// What references to its secrets begin with, before `://`.
    pub scheme: &'static str,
    /// Whether a network lies between: then a breaker guards it, failed calls are repeated, first fetches
    /// after a restart are spread, and values may be kept over one. What is on this machine is asked
    /// again at once: a person who has repaired it must not wait.
    pub is_remote: bool,
    /// Whether one secret may be known by several names: a change by one is then one by any.
    pub has_aliases: bool,
    /// Whether a peer of the daemon's own uid may change its secrets where no policy is written.
    pub written_by_default: bool,
    /// What is asked where nothing is configured; `None` where the backend is always open.
    pub unconfigured: Option<UnconfiguredTarget>,
}

/// The encrypted store of this machine.
pub const LOCAL: KindPolicy = KindPolicy {
    kind: BackendKind::LOCAL,
    scheme: "local",
    is_remote: false,
    has_aliases: false,
    written_by_default: true,
    unconfigured: None,
};

/// OCI Vault.
pub const OCI: KindPolicy = KindPolicy {
    kind: BackendKind::OCI,
    scheme: "oci-vault",
    is_remote: true,
    has_aliases: true,
    written_by_default: false,
    unconfigured: Some(|home| Arc::new(OciSettings::default_for(home))),
};

/// A table of kinds.
#[derive(Clone, Copy, Debug)]
pub struct BackendKinds(&'static [KindPolicy]);

impl BackendKinds {
    /// The kinds that the daemon is shipped with.
    pub const SHIPPED: Self = Self(&[LOCAL, OCI]);

    /// Another table. It must hold [`LOCAL`].
    pub const fn of(kinds: &'static [KindPolicy]) -> Self {
        Self(kinds)
    }

    /// All of them.
    pub fn all(self) -> impl Iterator<Item = &'static KindPolicy> {
        self.0.iter()
    }

    /// How a kind is treated; one that is not in the table like any that is far away.
    pub fn policy(self, kind: BackendKind) -> KindPolicy {
        let found = self.all().find(|policy| policy.kind == kind);
        found.copied().unwrap_or(KindPolicy {
            kind,
            scheme: kind.as_str(),
            is_remote: true,
            has_aliases: false,
            written_by_default: false,
            unconfigured: None,
        })
    }

    /// The kind that a scheme is of; a scheme of none is a kind by itself, which no backend serves.
    pub fn by_scheme(self, scheme: &'static str) -> BackendKind {
        let found = self.all().find(|policy| policy.scheme == scheme);
        found.map_or(BackendKind::new(scheme), |policy| policy.kind)
    }

    /// The kind of this word.
    pub fn by_word(self, word: &str) -> Option<BackendKind> {
        let found = self.all().find(|policy| policy.kind.as_str() == word);
        found.map(|policy| policy.kind)
    }

    /// All words, for messages: "local, oci".
    pub fn words(self) -> String {
        let words: Vec<&str> = self.all().map(|policy| policy.kind.as_str()).collect();
        words.join(", ")
    }
}

impl Default for BackendKinds {
    fn default() -> Self {
        Self::SHIPPED
    }
}
