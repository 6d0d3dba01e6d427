//! How does a resource become a principal? Two requests: to its own service, then to auth.

use rsa::RsaPublicKey;
use serde_json::json;

use super::call::Call;
use super::federation::{public_key, token};
use super::keys::{Keys, Purpose};
use super::refusal::Refusal;
use super::reply::Reply;

/// The first half: two tokens that are good for the second alone. `signer` signed the request.
pub(super) fn resource_tokens(keys: &Keys, signer: &RsaPublicKey, now: u64) -> Reply {
    let issue = || keys.issue(Purpose::Resource, signer.clone(), now);
    Reply::json(&json!({
        "resourcePrincipalToken": issue(),
        "servicePrincipalSessionToken": issue(),
    }))
}

/// The second half: a token for a new key.
pub(super) fn session(call: &Call, keys: &Keys, now: u64) -> Result<Reply, Refusal> {
    let body = call.object()?;
    for name in ["resourcePrincipalToken", "servicePrincipalSessionToken"] {
        let given = body[name].as_str().ok_or_else(|| Refusal::missing(name))?;
        let known = keys.of_token(given, Purpose::Resource, now);
        known.ok_or_else(Refusal::wrong_credentials)?;
    }
    let key = public_key(&body["sessionPublicKey"])?;
    Ok(token(&keys.issue(Purpose::Principal, key, now)))
}
