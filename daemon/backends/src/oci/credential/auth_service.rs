//! The services that give tokens.
//!
//! They are asked as every service, signed. What one of them refuses in its own form is a matter of the
//! credential, whatever the status, and its text is repeated only where no token was sent that it could
//! quote.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::{BackendError, Class};
use crate::http::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderName, HeaderValue};
use crate::http::{Deadlines, HeaderMap, Reply, Request, Uri};
use crate::oci::call_description::{CallDescription, REQUEST_ID, new_request_id};
use crate::oci::clock_offset::ClockOffset;
use crate::oci::connection::Connection;
use crate::oci::date::HttpDate;
use crate::oci::endpoint::{Endpoint, Service};
use crate::oci::error::{NotAuthenticated, Quotes, Refusal, no_reply};
use crate::oci::identity::Identity;
use crate::oci::off_thread::off_thread;
use crate::oci::places::Places;
use crate::oci::request_url::{Origin, RequestUrl};
use crate::oci::settings::OciSettings;
use crate::oci::signature::{Extent, Header, Method, Unsigned};
use crate::process_context::ProcessContext;
use crate::wall_clock::WallClock;

/// The way to the services that give tokens.
pub(super) struct AuthService {
    settings: OciSettings,
    around: ProcessContext,
    connection: Connection,
}

/// One question.
pub(super) struct TokenCall {
    /// As whom, for messages.
    pub(super) principal: String,
    pub(super) method: Method,
    pub(super) url: RequestUrl,
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
    pub(super) extent: Extent,
    /// Sent along, and not signed.
    pub(super) headers: HeaderMap,
    pub(super) reply_text: ReplyText,
    /// What to do where it is refused.
    pub(super) remedy: String,
}

/// Whether what a service says of a question may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplyText {
    Quotable,
    /// A token was sent: the status alone is repeated.
    MayQuoteTokens,
    /// The same of a service that is none of OCI's own, so that no form tells its word from another's.
    MayQuoteTokensInAnyForm,
}

impl AuthService {
    pub(super) fn new(
        settings: &OciSettings,
        around: &ProcessContext,
        connection: Connection,
    ) -> Self {
        Self {
            settings: settings.clone(),
            around: around.clone(),
            connection,
        }
    }

    /// What is around: variables, home, clock.
    pub(super) fn around(&self) -> &ProcessContext {
        &self.around
    }

    /// What is configured.
    pub(super) fn settings(&self) -> &OciSettings {
        &self.settings
    }

    pub(super) fn clock(&self) -> &dyn WallClock {
        &*self.around.clock
    }

    /// How services are reached.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Where tokens are given. A principal is known in its own region first, whatever region its secrets
    /// are in.
    pub(super) async fn endpoint(
        &self,
        region: Option<&str>,
        instance: Option<&str>,
    ) -> Result<Endpoint, BackendError> {
        let own = OciSettings {
            region: None,
            ..self.settings.clone()
        };
        let region = region.or(self.settings.region.as_deref());
        let (region, instance) = (region.map(str::to_owned), instance.map(str::to_owned));
        let around = self.around.clone();
        off_thread(move || {
            let places = Places::new(&own, &around);
            places.endpoint(Service::Auth, region.as_deref(), instance.as_deref())
        })
        .await
    }

    /// Asks once, signed by `by`; a reply that is no success is an error. With it comes what later
    /// failures are told with.
    pub(super) async fn ask(
        &self,
        call: TokenCall,
        by: Arc<Identity>,
    ) -> Result<(Reply, CallDescription), BackendError> {
        let description = description_of(&call.principal, call.url.origin());
        let (reply_text, remedy) = (call.reply_text, call.remedy.clone());
        let request = self.signed(call, by, &description).await?;
        let reply = self.connection.client().await?.call(request).await;
        let reply = reply.map_err(|error| no_reply(&description, error, None))?;
        self.accepted(reply, description, reply_text, &remedy)
    }

