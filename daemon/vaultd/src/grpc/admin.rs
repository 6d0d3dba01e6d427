//! The `Admin` service: what a person asks.

mod breakers;
mod changes;
mod configuration;
mod doctor;
mod known;
mod metrics;
mod openmetrics;
mod report;
mod why;

use std::sync::Arc;

use tonic::{Code, Request, Response, Status};
use vault_backends::address::{Address, BackendKind};
use vault_proto::generated as message;
use vault_proto::generated::admin_server::Admin;
use vault_proto::kinds;
use vault_proto::reference::SecretRef;

use super::daemon::Daemon;
use super::request_context::{environment, reference, request_context};
use super::status::{of_resolve, of_write, refuse};
use crate::addresses::{is_same_secret, reference_of};
use crate::cache::Served;
use crate::policy::Action;
use crate::resolver::{AuthorizedRequest, RequestContext, SecretRequest, plain, provenance};

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
        announced.await.map_err(|error| of_resolve(&error))?;
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
        authorized.map_err(|error| of_resolve(&error))
    }

    /// Whether a place on the cache's shelf is due to it: it has one, a service uses it, or the asker
    /// may read it. Otherwise a list of made-up names would push off what is in use.
    fn is_known(&self, context: &RequestContext, reference: &SecretRef, address: &Address) -> bool {
        let reading = RequestContext {
            action: Action::Get,
            ..context.clone()
        };
        reading.may(Some(reference))
            || known::is_used(&context.setup, reference)
            || self.is_held(address)
    }

    fn is_held(&self, address: &Address) -> bool {
        let held = self.daemon.cache.entries();
        held.iter().any(|entry| entry.address == *address)
    }

    async fn refresh_one(
        &self,
        context: &RequestContext,
        reference: &SecretRef,
        address: &Address,
    ) -> message::RefreshedSecret {
        let label = reference.to_string();
        if !self.is_known(context, reference, address) {
            return message::RefreshedSecret {
                reference: label,
                provenance: None,
                problem: "nothing is held of it, and no service uses it".to_owned(),
            };
        }
        let refreshed = match self.daemon.resolver.check_backend(address) {
            Err(error) => Err(error),
            Ok(()) => {
                self.daemon
                    .cache
                    .refresh(address, &label, context.time)
                    .await
            }
        };
        match refreshed {
            Ok(held) => {
                let served = Served::awaited(held, self.daemon.clock.now(), &context.freshness);
                message::RefreshedSecret {
                    reference: label,
                    provenance: Some(provenance(&served)),
                    problem: String::new(),
                }
            }
            Err(error) => message::RefreshedSecret {
                reference: label,
                provenance: None,
                problem: error.to_string(),
            },
        }
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
        Ok(Response::new(report::status(&self.daemon, &context)))
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
            .map_err(|error| of_write(&error))?;
        Ok(Response::new(report::list(&context, stored)))
    }

    async fn explain_config(
        &self,
        request: Request<message::ExplainConfigRequest>,
    ) -> Result<Response<message::ExplainConfigReply>, Status> {
        let context = self.look(&request, Action::Status, None).await?;
        let environment = environment(&request.get_ref().environment);
        let reply = configuration::explain(&context, environment.as_deref());
        Ok(Response::new(reply))
    }

    async fn explain(
        &self,
        request: Request<message::ExplainRequest>,
    ) -> Result<Response<message::ExplainReply>, Status> {
        let reference = reference(&request.get_ref().reference)?;
        let context = self
            .look(&request, Action::Explain, Some(&reference))
            .await?;
        Ok(Response::new(why::explain(
            &self.daemon,
            &context,
            &reference,
        )))
    }

    async fn metrics(
        &self,
        request: Request<message::MetricsRequest>,
    ) -> Result<Response<message::MetricsReply>, Status> {
        let context = self.look(&request, Action::Metrics, None).await?;
        let healthy = report::status(&self.daemon, &context).healthy;
        Ok(Response::new(message::MetricsReply {
            text: metrics::text(&self.daemon, &context, healthy),
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
        // By its own words, too: an environment or a service may mean another place by them.
        let named = self.daemon.cache.addresses(|held| match &reference {
            Some(reference) => held.place() == reference.place(),
            None => context.may(Some(held)),
        });
        let chosen = reference
            .as_ref()
            .map(|reference| context.address(reference));
        let flushed = self.daemon.cache.flush(|held| {
            named.contains(held)
                || match &chosen {
                    Some(chosen) => is_same_secret(chosen, held),
                    None => reference_of(held, context.setup.kinds())
                        .is_some_and(|reference| context.may(Some(&reference))),
                }
        });
        self.daemon
            .snapshot
            .forgotten()
            .await
            .map_err(|why| refuse(Code::Internal, kinds::INTERNAL, why))?;
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
        let held = self.daemon.cache.entries().into_iter();
        let held = held.filter_map(|entry| Some((entry.reference.parse().ok()?, entry.address)));
        let chosen: Vec<(SecretRef, Address)> = match reference {
            // Services may ask for it as somebody else.
            Some(reference) => {
                let own = context.address(&reference);
                let others = held.filter(|(held, address)| *held == reference && *address != own);
                let mut chosen: Vec<_> = others.collect();
                if chosen.is_empty() || self.is_held(&own) {
                    chosen.push((reference, own));
                }
                chosen
            }
            None => held.filter(|(held, _)| context.may(Some(held))).collect(),
        };
        let each = chosen
            .iter()
            .map(|(reference, address)| self.refresh_one(&context, reference, address));
        let secrets = futures_util::future::join_all(each).await;
        Ok(Response::new(message::RefreshReply { secrets }))
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
            services: count(setup.view(None).services.len()),
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
