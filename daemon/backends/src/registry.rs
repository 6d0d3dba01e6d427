//! Settings in, open backends out.

use std::sync::Arc;

use vault_memory::Shield;

use crate::backend::{Backend, BackendKind};
use crate::local::{LocalError, LocalSettings, LocalStore};

/// What each backend needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The encrypted store of this machine.
    pub local: LocalSettings,
}

/// The backends that are open.
pub struct Backends {
    open: Vec<Arc<dyn Backend>>,
}

impl Backends {
    /// Opens every backend that the settings describe.
    ///
    /// # Errors
    /// [`RegistryError`], which says which of them could not be opened.
    pub fn open(settings: &Settings, shield: Arc<Shield>) -> Result<Self, RegistryError> {
        let local = LocalStore::open(&settings.local, shield).map_err(RegistryError::Local)?;
        Ok(Self {
            open: vec![Arc::new(local)],
        })
    }

    /// The backend that understands addresses of this kind, if it is open.
    pub fn of(&self, kind: BackendKind) -> Option<Arc<dyn Backend>> {
        self.iter().find(|backend| backend.kind() == kind).cloned()
    }

    /// All open backends.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Backend>> {
        self.open.iter()
    }
}

impl FromIterator<Arc<dyn Backend>> for Backends {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Backend>>>(backends: I) -> Self {
        Self {
            open: backends.into_iter().collect(),
        }
    }
}

/// Which backend could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The local store.
    #[error("open the local store")]
    Local(#[source] LocalError),
}

impl RegistryError {
    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Local(error) => error.kind(),
        }
    }
}
