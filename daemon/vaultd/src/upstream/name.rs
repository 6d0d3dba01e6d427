//! A backend by name.

use std::fmt;

use vault_backends::address::{Address, BackendKind};
use vault_backends::registry::Key;

/// A backend by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// Which kind.
    pub kind: BackendKind,
    /// Which of its kind; empty where there is only one.
    pub scope: String,
}

impl Name {
    /// The backend of an address.
    pub fn of(address: &Address) -> Self {
        Self {
            kind: address.kind,
            scope: address.scope.clone(),
        }
    }

    /// The backend as the registry knows it.
    pub fn key(&self) -> Key {
        (self.kind, self.scope.clone())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope.as_str() {
            "" => self.kind.fmt(f),
            scope => write!(f, "{} ({scope})", self.kind),
        }
    }
}
