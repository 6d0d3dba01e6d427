//! A vault of OCI as the configuration names it, opened at its first use.
//!
//! Nothing is read and nobody is asked until the first call: most vaults that are configured never are.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OnceCell;
use vault_memory::{Secret, Shield};

use super::clock_offset::ClockOffset;
use super::connection::Connection;
use super::conversation::Reached;
use super::credential::Credential;
use super::date::HttpDate;
use super::endpoint::Service;
use super::findings::{bad, good};
use super::identity::Identities;
use super::off_thread::off_thread;
use super::settings::OciSettings;
use super::vault::{Examination, OciVault};
use crate::address::{Address, BackendKind};
use crate::bundle::Bundle;
use crate::changing::{ChangeTarget, ListEntry, NewVersion, VersionEntry, WritableBackend};
use crate::error::BackendError;
use crate::findings::Finding;
use crate::process_context::ProcessContext;
use crate::reading::Backend;

/// A vault of OCI, opened when it is asked for the first time.
pub struct ConfiguredVault {
    settings: OciSettings,
    around: ProcessContext,
    shield: Arc<Shield>,
    connection: Connection,
    credential: Arc<Credential>,
    open: OnceCell<OciVault>,
}

impl ConfiguredVault {
    /// The vault that these settings lead to.
    pub fn new(settings: &OciSettings, around: &ProcessContext, shield: &Arc<Shield>) -> Self {
        let connection = Connection::new(settings, around);
        let credential = Credential::new(settings, around, connection.clone());
        Self {
            connection,
            credential: Arc::new(credential),
            settings: settings.clone(),
            around: around.clone(),
            shield: Arc::clone(shield),
            open: OnceCell::new(),
        }
    }

    async fn vault(&self) -> Result<&OciVault, BackendError> {
        let open = || async {
            let (settings, around) = (self.settings.clone(), self.around.clone());
            let identities = Arc::clone(&self.credential) as Arc<dyn Identities>;
            let shield = Arc::clone(&self.shield);
            let connection = self.connection.clone();
            off_thread(move || {
                let vault = OciVault::new(&settings, identities, &around, connection, shield);
                Ok(vault)
            })
            .await
        };
        self.open.get_or_try_init(open).await
    }
}

impl ConfiguredVault {
    /// What nobody meets who reads secrets while the token there is lasts.
    fn sign_in_failure(&self) -> Option<String> {
        let known = self.credential.describe();
        let mut words = format!("the last attempt to sign in failed: {}", known.failure?);
        let now = self.around.clock.unix_seconds();
        if let Some(at) = known.expires_at.filter(|at| *at > now) {
            let end = HttpDate::at(at);
            write!(words, "; the token there is lasts until {end}").expect("a text takes text");
        }
        Some(words)
    }
}

#[async_trait]
impl Backend for ConfiguredVault {
    fn kind(&self) -> BackendKind {
        BackendKind::OCI
    }

    async fn fetch(&self, address: &Address) -> Result<Bundle, BackendError> {
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
        if let Err(error) = self.connection.client().await {
            findings.push(bad("certificates", &error));
        } else if let Ok(vault) = self.vault().await {
            findings.extend(of_services(vault.examine().await));
        }
        findings
    }

    fn notices(&self) -> Vec<String> {
        let vault = self.open.get();
        let warning = vault.and_then(OciVault::region_warning);
        let unreachable = self.connection.failure();
        let unreachable = unreachable.map(|why| format!("the last connection failed: {why}"));
        let notices = [warning, self.sign_in_failure(), unreachable];
        notices.into_iter().flatten().collect()
    }

    fn writable(&self) -> Option<&dyn WritableBackend> {
        Some(self)
    }
}

#[async_trait]
impl WritableBackend for ConfiguredVault {
    async fn put(
        &self,
        target: &ChangeTarget,
        value: Secret,
        new: &NewVersion,
    ) -> Result<String, BackendError> {
        self.vault()
            .await?
            .management()
            .put(target, value, new)
            .await
    }

    async fn delete(&self, target: &ChangeTarget) -> Result<usize, BackendError> {
        self.vault().await?.management().delete(target).await
    }

    async fn list(&self) -> Result<Vec<ListEntry>, BackendError> {
        self.vault().await?.management().list().await
    }

    async fn versions(&self, target: &ChangeTarget) -> Result<Vec<VersionEntry>, BackendError> {
        self.vault().await?.management().versions(target).await
    }

    async fn promote(&self, target: &ChangeTarget, version: &str) -> Result<(), BackendError> {
        self.vault()
            .await?
            .management()
            .promote(target, version)
            .await
    }

    async fn schedule_deletion(
        &self,
        target: &ChangeTarget,
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
        target: &ChangeTarget,
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
                findings.push(good(what, answered(&reached)));
            }
            Err(error) => findings.push(bad(what, &error)),
        }
    }
    findings.extend(offset.map(of_clock));
    findings.extend(examination.sign_in.map(|sign_in| match sign_in {
        Ok(()) => good("sign-in", "OCI knows the credential".to_owned()),
        Err(error) => bad("sign-in", &error),
    }));
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
