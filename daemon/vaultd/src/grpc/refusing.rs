//! Answers every call with why the daemon cannot serve.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::http::Request;
use tonic::transport::Server;

use super::status::refuse;
use crate::limits::{Limits, PeerKind};
use crate::listener::{ConnectedPeer, Connection};

/// Why nothing is served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    /// The stable word: `configuration` or `unavailable`.
    pub kind: &'static str,
    /// What is wrong, for a person.
    pub message: String,
}

/// Answers the calls of these connections with the reason as it is then, until whoever sets it is gone.
/// Callers of other users hear that there is one: it may name what is none of their business.
///
/// # Errors
/// Where the transport fails as a whole.
pub async fn serve(
    reason: watch::Receiver<Reason>,
    limits: Limits,
    connections: mpsc::Receiver<std::io::Result<Connection>>,
) -> Result<(), tonic::transport::Error> {
    let transport = limits.transport;
    let mut news = reason.clone();
    let answer = tower::service_fn(move |request: Request<Body>| {
        let peer = request.extensions().get::<Arc<ConnectedPeer>>();
        let is_own = peer.is_some_and(|peer| peer.kind == PeerKind::OwnUser);
        let Reason { kind, message } = reason.borrow().clone();
        let message = if is_own {
            message
        } else {
            "vaultd cannot serve now; whoever runs it finds the reason in its log".to_owned()
        };
        let status = refuse(Code::FailedPrecondition, kind, message);
        ready(Ok::<_, Infallible>(status.into_http::<Body>()))
    });
    let stop = async move { while news.changed().await.is_ok() {} };
    Server::builder()
        .max_connection_age(transport.connection_age)
        .max_concurrent_streams(transport.streams)
        .http2_max_header_list_size(transport.headers)
        .serve_with_incoming_shutdown(answer, ReceiverStream::new(connections), stop)
        .await
}
