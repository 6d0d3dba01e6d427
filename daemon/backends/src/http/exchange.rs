//! The exchange of one request and one reply over a connection.

use std::future::poll_fn;
use std::pin::pin;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Method, Uri};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::connection::Stream;
use super::deadlines::Deadline;
use super::destination::Destination;
use super::error::{Failure, HttpError};
use super::message::{Reply, Request};

/// What hyper buffers of a reply.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long the head of a reply may be.
const HEAD_BYTES: usize = 32 * 1024;

/// Sends the request, reads the reply, and closes the connection.
pub(super) async fn exchange(
    stream: Stream,
    to: &Destination,
    request: Request,
) -> Result<Reply, HttpError> {
    let ended = |cause| HttpError::in_exchange(to.to_string(), cause);
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(BUFFER_BYTES)
        .max_header_size(HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(ended)?;
    let (within, max_bytes) = (request.deadlines.first_byte, request.max_reply_bytes);
    let request = prepared(request);
    let mut reply = pin!(async {
        let head = timeout(within, sender.send_request(request)).await;
        let head = head
            .map_err(|_| HttpError::new(Failure::Timeout(Deadline::FirstByte), to.to_string()))?;
        let (head, body) = head.map_err(ended)?.into_parts();
        if head.status.is_redirection() {
            return Err(HttpError::new(
                Failure::Redirect(head.status),
                to.to_string(),
            ));
        }
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body: whole(body, max_bytes, to).await?,
        })
    });
    // The connection is driven here and not in a task, so that it ends with the call. What is wrong
    // with it reaches whoever waits for the reply.
    let mut connection = pin!(connection);
    let mut over = false;
    poll_fn(|cx| {
        over = over || connection.as_mut().poll(cx).is_ready();
        reply.as_mut().poll(cx)
    })
    .await
}

/// The request as hyper wants it: in origin form, with the headers that belong to the connection.
fn prepared(request: Request) -> hyper::Request<Full<Bytes>> {
    let Request {
        method,
        url,
        mut headers,
        body,
        ..
    } = request;
    let length = body.as_ref().map_or(0, |body| body.len());
    headers.remove(CONTENT_LENGTH);
    // Also where there is no body: OCI wants the header then, and hyper would leave it out.
    if body.is_some() || [Method::POST, Method::PUT, Method::PATCH].contains(&method) {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    add_host(&mut headers, &url);
    let body = body.map_or_else(Bytes::new, Bytes::from_owner);
    let mut prepared = hyper::Request::new(Full::new(body));
    *prepared.method_mut() = method;
    *prepared.uri_mut() = url
        .path_and_query()
        .cloned()
        .map_or_else(Uri::default, Uri::from);
    *prepared.headers_mut() = headers;
    prepared
}

fn add_host(headers: &mut HeaderMap, url: &Uri) {
    let authority = url.authority().map(Authority::as_str);
    let host = authority.and_then(|host| HeaderValue::from_str(host).ok());
    if let Some(host) = host.filter(|_| !headers.contains_key(HOST)) {
        headers.insert(HOST, host);
    }
}

/// The whole body in memory that is asked for once: what a vector leaves behind when it grows is
/// wiped by the allocator alone.
async fn whole(
    mut body: Incoming,
    max_bytes: usize,
    to: &Destination,
) -> Result<Zeroizing<Vec<u8>>, HttpError> {
    let too_large = || HttpError::new(Failure::TooLarge { max_bytes }, to.to_string());
    let declared = body.size_hint().exact();
    let declared = declared.map_or(Ok(max_bytes), usize::try_from);
    let room = declared.ok().filter(|room| *room <= max_bytes);
    let mut whole = Zeroizing::new(Vec::with_capacity(room.ok_or_else(too_large)?));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|cause| HttpError::in_exchange(to.to_string(), cause))?;
        // Else trailers, which nobody asked for.
        if let Ok(piece) = frame.into_data() {
            if piece.len() > max_bytes - whole.len() {
                return Err(too_large());
            }
            whole.extend_from_slice(&piece);
        }
    }
    Ok(whole)
}
