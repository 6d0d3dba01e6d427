//! What is OCI Vault, to those who want a value from it?

use std::sync::Arc;

use async_trait::async_trait;
use vault_memory::Shield;

use super::conversation::{Conversation, Reached};
use super::endpoint::Service;
use super::identity::{Identities, Identity};
use super::known_names::KnownNames;
use super::management::Management;
use super::places::Places;
use super::retrieval::Retrieval;
use super::settings::Settings;
use super::surroundings::Surroundings;
use crate::backend::{
    Address, Backend, BackendError, BackendKind, Class, Fetched, WritableBackend,
};
use crate::http::{BadProxy, Client, Trust, TrustError};

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
    /// Which service answers, or why none does.
    pub services: Vec<(Service, Result<Reached, BackendError>)>,
}

impl OciVault {
    /// A vault that is asked with these identities. Reads `ca_file` and the system's certificates, and
    /// asks nobody yet.
    ///
    /// # Errors
    /// [`BackendError`] of class `Request`, where there is no certificate to believe, or the proxy is none.
    pub fn new(
        settings: &Settings,
        identities: Arc<dyn Identities>,
        around: &Surroundings,
        shield: Arc<Shield>,
    ) -> Result<Self, BackendError> {
        let trust = settings.ca_file.clone().map_or(Trust::System, Trust::File);
        let mut client = Client::new(&trust).map_err(untrusted)?;
        if let Some(proxy) = &settings.proxy {
            let proxy = proxy.parse().map_err(|error: BadProxy| {
                let message = format!("vault.proxy: {error}");
                BackendError::new(Class::Request, "bad_proxy", message)
            })?;
            client = client.through(proxy);
        }
        let places = Places::new(settings, around);
        let clock = Arc::clone(&around.clock);
        let conversation = Arc::new(Conversation::new(identities, places, client, clock));
        let known = Arc::new(KnownNames::default());
        Ok(Self {
            retrieval: Retrieval::new(Arc::clone(&conversation), shield, Arc::clone(&known)),
            management: Management::new(Arc::clone(&conversation), Arc::clone(&known)),
            conversation,
            known,
        })
    }

    /// That the region is one that nobody knows, once it was asked there.
    pub fn region_warning(&self) -> Option<String> {
        self.conversation.region_warning()
    }

    /// How the vault is asked.
    pub fn conversation(&self) -> &Arc<Conversation> {
        &self.conversation
    }

    /// Changes secrets.
    pub fn management(&self) -> &Management {
        &self.management
    }

    /// Reads values.
    pub fn retrieval(&self) -> &Retrieval {
        &self.retrieval
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
        Examination {
            region_warning: warning.map(|warning| warning.to_string()),
            services,
            identity,
        }
    }
}

#[async_trait]
impl Backend for OciVault {
    fn kind(&self) -> BackendKind {
        BackendKind::Oci
    }

    async fn fetch(&self, address: &Address) -> Result<Fetched, BackendError> {
        self.retrieval.fetch(address).await
    }

    fn forget(&self) {
        self.known.forget_all();
    }

    fn writable(&self) -> Option<&dyn WritableBackend> {
        Some(&self.management)
    }
}

/// The text holds the causes too, since they are all that a person can act upon.
fn untrusted(error: TrustError) -> BackendError {
    let mut message = format!("use vault.ca_file or the system's certificates: {error}");
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        message.push_str(": ");
        message.push_str(&inner.to_string());
        cause = inner.source();
    }
    BackendError::new(Class::Request, error.kind(), message)
}
