//! The identity of the pod of Kubernetes that this runs in.
//!
//! Its cluster vouches for it: the service account's token is shown to a service of the cluster, which is
//! believed by the cluster's own authority alone, and gives a token for a new key.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use zeroize::Zeroizing;

use super::auth_service::{AuthService, DEADLINES, MOST_BYTES, ReplyText, description_of};
use super::new_key::{self, new_key};
use super::source::{Obtained, Reason, Source};
use super::token_reply::{Hidden, TokenReply, read};
use crate::error::{BackendError, Class};
use crate::findings::Finding;
use crate::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use crate::http::{Client, HeaderMap, Method, Reply, Request, Trust, with_causes};
use crate::oci::call_description::{CallDescription, REQUEST_ID, new_request_id};
use crate::oci::error::{BadReply, no_reply};
use crate::oci::files::{Access, Files};
use crate::oci::findings::{bad, good};
use crate::oci::identity::Identity;
use crate::oci::off_thread::off_thread;
use crate::oci::request_url::{Origin, RequestUrl};
use crate::oci::signature::Signer;
use crate::oci::token::SecurityToken;
use crate::process_context::ProcessContext;

/// The pod.
pub(super) struct Workload {
    auth: Arc<AuthService>,
}

/// The body of the request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pod {
    pod_key: String,
}

impl Workload {
    pub(super) fn new(auth: Arc<AuthService>) -> Self {
        Self { auth }
    }

    /// The service account's token, which the cluster replaces every hour or so.
    async fn account(&self, files: &Arc<Files>) -> Result<SecurityToken, BackendError> {
        let around = self.auth.around();
        let text = match around.variable("OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_STRING") {
            Some(text) => Zeroizing::new(text.to_owned()),
            None => {
                let path = around.variable("OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH");
                let path = PathBuf::from(path.unwrap_or(TOKEN_FILE));
                let (euid, files) = (around.euid, Arc::clone(files));
                off_thread(move || files.read_text(&path, Access::Token, euid)).await?
            }
        };
        let refused = |kind, words: &str| {
            let message = format!("use the token of the Kubernetes service account: {words}");
            BackendError::not_sent(Class::Credentials, kind, message)
        };
        let token = SecurityToken::read(&text)
            .map_err(|error| refused(error.kind(), &error.to_string()))?;
        if token.is_expired(around.clock.unix_seconds()) {
            let words = "it has ended, and the cluster has put no other one in its place";
            return Err(refused("expired_token", words));
        }
        Ok(token)
    }

    /// The reply of the cluster's service to the account.
    async fn reply(
        &self,
        account: &SecurityToken,
        public_key: String,
        files: &Arc<Files>,
    ) -> Result<(Reply, CallDescription), BackendError> {
        let around = self.auth.around();
        let url = service(around)?;
        let client = self.client(files).await?;
        let mut description = description_of(PRINCIPAL, url.origin());
        description.request_id = request_id();
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {}", account.as_str())).map_err(|_| {
                let words = "use the token of the Kubernetes service account: it is no header";
                BackendError::not_sent(Class::Credentials, "bad_token", words)
            })?;
        bearer.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(id) = HeaderValue::from_str(&description.request_id) {
            headers.insert(HeaderName::from_static(REQUEST_ID), id);
        }
        let body = serde_json::to_vec(&Pod {
            pod_key: public_key,
        });
        let request = Request {
            method: Method::POST,
            url: url.to_string().parse().map_err(|_| bad_host())?,
            headers,
            body: Some(Zeroizing::new(body.expect("a text can be written as JSON"))),
            deadlines: DEADLINES,
            max_reply_bytes: MOST_BYTES,
        };
        let reply = client.call(request).await;
        let reply = reply.map_err(|error| no_reply(&description, error, None))?;
        let remedy = match reply.status.as_u16() {
            403 => "workload identity is for enhanced clusters of OKE alone",
            _ => "check the service account of the pod and the clock of this machine",
        };
        // The cluster's own authority vouches for it: nobody in between can answer in its place.
        let reply_text = ReplyText::MayQuoteTokensInAnyForm;
        self.auth.accepted(reply, description, reply_text, remedy)
    }

    /// A client that believes the cluster's authority alone, if others cannot write its file.
    async fn client(&self, files: &Arc<Files>) -> Result<Client, BackendError> {
        let around = self.auth.around();
        let path = around.variable("OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH");
        let path = PathBuf::from(path.unwrap_or(AUTHORITY_FILE));
        let (euid, files) = (around.euid, Arc::clone(files));
        off_thread(move || {
            let pem = files.read(&path, Access::Token, euid)?.to_vec();
            Client::new(&Trust::Pem { path, pem }).map_err(|error| {
                let message = format!("use the cluster's authority: {}", with_causes(&error));
                BackendError::not_sent(Class::Credentials, error.kind(), message)
            })
        })
        .await
    }
}

