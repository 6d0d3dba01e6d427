//! What is a vault of OCI, as the configuration names it?
//!
//! Nothing is read and nobody is asked until the first call: most vaults that are configured never are.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OnceCell;
use vault_memory::{Secret, Shield};

use super::clock_offset::ClockOffset;
use super::conversation::Reached;
use super::credential::Credential;
use super::endpoint::Service;
use super::identity::Identities;
use super::settings::Settings;
use super::surroundings::Surroundings;
use super::vault::{Examination, OciVault};
use crate::backend::{
    Address, Backend, BackendError, BackendKind, Class, Fetched, Finding, ListEntry, NewVersion,
    Target, VersionEntry, WritableBackend,
};

/// A vault of OCI, opened when it is asked for the first time.
pub struct ConfiguredVault {
    settings: Settings,
    around: Surroundings,
    shield: Arc<Shield>,
    credential: Arc<Credential>,
    open: OnceCell<OciVault>,
}

impl ConfiguredVault {
    /// The vault that these settings lead to.
    pub fn new(settings: &Settings, around: &Surroundings, shield: &Arc<Shield>) -> Self {
        Self {
            credential: Arc::new(Credential::new(settings, around.clone())),
            settings: settings.clone(),
            around: around.clone(),
            shield: Arc::clone(shield),
            open: OnceCell::new(),
        }
    }

    /// Reads certificates, off the serving threads. A failure is not remembered: files can be mended.
    async fn vault(&self) -> Result<&OciVault, BackendError> {
        let open = || async {
            let (settings, around) = (self.settings.clone(), self.around.clone());
            let identities = Arc::clone(&self.credential) as Arc<dyn Identities>;
            let shield = Arc::clone(&self.shield);
            let opening = move || OciVault::new(&settings, identities, &around, shield);
            let opened = tokio::task::spawn_blocking(opening).await;
            opened.unwrap_or_else(|_| {
                let message = "open OCI Vault: it was stopped";
                Err(BackendError::new(Class::Outage, "stopped", message))
            })
        };
        self.open.get_or_try_init(open).await
    }
}

#[async_trait]
impl Backend for ConfiguredVault {
    fn kind(&self) -> BackendKind {
        BackendKind::Oci
    }

    async fn fetch(&self, address: &Address) -> Result<Fetched, BackendError> {
        self.vault().await?.fetch(address).await
    }

    fn forget(&self) {
        if let Some(vault) = self.open.get() {
            vault.forget();
        }
    }

    async fn upkeep(&self) -> Duration {
        self.credential.upkeep().await
    }

    async fn examine(&self) -> Vec<Finding> {
        let mut findings = self.credential.examine().await;
        match self.vault().await {
            Ok(vault) => findings.extend(of_services(vault.examine().await)),
            Err(error) => findings.push(ill("certificates", &error)),
        }
        findings
    }

    fn notices(&self) -> Vec<String> {
        let vault = self.open.get();
        vault
            .and_then(OciVault::region_warning)
            .into_iter()
            .collect()
    }

    fn writable(&self) -> Option<&dyn WritableBackend> {
        Some(self)
    }
}

#[async_trait]
impl WritableBackend for ConfiguredVault {
    async fn put(
        &self,
        target: &Target,
        value: Secret,
        new: &NewVersion,
    ) -> Result<String, BackendError> {
        self.vault()
            .await?
            .management()
            .put(target, value, new)
            .await
    }

    async fn delete(&self, target: &Target) -> Result<usize, BackendError> {
        self.vault().await?.management().delete(target).await
    }

    async fn list(&self) -> Result<Vec<ListEntry>, BackendError> {
        self.vault().await?.management().list().await
    }

    async fn versions(&self, target: &Target) -> Result<Vec<VersionEntry>, BackendError> {
        self.vault().await?.management().versions(target).await
    }

    async fn promote(&self, target: &Target, version: &str) -> Result<(), BackendError> {
        self.vault()
            .await?
            .management()
            .promote(target, version)
            .await
    }

    async fn schedule_deletion(
        &self,
        target: &Target,
        version: Option<u64>,
        at: Option<u64>,
    ) -> Result<Option<u64>, BackendError> {
        let vault = self.vault().await?;
        vault
            .management()
            .schedule_deletion(target, version, at)
            .await
    }

    async fn cancel_deletion(
        &self,
        target: &Target,
        version: Option<u64>,
    ) -> Result<(), BackendError> {
        let vault = self.vault().await?;
        vault.management().cancel_deletion(target, version).await
    }
}

/// What there is to say of the places that are asked. Who asks was looked at before.
fn of_services(examination: Examination) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(warning) = examination.region_warning {
        let remedy = "check vault.region; ~/.oci/regions-config.json and OCI_REGION_METADATA can \
                      describe new regions";
        findings.push(Finding {
            what: "region".to_owned(),
            is_well: true,
            detail: warning,
            remedy: remedy.to_owned(),
        });
    }
    let mut offset = None;
    for (service, reached) in examination.services {
        let what = match service {
            Service::Secrets => "secrets endpoint",
            Service::Vaults => "management endpoint",
            Service::Auth => "auth endpoint",
            Service::Keys => "key management endpoint",
        };
        match reached {
            Ok(reached) => {
                offset = offset.or(reached.clock_offset);
                findings.push(well(what, &answered(&reached)));
            }
            Err(error) => findings.push(ill(what, &error)),
        }
    }
    findings.extend(offset.map(of_clock));
    findings
}

fn of_clock(offset: ClockOffset) -> Finding {
    let is_well = !offset.is_too_large();
    Finding {
        what: "clock".to_owned(),
        is_well,
        detail: format!("this machine's clock is {offset}"),
        remedy: if is_well {
            String::new()
        } else {
            "set the clock: look at `timedatectl`, and switch on `timedatectl set-ntp true`"
                .to_owned()
        },
    }
}

fn answered(reached: &Reached) -> String {
    format!("{} answers", reached.endpoint)
}

fn well(what: &str, detail: &str) -> Finding {
    Finding {
        what: what.to_owned(),
        is_well: true,
        detail: detail.to_owned(),
        remedy: String::new(),
    }
}

fn ill(what: &str, error: &BackendError) -> Finding {
    Finding {
        what: what.to_owned(),
        is_well: false,
        detail: error.to_string(),
        remedy: String::new(),
    }
}
