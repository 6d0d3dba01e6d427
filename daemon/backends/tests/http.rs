//! Tests of the HTTP client.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

#[path = "http/authority.rs"]
mod authority;
#[path = "http/deadlines.rs"]
mod deadlines;
#[path = "http/environment.rs"]
mod environment;
#[path = "http/proxy.rs"]
mod proxy;
#[path = "http/replies.rs"]
mod replies;
#[path = "http/requests.rs"]
mod requests;
#[path = "http/server.rs"]
mod server;
#[path = "http/tls.rs"]
mod tls;