    /// The reply, if it is a good one.
    pub(super) fn accepted(
        &self,
        reply: Reply,
        mut description: CallDescription,
        reply_text: ReplyText,
        remedy: &str,
    ) -> Result<(Reply, CallDescription), BackendError> {
        let header = |name: &str| reply.headers.get(name)?.to_str().ok();
        if let Some(id) = header(REQUEST_ID).filter(|id| !id.is_empty() && id.len() < 200) {
            id.clone_into(&mut description.request_id);
        }
        if reply.status.is_success() {
            return Ok((reply, description));
        }
        let refusal = match reply_text {
            ReplyText::MayQuoteTokensInAnyForm => Refusal::of(&reply).by_status_alone(),
            _ => Refusal::of(&reply),
        };
        let quotes = match reply_text {
            ReplyText::Quotable => Quotes::Message,
            _ => Quotes::Nothing,
        };
        let error = refusal.error(&description, Service::Auth, quotes);
        if error.class() == Class::Outage {
            return Err(error);
        }
        let offset = ClockOffset::of(header(DATE.as_str()), self.clock().unix_seconds());
        let why = NotAuthenticated::of(&refusal, offset, quotes);
        if refusal.is_not_authenticated() && why.is_of_the_clock() {
            return Err(description.replied(Class::Credentials, why.kind(), why));
        }
        let said = match reply_text {
            ReplyText::Quotable => refusal.said(quotes),
            _ => format!("status {}", refusal.status),
        };
        let words = format!("no token is given ({said}); {remedy}");
        Err(description.replied(Class::Credentials, "token_refused", words))
    }

    async fn signed(
        &self,
        call: TokenCall,
        by: Arc<Identity>,
        description: &CallDescription,
    ) -> Result<Request, BackendError> {
        let url: Uri = call.url.to_string().parse().map_err(|error| {
            let words = "the URL is none that can be asked";
            description
                .not_sent(Class::Request, "url", words)
                .caused_by(error)
        })?;
        let date = HttpDate::at(self.clock().unix_seconds());
        let method = call.method;
        let of_key = description.clone();
        let mut all = call.headers.clone();
        let (signed, body) = off_thread(move || {
            let unsigned = Unsigned {
                body: call.body.as_ref().map_or(&[], |body| body.as_slice()),
                extent: call.extent,
                ..Unsigned::new(method, &call.url)
            };
            let headers = by.signer.sign(&unsigned, date).map_err(|error| {
                of_key.not_sent(Class::Credentials, error.kind(), error.to_string())
            })?;
            Ok((headers, call.body))
        })
        .await?;
        all.extend(headers(&signed, &description.request_id));
        Ok(Request {
            method: method.as_str().parse().expect("a method of HTTP"),
            url,
            headers: all,
            body,
            deadlines: DEADLINES,
            max_reply_bytes: MOST_BYTES,
        })
    }
}

/// What a question for a token is called in messages.
pub(super) fn description_of(principal: &str, origin: &Origin) -> CallDescription {
    CallDescription {
        operation: "get",
        about: "a token".to_owned(),
        principal: principal.to_owned(),
        place: format!("at {origin}"),
        request_id: new_request_id(),
    }
}

fn headers(signed: &[Header], request_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(JSON));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    let pairs = signed
        .iter()
        .map(|header| (header.name, header.value.as_str()))
        .chain([(REQUEST_ID, request_id)]);
    for (name, value) in pairs {
        let mut value = HeaderValue::from_str(value).expect("letters that were signed are visible");
        value.set_sensitive(name == "authorization");
        headers.insert(HeaderName::from_static(name), value);
    }
    headers
}

/// Inside of the deadline of the credential cache for all that belongs to one token.
pub(super) const DEADLINES: Deadlines = Deadlines {
    connect: Duration::from_secs(3),
    first_byte: Duration::from_secs(4),
    whole: Duration::from_secs(5),
};
/// A token has one or two KiB.
pub(super) const MOST_BYTES: usize = 64 * 1024;
const JSON: &str = "application/json";
