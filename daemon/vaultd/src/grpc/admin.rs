//! The `Admin` service: what a person asks and does.

mod breakers;
mod changes;
mod configuration;
mod doctor;
mod metrics;
mod openmetrics;
mod readiness;
mod report;
mod why;

use std::sync::Arc;

use tonic::{Code, Request, Response, Status};
use vault_backends::address::BackendKind;
use vault_proto::generated as message;
use vault_proto::generated::admin_server::Admin;
use vault_proto::kinds;
use vault_proto::reference::SecretRef;

use super::daemon::Daemon;
use super::request_context::{environment, reference, request_context};
use super::status::{Failure, refuse};
use crate::policy::Action;
use crate::resolver::{AuthorizedRequest, RequestContext, SecretRequest, plain, provenance};
use crate::writer::StoreContents;

pub(super) struct Service {
    daemon: Daemon,
}

impl Service {
    pub(super) fn new(daemon: Daemon) -> Self {
        Self { daemon }
    }

    /// Policy's word on a look, which is not written down.
    async fn look<T>(
        &self,
        request: &Request<T>,
        action: Action,
        reference: Option<&SecretRef>,
    ) -> Result<Arc<RequestContext>, Status> {
        let authorized = self.authorize(request, action, reference).await?;
        Ok(Arc::clone(authorized.context()))
    }

    /// Policy's word on an act, which is written down before it is done.
    async fn act<T>(
        &self,
        request: &Request<T>,
        action: Action,
        reference: Option<&SecretRef>,
    ) -> Result<Arc<RequestContext>, Status> {
        let authorized = self.authorize(request, action, reference).await?;
        let values = authorized.secrets().iter();
        let values = values.map(|secret| plain(secret, None)).collect();
        let announced = self.daemon.resolver.announce(&authorized, values);
        announced.await.map_err(|error| error.status())?;
        Ok(Arc::clone(authorized.context()))
    }

    async fn authorize<T>(
        &self,
        request: &Request<T>,
        action: Action,
        reference: Option<&SecretRef>,
    ) -> Result<AuthorizedRequest, Status> {
        let context = request_context(&self.daemon, request, action)?;
        let secrets = reference.into_iter().map(SecretRequest::of).collect();
        let resolver = &self.daemon.resolver;
        let authorized = resolver.authorize(context, &[action], secrets).await;
        authorized.map_err(|error| error.status())
    }
}

