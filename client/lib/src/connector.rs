//! The connections to vaultd that the calls of a program share, made when needed and made anew when they
//! end.
//!
//! A program that lives long keeps one [`Connector`], and takes a client with a deadline of its own
//! from it for each call or group of calls. The daemon answers two calls at once on a connection: a third
//! one gets another, up to four of them. The daemon ends every connection after 12 seconds, and all when it
//! restarts.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use tonic::Request;
use tonic::transport::Channel;
use vault_proto::generated::secrets_client::SecretsClient;
use vault_proto::generated::{HelloReply, HelloRequest};
use vault_proto::printable::printable;
use vault_proto::{PROTOCOL, kinds};

use crate::connection;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::status::failure;

/// No call begins on an older connection: the daemon ends one after 12 seconds, and of a call that is
/// lost then nobody knows whether it was carried out.
const MAX_AGE: Duration = Duration::from_secs(10);

/// Calls that the daemon answers at once on one connection.
const CALLS: usize = 2;
/// Connections at once: half of what the daemon lets one process have.
const SESSIONS: usize = 4;

/// Connects to vaultd, as often as that is necessary. Clones share the connections. It belongs to the
/// runtime of tokio in which it was first used.
#[derive(Clone, Debug)]
pub struct Connector {
    agent: &'static str,
    sessions: Arc<Mutex<Vec<Arc<Session>>>>,
}

/// A connection whose server is the right one and has answered Hello.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) channel: Channel,
    hello: HelloReply,
    start: Instant,
}

impl Session {
    /// The key of the daemon at the other end, for values on their way to it.
    pub(crate) fn daemon_key(&self) -> &[u8] {
        &self.hello.public_key
    }
}

impl Connector {
    /// One that is not connected yet. `agent` is the program and its version: "vault-run/0.1.0".
    pub fn new(agent: &'static str) -> Self {
        Self {
            agent,
            sessions: Arc::default(),
        }
    }

    /// The session with the fewest calls under way, or a new one where all have as many as the daemon
    /// answers at once: whoever comes while it is made waits for it.
    pub(crate) async fn session(&self, deadline: Deadline) -> Result<Arc<Session>, Error> {
        // One who has waited here while another failed to connect does not wait as long again.
        let start = Instant::now();
        let mut sessions = self.sessions.lock().await;
        // The calls under way on an old one keep it until they end.
        sessions.retain(|session| session.start.elapsed() < MAX_AGE);
        let least = sessions.iter().min_by_key(|session| calls(session));
        if let Some(session) = least
            && (calls(session) < CALLS || sessions.len() >= SESSIONS)
        {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(open(self.agent, deadline, start).await?);
        sessions.push(Arc::clone(&session));
        Ok(session)
    }

    /// Uses this session no more: it is broken.
    pub(crate) async fn discard(&self, broken: &Arc<Session>) {
        let mut sessions = self.sessions.lock().await;
        sessions.retain(|session| !Arc::ptr_eq(session, broken));
    }
}

/// Calls under way: each holds its session.
fn calls(session: &Arc<Session>) -> usize {
    Arc::strong_count(session) - 1
}

/// Finds the daemon, checks that it runs as it must, and says hello.
async fn open(agent: &'static str, deadline: Deadline, start: Instant) -> Result<Session, Error> {
    let channel = connection::open(agent, deadline, start).await?;
    let start = Instant::now();
    let mut request = Request::new(HelloRequest {
        protocol: PROTOCOL,
        oldest_protocol: PROTOCOL,
        client: agent.to_owned(),
    });
    request.set_timeout(deadline.remaining());
    let hello = SecretsClient::new(channel.clone())
        .hello(request)
        .await
        .map_err(|status| match failure(status, deadline) {
            Error::Refused { kind, message } if kind == kinds::PROTOCOL => {
                Error::Protocol { message }
            }
            Error::Refused { kind, .. } if kind.is_empty() => Error::Protocol {
                message: "whatever answers at the socket is not a vaultd this client understands"
                    .to_owned(),
            },
            other => other,
        })?
        .into_inner();
    if hello.protocol != PROTOCOL {
        return Err(Error::Protocol {
            message: format!(
                "vaultd {} speaks protocol {}, this client protocol {PROTOCOL}",
                printable(&hello.server_version),
                hello.protocol
            ),
        });
    }
    Ok(Session {
        channel,
        hello,
        start,
    })
}
