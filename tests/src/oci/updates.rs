//! Requests to make or change a secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::call::Call;
use super::management::{described, matched};
use super::refusal::Refusal;
use super::reply::Reply;
use super::secrets::{Secret, Secrets, State};
use super::vaults::Vaults;

/// What is kept as it is given.
const WORDS: [&str; 5] = [
    "description",
    "freeformTags",
    "definedTags",
    "metadata",
    "secretRules",
];
/// As users quote it, for secrets and for versions.
const NAME_EXISTS: &str = "name already exists";

/// A value as it is sent.
struct Content {
    bytes: Vec<u8>,
    name: Option<String>,
    is_pending: bool,
}

/// Makes a secret. The same request with the same retry token makes it once.
pub(super) fn create(
    call: &Call,
    secrets: &mut Secrets,
    vaults: &Vaults,
    now: u64,
) -> Result<Reply, Refusal> {
    let token = call.header("opc-retry-token");
    if let Some(token) = token
        && let Some(id) = secrets.made_by(token, &call.body)?
    {
        return Ok(described(secrets.find(&id)?));
    }
    let body = call.object()?;
    let text = |name: &str| {
        let value = body[name].as_str().filter(|value| !value.is_empty());
        value.ok_or_else(|| Refusal::missing(name))
    };
    let (name, vault) = (text("secretName")?, text("vaultId")?);
    let (compartment, key) = (text("compartmentId")?, text("keyId")?);
    if !name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
    {
        return Err(Refusal::invalid("secretName"));
    }
    if secrets.has_name(vault, name) {
        return Err(Refusal::invalid(NAME_EXISTS));
    }
    vaults.can_encrypt(vault, key)?;
    let content = content(&body)?.ok_or_else(|| Refusal::missing("secretContent"))?;
    if content.is_pending {
        return Err(Refusal::invalid("the first version is CURRENT"));
    }
    let mut secret = Secret::new(name, vault, content.bytes, now);
    secret.compartment = compartment.into();
    secret.key = key.into();
    secret.versions[0].name = content.name;
    keep_words(&mut secret, &body);
    let id = secrets.insert(secret);
    if let Some(token) = token {
        secrets.remember(token, &call.body, &id);
    }
    Ok(described(secrets.find(&id)?))
}

/// Changes a secret: a new version, another one in use, or other words.
pub(super) fn update(
    call: &Call,
    secrets: &mut Secrets,
    id: &str,
    now: u64,
) -> Result<Reply, Refusal> {
    let secret = matched(call, secrets.find(id)?)?;
    if secret.state != State::Active {
        return Err(Refusal::wrong_state("The secret is not active."));
    }
    let body = call.object()?;
    let content = content(&body)?;
    let number = body["currentVersionNumber"].as_u64();
    let parts = [
        content.is_some(),
        number.is_some(),
        body["secretRules"].is_array(),
    ];
    if parts.into_iter().filter(|is_given| *is_given).count() > 1 {
        return Err(Refusal::invalid(
            "content, version number and rules exclude each other",
        ));
    }
    if let Some(content) = content {
        let mut names = secret.versions.iter().map(|version| &version.name);
        if content.name.is_some() && names.any(|name| *name == content.name) {
            return Err(Refusal::invalid(NAME_EXISTS));
        }
        let added = secret.add(content.bytes, content.name, now);
        if content.is_pending {
            secret.pending = Some(added);
        } else {
            secret.promote(added);
        }
    }
    if let Some(number) = number {
        secret.version(number)?;
        secret.promote(number);
    }
    keep_words(secret, &body);
    secret.revision += 1;
    Ok(described(secret))
}

fn content(body: &Value) -> Result<Option<Content>, Refusal> {
    let content = &body["secretContent"];
    if content.is_null() {
        return Ok(None);
    }
    let bytes = content["content"].as_str();
    let bytes = bytes.and_then(|text| STANDARD.decode(text).ok());
    if content["contentType"] != "BASE64" {
        return Err(Refusal::invalid("contentType"));
    }
    let is_pending = match content["stage"].as_str() {
        None | Some("CURRENT") => false,
        Some("PENDING") => true,
        Some(_) => return Err(Refusal::invalid("stage")),
    };
    Ok(Some(Content {
        bytes: bytes.ok_or_else(|| Refusal::invalid("content"))?,
        name: content["name"].as_str().map(str::to_owned),
        is_pending,
    }))
}

fn keep_words(secret: &mut Secret, body: &Value) {
    let kept = secret.words.as_object().cloned();
    let mut kept: Map<String, Value> = kept.unwrap_or_default();
    let given = WORDS.iter().filter(|word| !body[**word].is_null());
    kept.extend(given.map(|word| ((*word).to_owned(), body[*word].clone())));
    secret.words = kept.into();
}
