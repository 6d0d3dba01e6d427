//! A look whether a service answers at all, and by which clock.

use std::time::Duration;

use super::super::clock_offset::ClockOffset;
use super::super::endpoint::{Endpoint, Service};
use super::super::identity::Identity;
use super::attempt::Transport;
use crate::error::{BackendError, Class};
use crate::http::header::DATE;
use crate::http::{Deadlines, HeaderMap, Method, Request, Uri};

/// A service that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Where.
    pub endpoint: Endpoint,
    /// With which status. A question that is not signed is refused, and that is an answer.
    pub status: u16,
    /// By how much its clock differs, where it said its time.
    pub clock_offset: Option<ClockOffset>,
}

impl Transport {
    /// Asks a service for nothing, and signs nothing: name, connection, certificate and clock are what
    /// is looked at.
    pub(super) async fn reach(
        &self,
        service: Service,
        identity: Option<&Identity>,
    ) -> Result<Reached, BackendError> {
        let region = identity.and_then(|identity| identity.region.as_deref());
        let instance = identity.and_then(|identity| identity.instance.as_deref());
        let endpoint = self.places.endpoint(service, region, instance)?;
        let url: Uri = endpoint
            .url::<&str>(&[], &[])
            .to_string()
            .parse()
            .map_err(|error| {
                let words = format!("ask {endpoint}: the URL is none that can be asked");
                BackendError::not_sent(Class::Request, "url", words).caused_by(error)
            })?;
        let request = Request {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
            deadlines: DEADLINES,
            max_reply_bytes: MAX_REPLY_BYTES,
        };
        let client = self.connection.client().await?;
        let reply = client.call(request).await.map_err(BackendError::from)?;
        let date = reply.headers.get(DATE).and_then(|date| date.to_str().ok());
        Ok(Reached {
            endpoint,
            status: reply.status.as_u16(),
            clock_offset: ClockOffset::of(date, self.clock.unix_seconds()),
        })
    }
}

/// A person waits.
const DEADLINES: Deadlines = Deadlines {
    connect: Duration::from_secs(3),
    first_byte: Duration::from_secs(3),
    whole: Duration::from_secs(5),
};
const MAX_REPLY_BYTES: usize = 64 * 1024;
