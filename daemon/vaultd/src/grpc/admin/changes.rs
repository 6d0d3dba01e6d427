//! What does a person ask about one stored secret: to store, delete, promote, and which versions are there?

use std::num::NonZeroU64;

use tonic::{Request, Status};
use vault_backends::backend::{Begins, NewVersion};
use vault_proto::generated as message;

use super::report;
use crate::grpc::ask::{ask, reference, request_id};
use crate::grpc::rooms::Rooms;
use crate::grpc::status::of_write;
use crate::policy::Action;
use crate::resolver::Ask;
use crate::writer::Incoming;

pub(super) async fn put(
    rooms: &Rooms,
    request: Request<message::PutRequest>,
) -> Result<message::PutReply, Status> {
    let ask = ask(rooms, &request, Action::Put)?;
    let put = request.into_inner();
    let reference = reference(&put.reference)?;
    let ask = Ask {
        request_id: request_id(&put.request_id)?,
        ..ask
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
    let version = rooms.writer.put(&ask, &reference, incoming, new).await;
    Ok(message::PutReply {
        reference: reference.to_string(),
        version: version.map_err(|error| of_write(&error))?,
    })
}

pub(super) async fn delete(
    rooms: &Rooms,
    request: Request<message::DeleteRequest>,
) -> Result<message::DeleteReply, Status> {
    let ask = ask(rooms, &request, Action::Delete)?;
    let reference = reference(&request.get_ref().reference)?;
    let versions = rooms.writer.delete(&ask, &reference).await;
    let versions = versions.map_err(|error| of_write(&error))?;
    Ok(message::DeleteReply {
        reference: reference.to_string(),
        versions: u32::try_from(versions).unwrap_or(u32::MAX),
    })
}

pub(super) async fn versions(
    rooms: &Rooms,
    request: Request<message::VersionsRequest>,
) -> Result<message::VersionsReply, Status> {
    let ask = ask(rooms, &request, Action::Versions)?;
    let reference = reference(&request.get_ref().reference)?;
    let versions = rooms.writer.versions(&ask, &reference).await;
    let versions = versions.map_err(|error| of_write(&error))?;
    Ok(message::VersionsReply {
        reference: reference.to_string(),
        versions: versions.into_iter().map(report::version).collect(),
    })
}

pub(super) async fn promote(
    rooms: &Rooms,
    request: Request<message::PromoteRequest>,
) -> Result<message::PromoteReply, Status> {
    let ask = ask(rooms, &request, Action::Promote)?;
    let asked = request.into_inner();
    let reference = reference(&asked.reference)?;
    let promoted = rooms.writer.promote(&ask, &reference, &asked.version).await;
    promoted.map_err(|error| of_write(&error))?;
    Ok(message::PromoteReply {
        reference: reference.to_string(),
        version: asked.version,
    })
}

pub(super) async fn schedule_deletion(
    rooms: &Rooms,
    request: Request<message::ScheduleDeletionRequest>,
) -> Result<message::ScheduleDeletionReply, Status> {
    let ask = ask(rooms, &request, Action::ScheduleDeletion)?;
    let asked = request.into_inner();
    let reference = reference(&asked.reference)?;
    let (version, at) = (given(asked.version), given(asked.deletion_unix_seconds));
    let writer = &rooms.writer;
    let scheduled = writer
        .schedule_deletion(&ask, &reference, version, at)
        .await;
    let at = scheduled.map_err(|error| of_write(&error))?;
    Ok(message::ScheduleDeletionReply {
        reference: reference.to_string(),
        version: asked.version,
        deletion_unix_seconds: at.unwrap_or_default(),
    })
}

pub(super) async fn cancel_deletion(
    rooms: &Rooms,
    request: Request<message::CancelDeletionRequest>,
) -> Result<message::CancelDeletionReply, Status> {
    let ask = ask(rooms, &request, Action::CancelDeletion)?;
    let asked = request.into_inner();
    let reference = reference(&asked.reference)?;
    let version = given(asked.version);
    let cancelled = rooms
        .writer
        .cancel_deletion(&ask, &reference, version)
        .await;
    cancelled.map_err(|error| of_write(&error))?;
    Ok(message::CancelDeletionReply {
        reference: reference.to_string(),
        version: asked.version,
    })
}

/// A number that may be left out.
fn given(number: u64) -> Option<u64> {
    NonZeroU64::new(number).map(NonZeroU64::get)
}
