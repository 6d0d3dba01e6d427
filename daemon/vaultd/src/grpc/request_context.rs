//! The context of a request: who asks, under which configuration, and by when.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Code, Request, Status};
use vault_proto::kinds;
use vault_proto::reference::SecretRef;
use vault_proto::sealed::REQUEST_ID_BYTES;

use super::daemon::Daemon;
use super::status::refuse;
use crate::listener::ConnectedPeer;
use crate::policy::Action;
use crate::resolver::RequestContext;

/// The longest any handler takes.
pub(super) const HANDLER: Duration = Duration::from_secs(10);
/// What is left for the reply's way back.
const WAY_BACK: Duration = Duration::from_millis(200);

/// The asker of `request`, for `action`.
pub(super) fn request_context<T>(
    daemon: &Daemon,
    request: &Request<T>,
    action: Action,
) -> Result<RequestContext, Status> {
    let peer = Arc::clone(&caller(request)?.peer);
    let setup = daemon.current.get();
    Ok(RequestContext {
        freshness: setup.view(None).freshness,
        targets: Arc::new(setup.view(None).targets.clone()),
        setup,
        peer,
        action,
        subject: None,
        service: None,
        environment: None,
        request_id: vec![],
        time: time(request),
    })
}

/// Who is at the other end of the connection.
pub(super) fn caller<T>(request: &Request<T>) -> Result<&Arc<ConnectedPeer>, Status> {
    let caller = request.extensions().get::<Arc<ConnectedPeer>>();
    caller.ok_or_else(|| refuse(Code::Internal, kinds::INTERNAL, "no caller noted"))
}

/// The caller's deadline, at most the handler's own.
fn time<T>(request: &Request<T>) -> Duration {
    let header = request
        .metadata()
        .get("grpc-timeout")
        .and_then(|value| value.to_str().ok());
    let asked = header
        .and_then(grpc_timeout)
        .unwrap_or(HANDLER)
        .min(HANDLER);
    asked.saturating_sub(WAY_BACK)
}

/// gRPC over HTTP/2, "Timeout": at most 8 digits and a unit.
fn grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = (digits.len() <= 8).then(|| digits.parse().ok())??;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// A request id as sealing needs it.
pub(super) fn request_id(bytes: &[u8]) -> Result<Vec<u8>, Status> {
    if bytes.len() == REQUEST_ID_BYTES {
        return Ok(bytes.to_vec());
    }
    Err(refuse(
        Code::InvalidArgument,
        kinds::INVALID_REQUEST,
        "the request id needs 16 bytes",
    ))
}

/// A reference, or a bare name of the local store.
pub(super) fn reference(text: &str) -> Result<SecretRef, Status> {
    let refused = |words: String| refuse(Code::InvalidArgument, kinds::INVALID_REFERENCE, words);
    match SecretRef::parse_or_local(text) {
        Ok(reference) if reference.place().scheme() == "vault" => Err(refused(
            "this vaultd has no backend for vault://".to_owned(),
        )),
        read => read.map_err(|error| refused(error.to_string())),
    }
}

/// An environment's name; an empty one is none.
pub(super) fn environment(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        for (text, expected) in [
            ("8S", Some(Duration::from_secs(8))),
            ("1500m", Some(Duration::from_millis(1500))),
            ("2M", Some(Duration::from_mins(2))),
            ("1H", Some(Duration::from_hours(1))),
            ("7u", Some(Duration::from_micros(7))),
            ("7n", Some(Duration::from_nanos(7))),
            ("", None),
            ("S", None),
            ("123456789S", None),
            ("8s", None),
            ("-1S", None),
            ("8é", None),
        ] {
            assert_eq!(grpc_timeout(text), expected, "{text}");
        }
    }
}
