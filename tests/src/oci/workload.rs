//! The token service of a Kubernetes cluster.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::call::Call;
use super::federation::public_key;
use super::instance::without_armour;
use super::keys::{Keys, Purpose};
use super::refusal::Refusal;
use super::reply::Reply;

/// Which kind of cluster the pod runs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cluster {
    /// One that gives its pods identities.
    #[default]
    Enhanced,
    /// One that does not, and says 403. The words are guessed.
    Basic,
}

/// A token for the pod whose service account bears this one. The request is not signed.
pub(super) fn pod_token(
    call: &Call,
    cluster: Cluster,
    keys: &Keys,
    now: u64,
) -> Result<Reply, Refusal> {
    if cluster == Cluster::Basic {
        return Err(Refusal::new(
            403,
            "NotAllowed",
            "The cluster is not enhanced.",
        ));
    }
    let bearer = call.header("authorization");
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
    let bearer = bearer.ok_or_else(Refusal::no_credentials)?;
    let account = keys.of_token(bearer, Purpose::ServiceAccount, now);
    account.ok_or_else(Refusal::wrong_credentials)?;
    let body = call.object()?;
    // Python's SDK sends the armour's inside, Go's the whole block.
    let key = body["podKey"].as_str().map(without_armour);
    let key = public_key(&Value::from(key))?;
    let token = keys.issue(Purpose::Principal, key, now);
    let inside = json!({"token": format!("ST${token}")}).to_string();
    Ok(Reply::json(&Value::from(STANDARD.encode(inside))))
}