#[async_trait]
impl Source for Workload {
    fn principal(&self) -> String {
        PRINCIPAL.to_owned()
    }

    /// The reply is a text in JSON; in it is base64, in that JSON with the token.
    async fn obtain(&self, _why: Reason, files: &Arc<Files>) -> Result<Obtained, BackendError> {
        let key = new_key();
        let account = self.account(files).await?;
        let key = key.await?;
        let (mut reply, description) = self.reply(&account, new_key::base64(&key), files).await?;
        let text: Hidden = read(&reply, &description)?;
        let inside = STANDARD.decode(text.0.trim());
        reply.body = Zeroizing::new(inside.map_err(|_| BadReply::WrongForm.error(&description))?);
        let token = read::<TokenReply>(&reply, &description)?.token(&description)?;
        let key_id = token.key_id().map_err(|error| {
            BackendError::not_sent(Class::Outage, "bad_token", error.to_string())
        })?;
        let around = self.auth.around();
        let region = around.variable("OCI_RESOURCE_PRINCIPAL_REGION");
        let region = region.or_else(|| around.variable("OCI_REGION"));
        Ok(Obtained {
            life: Some(token.lifetime(around.clock.unix_seconds())),
            identity: Identity {
                signer: Signer::new(key, key_id),
                delegation_token: None,
                region: region.map(|region| region.trim().to_owned()),
                instance: None,
                principal: PRINCIPAL.to_owned(),
            },
        })
    }

    async fn examine(&self) -> Vec<Finding> {
        let files = Arc::new(Files::default());
        let looked = async {
            let url = service(self.auth.around())?;
            self.client(&files).await?;
            self.account(&files).await?;
            Ok::<_, BackendError>(format!(
                "service account of the cluster at {}",
                url.origin()
            ))
        };
        match looked.await {
            Ok(detail) => vec![good("configuration", detail)],
            Err(error) => vec![bad("configuration", &error)],
        }
    }
}

/// The cluster's service: beside its API, on a port of its own. An address of IPv6 may stand without its
/// brackets.
fn service(around: &ProcessContext) -> Result<RequestUrl, BackendError> {
    let Some(host) = around.variable("KUBERNETES_SERVICE_HOST") else {
        let words = "use workload identity: KUBERNETES_SERVICE_HOST is not set; it is for pods of OKE alone";
        return Err(BackendError::not_sent(
            Class::Credentials,
            "no_variable",
            words,
        ));
    };
    let host = host.trim();
    let is_bare_address = host.parse::<std::net::Ipv6Addr>().is_ok();
    let host = match host.rsplit_once(':') {
        _ if is_bare_address => format!("[{host}]:{PORT}"),
        Some((_, port)) if !port.ends_with(']') => host.to_owned(),
        _ => format!("{host}:{PORT}"),
    };
    let origin = Origin::https(&host).map_err(|_| bad_host())?;
    let path = ["resourcePrincipalSessionTokens"];
    Ok(RequestUrl::new::<&str>(&origin, "", &path, &[]))
}

fn bad_host() -> BackendError {
    let words = "use workload identity: KUBERNETES_SERVICE_HOST is no host";
    BackendError::not_sent(Class::Credentials, "bad_variable", words)
}

/// Three parts, as this service wants it.
fn request_id() -> String {
    [new_request_id(), new_request_id(), new_request_id()].join("/")
}

const PRINCIPAL: &str = "workload identity";
const PORT: u16 = 12_250;
const TOKEN_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const AUTHORITY_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::wall_clock::SystemWallClock;

    fn url(host: &str) -> Result<String, &'static str> {
        let variables = [("KUBERNETES_SERVICE_HOST".to_owned(), host.to_owned())];
        let around = ProcessContext {
            home: "/h".into(),
            variables: BTreeMap::from(variables),
            euid: 1,
            clock: Arc::new(SystemWallClock),
        };
        let url = service(&around).map_err(|error| error.kind())?;
        Ok(url.to_string())
    }

    #[test]
    fn the_service_is_beside_the_api_unless_the_variable_says_otherwise() {
        for (host, place) in [
            ("10.96.0.1", "10.96.0.1:12250"),
            ("localhost:8443", "localhost:8443"),
            ("fd00::1", "[fd00::1]:12250"),
            ("[fd00::1]", "[fd00::1]:12250"),
            ("[fd00::1]:8443", "[fd00::1]:8443"),
        ] {
            let expected = format!("https://{place}/resourcePrincipalSessionTokens");
            assert_eq!(url(host), Ok(expected), "{host}");
        }
        assert_eq!(url(" "), Err("no_variable"));
        assert_eq!(url("a b"), Err("bad_variable"));
    }
}
