//! The exchange that makes a principal of a resource. Its service gives two tokens for what it is, and auth gives
//! one for both.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::auth_service::{AuthService, ReplyText, TokenCall};
use super::super::new_key;
use super::super::token_reply::{Hidden, TokenReply, read};
use crate::error::{BackendError, Class};
use crate::http::HeaderMap;
use crate::http::header::{HeaderName, HeaderValue};
use crate::oci::endpoint::{Endpoint, Service};
use crate::oci::identity::Identity;
use crate::oci::key::PrivateKey;
use crate::oci::request_url::RequestUrl;
use crate::oci::signature::{Extent, Method};
use crate::oci::token::SecurityToken;

/// The first half.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    resource_principal_token: Hidden,
    service_principal_session_token: Hidden,
}

/// The body of the second half.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Both<'a> {
    resource_principal_token: &'a str,
    service_principal_session_token: &'a str,
    session_public_key: &'a str,
}

/// One exchange.
pub(super) struct Exchange<'a> {
    pub(super) auth: &'a AuthService,
    /// Who asks.
    pub(super) by: Arc<Identity>,
    pub(super) tokens_from: RequestUrl,
    pub(super) session_from: Endpoint,
    pub(super) security_context: Option<&'a str>,
}

/// What came of it.
pub(super) struct Exchanged {
    pub(super) token: SecurityToken,
    /// Where the resource that this one is a part of asks, if it is one.
    pub(super) parent: Option<String>,
}

impl Exchange<'_> {
    /// A token for a key, half by half.
    pub(super) async fn token(self, key: &PrivateKey) -> Result<Exchanged, BackendError> {
        let mut first = question(Method::Get, self.tokens_from.clone(), None);
        if let Some(context) = self.security_context {
            let value = HeaderValue::from_str(context).map_err(|_| {
                let words = "use the resource principal: OCI_RESOURCE_PRINCIPAL_SECURITY_CONTEXT is no \
                             header";
                BackendError::not_sent(Class::Credentials, "bad_variable", words)
            })?;
            let name = HeaderName::from_static("security-context");
            first.headers.insert(name, value);
        }
        let (reply, description) = self.auth.ask(first, Arc::clone(&self.by)).await?;
        let parent = reply.headers.get("opc-parent-rpt-url");
        let parent = parent.and_then(|url| url.to_str().ok()).map(str::to_owned);
        let tokens: Tokens = read(&reply, &description)?;
        let public_key = new_key::base64(key);
        let body = Both {
            resource_principal_token: &tokens.resource_principal_token.0,
            service_principal_session_token: &tokens.service_principal_session_token.0,
            session_public_key: &public_key,
        };
        let mut written = Zeroizing::new(Vec::with_capacity(
            reply.body.len() + public_key.len() + 256,
        ));
        serde_json::to_writer(&mut *written, &body).expect("texts can be written as JSON");
        let path = &["resourcePrincipalSessionToken"];
        let url = self.session_from.url::<&str>(path, &[]);
        let second = question(Method::Post, url, Some(written));
        let (reply, description) = self.auth.ask(second, self.by).await?;
        let token = read::<TokenReply>(&reply, &description)?.token(&description)?;
        Ok(Exchanged { token, parent })
    }
}

fn question(method: Method, url: RequestUrl, body: Option<Zeroizing<Vec<u8>>>) -> TokenCall {
    TokenCall {
        principal: PRINCIPAL.to_owned(),
        method,
        url,
        body,
        extent: Extent::Usual,
        reply_text: ReplyText::MayQuoteTokens,
        headers: HeaderMap::new(),
        remedy: "check the clock of this machine and the variables OCI_RESOURCE_PRINCIPAL_*"
            .to_owned(),
    }
}

/// The auth service that a variable names.
pub(super) fn session_endpoint(text: &str) -> Result<Endpoint, BackendError> {
    Endpoint::explicit(Service::Auth, text).map_err(|error| {
        let message =
            format!("use the resource principal: OCI_RESOURCE_PRINCIPAL_RPST_ENDPOINT: {error}");
        BackendError::not_sent(Class::Credentials, "bad_variable", message)
    })
}

/// Also where an instance asks for it.
const PRINCIPAL: &str = "resource principal";
