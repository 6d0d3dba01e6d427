//! Changes of one stored secret, and its versions.

use std::num::NonZeroU64;

use tonic::{Code, Request, Status};
use vault_backends::address::BackendKind;
use vault_backends::changing::{Begins, NewVersion};
use vault_proto::generated as message;
use vault_proto::kinds;
use vault_proto::reference::SecretRef;

use super::report;
use super::why::{other_meanings, uses};
use crate::grpc::daemon::Daemon;
use crate::grpc::request_context::{reference, request_context, request_id};
use crate::grpc::status::{Failure, refuse};
use crate::policy::Action;
use crate::resolver::RequestContext;
use crate::secret_patterns;
use crate::writer::{Incoming, StoreContents};

pub(super) async fn put(
    daemon: &Daemon,
    request: Request<message::PutRequest>,
) -> Result<message::PutReply, Status> {
    let context = request_context(daemon, &request, Action::Put)?;
    let put = request.into_inner();
    let reference = reference(&put.reference)?;
    let looks_secret = secret_patterns::is_secret(reference.place().name());
    let is_local = context.kind(&reference) == BackendKind::LOCAL;
    if looks_secret && !(is_local && may_be_there(daemon, &context, &reference).await) {
        // Before anything is written down: name and value may have been exchanged.
        let message = "the name looks like a secret itself; put asks for the value, or reads it from \
                       a pipe or --file";
        return Err(refuse(
            Code::InvalidArgument,
            kinds::INVALID_REQUEST,
            message,
        ));
    }
    let context = RequestContext {
        request_id: request_id(&put.request_id)?,
        ..context
    };
    let incoming = Incoming {
        encapsulated_key: &put.encapsulated_key,
        ciphertext: &put.ciphertext,
    };
    let new = NewVersion {
        begins: if put.pending {
            Begins::WhenPromoted
        } else {
            Begins::AtOnce
        },
        name: (!put.version_name.is_empty()).then_some(put.version_name),
    };
    let version = daemon.writer.put(&context, &reference, incoming, new).await;
    let version = version.map_err(|error| error.status())?;
    let with_old_value = if put.pending {
        vec![]
    } else {
        with_old_value(daemon, &context, &reference, &version)
    };
    Ok(message::PutReply {
        reference: reference.to_string(),
        version,
        used_by: uses(&context, &reference).0,
        with_old_value,
        other_meanings: other_meanings(&context, &reference),
    })
}

/// The servers that still run with what this version replaced, of those that the asker may list.
fn with_old_value(
    daemon: &Daemon,
    context: &RequestContext,
    reference: &SecretRef,
    version: &str,
) -> Vec<message::RunningServer> {
    let listing = RequestContext {
        action: Action::List,
        ..context.clone()
    };
    let history = daemon.launch.history();
    let old = history.with_another_version(&context.address(reference), version);
    let old = old.into_iter();
    old.filter(|(service, _)| listing.with_service(service).may(None))
        .map(|(service, pid)| message::RunningServer {
            service,
            pid: u32::try_from(pid).unwrap_or_default(),
        })
        .collect()
}

pub(super) async fn delete(
    daemon: &Daemon,
    request: Request<message::DeleteRequest>,
) -> Result<message::DeleteReply, Status> {
    let context = request_context(daemon, &request, Action::Delete)?;
    let delete = request.get_ref();
    let reference = reference(&delete.reference)?;
    // Who may not delete it is told so, and not who uses it.
    let asks = !delete.even_if_used && context.may(Some(&reference));
    if asks && may_be_there(daemon, &context, &reference).await {
        refuse_if_used(&context, &reference)?;
    }
    let versions = daemon.writer.delete(&context, &reference).await;
    let versions = versions.map_err(|error| error.status())?;
    Ok(message::DeleteReply {
        reference: reference.to_string(),
        versions: u32::try_from(versions).unwrap_or(u32::MAX),
    })
}

/// What is not in the local store cannot be missed by anybody.
async fn may_be_there(daemon: &Daemon, context: &RequestContext, reference: &SecretRef) -> bool {
    let address = context.address(reference);
    if address.kind != BackendKind::LOCAL {
        return true;
    }
    match daemon.writer.store_contents().await {
        StoreContents::Read(stored) => stored.iter().any(|entry| entry.name == address.name),
        StoreContents::Unreadable(_) | StoreContents::Unknown => true,
    }
}

fn refuse_if_used(context: &RequestContext, reference: &SecretRef) -> Result<(), Status> {
    let (uses, has_hidden) = uses(context, reference);
    let mut users: Vec<String> = uses
        .iter()
        .map(|one| format!("{} ({})", one.service, one.variable))
        .collect();
    if has_hidden {
        users.push("services that policy does not show you".to_owned());
    }
    if users.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{reference} is used by {}, and was not removed; they would not start without it",
        users.join(", ")
    );
    let code = Code::FailedPrecondition;
    Err(refuse(code, kinds::IN_USE, message))
}

pub(super) async fn versions(
    daemon: &Daemon,
    request: Request<message::VersionsRequest>,
) -> Result<message::VersionsReply, Status> {
    let context = request_context(daemon, &request, Action::Versions)?;
    let reference = reference(&request.get_ref().reference)?;
    let versions = daemon.writer.versions(&context, &reference).await;
    let versions = versions.map_err(|error| error.status())?;
    Ok(message::VersionsReply {
        reference: reference.to_string(),
        versions: versions.into_iter().map(report::version).collect(),
    })
}

pub(super) async fn promote(
    daemon: &Daemon,
    request: Request<message::PromoteRequest>,
) -> Result<message::PromoteReply, Status> {
    let context = request_context(daemon, &request, Action::Promote)?;
    let asked = request.into_inner();
    let reference = reference(&asked.reference)?;
    let promoted = daemon
        .writer
        .promote(&context, &reference, &asked.version)
        .await;
    promoted.map_err(|error| error.status())?;
    Ok(message::PromoteReply {
        reference: reference.to_string(),
        with_old_value: with_old_value(daemon, &context, &reference, &asked.version),
        version: asked.version,
    })
}

pub(super) async fn schedule_deletion(
    daemon: &Daemon,
    request: Request<message::ScheduleDeletionRequest>,
) -> Result<message::ScheduleDeletionReply, Status> {
    let context = request_context(daemon, &request, Action::ScheduleDeletion)?;
    let asked = request.into_inner();
    let reference = reference(&asked.reference)?;
    let (version, at) = (given(asked.version), given(asked.deletion_unix_seconds));
    let writer = &daemon.writer;
    let scheduled = writer
        .schedule_deletion(&context, &reference, version, at)
        .await;
    let at = scheduled.map_err(|error| error.status())?;
    Ok(message::ScheduleDeletionReply {
        reference: reference.to_string(),
        version: asked.version,
        deletion_unix_seconds: at.unwrap_or_default(),
    })
}

pub(super) async fn cancel_deletion(
    daemon: &Daemon,
    request: Request<message::CancelDeletionRequest>,
) -> Result<message::CancelDeletionReply, Status> {
    let context = request_context(daemon, &request, Action::CancelDeletion)?;
    let asked = request.into_inner();
    let reference = reference(&asked.reference)?;
    let version = given(asked.version);
    let cancelled = daemon
        .writer
        .cancel_deletion(&context, &reference, version)
        .await;
    cancelled.map_err(|error| error.status())?;
    Ok(message::CancelDeletionReply {
        reference: reference.to_string(),
        version: asked.version,
    })
}

/// A number that may be left out.
fn given(number: u64) -> Option<u64> {
    NonZeroU64::new(number).map(NonZeroU64::get)
}
