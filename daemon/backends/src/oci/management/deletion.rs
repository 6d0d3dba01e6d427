//! Scheduled deletion of secrets and versions, and its cancellation.

use serde_json::json;

use super::super::conversation::{Body, Conversation};
use super::super::secret_place::SecretPlace;
use super::super::signature::Method;
use super::deletion_time;
use super::finding::{find, shown};
use super::service::{Observed, SecretCalls, Version};
use super::state::{active, pending};
use crate::changing::ChangeTarget;
use crate::error::{BackendError, Class};

/// Has it deleted at `at`, or as late as the service does it, and returns when, if that is known.
pub(super) async fn schedule(
    conversation: &Conversation,
    target: &ChangeTarget,
    version: Option<u64>,
    at: Option<u64>,
) -> Result<Option<u64>, BackendError> {
    let about = &SecretPlace::of(&target.address)?.described();
    let now = conversation.clock().unix_seconds();
    let allowed = |at| {
        deletion_time::allowed(at, now).ok_or_else(|| {
            let message = format!("schedule the deletion of {about}: it can be 1 to 30 days away");
            BackendError::not_sent(Class::Request, "bad_deletion_time", message)
        })
    };
    let at = at.map(allowed).transpose()?;
    let calls = SecretCalls {
        conversation,
        about,
    };
    let id = find(conversation, target).await?.there()?;
    let body = at.map_or(
        json!({}),
        |at| json!({"timeOfDeletion": deletion_time::written(at)}),
    );
    let body = Some(Body::of(body.to_string().into_bytes()));
    let (operation, method) = ("schedule the deletion of", Method::Post);
    let Some(number) = version else {
        let header = active(calls.secret(&id).await?)?.if_match();
        let path = ["secrets", &id, "actions", "scheduleDeletion"];
        calls.change(operation, method, &path, body, header).await?;
        return Ok(match at {
            None => time_of_secret(calls, &id).await,
            chosen => chosen,
        });
    };
    let header = unused(calls.version(&id, number).await?)?.if_match();
    let of_version = &calls.about_version(number);
    let calls = SecretCalls {
        about: of_version,
        ..calls
    };
    let digits = number.to_string();
    let path = [
        "secrets",
        &id,
        "version",
        &digits,
        "actions",
        "scheduleDeletion",
    ];
    calls.change(operation, method, &path, body, header).await?;
    Ok(match at {
        None => time_of_version(calls, &id, number).await,
        chosen => chosen,
    })
}

/// Keeps it after all.
pub(super) async fn cancel(
    conversation: &Conversation,
    target: &ChangeTarget,
    version: Option<u64>,
) -> Result<(), BackendError> {
    let about = &SecretPlace::of(&target.address)?.described();
    let calls = SecretCalls {
        conversation,
        about,
    };
    let id = find(conversation, target).await?.there_or_ending()?;
    let (operation, method) = ("cancel the deletion of", Method::Post);
    let Some(number) = version else {
        let header = pending(calls.secret(&id).await?)?.if_match();
        let path = ["secrets", &id, "actions", "cancelDeletion"];
        let cancelled = calls.change(operation, method, &path, None, header);
        return cancelled.await.map(drop);
    };
    let seen = calls.version(&id, number).await?;
    if seen.it.time_of_deletion.is_none() {
        let words = "it is not to be deleted";
        return Err(seen.refuse(Class::Request, "not_pending_deletion", words));
    }
    let digits = number.to_string();
    let path = [
        "secrets",
        &id,
        "version",
        &digits,
        "actions",
        "cancelDeletion",
    ];
    let of_version = &calls.about_version(number);
    let calls = SecretCalls {
        about: of_version,
        ..calls
    };
    let cancelled = calls.change(operation, method, &path, None, seen.if_match());
    cancelled.await.map(drop)
}

/// A version that nobody uses, and that is not to be deleted yet. The service deletes no other.
fn unused(version: Observed<Version>) -> Result<Observed<Version>, BackendError> {
    if let Some(time) = &version.it.time_of_deletion {
        let words = format!("it is to be deleted already, on {}", shown(time));
        return Err(version.refuse(Class::Request, "pending_deletion", words));
    }
    let stages = version.it.stages();
    if stages.iter().any(|stage| stage != "DEPRECATED") {
        let words = format!(
            "only a version that is DEPRECATED can be deleted, and this one is {}; promote or store \
             others first, or delete the whole secret",
            shown(&stages.join(", "))
        );
        return Err(version.refuse(Class::Request, "in_use", words));
    }
    Ok(version)
}

/// It is scheduled: that its time cannot be looked up is no failure.
async fn time_of_secret(calls: SecretCalls<'_>, id: &str) -> Option<u64> {
    let seen = calls.secret(id).await.ok()?;
    seen.time(seen.it.time_of_deletion.as_ref()).ok()?
}

async fn time_of_version(calls: SecretCalls<'_>, id: &str, number: u64) -> Option<u64> {
    let seen = calls.version(id, number).await.ok()?;
    seen.time(seen.it.time_of_deletion.as_ref()).ok()?
}
