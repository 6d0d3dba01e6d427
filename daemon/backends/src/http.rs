//! The HTTP client.
//!
//! One call is one connection: looked up, made, used and closed, in the future that the caller polls,
//! so that a call that is given up leaves nothing behind. An idle connection would keep the last reply
//! in the read buffers of hyper and rustls; freed ones are wiped by the allocator of `vault-memory`.
//! TLS sessions are not resumed for the same reason.
//!
//! A proxy is used for TLS alone, and where a client was told so: the variables of the environment
//! are not read.
//!
//! Deliberately absent: redirects (a 3xx is an error), cookies, compression, retries, and a bound on
//! calls in flight, which is the upstream's business.

mod connection;
mod deadlines;
mod destination;
mod error;
mod exchange;
mod message;
mod proxy;
mod trust;
mod tunnel;

use std::sync::Arc;

use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub use hyper::header;
pub use hyper::{HeaderMap, Method, StatusCode, Uri};

use connection::dial;
use destination::Destination;
use exchange::exchange;

pub use deadlines::{Deadline, Deadlines};
pub(crate) use error::with_causes;
pub use error::{Failure, HttpError, UrlProblem};
pub use message::{Reply, Request};
pub use proxy::{BadProxy, Proxy};
pub use trust::{Trust, TrustError};
pub use tunnel::ProxyProblem;

/// Makes calls, and trusts the same certificates for all of them.
#[derive(Clone)]
pub struct Client {
    tls: TlsConnector,
    proxy: Option<Arc<Proxy>>,
}

impl Client {
    /// A client that trusts these certificates. The system's are read now, and not again.
    ///
    /// # Errors
    /// [`TrustError`] where they cannot be read, or there are none.
    pub fn new(trust: &Trust) -> Result<Self, TrustError> {
        Ok(Self {
            tls: trust::connector(trust)?,
            proxy: None,
        })
    }

    /// The same client, whose calls over TLS go through a proxy.
    #[must_use]
    pub fn through(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(Arc::new(proxy));
        self
    }

    /// Makes one call. It can be given up at any time by dropping it.
    ///
    /// # Errors
    /// [`HttpError`], where there is no whole reply within the deadlines, or it is a redirect. Any
    /// other status is a reply.
    pub async fn call(&self, request: Request) -> Result<Reply, HttpError> {
        let to = Destination::of(&request.url)?.through(self.proxy.as_ref());
        let deadlines = request.deadlines;
        let failed = |failure| HttpError::new(failure, to.to_string());
        let attempt = async {
            let stream = timeout(deadlines.connect, dial(&to, &self.tls, deadlines.connect))
                .await
                .unwrap_or_else(|_| Err(failed(Failure::Timeout(Deadline::Connect))))?;
            exchange(stream, &to, request).await
        };
        timeout(deadlines.whole, attempt)
            .await
            .unwrap_or_else(|_| Err(failed(Failure::Timeout(Deadline::Whole))))
    }
}
