//! Settings in, open backends out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vault_memory::Shield;

use crate::backend::{Backend, BackendKind};
use crate::local::{LocalError, LocalSettings, LocalStore, SealedFile};
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
    /// `None` where all are somebody else's.
    store: Option<LocalStore>,
    vaults: Mutex<Vaults>,
}

type OpenOci = Box<dyn Fn(&oci::Settings) -> Arc<dyn Backend> + Send + Sync>;

#[derive(Default)]
struct Vaults {
    open: BTreeMap<Key, Arc<dyn Backend>>,
    /// The vaults of the configuration in force, by scope.
    configured: BTreeMap<String, oci::Settings>,
    /// Those of the one before: requests that began under it may still ask, for a while.
    before: BTreeMap<String, oci::Settings>,
    /// Whether [`Backends::settle`] has seen these.
    is_settling: bool,
}

impl Backends {
    /// Opens the local store.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn open(settings: &Settings, shield: Arc<Shield>) -> Result<Self, RegistryError> {
        let store = LocalStore::open(&settings.local, Arc::clone(&shield));
        let store = store.map_err(RegistryError::Local)?;
        let local: Arc<dyn Backend> = Arc::new(store.clone());
        let around = settings.around.clone();
        let open_oci = move |settings: &oci::Settings| -> Arc<dyn Backend> {
            Arc::new(ConfiguredVault::new(settings, &around, &shield))
        };
        Ok(Self {
            open_oci: Some(Box::new(open_oci)),
            store: Some(store),
            ..Self::from_iter([local])
        })
    }

    /// The file `name` in `directory`, which the local store's identity opens; `None` where this
    /// opened no local store.
    pub fn sealed_file(&self, directory: &Path, name: &'static str) -> Option<SealedFile> {
        let store = self.store.as_ref()?;
        Some(store.sealed_file(directory, name))
    }

    /// Lets these vaults of OCI be asked, besides those that could be until now.
    pub fn configure(&self, vaults: impl IntoIterator<Item = oci::Settings>) {
        let vaults = vaults.into_iter();
        let configured = vaults
            .map(|settings| (settings.scope(), settings))
            .collect();
        let mut vaults = self.vaults();
        vaults.before = std::mem::replace(&mut vaults.configured, configured);
        vaults.is_settling = false;
        vaults.close();
    }

    /// Closes the vaults that are configured no more, the second time it is called after a change. To be
    /// called every some seconds.
    pub fn settle(&self) {
        let mut vaults = self.vaults();
        if std::mem::replace(&mut vaults.is_settling, true) {
            vaults.before.clear();
            vaults.close();
        }
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

    /// All open backends that are configured now.
    pub fn all(&self) -> Vec<(Key, Arc<dyn Backend>)> {
        let vaults = self.vaults();
        let open = vaults.open.iter();
        open.filter(|(key, _)| vaults.is_configured(key))
            .map(|(key, backend)| (key.clone(), Arc::clone(backend)))
            .collect()
    }

    /// The keys of [`Backends::all`].
    pub fn keys(&self) -> BTreeSet<Key> {
        self.all().into_iter().map(|(key, _)| key).collect()
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

    /// Whether it is of the configuration in force; what has no scope is of none.
    fn is_configured(&self, (_, scope): &Key) -> bool {
        scope.is_empty() || self.configured.contains_key(scope)
    }

    fn close(&mut self) {
        let Self {
            open,
            configured,
            before,
            ..
        } = self;
        open.retain(|(_, scope), _| {
            scope.is_empty() || configured.contains_key(scope) || before.contains_key(scope)
        });
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
            store: None,
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
