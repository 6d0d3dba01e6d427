//! What did the caller say? The services, their limits, and nothing of what they decide.

mod admin;
pub mod daemon;
mod request_context;
mod secrets;
mod status;
mod watching;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use vault_proto::generated::admin_server::AdminServer;
use vault_proto::generated::secrets_server::SecretsServer;

use crate::listener::Connection;
use daemon::Daemon;

/// How long a connection lives; calls under way on it are finished.
const CONNECTION_AGE: Duration = Duration::from_secs(12);
/// Calls at once on one connection, until their replies are fetched: a watch and a question. Eight
/// connections of one process can make the daemon hold sixteen requests or replies, no more.
const STREAMS: u32 = 2;
/// Flow-control windows, in bytes.
const WINDOW: u32 = 64 * 1024;
/// The most header bytes of a request.
const HEADERS: u32 = 8 * 1024;
/// The largest question after somebody's health: a service's name.
const HEALTH_REQUEST: usize = 1024;
/// The largest request of a launcher, in bytes.
const REQUEST: usize = 16 * 1024;
/// The largest request of a person: a secret of 64 KiB and what goes with it.
const ADMIN_REQUEST: usize = 128 * 1024;
/// The largest reply to a launcher, and to a person, in bytes.
const REPLY: usize = 512 * 1024;
const ADMIN_REPLY: usize = 1024 * 1024;

/// Serves until `stop`, then finishes what is under way.
///
/// # Errors
/// Where the transport fails as a whole.
pub async fn serve(
    daemon: Daemon,
    connections: mpsc::Receiver<std::io::Result<Connection>>,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let (health_reporter, health) = tonic_health::server::health_reporter();
    health_reporter
        .set_serving::<SecretsServer<secrets::Service>>()
        .await;
    health_reporter
        .set_serving::<AdminServer<admin::Service>>()
        .await;
    let secrets = SecretsServer::new(secrets::Service::new(daemon.clone()))
        .max_decoding_message_size(REQUEST)
        .max_encoding_message_size(REPLY);
    let admin = AdminServer::new(admin::Service::new(daemon))
        .max_decoding_message_size(ADMIN_REQUEST)
        .max_encoding_message_size(ADMIN_REPLY);
    Server::builder()
        .timeout(request_context::HANDLER)
        .max_connection_age(CONNECTION_AGE)
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .http2_max_header_list_size(HEADERS)
        .add_service(health.max_decoding_message_size(HEALTH_REQUEST))
        .add_service(secrets)
        .add_service(admin)
        .serve_with_incoming_shutdown(ReceiverStream::new(connections), stop)
        .await
}
