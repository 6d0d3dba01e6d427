//! Changes of one stored secret, and its versions.

use std::num::NonZeroU64;

use tonic::{Request, Status};
use vault_backends::changing::{Begins, NewVersion};
use vault_proto::generated as message;

use super::report;
use crate::grpc::daemon::Daemon;
use crate::grpc::request_context::{reference, request_context, request_id};
use crate::grpc::status::Failure;
use crate::policy::Action;
use crate::resolver::RequestContext;
use crate::writer::Incoming;

pub(super) async fn put(
    daemon: &Daemon,
    request: Request<message::PutRequest>,
) -> Result<message::PutReply, Status> {
    let context = request_context(daemon, &request, Action::Put)?;
    let put = request.into_inner();
    let reference = reference(&put.reference)?;
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
    Ok(message::PutReply {
        reference: reference.to_string(),
        version: version.map_err(|error| error.status())?,
    })
}

pub(super) async fn delete(
    daemon: &Daemon,
    request: Request<message::DeleteRequest>,
) -> Result<message::DeleteReply, Status> {
    let context = request_context(daemon, &request, Action::Delete)?;
    let reference = reference(&request.get_ref().reference)?;
    let versions = daemon.writer.delete(&context, &reference).await;
    let versions = versions.map_err(|error| error.status())?;
    Ok(message::DeleteReply {
        reference: reference.to_string(),
        versions: u32::try_from(versions).unwrap_or(u32::MAX),
    })
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
