//! Which gRPC code and which stable word tell a caller what went wrong? The only table of them.

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use vault_backends::error::{Class, UNSUPPORTED};
use vault_proto::kinds;
use vault_proto::sealed::SealError;

use crate::launch::problem::LaunchError;
use crate::resolver::ResolveError;
use crate::upstream::UpstreamError;
use crate::writer::WriteError;

/// An error status with its stable word.
pub(super) fn refuse(code: Code, kind: &'static str, message: impl Into<String>) -> Status {
    let mut status = Status::new(code, message);
    status
        .metadata_mut()
        .insert(kinds::HEADER, MetadataValue::from_static(kind));
    status
}

pub(super) fn of_launch(error: &LaunchError) -> Status {
    let code = match error {
        LaunchError::Resolve(error) => return of_resolve(error),
        LaunchError::Secret { error: cause, .. } => {
            let (code, kind) = upstream(cause);
            return refuse(code, kind, error.to_string());
        }
        LaunchError::Seal(cause) => return of_seal(*cause),
        LaunchError::UnknownService { .. } | LaunchError::Field(_) => Code::NotFound,
        LaunchError::NothingNamed { .. }
        | LaunchError::NoCommand { .. }
        | LaunchError::Profile { .. }
        | LaunchError::Command { .. }
        | LaunchError::Nul { .. } => Code::FailedPrecondition,
        LaunchError::Shield(_) => Code::Internal,
    };
    refuse(code, error.kind(), error.to_string())
}

pub(super) fn of_resolve(error: &ResolveError) -> Status {
    let (code, kind) = match error {
        ResolveError::Denied { .. } => (Code::PermissionDenied, kinds::DENIED),
        ResolveError::Audit(_) => (Code::FailedPrecondition, kinds::AUDIT),
        ResolveError::PeerGone => (Code::Cancelled, kinds::PEER_GONE),
        ResolveError::Ended => (Code::Unavailable, kinds::UNAVAILABLE),
    };
    refuse(code, kind, error.to_string())
}

pub(super) fn of_write(error: &WriteError) -> Status {
    let (code, kind) = match error {
        WriteError::Resolve(error) => return of_resolve(error),
        WriteError::Seal(error) => return of_seal(*error),
        WriteError::Upstream(error) | WriteError::Unrecorded { failure: error, .. } => {
            upstream(error)
        }
        WriteError::Stopping => (Code::Unavailable, kinds::UNAVAILABLE),
        WriteError::StaysOnDisk(_) => (Code::Internal, kinds::INTERNAL),
        WriteError::Shield(_) => (Code::InvalidArgument, kinds::INVALID_REQUEST),
        WriteError::Pinned(_) => (Code::InvalidArgument, kinds::INVALID_REFERENCE),
    };
    refuse(code, kind, error.to_string())
}

pub(super) fn of_upstream(error: &UpstreamError) -> Status {
    let (code, kind) = upstream(error);
    refuse(code, kind, error.to_string())
}

fn of_seal(error: SealError) -> Status {
    let (code, kind) = match error {
        SealError::PublicKey | SealError::RequestId | SealError::Open => {
            (Code::InvalidArgument, kinds::INVALID_REQUEST)
        }
        SealError::Seal => (Code::Internal, kinds::INTERNAL),
    };
    refuse(code, kind, error.to_string())
}

fn upstream(error: &UpstreamError) -> (Code, &'static str) {
    match error {
        UpstreamError::NoBackend(_) | UpstreamError::ReadOnly(_) => {
            (Code::Unimplemented, kinds::UNSUPPORTED)
        }
        _ if error.kind() == UNSUPPORTED => (Code::Unimplemented, kinds::UNSUPPORTED),
        UpstreamError::Deadline { .. } => (Code::DeadlineExceeded, kinds::UNAVAILABLE),
        _ => match error.class() {
            Class::Answer => (Code::NotFound, kinds::NOT_FOUND),
            Class::Outage | Class::Credentials => (Code::Unavailable, kinds::UNAVAILABLE),
            Class::Request => (Code::InvalidArgument, kinds::INVALID_REQUEST),
        },
    }
}
