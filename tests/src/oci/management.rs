//! The Vaults service, about whole secrets.

use serde_json::{Value, json};

use super::call::Call;
use super::clock::json_time;
use super::refusal::Refusal;
use super::reply::Reply;
use super::secrets::{Secret, Secrets, State};

/// How long a deletion waits where nobody says.
const DELETION_SECONDS: u64 = 30 * 24 * 3600;

/// One secret.
pub(super) fn secret(secrets: &mut Secrets, id: &str) -> Result<Reply, Refusal> {
    let secret = secrets.find(id)?;
    Ok(described(secret))
}

/// The secrets of a compartment.
pub(super) fn list(call: &Call, secrets: &Secrets) -> Result<Reply, Refusal> {
    let compartment = call.required("compartmentId")?;
    let name = call.parameter("name");
    let vault = call.parameter("vaultId");
    let state = call.parameter("lifecycleState");
    let is_meant = |secret: &&Secret| {
        secret.compartment == compartment
            && name.as_ref().is_none_or(|name| secret.name == *name)
            && vault.as_ref().is_none_or(|vault| secret.vault == *vault)
            && state
                .as_ref()
                .is_none_or(|state| state.eq_ignore_ascii_case(secret.state.word()))
    };
    let mut found: Vec<&Secret> = secrets.iter().filter(is_meant).collect();
    let by_name = match call.parameter("sortBy").as_deref() {
        None | Some("TIMECREATED") => false,
        Some("NAME") => true,
        Some(_) => return Err(Refusal::invalid("sortBy")),
    };
    if by_name {
        found.sort_by(|one, other| one.name.cmp(&other.name));
    }
    let ascending = match call.parameter("sortOrder").as_deref() {
        None => by_name,
        Some("ASC") => true,
        Some("DESC") => false,
        Some(_) => return Err(Refusal::invalid("sortOrder")),
    };
    if !ascending {
        found.reverse();
    }
    let items = found.into_iter().map(summary).collect();
    secrets.paging.page(call, items)
}

/// Deletes a secret, later.
pub(super) fn schedule_deletion(
    call: &Call,
    secrets: &mut Secrets,
    id: &str,
    now: u64,
) -> Result<Reply, Refusal> {
    let time = deletion_time(call, now)?;
    let secret = matched(call, secrets.find(id)?)?;
    if secret.state != State::Active {
        return Err(Refusal::wrong_state("The secret is not active."));
    }
    secret.state = State::PendingDeletion;
    secret.deletion = Some(time);
    secret.revision += 1;
    Ok(Reply::empty(200).with("etag", secret.etag()))
}

/// Keeps it after all.
pub(super) fn cancel_deletion(
    call: &Call,
    secrets: &mut Secrets,
    id: &str,
) -> Result<Reply, Refusal> {
    let secret = matched(call, secrets.find(id)?)?;
    if secret.state != State::PendingDeletion {
        return Err(Refusal::wrong_state("The secret is not pending deletion."));
    }
    secret.state = State::Active;
    secret.deletion = None;
    secret.revision += 1;
    Ok(Reply::empty(200).with("etag", secret.etag()))
}

/// The secret, if nobody changed it since the caller looked.
pub(super) fn matched<'a>(call: &Call, secret: &'a mut Secret) -> Result<&'a mut Secret, Refusal> {
    match call.header("if-match") {
        Some(etag) if etag != "*" && etag != secret.etag() => Err(Refusal::no_etag_match()),
        _ => Ok(secret),
    }
}

/// When something is to be deleted.
pub(super) fn deletion_time(call: &Call, now: u64) -> Result<String, Refusal> {
    let given = if call.body.is_empty() {
        Value::Null
    } else {
        call.object()?["timeOfDeletion"].take()
    };
    match given {
        Value::Null => Ok(json_time(now + DELETION_SECONDS)),
        Value::String(time) => Ok(time),
        _ => Err(Refusal::invalid("timeOfDeletion")),
    }
}

/// Everything about a secret but its values.
pub(super) fn described(secret: &Secret) -> Reply {
    let mut all = summary(secret);
    all["currentVersionNumber"] = secret.current.into();
    for word in ["metadata", "secretRules"] {
        all[word] = secret.words[word].clone();
    }
    Reply::json(&all).with("etag", secret.etag())
}

/// What a list says of it: neither the current version nor its metadata.
fn summary(secret: &Secret) -> Value {
    let words = |name: &str| secret.words[name].clone();
    let mut versions = secret.versions.iter();
    let current = versions.find(|version| version.number == secret.current);
    let expiry = current.and_then(|version| version.expiry);
    json!({
        "id": secret.id,
        "secretName": secret.name,
        "vaultId": secret.vault,
        "compartmentId": secret.compartment,
        "keyId": secret.key,
        "lifecycleState": secret.state.word(),
        "lifecycleDetails": null,
        "timeCreated": json_time(secret.created),
        "timeOfDeletion": secret.deletion,
        "timeOfCurrentVersionExpiry": expiry.map(json_time),
        "description": words("description"),
        "freeformTags": words("freeformTags"),
        "definedTags": words("definedTags"),
        "isAutoGenerationEnabled": false,
        // Newer than this fake: what a client must not stumble over.
        "somethingNew": {"of": ["later"]},
    })
}
