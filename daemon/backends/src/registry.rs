//! Targets in, open backends out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vault_memory::Shield;

use crate::address::{Address, BackendKind};
use crate::error::BackendError;
use crate::local::{LocalError, LocalSettings, LocalStore, SealedFile};
use crate::process_context::ProcessContext;
use crate::reading::Backend;
pub use crate::target::Key;
use crate::target::Target;

/// The backends there are. The local store is open from the start; another vault is opened when it is
/// asked for the first time, since most that are configured never are, or when it is configured, where its
/// credential ends unless somebody renews it.
pub struct Backends {
    /// What vaults are opened with; `None` where all are somebody else's.
    opener: Option<Opener>,
    store: Option<LocalStore>,
    /// Those that are open whatever is configured.
    fixed: BTreeMap<Key, Arc<dyn Backend>>,
    vaults: Mutex<Vaults>,
}

struct Opener {
    context: ProcessContext,
    shield: Arc<Shield>,
}

#[derive(Default)]
struct Vaults {
    open: BTreeMap<Key, Open>,
    /// The vaults of the configuration in force.
    configured: BTreeMap<Key, Arc<dyn Target>>,
    /// Those of the one before: requests that began under it may still ask, for a while.
    before: BTreeMap<Key, Arc<dyn Target>>,
    /// Whether [`Backends::settle`] has seen these.
    is_settling: bool,
}

struct Open {
    backend: Arc<dyn Backend>,
    /// Whether it was asked for, and not only opened for its upkeep.
    is_asked: bool,
}

impl Backends {
    /// Opens the local store; other vaults are opened in this context.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn open(
        local: &LocalSettings,
        context: ProcessContext,
        shield: Arc<Shield>,
    ) -> Result<Self, RegistryError> {
        let store = LocalStore::open(local, Arc::clone(&shield));
        let store = store.map_err(RegistryError::Local)?;
        let local: Arc<dyn Backend> = Arc::new(store.clone());
        Ok(Self {
            opener: Some(Opener { context, shield }),
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

    /// Lets these vaults be asked, besides those that could be until now, and opens those that need upkeep.
    pub fn configure(&self, targets: impl IntoIterator<Item = Arc<dyn Target>>) {
        let targets = targets.into_iter();
        let configured = targets.map(|target| (target.key(), target)).collect();
        let mut vaults = self.vaults();
        vaults.before = std::mem::replace(&mut vaults.configured, configured);
        vaults.is_settling = false;
        vaults.close();
        if let Some(opener) = &self.opener {
            vaults.open_for_upkeep(opener);
        }
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

    /// Looks whether an address can be asked for; `None` where no backend serves its kind and scope.
    pub fn check(&self, address: &Address) -> Option<Result<(), BackendError>> {
        let key = (address.kind, address.scope.clone());
        if self.fixed.contains_key(&key) {
            return Some(Ok(()));
        }
        let target = Arc::clone(self.vaults().target(&key)?);
        Some(target.check(address))
    }

    /// The backend for addresses of this kind and scope, opened if it is not.
    pub fn of(&self, kind: BackendKind, scope: &str) -> Option<Arc<dyn Backend>> {
        let key = (kind, scope.to_owned());
        if let Some(fixed) = self.fixed.get(&key) {
            return Some(Arc::clone(fixed));
        }
        let mut vaults = self.vaults();
        if let Some(open) = vaults.open.get_mut(&key) {
            open.is_asked = true;
            return Some(Arc::clone(&open.backend));
        }
        let opener = self.opener.as_ref()?;
        let backend = opener.open(vaults.target(&key)?);
        let open = Open {
            backend: Arc::clone(&backend),
            is_asked: true,
        };
        vaults.open.insert(key, open);
        Some(backend)
    }

    /// The backends that are open whatever is configured.
    pub fn fixed(&self) -> impl Iterator<Item = &Arc<dyn Backend>> {
        self.fixed.values()
    }

    /// All open backends that are configured now, also those that were opened for their upkeep alone.
    pub fn all(&self) -> Vec<(Key, Arc<dyn Backend>)> {
        self.with_fixed(self.vaults().now())
    }

    /// All open backends, those included that requests of the configuration before may still ask.
    pub fn opened(&self) -> Vec<(Key, Arc<dyn Backend>)> {
        self.with_fixed(self.vaults().open.iter())
    }

    fn with_fixed<'a>(
        &'a self,
        vaults: impl Iterator<Item = (&'a Key, &'a Open)>,
    ) -> Vec<(Key, Arc<dyn Backend>)> {
        let vaults = vaults.map(|(key, open)| (key, &open.backend));
        let all = self.fixed.iter().chain(vaults);
        all.map(|(key, backend)| (key.clone(), Arc::clone(backend)))
            .collect()
    }

    /// The keys of those of [`Backends::all`] that were asked for.
    pub fn keys(&self) -> BTreeSet<Key> {
        let vaults = self.vaults();
        let asked = vaults.now().filter(|(_, open)| open.is_asked);
        let asked = asked.map(|(key, _)| key);
        self.fixed.keys().chain(asked).cloned().collect()
    }

    fn vaults(&self) -> MutexGuard<'_, Vaults> {
        self.vaults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opener {
    fn open(&self, target: &Arc<dyn Target>) -> Arc<dyn Backend> {
        target.open(&self.context, &self.shield)
    }
}

impl Vaults {
    /// Those that are open and configured now.
    fn now(&self) -> impl Iterator<Item = (&Key, &Open)> {
        let open = self.open.iter();
        open.filter(|(key, _)| self.configured.contains_key(key))
    }

    fn open_for_upkeep(&mut self, opener: &Opener) {
        for (key, target) in &self.configured {
            if target.needs_upkeep() && !self.open.contains_key(key) {
                let open = Open {
                    backend: opener.open(target),
                    is_asked: false,
                };
                self.open.insert(key.clone(), open);
            }
        }
    }

    fn target(&self, key: &Key) -> Option<&Arc<dyn Target>> {
        self.configured.get(key).or_else(|| self.before.get(key))
    }

    fn close(&mut self) {
        let Self {
            open,
            configured,
            before,
            ..
        } = self;
        open.retain(|key, _| configured.contains_key(key) || before.contains_key(key));
    }
}

/// Backends without a scope, all of them open.
impl FromIterator<Arc<dyn Backend>> for Backends {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Backend>>>(backends: I) -> Self {
        let backends = backends.into_iter();
        let fixed = backends.map(|backend| ((backend.kind(), String::new()), backend));
        Self {
            opener: None,
            store: None,
            fixed: fixed.collect(),
            vaults: Mutex::default(),
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
