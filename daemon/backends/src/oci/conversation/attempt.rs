//! One attempt of a call: signed, sent, and its reply read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::super::call_description::{CallDescription, REQUEST_ID, new_request_id};
use super::super::clock_offset::ClockOffset;
use super::super::connection::Connection;
use super::super::date::HttpDate;
use super::super::endpoint::{Endpoint, Service};
use super::super::error::{BadReply, NotAuthenticated, Quotes, Refusal, is_page, no_reply};
use super::super::identity::Identity;
use super::super::places::Places;
use super::super::region::AssumedRealm;
use super::super::request_url::RequestUrl;
use super::super::signature::{Header, Unsigned};
use super::answer::{Answer, Unanswered};
use super::call::{Body, Call};
use crate::error::{BackendError, Class};
use crate::http::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, DATE, ETAG, HeaderName, HeaderValue, USER_AGENT,
};
use crate::http::{Deadlines, Failure, HeaderMap, Reply, Request, Uri};
use crate::wall_clock::WallClock;

/// Where the services are, how they are reached, and what time it is.
pub(super) struct Transport {
    pub(super) places: Places,
    pub(super) connection: Connection,
    pub(super) clock: Arc<dyn WallClock>,
    /// The last region, where its realm is only assumed.
    pub(super) assumed: Mutex<Option<AssumedRealm>>,
}

/// What came of one attempt.
pub(super) enum Outcome {
    Answer(Answer),
    /// OCI does not believe the credential.
    NotAuthenticated(CallDescription, NotAuthenticated),
}

impl Transport {
    /// Asks once.
    pub(super) async fn attempt(
        &self,
        call: &Call<'_>,
        identity: &Arc<Identity>,
    ) -> Result<Outcome, Unanswered> {
        self.places.read_again().await;
        let (description, endpoint, assumed) = self.described(call, identity)?;
        let request = self
            .request(call, identity, &endpoint, &description)
            .await?;
        let secret_headers = request.headers.values().filter(|it| it.is_sensitive());
        let secret_headers: Vec<HeaderValue> = secret_headers.cloned().collect();
        let client = self.connection.client().await;
        let client = client.map_err(|error| call.cannot_be_asked(&error))?;
        let reply = client.call(request).await;
        let reply = reply.map_err(|error| {
            let leaves_open = !error.is_before_request();
            let is_too_large = matches!(error.failure(), Failure::TooLarge { .. });
            let error = no_reply(&description, error, assumed.as_ref());
            let error = match call.service {
                Service::Secrets if is_too_large => error.about_one_secret(),
                _ => error,
            };
            Unanswered { error, leaves_open }
        })?;
        self.outcome(call, description, &secret_headers, reply)
    }

    fn described(
        &self,
        call: &Call<'_>,
        identity: &Identity,
    ) -> Result<(CallDescription, Endpoint, Option<AssumedRealm>), BackendError> {
        let region = identity.region.as_deref();
        let instance = identity.instance.as_deref();
        let endpoint = self.places.endpoint(call.service, region, instance);
        let endpoint = endpoint.map_err(|error| call.cannot_be_asked(&error))?;
        let resolved = self.places.region(region, instance).ok();
        let place = match &resolved {
            Some(found) if Endpoint::of(call.service, &found.region) == endpoint => {
                format!("in {}", found.region)
            }
            Some(found) => format!("in {} at {endpoint}", found.region),
            None => format!("at {endpoint}"),
        };
        let description = CallDescription {
            operation: call.operation,
            about: call.about.to_owned(),
            principal: identity.principal.clone(),
            place,
            request_id: new_request_id(),
        };
        let assumed = resolved.and_then(|found| found.warning);
        self.assumed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&assumed);
        Ok((description, endpoint, assumed))
    }

    /// The request, signed off the serving threads.
    async fn request(
        &self,
        call: &Call<'_>,
        identity: &Arc<Identity>,
        endpoint: &Endpoint,
        description: &CallDescription,
    ) -> Result<Request, BackendError> {
        let url = endpoint.url(call.segments, call.parameters);
        let sent_to: Uri = url.to_string().parse().map_err(|error| {
            let words = "the URL is none that can be asked";
            description
                .not_sent(Class::Request, "url", words)
                .caused_by(error)
        })?;
        let date = HttpDate::at(self.clock.unix_seconds());
        let (signed, body) = signed(Arc::clone(identity), url, call, date, description).await?;
        let headers = headers(call, &signed, &description.request_id).ok_or_else(|| {
            let words = "a header of the request has letters that no header can have";
            description.not_sent(Class::Request, "bad_header", words)
        })?;
        Ok(Request {
            method: call.method.as_str().parse().expect("a method of HTTP"),
            url: sent_to,
            headers,
            body,
            deadlines: DEADLINES,
            max_reply_bytes: call.max_reply_bytes,
        })
    }

    fn outcome(
        &self,
        call: &Call<'_>,
        mut description: CallDescription,
        secret_headers: &[HeaderValue],
        reply: Reply,
    ) -> Result<Outcome, Unanswered> {
        if let Some(request_id) = text(&reply, REQUEST_ID, LONGEST_REQUEST_ID) {
            description.request_id = request_id;
        }
        let date = reply.headers.get(DATE).and_then(|date| date.to_str().ok());
        let clock_offset = ClockOffset::of(date, self.clock.unix_seconds());
        if !reply.status.is_success() {
            let refusal = Refusal::of(&reply);
            let quotes = if repeats_secrets(&refusal, call, secret_headers) {
                Quotes::Nothing
            } else {
                Quotes::Message
            };
            if refusal.is_not_authenticated() {
                let why = NotAuthenticated::of(&refusal, clock_offset, quotes);
                return Ok(Outcome::NotAuthenticated(description, why));
            }
            return Err(Unanswered {
                leaves_open: refusal.leaves_open(),
                error: refusal.error(&description, call.service, quotes),
            });
        }
        let unusable = |bad: BadReply| Unanswered {
            leaves_open: true,
            error: bad.error(&description),
        };
        if reply.headers.contains_key(CONTENT_ENCODING) {
            return Err(unusable(BadReply::Encoded));
        }
        if is_page(&reply) {
            return Err(unusable(BadReply::Html));
        }
        Ok(Outcome::Answer(Answer {
            status: reply.status.as_u16(),
            etag: text(&reply, ETAG.as_str(), LONGEST_ETAG),
            next_page: text(&reply, "opc-next-page", LONGEST_PAGE_TOKEN),
            body: reply.body,
            description,
        }))
    }
}

