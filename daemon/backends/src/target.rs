//! Which vault is asked, and as whom: what a configuration computes for each environment and service.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use vault_memory::Shield;

use crate::address::{Address, BackendKind};
use crate::changing::Placement;
use crate::error::BackendError;
use crate::process_context::ProcessContext;
use crate::reading::Backend;

/// A backend by kind and scope.
pub type Key = (BackendKind, String);

/// One vault as it is configured. Nothing is read and nobody is asked by it.
pub trait Target: Any + fmt::Debug + Send + Sync {
    /// Which kind of vault.
    fn kind(&self) -> BackendKind;

    /// A name for everything that tells two ways to ask apart, for cache and breaker, and for people. Two
    /// targets that differ only in what a bare name means have the same. Empty where there is only one.
    fn scope(&self) -> String;

    /// The compartment, vault or namespace of names that stand alone.
    fn container(&self) -> Option<&str> {
        None
    }

    /// Where new secrets are put.
    fn placement(&self) -> Placement {
        Placement::default()
    }

    /// Refuses an address that no secret can have here.
    ///
    /// # Errors
    /// [`BackendError`], made before anything is sent.
    fn check(&self, _address: &Address) -> Result<(), BackendError> {
        Ok(())
    }

    /// The identity that is used, by the name a caller may choose it by.
    fn identity(&self) -> Option<&str> {
        None
    }

    /// The same vault asked as another identity; `None` where there is nothing to choose.
    fn as_identity(&self, _name: &str) -> Option<Arc<dyn Target>> {
        None
    }

    /// Whether it must be open although nobody asks it: its credential may be one that ends if it is not
    /// renewed, and that only a person can begin again. To open it then must read nothing and ask nobody.
    fn needs_upkeep(&self) -> bool {
        false
    }

    /// The vault itself.
    fn open(&self, context: &ProcessContext, shield: &Arc<Shield>) -> Arc<dyn Backend>;

    /// The backend it leads to.
    fn key(&self) -> Key {
        (self.kind(), self.scope())
    }
}
