//! Settings in, open backends out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vault_memory::Shield;

use crate::backend::{Backend, BackendKind};
use crate::local::{LocalError, LocalSettings, LocalStore};
use crate::oci::{self, configured::ConfiguredVault};

/// What each backend needs to know.
#[derive(Clone)]
pub struct Settings {
    /// The encrypted store of this machine.
    pub local: LocalSettings,
    /// What all vaults of OCI have around them.
    pub around: oci::surroundings::Surroundings,
}

/// A backend by kind and scope.
pub type Key = (BackendKind, String);

/// The backends there are. The local store is open from the start; a vault of OCI is opened when it is
/// asked for the first time, since most that are configured never are.
pub struct Backends {
    /// `None` where there is no cloud.
    open_oci: Option<OpenOci>,
    vaults: Mutex<Vaults>,
}

type OpenOci = Box<dyn Fn(&oci::Settings) -> Arc<dyn Backend> + Send + Sync>;

#[derive(Default)]
struct Vaults {
    open: BTreeMap<Key, Arc<dyn Backend>>,
    /// The vaults of the configuration in force, by scope.
    configured: BTreeMap<String, oci::Settings>,
    /// Those of the one before: requests that began under it may still ask.
    before: BTreeMap<String, oci::Settings>,
}

impl Backends {
    /// Opens the local store.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn open(settings: &Settings, shield: Arc<Shield>) -> Result<Self, RegistryError> {
        let local = LocalStore::open(&settings.local, Arc::clone(&shield));
        let local: Arc<dyn Backend> = Arc::new(local.map_err(RegistryError::Local)?);
        let around = settings.around.clone();
        let open_oci = move |settings: &oci::Settings| -> Arc<dyn Backend> {
            Arc::new(ConfiguredVault::new(settings, &around, &shield))
        };
        Ok(Self {
            open_oci: Some(Box::new(open_oci)),
            ..Self::from_iter([local])
        })
    }

    /// Lets these vaults of OCI be asked, besides those that could be until now.
    pub fn configure(&self, vaults: impl IntoIterator<Item = oci::Settings>) {
        let vaults = vaults.into_iter();
        let configured = vaults
            .map(|settings| (settings.scope(), settings))
            .collect();
        let mut vaults = self.vaults();
        vaults.before = std::mem::replace(&mut vaults.configured, configured);
        let Vaults {
            open,
            configured,
            before,
        } = &mut *vaults;
        open.retain(|(kind, scope), _| {
            *kind != BackendKind::Oci
                || configured.contains_key(scope)
                || before.contains_key(scope)
        });
    }

    /// Whether there is a backend for addresses of this kind and scope.
    pub fn has(&self, kind: BackendKind, scope: &str) -> bool {
        let vaults = self.vaults();
        vaults.open.contains_key(&(kind, scope.to_owned()))
            || vaults.settings(kind, scope).is_some()
    }

    /// The backend for addresses of this kind and scope, opened if it is not.
    pub fn of(&self, kind: BackendKind, scope: &str) -> Option<Arc<dyn Backend>> {
        let mut vaults = self.vaults();
        let key = (kind, scope.to_owned());
        if let Some(open) = vaults.open.get(&key) {
            return Some(Arc::clone(open));
        }
        let opened = self.open_oci.as_ref()?(vaults.settings(kind, scope)?);
        vaults.open.insert(key, Arc::clone(&opened));
        Some(opened)
    }

    /// All open backends.
    pub fn all(&self) -> Vec<(Key, Arc<dyn Backend>)> {
        let vaults = self.vaults();
        let all = vaults.open.iter();
        all.map(|(key, backend)| (key.clone(), Arc::clone(backend)))
            .collect()
    }

    /// The keys of all open backends.
    pub fn keys(&self) -> BTreeSet<Key> {
        self.vaults().open.keys().cloned().collect()
    }

    fn vaults(&self) -> MutexGuard<'_, Vaults> {
        self.vaults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vaults {
    fn settings(&self, kind: BackendKind, scope: &str) -> Option<&oci::Settings> {
        let settings = || {
            self.configured
                .get(scope)
                .or_else(|| self.before.get(scope))
        };
        (kind == BackendKind::Oci).then(settings).flatten()
    }
}

/// Backends without a scope, all of them open.
impl FromIterator<Arc<dyn Backend>> for Backends {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Backend>>>(backends: I) -> Self {
        let open = backends.into_iter();
        let open = open
            .map(|backend| ((backend.kind(), String::new()), backend))
            .collect();
        Self {
            open_oci: None,
            vaults: Mutex::new(Vaults {
                open,
                ..Vaults::default()
            }),
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