/// Whether the service's text has a part of the value, token or signature that was sent.
fn repeats_secrets(refusal: &Refusal, call: &Call<'_>, secret_headers: &[HeaderValue]) -> bool {
    let mut headers = secret_headers.iter().map(HeaderValue::as_bytes);
    if headers.any(|header| refusal.repeats(header, LEAST_OF_HEADERS)) {
        return true;
    }
    let Some(encoded) = call.body.as_ref().map(Body::value) else {
        return false;
    };
    let plain = STANDARD.decode(encoded).map(Zeroizing::new);
    refusal.repeats(encoded, LEAST_OF_VALUES)
        || plain.is_ok_and(|plain| refusal.repeats(&plain, LEAST_OF_VALUES))
}

/// Signs off the serving threads, since that takes milliseconds. Gives the body back.
async fn signed(
    identity: Arc<Identity>,
    url: RequestUrl,
    call: &Call<'_>,
    date: HttpDate,
    description: &CallDescription,
) -> Result<(Vec<Header>, Option<Zeroizing<Vec<u8>>>), BackendError> {
    let (method, body) = (call.method, call.body.as_ref().map(Body::bytes));
    let work = tokio::task::spawn_blocking(move || {
        let delegation_token = identity.delegation_token.as_ref();
        let unsigned = Unsigned {
            body: body.as_ref().map_or(&[], |body| body.as_slice()),
            delegation_token: delegation_token.map(|token| token.as_str()),
            ..Unsigned::new(method, &url)
        };
        let headers = identity.signer.sign(&unsigned, date);
        vault_memory::wipe_parked_thread();
        headers.map(|headers| (headers, body))
    });
    match work.await {
        Ok(signed) => {
            signed.map_err(|error| description.not_sent(Class::Credentials, error.kind(), &error))
        }
        Err(_) => Err(description.not_sent(Class::Outage, "stopped", "signing was stopped")),
    }
}

/// All headers but those of the connection; `None` where one cannot be sent.
fn headers(call: &Call<'_>, signed: &[Header], request_id: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(JSON));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(USER_AGENT, HeaderValue::from_static(PROGRAM));
    headers.insert(REQUEST_ID, HeaderValue::from_str(request_id).ok()?);
    for (name, value) in &call.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    // Last, so that nothing that was signed is sent in another form.
    for header in signed {
        let mut value = HeaderValue::from_str(&header.value).ok()?;
        value.set_sensitive(matches!(header.name, "authorization" | "opc-obo-token"));
        headers.insert(HeaderName::from_static(header.name), value);
    }
    Some(headers)
}

/// A header of the reply that is a text of visible letters, and not a longer one than this.
fn text(reply: &Reply, name: &str, longest: usize) -> Option<String> {
    let value = reply.headers.get(name)?.to_str().ok()?.trim();
    let is_sound = !value.is_empty() && value.len() <= longest;
    is_sound.then(|| value.to_owned())
}

/// Inside of the 7 s that a fetch has, so that the failure says what was asked of whom.
const DEADLINES: Deadlines = Deadlines {
    connect: Duration::from_secs(3),
    first_byte: Duration::from_secs(5),
    whole: Duration::from_secs(6),
};
const JSON: &str = "application/json";
const PROGRAM: &str = concat!("vaultd/", env!("CARGO_PKG_VERSION"));
/// It is in every message. The services' own have about a hundred letters.
const LONGEST_REQUEST_ID: usize = 200;
/// Less of a token or a signature is of no use to anybody, and may be chance.
const LEAST_OF_HEADERS: usize = 24;
/// Of a value, and of its base64, so little says nothing of the rest. A shorter value counts whole.
const LEAST_OF_VALUES: usize = 4;
const LONGEST_ETAG: usize = 1024;
/// As long as a head may be: a page token that is left out would make a list end too early.
const LONGEST_PAGE_TOKEN: usize = 32 * 1024;
