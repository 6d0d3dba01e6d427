//! Storing of values, in new secrets and in new versions.

use rsa::rand_core::{OsRng, RngCore as _};
use serde_json::{Map, Value, json};
use vault_memory::Secret as ShieldedValue;

use super::super::conversation::{Answer, Body, Conversation};
use super::super::secret_list::SecretSummary;
use super::super::secret_place::SecretPlace;
use super::super::signature::Method;
use super::finding::{Found, find, pending_deletion};
use super::service::{OPEN, Secret, SecretCalls};
use super::state::active;
use super::{body, encryption_key, rules};
use crate::changing::{Begins, ChangeTarget, NewVersion};
use crate::error::{BackendError, Class};

/// Stores a version, in a new secret where there is none, and returns its number.
pub(super) async fn put(
    conversation: &Conversation,
    target: &ChangeTarget,
    value: ShieldedValue,
    new: &NewVersion,
) -> Result<String, BackendError> {
    let place = SecretPlace::of(&target.address)?;
    let about = &place.described();
    rules::check_value(about, value.len())?;
    if let Some(name) = &new.name {
        rules::check_version_name(about, name)?;
    }
    if let SecretPlace::Vault { name, .. } | SecretPlace::Compartment { name, .. } = place {
        rules::check_secret_name(about, name)?;
    }
    let calls = SecretCalls {
        conversation,
        about,
    };
    let answer = match find(conversation, target).await? {
        Found::There(id) => return add(calls, &id, value, new).await,
        Found::Ending(secret, answer) if is_in_the_way(&secret, target) => {
            let until = secret.time_of_deletion.as_deref();
            return Err(pending_deletion(&answer, until));
        }
        Found::Ending(_, answer) | Found::Nothing(answer) => answer,
    };
    if new.begins == Begins::WhenPromoted {
        return Err(answer.error(
            Class::Request,
            "nothing_current",
            "there is none yet, and the first version of a secret is the current one; store it without \
             --pending",
        ));
    }
    create(calls, target, &answer, value, new).await
}

/// A name is taken in its vault alone.
fn is_in_the_way(ending: &SecretSummary, target: &ChangeTarget) -> bool {
    let (of, home) = (ending.vault_id.as_ref(), target.placement.vault.as_ref());
    let is_named = target.address.container.as_deref() == ending.vault_id.as_deref();
    is_named || of.zip(home).is_none_or(|(of, home)| of == home)
}

async fn add(
    calls: SecretCalls<'_>,
    id: &str,
    value: ShieldedValue,
    new: &NewVersion,
) -> Result<String, BackendError> {
    let before = active(calls.secret(id).await?)?;
    let stage = match new.begins {
        Begins::AtOnce => "CURRENT",
        Begins::WhenPromoted => "PENDING",
    };
    let body = with_value(Map::new(), new, stage, value).await?;
    let (path, header) = (["secrets", id], before.if_match());
    let changed = calls.change("store", Method::Put, &path, Some(body), header);
    let after: Secret = changed.await?.json().map_err(|error| error.adding(OPEN))?;
    match (new.begins, after.current_version_number) {
        (Begins::AtOnce, Some(now)) if before.it.current_version_number != Some(now) => {
            Ok(now.to_string())
        }
        // A version that waits is not in the reply; and a reply may be from before the change is seen.
        _ => newest(calls, id).await,
    }
}

/// The number of the version that was just stored.
async fn newest(calls: SecretCalls<'_>, id: &str) -> Result<String, BackendError> {
    let stored = "the new version is stored all the same; `vaultctl versions` shows its number";
    let versions = calls.versions(id).await;
    let versions = versions.map_err(|error| error.adding(stored))?;
    match versions.it.last() {
        Some(newest) => Ok(newest.number.to_string()),
        None => Err(versions.refuse(Class::Outage, "no_versions", stored)),
    }
}

async fn create(
    calls: SecretCalls<'_>,
    target: &ChangeTarget,
    nothing: &Answer,
    value: ShieldedValue,
    new: &NewVersion,
) -> Result<String, BackendError> {
    let place = SecretPlace::of(&target.address)?;
    let (compartment, vault, name) = match place {
        SecretPlace::Vault { vault, name } => {
            (target.placement.compartment.as_deref(), Some(vault), name)
        }
        SecretPlace::Compartment { compartment, name } => {
            (Some(compartment), target.placement.vault.as_deref(), name)
        }
        SecretPlace::Id(_) => (None, None, ""),
    };
    let (Some(compartment), Some(vault)) = (compartment, vault) else {
        return Err(nothing.error(
            Class::Request,
            "no_home",
            "there is none yet, and where to make it is not said; set vault.vault_id and \
             vault.compartment_id",
        ));
    };
    let key = match &target.placement.key {
        Some(key) => key.clone(),
        None => encryption_key::key_for(calls.conversation, compartment, vault).await?,
    };
    let details = [
        ("compartmentId", compartment),
        ("keyId", &key),
        ("secretName", name),
        ("vaultId", vault),
    ];
    let details = details.map(|(name, value)| (name.to_owned(), json!(value)));
    let body = with_value(details.into_iter().collect(), new, "CURRENT", value).await?;
    let token = ("opc-retry-token", retry_token());
    let created = calls.change(
        "create",
        Method::Post,
        &["secrets"],
        Some(body),
        Some(token),
    );
    let made: Secret = created.await?.json().map_err(|error| error.adding(OPEN))?;
    Ok(made.current_version_number.unwrap_or(1).to_string())
}

/// The body with the value, written off the serving threads: it may have to wait for protected memory,
/// and what it leaves on the stack is wiped.
async fn with_value(
    details: Map<String, Value>,
    new: &NewVersion,
    stage: &'static str,
    value: ShieldedValue,
) -> Result<Body, BackendError> {
    let name = new.name.clone();
    let work = tokio::task::spawn_blocking(move || {
        let body = body::with_content(details, name.as_deref(), stage, &value);
        drop(value);
        vault_memory::wipe_parked_thread();
        body
    });
    let failed = |kind, words: String| BackendError::not_sent(Class::Outage, kind, words);
    match work.await {
        Ok(Ok((body, value))) => Ok(Body::with_value(body, value)),
        Ok(Err(error)) => Err(failed(error.kind(), format!("store a value: {error}"))),
        Err(_) => Err(failed("stopped", "storing was stopped".to_owned())),
    }
}

/// Under one token a request makes one secret, however often it arrives.
fn retry_token() -> String {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}