/// A reference that may be left out.
fn optional(text: &str) -> Result<Option<SecretRef>, Status> {
    if text.is_empty() {
        Ok(None)
    } else {
        reference(text).map(Some)
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[tonic::async_trait]
impl Admin for Service {
    async fn status(
        &self,
        request: Request<message::StatusRequest>,
    ) -> Result<Response<message::StatusReply>, Status> {
        let context = self.look(&request, Action::Status, None).await?;
        let cannot_start = readiness::cannot_start(&self.daemon, &context).await;
        let reply = report::status(&self.daemon, &context, &cannot_start);
        Ok(Response::new(reply))
    }

    async fn list(
        &self,
        request: Request<message::ListRequest>,
    ) -> Result<Response<message::ListReply>, Status> {
        let context = self.look(&request, Action::List, None).await?;
        let stored = self
            .daemon
            .writer
            .list(&context)
            .await
            .map_err(|error| error.status())?;
        let known = StoreContents::Read(stored.clone());
        let cannot_start = readiness::with_store(&self.daemon, &context, &known);
        let cannot_start = readiness::shown(&context, &cannot_start);
        Ok(Response::new(report::list(&context, stored, &cannot_start)))
    }

    async fn explain_config(
        &self,
        request: Request<message::ExplainConfigRequest>,
    ) -> Result<Response<message::ExplainConfigReply>, Status> {
        let context = self.look(&request, Action::Status, None).await?;
        let environment = environment(&request.get_ref().environment);
        let unknown = environment
            .as_deref()
            .and_then(|name| configuration::unknown(&context, name));
        if let Some(message) = unknown {
            return Err(refuse(Code::NotFound, kinds::UNKNOWN_ENVIRONMENT, message));
        }
        let reply = configuration::explain(&context, environment.as_deref());
        Ok(Response::new(reply))
    }

    async fn why(
        &self,
        request: Request<message::WhyRequest>,
    ) -> Result<Response<message::WhyReply>, Status> {
        let reference = reference(&request.get_ref().reference)?;
        let context = self
            .look(&request, Action::Explain, Some(&reference))
            .await?;
        Ok(Response::new(why::why(&self.daemon, &context, &reference)))
    }

    async fn metrics(
        &self,
        request: Request<message::MetricsRequest>,
    ) -> Result<Response<message::MetricsReply>, Status> {
        let context = self.look(&request, Action::Metrics, None).await?;
        Ok(Response::new(message::MetricsReply {
            text: metrics::text(&self.daemon, &context),
        }))
    }

    async fn flush(
        &self,
        request: Request<message::FlushRequest>,
    ) -> Result<Response<message::FlushReply>, Status> {
        let reference = optional(&request.get_ref().reference)?;
        let context = self
            .act(&request, Action::Flush, reference.as_ref())
            .await?;
        let maintenance = &self.daemon.maintenance;
        let flushed = maintenance.flush(&context, reference.as_ref()).await;
        let flushed = flushed.map_err(|why| refuse(Code::Internal, kinds::INTERNAL, why))?;
        Ok(Response::new(message::FlushReply {
            flushed: count(flushed),
        }))
    }

    async fn refresh(
        &self,
        request: Request<message::RefreshRequest>,
    ) -> Result<Response<message::RefreshReply>, Status> {
        let reference = optional(&request.get_ref().reference)?;
        let context = self
            .act(&request, Action::Refresh, reference.as_ref())
            .await?;
        let maintenance = &self.daemon.maintenance;
        let refreshed = maintenance.refresh(&context, reference.as_ref()).await;
        let secrets = refreshed.into_iter().map(|one| message::RefreshedSecret {
            reference: one.reference.to_string(),
            provenance: one.outcome.as_ref().ok().map(provenance),
            problem: one.outcome.err().unwrap_or_default(),
        });
        Ok(Response::new(message::RefreshReply {
            secrets: secrets.collect(),
        }))
    }

    async fn reset_breaker(
        &self,
        request: Request<message::ResetBreakerRequest>,
    ) -> Result<Response<message::ResetBreakerReply>, Status> {
        let chosen = breakers::chosen(&self.daemon, request.get_ref())?;
        self.act(&request, Action::ResetBreaker, None).await?;
        let reset = self.daemon.upstream.reset(|name| chosen.fits(name));
        let reset = count(reset);
        Ok(Response::new(message::ResetBreakerReply { reset }))
    }

    async fn reload(
        &self,
        request: Request<message::ReloadRequest>,
    ) -> Result<Response<message::ReloadReply>, Status> {
        self.act(&request, Action::Reload, None).await?;
        let reloaded = self.daemon.reload.reload().await;
        let reloaded =
            reloaded.map_err(|why| refuse(Code::FailedPrecondition, kinds::CONFIGURATION, why))?;
        let setup = self.daemon.current.get();
        Ok(Response::new(message::ReloadReply {
            generation: reloaded.generation,
            configuration_path: report::path(setup.path.as_deref()),
            services: count(setup.view(None).names().count()),
            refused: count(setup.refused().len()),
            warnings: setup.warnings.clone(),
        }))
    }

    async fn put(
        &self,
        request: Request<message::PutRequest>,
    ) -> Result<Response<message::PutReply>, Status> {
        let changed = changes::put(&self.daemon, request).await;
        changed.map(Response::new)
    }

    async fn delete(
        &self,
        request: Request<message::DeleteRequest>,
    ) -> Result<Response<message::DeleteReply>, Status> {
        let changed = changes::delete(&self.daemon, request).await;
        changed.map(Response::new)
    }

    async fn versions(
        &self,
        request: Request<message::VersionsRequest>,
    ) -> Result<Response<message::VersionsReply>, Status> {
        let changed = changes::versions(&self.daemon, request).await;
        changed.map(Response::new)
    }

    async fn promote(
        &self,
        request: Request<message::PromoteRequest>,
    ) -> Result<Response<message::PromoteReply>, Status> {
        let changed = changes::promote(&self.daemon, request).await;
        changed.map(Response::new)
    }

    async fn schedule_deletion(
        &self,
        request: Request<message::ScheduleDeletionRequest>,
    ) -> Result<Response<message::ScheduleDeletionReply>, Status> {
        let changed = changes::schedule_deletion(&self.daemon, request).await;
        changed.map(Response::new)
    }

    async fn cancel_deletion(
        &self,
        request: Request<message::CancelDeletionRequest>,
    ) -> Result<Response<message::CancelDeletionReply>, Status> {
        let changed = changes::cancel_deletion(&self.daemon, request).await;
        changed.map(Response::new)
    }

    async fn doctor(
        &self,
        request: Request<message::DoctorRequest>,
    ) -> Result<Response<message::DoctorReply>, Status> {
        let known = self.daemon.current.get().kinds();
        let remote = |kind: &BackendKind| known.policy(*kind).is_remote;
        let kind = known.by_word(&request.get_ref().backend).filter(remote);
        let kind = kind.ok_or_else(|| {
            let remote = known.all().filter(|policy| policy.is_remote);
            let words: Vec<&str> = remote.map(|policy| policy.kind.as_str()).collect();
            let message = format!("there is nothing to examine but {}", words.join(", "));
            refuse(Code::InvalidArgument, kinds::INVALID_REQUEST, message)
        })?;
        let context = self.act(&request, Action::Doctor, None).await?;
        let listing = RequestContext {
            action: Action::List,
            ..RequestContext::clone(&context)
        };
        let reply = doctor::of_kind(&self.daemon, &listing, kind, listing.time).await;
        Ok(Response::new(reply))
    }

    async fn test_policy(
        &self,
        request: Request<message::TestPolicyRequest>,
    ) -> Result<Response<message::TestPolicyReply>, Status> {
        let context = self.look(&request, Action::TestPolicy, None).await?;
        let test = request.get_ref();
        let action = Action::from_word(&test.action).ok_or_else(|| {
            let words: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
            let message = format!("no such action; there are {}", words.join(", "));
            refuse(Code::InvalidArgument, kinds::INVALID_REQUEST, message)
        })?;
        let reference = optional(&test.reference)?;
        let context = RequestContext {
            service: (!test.service.is_empty()).then(|| test.service.clone()),
            ..RequestContext::clone(&context)
        };
        let decision = context.decide(action, reference.as_ref());
        Ok(Response::new(message::TestPolicyReply {
            allowed: decision.allowed,
            rule: decision.rule,
        }))
    }
}
