//! The identity of the function, job or other resource that this runs in.

mod exchange;
mod variables;

use std::sync::Arc;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::auth_service::AuthService;
use super::delegation;
use super::instance::Instance;
use super::new_key::new_key;
use super::profile_source::readers;
use super::source::{Obtained, Reason, Source};
use crate::error::{BackendError, Class};
use crate::findings::Finding;
use crate::oci::files::{Access, Files};
use crate::oci::findings::{bad, good};
use crate::oci::identity::Identity;
use crate::oci::key::{KeyError, PrivateKey};
use crate::oci::key_id::KeyId;
use crate::oci::off_thread::off_thread;
use crate::oci::signature::Signer;
use crate::oci::token::SecurityToken;

use exchange::{Exchange, session_endpoint};
use variables::{Content, Given, Kind, Nested, OnInstance, WithKey};

/// The resource.
pub(super) struct Resource {
    auth: Arc<AuthService>,
    instance: Arc<Instance>,
}

/// A token with its key, and what is known besides.
struct Principal {
    token: SecurityToken,
    key: Arc<PrivateKey>,
    region: Option<String>,
    instance: Option<String>,
}

impl Resource {
    pub(super) fn new(auth: Arc<AuthService>, instance: Arc<Instance>) -> Self {
        Self { auth, instance }
    }

    async fn principal(&self, kind: &Kind, files: &Arc<Files>) -> Result<Principal, BackendError> {
        match kind {
            Kind::OnInstance(found) => self.on_instance(found).await,
            Kind::WithKey(found) => self.with_key(found, files).await,
            Kind::Given(found) => self.given(found, files).await,
            Kind::Nested(found) => self.nested(found, files).await,
        }
    }

    /// Token and key as they are; whoever put them there renews them.
    async fn given(&self, found: &Given, files: &Arc<Files>) -> Result<Principal, BackendError> {
        let token = self.content(&found.token, Access::Token, files).await?;
        let token = SecurityToken::read(&token).map_err(|error| {
            let message = format!("{error} (OCI_RESOURCE_PRINCIPAL_RPST)");
            BackendError::not_sent(Class::Credentials, error.kind(), message)
        })?;
        Ok(Principal {
            token,
            key: self
                .key(&found.key, found.pass_phrase.as_ref(), files)
                .await?,
            region: found.region.clone(),
            instance: None,
        })
    }

    async fn on_instance(&self, found: &OnInstance) -> Result<Principal, BackendError> {
        let key = new_key();
        let by = self.instance.identity(None, None).await?.identity;
        let id = match &found.id {
            Some(id) => id.clone(),
            None => self.instance.metadata().await?.instance_id().await?,
        };
        let path = found.path.as_deref();
        let path = variables::tokens_path(path, "resourcePrincipalToken", &id, false);
        let tokens_from = variables::url(&found.tokens_from, &path, "RPT_ENDPOINT")?;
        let region = found.region.clone().or_else(|| by.region.clone());
        let info = by.instance.clone();
        let session_from = match &found.session_from {
            Some(endpoint) => session_endpoint(endpoint)?,
            None => {
                self.auth
                    .endpoint(region.as_deref(), info.as_deref())
                    .await?
            }
        };
        let exchange = Exchange {
            auth: &self.auth,
            by: Arc::new(by),
            tokens_from,
            session_from,
            security_context: None,
        };
        let key = key.await?;
        Ok(Principal {
            token: exchange.token(&key).await?.token,
            key,
            region,
            instance: info,
        })
    }

    async fn with_key(
        &self,
        found: &WithKey,
        files: &Arc<Files>,
    ) -> Result<Principal, BackendError> {
        let key = self
            .key(&found.key, found.pass_phrase.as_ref(), files)
            .await?;
        let key_id = found.key_id()?;
        let exchange = Exchange {
            auth: &self.auth,
            by: Arc::new(signed_by(Arc::clone(&key), key_id)),
            tokens_from: found.tokens_from.clone(),
            session_from: session_endpoint(&found.session_from)?,
            security_context: found.security_context.as_deref(),
        };
        Ok(Principal {
            token: exchange.token(&key).await?.token,
            key,
            region: found.region.clone(),
            instance: None,
        })
    }

