//! OCI Vault as a target of the configuration.

use std::sync::Arc;

use vault_memory::Shield;

use super::configured::ConfiguredVault;
use super::secret_place::SecretPlace;
use super::settings::{AuthMethod, OciSettings};
use crate::address::{Address, BackendKind};
use crate::changing::Placement;
use crate::error::BackendError;
use crate::process_context::ProcessContext;
use crate::reading::Backend;
use crate::target::Target;

impl Target for OciSettings {
    fn kind(&self) -> BackendKind {
        BackendKind::OCI
    }

    fn scope(&self) -> String {
        self.described()
    }

    fn container(&self) -> Option<&str> {
        self.compartment_id.as_deref().or(self.vault_id.as_deref())
    }

    fn placement(&self) -> Placement {
        Placement {
            compartment: self.compartment_id.clone(),
            vault: self.vault_id.clone(),
            key: self.key_id.clone(),
        }
    }

    fn check(&self, address: &Address) -> Result<(), BackendError> {
        SecretPlace::of(address).map(|_| ())
    }

    fn identity(&self) -> Option<&str> {
        Some(&self.config_profile)
    }

    fn as_identity(&self, profile: &str) -> Option<Arc<dyn Target>> {
        Some(Arc::new(Self {
            config_profile: profile.to_owned(),
            ..self.clone()
        }))
    }

    /// Whether a profile is a session stands in its file, which is looked at by the upkeep.
    fn needs_upkeep(&self) -> bool {
        match self.auth_method {
            AuthMethod::ConfigFile | AuthMethod::SessionToken => true,
            AuthMethod::InstancePrincipal
            | AuthMethod::ResourcePrincipal
            | AuthMethod::WorkloadIdentity => false,
        }
    }

    fn open(&self, context: &ProcessContext, shield: &Arc<Shield>) -> Arc<dyn Backend> {
        Arc::new(ConfiguredVault::new(self, context, shield))
    }
}
