//! The identity of the instance that this runs on.
//!
//! It proves with the certificate of its metadata service who it is, and gets a token for a new key each
//! time. The certificate changes every few hours; the tenancy never does.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::Serialize;
use zeroize::Zeroizing;

use super::auth_service::{AuthService, ReplyText, TokenCall};
use super::delegation;
use super::metadata::{Metadata, Proof};
use super::new_key::new_key;
use super::profile_source::{Delegated, OnBehalf};
use super::source::{Obtained, Reason, Source};
use super::token_reply::{TokenReply, read};
use crate::error::{BackendError, Class};
use crate::findings::Finding;
use crate::http::HeaderMap;
use crate::oci::certificate::Certificate;
use crate::oci::files::Files;
use crate::oci::findings::{bad, good};
use crate::oci::identity::Identity;
use crate::oci::key::PrivateKey;
use crate::oci::key_id::KeyId;
use crate::oci::signature::{Extent, Method, Signer};
use crate::oci::token::SecurityToken;

/// The instance.
pub(super) struct Instance {
    auth: Arc<AuthService>,
    /// As it was at first.
    tenancy: Mutex<Option<String>>,
}

/// The body of the request for a token, in the form of the SDKs for Go and Java.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Federation {
    certificate: String,
    public_key: String,
    intermediate_certificates: [String; 1],
    fingerprint_algorithm: &'static str,
}

impl Instance {
    pub(super) fn new(auth: Arc<AuthService>) -> Self {
        Self {
            auth,
            tenancy: Mutex::default(),
        }
    }

    /// The metadata service.
    pub(super) async fn metadata(&self) -> Result<Metadata, BackendError> {
        let client = self.auth.connection().client().await?;
        let variable = self.auth.around().variable("OCI_METADATA_BASE_URL");
        Metadata::new(client, variable)
    }

    /// The instance itself, with a new token from its own region. What is asked for with it may be
    /// `elsewhere`.
    pub(super) async fn identity(
        &self,
        delegation_token: Option<Zeroizing<String>>,
        elsewhere: Option<String>,
    ) -> Result<Obtained, BackendError> {
        let metadata = self.metadata().await?;
        let key = new_key();
        let mut proof = metadata.proof().await?;
        let (region, info) = (metadata.region().await?, metadata.region_info().await?);
        let key = key.await?;
        let place = (region.as_str(), info.as_deref());
        let leaf = proof.leaf.sha256_fingerprint();
        let token = match self.token(proof, &key, place).await {
            // The certificate may have been replaced on the way.
            Err(error) if error.kind() == "token_refused" => {
                proof = metadata.proof().await?;
                if proof.leaf.sha256_fingerprint() == leaf {
                    return Err(error);
                }
                self.token(proof, &key, place).await?
            }
            token => token?,
        };
        let key_id = token.key_id().map_err(|error| {
            BackendError::not_sent(Class::Outage, "bad_token", error.to_string())
        })?;
        Ok(Obtained {
            life: Some(token.lifetime(self.auth.clock().unix_seconds())),
            identity: Identity {
                signer: Signer::new(key, key_id),
                principal: acting(delegation_token.is_some()),
                delegation_token,
                region: elsewhere.or(Some(region)),
                instance: info,
            },
        })
    }

    async fn token(
        &self,
        proof: Proof,
        session: &PrivateKey,
        (region, instance): (&str, Option<&str>),
    ) -> Result<SecurityToken, BackendError> {
        let tenancy = self.tenancy(&proof.leaf)?;
        let endpoint = self.auth.endpoint(Some(region), instance).await?;
        let key_id = KeyId::certificate(&tenancy, &proof.leaf).map_err(|error| {
            BackendError::not_sent(Class::Credentials, "bad_key_id", error.to_string())
        })?;
        let body = Federation {
            certificate: proof.leaf.base64(),
            public_key: super::new_key::base64(session),
            intermediate_certificates: [proof.intermediate.base64()],
            fingerprint_algorithm: "SHA256",
        };
        let body = serde_json::to_vec(&body).expect("texts can be written as JSON");
        let call = TokenCall {
            principal: PRINCIPAL.to_owned(),
            method: Method::Post,
            url: endpoint.url::<&str>(&["x509"], &[]),
            body: Some(Zeroizing::new(body)),
            extent: Extent::WithoutHost,
            headers: HeaderMap::new(),
            reply_text: ReplyText::Quotable,
            remedy: "check the clock of this machine, and that vault.auth_endpoint is that of the \
                     instance's own region"
                .to_owned(),
        };
        let by = Arc::new(Identity {
            signer: Signer::new(Arc::new(proof.key), key_id),
            delegation_token: None,
            region: None,
            instance: None,
            principal: PRINCIPAL.to_owned(),
        });
        let (reply, description) = self.auth.ask(call, by).await?;
        read::<TokenReply>(&reply, &description)?.token(&description)
    }

    /// The tenancy of the certificate, which must be the one it always was.
    fn tenancy(&self, leaf: &Certificate) -> Result<String, BackendError> {
        let refused = |words| Err(BackendError::not_sent(Class::Credentials, "tenancy", words));
        let Some(named) = leaf.tenancy() else {
            return refused("use the certificate of the instance: its subject names no tenancy");
        };
        let mut first = self.tenancy.lock().unwrap_or_else(PoisonError::into_inner);
        match first.as_deref() {
            Some(first) if first != named => refused(
                "use the certificate of the instance: it is of another tenancy than at first; restart \
                 vaultd if that is meant",
            ),
            Some(_) => Ok(named.to_owned()),
            None => Ok(first.insert(named.to_owned()).clone()),
        }
    }
}

#[async_trait]
impl Source for Instance {
    fn principal(&self) -> String {
        acting(self.auth.settings().delegation_token_file.is_some())
    }

    async fn obtain(&self, _why: Reason, files: &Arc<Files>) -> Result<Obtained, BackendError> {
        let token = delegation::configured(&self.auth, files).await?;
        self.identity(token, None).await
    }

    async fn examine(&self) -> Vec<Finding> {
        let looked = async {
            let metadata = self.metadata().await?;
            let region = metadata.region().await?;
            let proof = metadata.proof().await?;
            let tenancy = self.tenancy(&proof.leaf)?;
            Ok::<_, BackendError>(format!("region {region}, certificate of {tenancy}"))
        };
        match looked.await {
            Ok(detail) => vec![good("instance metadata", detail)],
            Err(error) => vec![bad("instance metadata", &error)],
        }
    }
}

#[async_trait]
impl Delegated for Instance {
    async fn acting(
        &self,
        on_behalf: OnBehalf,
        files: &Arc<Files>,
    ) -> Result<Obtained, BackendError> {
        let token = delegation::token(&self.auth, on_behalf.token_file, files).await?;
        self.identity(Some(token), on_behalf.region).await
    }
}

fn acting(for_a_user: bool) -> String {
    let user = if for_a_user {
        " on behalf of a user"
    } else {
        ""
    };
    format!("{PRINCIPAL}{user}")
}

const PRINCIPAL: &str = "instance principal";
