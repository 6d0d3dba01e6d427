//! The gRPC services: what callers say, translated for the rooms below and back.

mod admin;
pub mod daemon;
pub mod refusing;
mod request_context;
mod secrets;
mod status;

use tokio_stream::Stream;
use tonic::transport::Server;
use vault_proto::generated::admin_server::AdminServer;
use vault_proto::generated::secrets_server::SecretsServer;

use crate::launch::reply_size::LARGEST_REPLY;
use crate::limits::Limits;
use crate::listener::Connection;
use daemon::Daemon;

/// Serves until `stop`, then finishes what is under way.
///
/// # Errors
/// Where the transport fails as a whole.
pub async fn serve(
    daemon: Daemon,
    limits: Limits,
    connections: impl Stream<Item = std::io::Result<Connection>>,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let (health_reporter, health) = tonic_health::server::health_reporter();
    health_reporter
        .set_serving::<SecretsServer<secrets::Service>>()
        .await;
    health_reporter
        .set_serving::<AdminServer<admin::Service>>()
        .await;
    let transport = limits.transport;
    let secrets = SecretsServer::new(secrets::Service::new(daemon.clone(), limits))
        .max_decoding_message_size(transport.request)
        .max_encoding_message_size(LARGEST_REPLY);
    let admin = AdminServer::new(admin::Service::new(daemon))
        .max_decoding_message_size(transport.admin_request)
        .max_encoding_message_size(transport.admin_reply);
    Server::builder()
        .timeout(request_context::HANDLER)
        .max_connection_age(transport.connection_age)
        .max_concurrent_streams(transport.streams)
        .initial_stream_window_size(transport.window)
        .initial_connection_window_size(transport.window)
        .http2_max_header_list_size(transport.headers)
        .add_service(health.max_decoding_message_size(transport.health_request))
        .add_service(secrets)
        .add_service(admin)
        .serve_with_incoming_shutdown(connections, stop)
        .await
}
