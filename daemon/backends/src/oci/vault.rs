//! OCI Vault as a backend.

use std::sync::Arc;

use async_trait::async_trait;
use vault_memory::Shield;

use super::connection::Connection;
use super::conversation::{Conversation, Reached};
use super::endpoint::Service;
use super::identity::{Identities, Identity};
use super::known_names::KnownNames;
use super::management::Management;
use super::places::Places;
use super::retrieval::Retrieval;
use super::settings::OciSettings;
use crate::address::{Address, BackendKind};
use crate::bundle::Bundle;
use crate::changing::WritableBackend;
use crate::error::BackendError;
use crate::process_context::ProcessContext;
use crate::reading::Backend;

/// OCI Vault, as one credential sees it in one region.
pub struct OciVault {
    conversation: Arc<Conversation>,
    retrieval: Retrieval,
    management: Management,
    known: Arc<KnownNames>,
}

/// What there is to say of a vault before any secret is read.
pub struct Examination {
    /// As whom it is asked, or why as nobody.
    pub identity: Result<Arc<Identity>, BackendError>,
    /// That the region is one that nobody knows.
    pub region_warning: Option<String>,
    /// Whether OCI knows the credential; `None` where it could not be asked.
    pub sign_in: Option<Result<(), BackendError>>,
    /// Which service answers, or why none does.
    pub services: Vec<(Service, Result<Reached, BackendError>)>,
}

impl OciVault {
    /// A vault that is asked with these identities by this way. Reads what is known of regions, and asks
    /// nobody yet.
    pub fn new(
        settings: &OciSettings,
        identities: Arc<dyn Identities>,
        around: &ProcessContext,
        connection: Connection,
        shield: Arc<Shield>,
    ) -> Self {
        let places = Places::new(settings, around);
        let clock = Arc::clone(&around.clock);
        let conversation = Arc::new(Conversation::new(identities, places, connection, clock));
        let known = Arc::new(KnownNames::default());
        Self {
            retrieval: Retrieval::new(Arc::clone(&conversation), shield, Arc::clone(&known)),
            management: Management::new(Arc::clone(&conversation), Arc::clone(&known)),
            conversation,
            known,
        }
    }

    /// That the region is one that nobody knows, once it was asked there.
    pub(crate) fn region_warning(&self) -> Option<String> {
        self.conversation.region_warning()
    }

    /// Changes secrets.
    pub(crate) fn management(&self) -> &Management {
        &self.management
    }

    /// Looks at credential, region, endpoints and clock, for a person who wants to know what is wrong.
    pub async fn examine(&self) -> Examination {
        let identity = self.conversation.identities().current().await;
        let found = identity.as_ref().ok().map(Arc::as_ref);
        let resolved = self.conversation.region(found).ok();
        let mut services = Vec::new();
        for service in [Service::Secrets, Service::Vaults] {
            services.push((service, self.conversation.reach(service, found).await));
        }
        let warning = resolved.and_then(|resolved| resolved.warning);
        let is_reached = matches!(services.first(), Some((_, Ok(_))));
        let sign_in = if is_reached && identity.is_ok() {
            Some(self.retrieval.sign_in().await)
        } else {
            None
        };
        Examination {
            sign_in,
            region_warning: warning.map(|warning| warning.to_string()),
            services,
            identity,
        }
    }
}

#[async_trait]
impl Backend for OciVault {
    fn kind(&self) -> BackendKind {
        BackendKind::OCI
    }

    async fn fetch(&self, address: &Address) -> Result<Bundle, BackendError> {
        self.retrieval.fetch(address).await
    }

    fn forget(&self) {
        self.known.forget_all();
    }

    fn writable(&self) -> Option<&dyn WritableBackend> {
        Some(&self.management)
    }
}
