//! Signatures of requests.
//!
//! OCI's "version 1" of HTTP signatures, after draft-cavage-http-signatures-08 (docs.oracle.com,
//! "Request Signatures"). The service builds the signed text again from what arrives, so each signed
//! header is given out here as it must be sent; the date is an argument, and a retry must be signed
//! anew, since the service takes no date that is more than five minutes old.

mod error;
mod method;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

pub use error::SignatureError;
pub use method::{Method, UnknownMethod};

use super::date::HttpDate;
use super::key::PrivateKey;
use super::key_id::KeyId;
use super::request_url::RequestUrl;

/// A key and the name under which OCI knows it. They are one thing: a new token with an old key, or
/// the other way around, signs nothing that is accepted.
pub struct Signer {
    key: Arc<PrivateKey>,
    key_id: KeyId,
}

/// A request that is to be signed.
#[derive(Clone, Copy)]
pub struct Unsigned<'a> {
    /// What is to be done.
    pub method: Method,
    /// Where.
    pub url: &'a RequestUrl,
    /// What is sent along. Only of POST, PUT and PATCH is it signed.
    pub body: &'a [u8],
    /// The type of the body, as it is sent, with its parameters.
    pub content_type: &'a str,
    /// The token of the user on whose behalf this is done.
    pub delegation_token: Option<&'a str>,
    /// How much of it is signed.
    pub extent: Extent,
}

/// How much of a request is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// Date, target, host; of what has a body also its length, type and hash.
    #[default]
    Usual,
    /// All that but the host: requests to `/v1/x509`.
    WithoutHost,
}

impl<'a> Unsigned<'a> {
    /// A request without a body.
    pub fn new(method: Method, url: &'a RequestUrl) -> Self {
        Self {
            method,
            url,
            body: &[],
            content_type: "application/json",
            delegation_token: None,
            extent: Extent::Usual,
        }
    }

    /// The signed headers in the order in which the SDKs sign them. `(request-target)` is among them,
    /// and is no header.
    fn signed(&self, date: HttpDate) -> Vec<Header> {
        let (method, target) = (self.method.as_lower_str(), self.url.target());
        let mut signed = vec![
            header("date", date.to_string()),
            header(REQUEST_TARGET, format!("{method} {target}")),
        ];
        if self.extent != Extent::WithoutHost {
            signed.push(header("host", self.url.origin().authority()));
        }
        if let Some(token) = self.delegation_token {
            signed.push(header("opc-obo-token", token));
        }
        if self.method.has_body() {
            let sha256 = STANDARD.encode(Sha256::digest(self.body));
            signed.push(header("content-length", self.body.len().to_string()));
            signed.push(header("content-type", self.content_type));
            signed.push(header("x-content-sha256", sha256));
        }
        signed
    }
}

impl Signer {
    /// A signer that uses this key under this name.
    pub fn new(key: Arc<PrivateKey>, key_id: KeyId) -> Self {
        Self { key, key_id }
    }

    /// The name of the key.
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// The key.
    pub fn key(&self) -> &Arc<PrivateKey> {
        &self.key
    }

    /// The headers that make a signed request of it, all of which must be sent as they are. Takes
    /// milliseconds: see [`PrivateKey::sign`].
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn sign(
        &self,
        request: &Unsigned<'_>,
        date: HttpDate,
    ) -> Result<Vec<Header>, SignatureError> {
        let mut headers = request.signed(date);
        if let Some(bad) = headers.iter().find(|header| !header.can_be_sent()) {
            return Err(SignatureError::Header(bad.name));
        }
        let signature = self.key.sign(lines(&headers).as_bytes())?;
        let signature = STANDARD.encode(signature);
        let names: Vec<&str> = headers.iter().map(|header| header.name).collect();
        let authorization = format!(
            "Signature algorithm=\"rsa-sha256\",headers=\"{}\",keyId=\"{}\",signature=\"{signature}\",version=\"1\"",
            names.join(" "),
            self.key_id.as_str(),
        );
        headers.retain(|header| header.name != REQUEST_TARGET);
        headers.push(header("authorization", authorization));
        Ok(headers)
    }
}

/// A header to be sent. The value may hold a token: it is wiped on drop, and there is no `Debug`.
pub struct Header {
    /// The name in lower case.
    pub name: &'static str,
    /// The value.
    pub value: Zeroizing<String>,
}

impl Header {
    /// Whether it arrives as it is: no line ends in it, no blanks around it.
    fn can_be_sent(&self) -> bool {
        let visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        self.value.bytes().all(visible) && self.value.trim() == *self.value
    }
}

fn header(name: &'static str, value: impl Into<String>) -> Header {
    let value = Zeroizing::new(value.into());
    Header { name, value }
}

/// The text whose signature is asked for: one line for each header, none at the end.
fn lines(headers: &[Header]) -> Zeroizing<String> {
    let mut lines = Zeroizing::new(String::new());
    for header in headers {
        let end = if lines.is_empty() { "" } else { "\n" };
        lines.extend([end, header.name, ": ", header.value.as_str()]);
    }
    lines
}

const REQUEST_TARGET: &str = "(request-target)";

#[cfg(test)]
mod tests;
