//! The Secret Retrieval service.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::call::Call;
use super::clock::json_time;
use super::refusal::Refusal;
use super::reply::Reply;
use super::secrets::{Secret, Secrets, State, Version};
use super::vaults::Vaults;

const STAGES: [&str; 5] = ["CURRENT", "PENDING", "LATEST", "PREVIOUS", "DEPRECATED"];

/// The value of the secret with this id.
pub(super) fn bundle(
    call: &Call,
    secrets: &mut Secrets,
    vaults: &Vaults,
    id: &str,
    now: u64,
) -> Result<Reply, Refusal> {
    let secret = secrets.find(id)?;
    Ok(Reply::json(&bundle_of(call, secret, vaults, now)?).with("etag", secret.etag()))
}

/// The value of the secret with the name and vault of the query. It has no etag.
pub(super) fn bundle_by_name(
    call: &Call,
    secrets: &Secrets,
    vaults: &Vaults,
    now: u64,
) -> Result<Reply, Refusal> {
    let (name, vault) = (call.required("secretName")?, call.required("vaultId")?);
    let mut all = secrets.iter();
    let named = all.find(|secret| secret.name == name && secret.vault == vault);
    let secret = named.ok_or_else(Refusal::not_found)?;
    Ok(Reply::json(&bundle_of(call, secret, vaults, now)?))
}

/// The versions of a secret, without values.
pub(super) fn versions(call: &Call, secrets: &mut Secrets, id: &str) -> Result<Reply, Refusal> {
    let paging = secrets.paging;
    let secret = secrets.find(id)?;
    let mut items: Vec<Value> = readable(secret)?
        .versions
        .iter()
        .map(|version| summary(secret, version))
        .collect();
    if call.parameter("sortOrder").as_deref() != Some("ASC") {
        items.reverse();
    }
    paging.page(call, items)
}

/// A secret that is to be deleted cannot be read: by name so users say, by id that is guessed.
fn readable(secret: &Secret) -> Result<&Secret, Refusal> {
    let can_be_read = [State::Active, State::Updating].contains(&secret.state);
    can_be_read.then_some(secret).ok_or_else(Refusal::not_found)
}

fn bundle_of(call: &Call, secret: &Secret, vaults: &Vaults, now: u64) -> Result<Value, Refusal> {
    let version = chosen(call, readable(secret)?)?;
    vaults.can_decrypt(&secret.key)?;
    // The status is guessed.
    if secret.blocked_from.is_some_and(|from| from <= now) {
        return Err(Refusal::wrong_state(
            "The secret's content is blocked on expiry.",
        ));
    }
    let mut bundle = summary(secret, version);
    bundle["secretBundleContent"] =
        json!({"contentType": "BASE64", "content": STANDARD.encode(&version.content)});
    bundle["metadata"] = secret.words["metadata"].clone();
    Ok(bundle)
}

fn summary(secret: &Secret, version: &Version) -> Value {
    json!({
        "secretId": secret.id,
        "versionNumber": version.number,
        "versionName": version.name,
        "timeCreated": json_time(version.created),
        "timeOfDeletion": version.deletion,
        "timeOfExpiry": version.expiry.map(json_time),
        "stages": secret.stages(version.number),
    })
}

/// The version that a query asks for. That two ways to ask are one too many is guessed.
fn chosen<'a>(call: &Call, secret: &'a Secret) -> Result<&'a Version, Refusal> {
    let number = call.number("versionNumber")?;
    let name = call.parameter("secretVersionName");
    let stage = call.parameter("stage");
    let ways = [number.is_some(), name.is_some(), stage.is_some()];
    if ways.into_iter().filter(|is_used| *is_used).count() > 1 {
        return Err(Refusal::invalid("more than one way to choose a version"));
    }
    if stage
        .as_deref()
        .is_some_and(|stage| !STAGES.contains(&stage))
    {
        return Err(Refusal::invalid("stage"));
    }
    let is_meant = |version: &&Version| match (number, &name, &stage) {
        (Some(number), _, _) => version.number == number,
        (_, Some(name), _) => version.name.as_ref() == Some(name),
        (_, _, Some(stage)) => secret.stages(version.number).contains(&stage.as_str()),
        _ => version.number == secret.current,
    };
    let mut versions = secret.versions.iter().rev();
    let found = versions.find(is_meant);
    let found = found.filter(|version| version.deletion.is_none());
    found.ok_or_else(Refusal::not_found)
}
