//! Changes of secrets in OCI Vault.
//!
//! What can be checked is checked before the service is asked. Each change first looks at what is there,
//! and is made to just that (`if-match`); a new secret is made under a retry token. Nothing is repeated
//! here: after a change whose answer was lost, a person decides.

mod body;
mod deletion;
mod deletion_time;
mod encryption_key;
mod finding;
mod rules;
mod service;
mod state;
mod storing;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use vault_memory::Secret;

use super::conversation::{Body, Conversation};
use super::known_names::KnownNames;
use super::secret_place::SecretPlace;
use super::signature::Method;
use crate::changing::{ChangeTarget, ListEntry, NewVersion, VersionEntry, WritableBackend};
use crate::error::{BackendError, Class};

use finding::{find, shown};
use service::{OPEN, Observed, SecretCalls, Version};
use state::active;

/// Changes secrets.
pub struct Management {
    conversation: Arc<Conversation>,
    known: Arc<KnownNames>,
}

impl Management {
    /// One that asks in this conversation, and forgets names here.
    pub(crate) fn new(conversation: Arc<Conversation>, known: Arc<KnownNames>) -> Self {
        Self {
            conversation,
            known,
        }
    }

    /// What came of a change, after which a name may mean another secret, failed or not.
    fn changed<T>(&self, made: T) -> T {
        self.known.forget_all();
        made
    }
}

#[async_trait]
impl WritableBackend for Management {
    async fn put(
        &self,
        target: &ChangeTarget,
        value: Secret,
        new: &NewVersion,
    ) -> Result<String, BackendError> {
        self.changed(storing::put(&self.conversation, target, value, new).await)
    }

    async fn delete(&self, _target: &ChangeTarget) -> Result<usize, BackendError> {
        Err(BackendError::unsupported(
            "OCI Vault deletes no secret at once: `vaultctl schedule-deletion` has it deleted later",
        ))
    }

    async fn list(&self) -> Result<Vec<ListEntry>, BackendError> {
        Err(BackendError::unsupported(
            "the secrets of OCI Vault are not listed here: `oci vault secret list` does that",
        ))
    }

    async fn versions(&self, target: &ChangeTarget) -> Result<Vec<VersionEntry>, BackendError> {
        let about = &SecretPlace::of(&target.address)?.described();
        let id = find(&self.conversation, target).await?.there_or_ending()?;
        let calls = SecretCalls {
            conversation: &self.conversation,
            about,
        };
        let versions = calls.versions(&id).await?;
        let entries = versions.it.iter().map(|version| entry(&versions, version));
        entries.collect()
    }

    async fn promote(&self, target: &ChangeTarget, version: &str) -> Result<(), BackendError> {
        let about = &SecretPlace::of(&target.address)?.described();
        let number = number(version, about)?;
        let id = find(&self.conversation, target).await?.there()?;
        let calls = SecretCalls {
            conversation: &self.conversation,
            about,
        };
        let secret = active(calls.secret(&id).await?)?;
        let version = calls.version(&id, number).await?;
        if version.it.is_current() {
            return Ok(());
        }
        if let Some(time) = &version.it.time_of_deletion {
            let words = format!(
                "it is to be deleted on {}; `vaultctl cancel-deletion --version {number}` keeps it",
                shown(time)
            );
            return Err(version.refuse(Class::Answer, "pending_deletion", words));
        }
        let body = json!({"currentVersionNumber": number}).to_string();
        let body = Body::of(body.into_bytes());
        let (path, header) = (["secrets", &id], secret.if_match());
        let operation = "promote a version of";
        let promoted = calls.change(operation, Method::Put, &path, Some(body), header);
        let after: Result<service::Secret, _> = promoted.await?.json();
        after.map(drop).map_err(|error| error.adding(OPEN))
    }

    async fn schedule_deletion(
        &self,
        target: &ChangeTarget,
        version: Option<u64>,
        at: Option<u64>,
    ) -> Result<Option<u64>, BackendError> {
        self.changed(deletion::schedule(&self.conversation, target, version, at).await)
    }

    async fn cancel_deletion(
        &self,
        target: &ChangeTarget,
        version: Option<u64>,
    ) -> Result<(), BackendError> {
        self.changed(deletion::cancel(&self.conversation, target, version).await)
    }
}

/// A version as it was typed. It is not repeated where it is none.
fn number(version: &str, about: &str) -> Result<u64, BackendError> {
    let number = version.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| {
        let message = format!("promote a version of {about}: versions are numbers from 1 on");
        BackendError::not_sent(Class::Request, "bad_version", message)
    })
}

fn entry(
    versions: &Observed<Vec<Version>>,
    version: &Version,
) -> Result<VersionEntry, BackendError> {
    let created = versions.time(version.time_created.as_ref())?;
    Ok(VersionEntry {
        version: version.number.to_string(),
        created_unix_seconds: created.unwrap_or_default(),
        current: version.is_current(),
        stages: version.stages().to_vec(),
        name: version.name.clone(),
        expires_unix_seconds: versions.time(version.time_of_expiry.as_ref())?,
        deletion_unix_seconds: versions.time(version.time_of_deletion.as_ref())?,
    })
}
