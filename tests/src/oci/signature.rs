//! Verification of signatures.
//!
//! Written from the documentation of the protocol alone, so that it can judge a signer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use rsa::RsaPublicKey;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use sha2::{Digest, Sha256};

use super::authorization::Authorization;
use super::call::Call;
use super::clock::{http_date, parse_http_date};
use super::refusal::Refusal;

/// How far a client's clock may be off.
const SKEW_SECONDS: u64 = 5 * 60;
const TARGET: &str = "(request-target)";
const OF_BODY: [&str; 3] = ["content-length", "content-type", "x-content-sha256"];
/// The token of somebody on whose behalf a request is made.
pub(super) const ON_BEHALF: &str = "opc-obo-token";

/// Which headers must be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signed {
    /// Date, target and host, and what belongs to the body.
    WithHost,
    /// The same without the host: the request of an instance for its token.
    WithoutHost,
}

/// Refuses a call that is not signed with `key` now.
pub(super) fn verify(
    call: &Call,
    authorization: &Authorization,
    signed: Signed,
    key: Option<&RsaPublicKey>,
    now: u64,
) -> Result<(), Refusal> {
    let mut listed: Vec<&str> = authorization.signed.iter().map(String::as_str).collect();
    let text = signing_string(call, &listed)?;
    listed.sort_unstable();
    let mut expected = expected(call, signed);
    expected.sort_unstable();
    if listed != expected {
        return Err(Refusal::wrong_credentials());
    }
    check_date(call, now)?;
    if listed.contains(&OF_BODY[2]) {
        check_body(call)?;
    }
    let key = key.ok_or_else(Refusal::wrong_credentials)?;
    let signature = Signature::try_from(authorization.signature.as_slice());
    let signature = signature.map_err(|_| Refusal::wrong_signature())?;
    VerifyingKey::<Sha256>::new(key.clone())
        .verify(text.as_bytes(), &signature)
        .map_err(|_| Refusal::wrong_signature())
}

/// Whose names must be listed; the order is the client's choice.
fn expected(call: &Call, signed: Signed) -> Vec<&'static str> {
    let mut names = vec!["date", TARGET];
    if signed == Signed::WithHost {
        names.push("host");
    }
    if [Method::POST, Method::PUT, Method::PATCH].contains(&call.method) {
        names.extend(OF_BODY);
    }
    if call.headers.contains_key(ON_BEHALF) {
        names.push(ON_BEHALF);
    }
    names
}

/// One line each, joined by line feeds. A header that is listed and not sent was not signed.
fn signing_string(call: &Call, listed: &[&str]) -> Result<String, Refusal> {
    let lines = listed.iter().map(|name| match *name {
        TARGET => {
            let method = call.method.as_str().to_lowercase();
            Ok(format!("{TARGET}: {method} {}", call.target))
        }
        name => {
            let value = call.header(name).ok_or_else(Refusal::wrong_credentials)?;
            Ok(format!("{name}: {value}"))
        }
    });
    Ok(lines.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

fn check_date(call: &Call, now: u64) -> Result<(), Refusal> {
    let date = call.header("date").and_then(parse_http_date);
    let date = date.ok_or_else(Refusal::wrong_credentials)?;
    if date.abs_diff(now) <= SKEW_SECONDS {
        return Ok(());
    }
    let told = |seconds| http_date(seconds).replace("GMT", "UTC");
    let message = format!(
        "Date '{}' is not within allowed clock skew. Current '{}', valid datetime range: ['{}', '{}']",
        told(date),
        told(now),
        told(now - SKEW_SECONDS),
        told(now + SKEW_SECONDS),
    );
    Err(Refusal::new(401, "NotAuthenticated", &message))
}

/// The headers must tell the truth of the body. With which words a lie is refused is guessed.
fn check_body(call: &Call) -> Result<(), Refusal> {
    let length = call
        .header("content-length")
        .and_then(|length| length.parse().ok());
    let hash = STANDARD.encode(Sha256::digest(&call.body));
    let is_true = length == Some(call.body.len()) && call.header("x-content-sha256") == Some(&hash);
    is_true.then_some(()).ok_or_else(Refusal::wrong_credentials)
}
