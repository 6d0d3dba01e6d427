//! Credentials: who OCI is asked as, and how that is kept good.
//!
//! One `Credential` belongs to one set of settings. It finds out at its first use who it is, keeps the
//! token, where there is one, good ahead of its end, and notices when files are replaced. Nothing is
//! written anywhere.

mod auth_service;
mod cache;
mod delegation;
mod failure;
mod instance;
mod metadata;
mod new_key;
mod profile_source;
mod resource;
mod session;
mod source;
mod token_reply;
mod workload;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rsa::rand_core::{OsRng, RngCore as _};

use auth_service::AuthService;

use cache::CredentialCache;
use instance::Instance;
use profile_source::ProfileSource;
use resource::Resource;
use source::Source;
use workload::Workload;

use super::connection::Connection;
use super::findings::{bad, good};
use super::identity::{Identities, Identity};
use super::settings::{AuthMethod, OciSettings};
use crate::error::BackendError;
use crate::findings::Finding;
use crate::process_context::ProcessContext;

/// Who the settings say that we are.
pub struct Credential {
    method: AuthMethod,
    region: Option<String>,
    source: Arc<dyn Source>,
    cache: CredentialCache,
}

/// What a credential is, for people. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Where it comes from.
    pub method: AuthMethod,
    /// Who it is: "profile DEFAULT of /home/u/.oci/config".
    pub principal: String,
    /// The region that is asked, as it is written, once that is known.
    pub region: Option<String>,
    /// When its token ends, in seconds since 1970-01-01 UTC; `None` where it has no token, or none yet.
    pub expires_at: Option<u64>,
    /// Why the last attempt to get it, or to use it, failed. The one there is may still be good.
    pub failure: Option<String>,
}

impl Credential {
    /// The credential of these settings. Nothing is read or asked yet.
    pub fn new(settings: &OciSettings, around: &ProcessContext, connection: Connection) -> Self {
        let clock = Arc::clone(&around.clock);
        let auth = Arc::new(AuthService::new(settings, around, connection));
        let instance = Arc::new(Instance::new(Arc::clone(&auth)));
        let source: Arc<dyn Source> = match settings.auth_method {
            AuthMethod::ConfigFile | AuthMethod::SessionToken => {
                Arc::new(ProfileSource::new(auth, instance))
            }
            AuthMethod::InstancePrincipal => instance,
            AuthMethod::ResourcePrincipal => Arc::new(Resource::new(auth, instance)),
            AuthMethod::WorkloadIdentity => Arc::new(Workload::new(auth)),
        };
        Self {
            method: settings.auth_method,
            region: settings.region.clone(),
            cache: CredentialCache::new(Arc::clone(&source), clock, random),
            source,
        }
    }

    /// Does what is due ahead of time, and returns how long it is until something is due again: between a
    /// second and an hour. Sessions are renewed whether they are used or not, since only a person can
    /// begin another one; all else once it was used.
    pub async fn upkeep(&self) -> Duration {
        self.cache.upkeep().await
    }

    /// What is known of it now. Nothing is asked.
    pub fn describe(&self) -> Description {
        let summary = self.cache.summary();
        Description {
            method: self.method,
            principal: summary.principal.unwrap_or_else(|| self.source.principal()),
            region: self.region.clone().or(summary.region),
            expires_at: summary.expires_at,
            failure: summary.failure,
        }
    }

    /// Looks at everything it needs, one after the other, up to the first that is not as it should be.
    pub async fn examine(&self) -> Vec<Finding> {
        let mut findings = self.source.examine().await;
        if findings.iter().all(|finding| finding.is_well) {
            findings.extend(match self.cache.current().await {
                Err(error) => Some(bad("token", &error)),
                Ok(_) => {
                    let expires_at = self.cache.summary().expires_at;
                    expires_at.map(|at| {
                        good(
                            "token",
                            format!("good until {}", super::date::HttpDate::at(at)),
                        )
                    })
                }
            });
        }
        findings
    }
}

#[async_trait]
impl Identities for Credential {
    async fn current(&self) -> Result<Arc<Identity>, BackendError> {
        self.cache.current().await
    }

    async fn renewed(
        &self,
        refused: &Arc<Identity>,
    ) -> Result<Option<Arc<Identity>>, BackendError> {
        self.cache.renewed(refused).await
    }

    fn hold(&self, refused: &Arc<Identity>, why: &BackendError) {
        self.cache.hold(refused, why);
    }
}

/// A number in 0..=1, so that many machines do not ask at once.
fn random() -> f64 {
    f64::from(OsRng.next_u32()) / f64::from(u32::MAX)
}
