//! The auth service.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey;
use serde_json::{Value, json};

use super::authorization::Authorization;
use super::call::Call;
use super::instance::{Dialect, Instance, without_armour};
use super::keys::{Keys, Purpose};
use super::refusal::Refusal;
use super::reply::Reply;
use super::signature::{ON_BEHALF, Signed, verify};

/// A token for the instance whose certificate signed the request.
pub(super) fn federate(
    call: &Call,
    instance: &Instance,
    keys: &Keys,
    now: u64,
) -> Result<Reply, Refusal> {
    // An instance asks for itself. That the service refuses anything else is guessed.
    if call.headers.contains_key(ON_BEHALF) {
        return Err(Refusal::wrong_credentials());
    }
    let authorization = Authorization::of(call.header("authorization"))?;
    let named = instance.named(&authorization.key_id);
    let key = named.as_ref().map(|(key, _)| key);
    verify(call, &authorization, Signed::WithoutHost, key, now)?;
    let body = call.object()?;
    let dialect = match body["fingerprintAlgorithm"].as_str() {
        None => Dialect::Sha1,
        Some("SHA256") => Dialect::Sha256,
        Some(_) => return Err(Refusal::invalid("fingerprintAlgorithm")),
    };
    let same = |value: &Value, pem: &str| value.as_str() == Some(&without_armour(pem));
    let intermediates = body["intermediateCertificates"].as_array();
    let is_true = named.is_some_and(|(_, named)| named == dialect)
        && same(&body["certificate"], &instance.certificate_pem)
        && intermediates
            .is_some_and(|all| all.len() == 1 && same(&all[0], &instance.intermediate_pem));
    if !is_true {
        return Err(Refusal::wrong_credentials());
    }
    let key = public_key(&body["publicKey"])?;
    Ok(token(&keys.issue(Purpose::Principal, key, now)))
}

/// The next token of a session, for the same key. `key_id` is that of the request.
pub(super) fn refresh(call: &Call, key_id: &str, keys: &Keys, now: u64) -> Result<Reply, Refusal> {
    let body = call.object()?;
    let current = body["currentToken"].as_str();
    let current = current.ok_or_else(|| Refusal::missing("currentToken"))?;
    if key_id.strip_prefix("ST$") != Some(current) {
        return Err(Refusal::wrong_credentials());
    }
    let key = keys.of_token(current, Purpose::Session, now);
    let key = key.ok_or_else(Refusal::wrong_credentials)?;
    Ok(token(&keys.issue(Purpose::Session, key, now)))
}

/// A key as base64 of its DER form, without line ends.
pub(super) fn public_key(value: &Value) -> Result<RsaPublicKey, Refusal> {
    let der = value.as_str().and_then(|text| STANDARD.decode(text).ok());
    let key = der.and_then(|der| RsaPublicKey::from_public_key_der(&der).ok());
    key.ok_or_else(|| Refusal::invalid("the public key is none"))
}

pub(super) fn token(token: &str) -> Reply {
    Reply::json(&json!({"token": token}))
}
