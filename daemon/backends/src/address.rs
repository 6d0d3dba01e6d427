//! Where a value is, and in which version.

use std::fmt;

/// Which kind of vault an address belongs to: the stable word for status, audit and metrics.
///
/// No closed list, so that a kind is added where its backend is, and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendKind(&'static str);

impl BackendKind {
    /// The encrypted file of this machine, `local://`.
    pub const LOCAL: Self = Self("local");
    /// OCI Vault, `oci-vault://`.
    pub const OCI: Self = Self("oci");

    /// A kind by its word.
    pub const fn new(word: &'static str) -> Self {
        Self(word)
    }

    /// The stable word for status, audit and metrics.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which version of a secret is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum VersionSelector {
    /// Whatever the vault calls current.
    #[default]
    Current,
    /// This number and no other.
    Version(u64),
    /// A stage by its name, such as `PENDING`.
    Stage(String),
    /// One that was given this name, where a vault has names for versions.
    Named(String),
}

/// Where one bundle is: what a backend needs to fetch it, and what tells it from others in a cache.
///
/// A field is no part of it: all fields of a bundle come with one reply.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The kind of vault.
    pub kind: BackendKind,
    /// Whose vault: tenancy, profile, region in one text. Empty where there is only one.
    pub scope: String,
    /// Compartment, vault or namespace; `None` where the name stands alone.
    pub container: Option<String>,
    /// Name or identifier of the secret.
    pub name: String,
    /// Which of its versions.
    pub version: VersionSelector,
}

impl Address {
    /// The current version of a secret in the local store.
    pub fn local(name: &str) -> Self {
        Self {
            kind: BackendKind::LOCAL,
            scope: String::new(),
            container: None,
            name: name.to_owned(),
            version: VersionSelector::Current,
        }
    }
}