    /// From the leaf outwards, as long as a resource says that it is a part of another. One new key does
    /// for all of them: to find ten would take longer than anybody waits.
    async fn nested(&self, found: &Nested, files: &Arc<Files>) -> Result<Principal, BackendError> {
        let key = new_key();
        let mut principal = Box::pin(self.principal(&found.leaf, files)).await?;
        let key = key.await?;
        let session_from = session_endpoint(&found.session_from)?;
        let mut url = found.parent.clone();
        for _ in 0..MOST_LEVELS {
            let by = signed_by(principal.key, key_id(&principal.token)?);
            let exchange = Exchange {
                auth: &self.auth,
                by: Arc::new(by),
                tokens_from: url.clone(),
                session_from: session_from.clone(),
                security_context: None,
            };
            let exchanged = exchange.token(&key).await?;
            principal = Principal {
                token: exchanged.token,
                key: Arc::clone(&key),
                region: found.region.clone().or(principal.region),
                instance: principal.instance,
            };
            let next = exchanged.parent.map(|text| text.parse()).transpose();
            let next = next.map_err(|_: crate::oci::request_url::BadUrl| {
                let words = "use the resource principal: what its parent is asked at is no URL";
                BackendError::not_sent(Class::Outage, "bad_parent", words)
            })?;
            match next {
                Some(next) if next != url => url = next,
                _ => return Ok(principal),
            }
        }
        let words = "use the resource principal: it is a part of a part of more than ten resources";
        Err(BackendError::not_sent(
            Class::Credentials,
            "too_deep",
            words,
        ))
    }

    async fn key(
        &self,
        key: &Content,
        pass_phrase: Option<&Content>,
        files: &Arc<Files>,
    ) -> Result<Arc<PrivateKey>, BackendError> {
        let access = Access::Key(readers(self.auth.settings().allow_readable_keys));
        let pem = self.content(key, access, files).await?;
        let pass_phrase = match pass_phrase {
            Some(found) => Some(self.content(found, access, files).await?),
            None => None,
        };
        off_thread(move || {
            let pass_phrase = pass_phrase.as_deref().map(String::as_str);
            let key = PrivateKey::from_pem(pem.as_bytes(), pass_phrase);
            key.map(Arc::new).map_err(|error| {
                let remedy = match error {
                    KeyError::NoPassphrase | KeyError::WrongPassphrase => {
                        "; set OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE"
                    }
                    _ => "; put an RSA key there",
                };
                let message = format!(
                    "use the resource principal: OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM: {error}{remedy}"
                );
                BackendError::not_sent(Class::Credentials, error.kind(), message)
            })
        })
        .await
    }

    async fn content(
        &self,
        content: &Content,
        access: Access,
        files: &Arc<Files>,
    ) -> Result<Zeroizing<String>, BackendError> {
        let path = match content {
            Content::Itself(text) => return Ok(text.clone()),
            Content::File(path) => path.clone(),
        };
        let (euid, files) = (self.auth.around().euid, Arc::clone(files));
        off_thread(move || files.read_text(&path, access, euid)).await
    }
}

#[async_trait]
impl Source for Resource {
    fn principal(&self) -> String {
        PRINCIPAL.to_owned()
    }

    async fn obtain(&self, _why: Reason, files: &Arc<Files>) -> Result<Obtained, BackendError> {
        let around = self.auth.around();
        let kind = variables::read(around)?;
        let delegation_token = delegation::configured(&self.auth, files).await?;
        let found = self.principal(&kind, files).await?;
        let now = around.clock.unix_seconds();
        if matches!(kind, Kind::Given(_)) && found.token.is_expired(now) {
            let words = "use the resource principal: its token has ended, and what runs this has put no \
                         other one in its place (OCI_RESOURCE_PRINCIPAL_RPST)";
            return Err(BackendError::not_sent(
                Class::Credentials,
                "expired_token",
                words,
            ));
        }
        let region = found.region.as_deref();
        Ok(Obtained {
            life: Some(found.token.lifetime(now)),
            identity: Identity {
                signer: Signer::new(found.key, key_id(&found.token)?),
                delegation_token,
                region: region
                    .or_else(|| around.variable("OCI_REGION"))
                    .map(str::to_owned),
                instance: found.instance,
                principal: PRINCIPAL.to_owned(),
            },
        })
    }

    async fn examine(&self) -> Vec<Finding> {
        let found = match variables::read(self.auth.around()) {
            Err(error) => bad("configuration", &error),
            Ok(Kind::OnInstance(_)) => good("configuration", "version 1.1, on an instance".into()),
            Ok(Kind::WithKey(_)) => good("configuration", "version 2.1, with a key".into()),
            Ok(Kind::Given(_)) => good("configuration", "version 2.2, with a given token".into()),
            Ok(Kind::Nested(_)) => good("configuration", "version 3.0, in another resource".into()),
        };
        vec![found]
    }
}

/// Who asks for a token.
fn signed_by(key: Arc<PrivateKey>, key_id: KeyId) -> Identity {
    Identity {
        signer: Signer::new(key, key_id),
        delegation_token: None,
        region: None,
        instance: None,
        principal: PRINCIPAL.to_owned(),
    }
}

fn key_id(token: &SecurityToken) -> Result<KeyId, BackendError> {
    let key_id = token.key_id();
    key_id.map_err(|error| BackendError::not_sent(Class::Outage, "bad_token", error.to_string()))
}

const PRINCIPAL: &str = "resource principal";
/// As in Oracle's SDK for Python.
const MOST_LEVELS: usize = 10;
