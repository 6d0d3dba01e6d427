//! A request that policy lets through: the only thing that can be fetched for, or recorded as allowed.

use std::sync::Arc;

use super::request::{RequestContext, SecretRequest};

/// See the module's words. Only [`super::Resolver::authorize`] makes one.
#[derive(Clone, Debug)]
pub struct AuthorizedRequest(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    context: Arc<RequestContext>,
    secrets: Vec<SecretRequest>,
    rule: String,
}

impl AuthorizedRequest {
    /// One that this rule lets through.
    pub(super) fn new(context: RequestContext, secrets: Vec<SecretRequest>, rule: String) -> Self {
        Self(Arc::new(Parts {
            context: Arc::new(context),
            secrets,
            rule,
        }))
    }

    /// Who asks for what.
    pub fn context(&self) -> &Arc<RequestContext> {
        &self.0.context
    }

    /// The secrets asked for.
    pub fn secrets(&self) -> &[SecretRequest] {
        &self.0.secrets
    }

    /// The rule that lets it through, in words.
    pub fn rule(&self) -> &str {
        &self.0.rule
    }
}
