//! The `Secrets` service: launches, reads and watches.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::unfold;
use tokio_stream::Stream;
use tonic::{Code, Request, Response, Status};
use vault_proto::generated as message;
use vault_proto::generated::secrets_server::Secrets;
use vault_proto::sealed::{Purpose, Sealer};
use vault_proto::{PROTOCOL, kinds};

use super::daemon::Daemon;
use super::request_context::{caller, reference, request_context, request_id};
use super::status::{Failure, refuse};
use crate::launch::problem::LaunchError;
use crate::launch::reply_size::fits;
use crate::launch::{ServiceRequest, seal};
use crate::limits::Limits;
use crate::listener::concurrency::ConcurrencyLimit;
use crate::policy::Action;
use crate::resolver::{RequestContext, Resolved, SecretRequest};
use crate::setup::{AskedEnvironment, EnvironmentOrigin};
use crate::subscription::{Notice, Subscription};

/// The most bytes of values in one reply to Resolve. They lie in the daemon until they are fetched.
const VALUES: usize = 384 * 1024;

pub(super) struct Service {
    daemon: Daemon,
    limits: Limits,
    watches: ConcurrencyLimit,
}

impl Service {
    pub(super) fn new(daemon: Daemon, limits: Limits) -> Self {
        Self {
            daemon,
            limits,
            watches: ConcurrencyLimit::new(limits.watches),
        }
    }

    /// That a newer configuration was refused, for who may ask for the status.
    fn older(&self, context: &RequestContext) -> Option<String> {
        let asking = RequestContext {
            action: Action::Status,
            service: None,
            ..context.clone()
        };
        let (_, refused) = self.daemon.current.history();
        let refused = refused.filter(|_| asking.may(None))?;
        Some(format!(
            "an older configuration is in force; the newer one was refused: {refused}"
        ))
    }

    /// The references of a request, as many as its peer may name.
    fn wants<T>(
        &self,
        request: &Request<T>,
        references: &[String],
    ) -> Result<Vec<SecretRequest>, Status> {
        let most = self.limits.of(caller(request)?.kind).references;
        if references.len() > most {
            let message = format!("at most {most} references at once");
            let code = Code::InvalidArgument;
            return Err(refuse(code, kinds::INVALID_REQUEST, message));
        }
        let want = |text: &String| Ok(SecretRequest::of(&reference(text)?));
        references.iter().map(want).collect()
    }
}

#[tonic::async_trait]
impl Secrets for Service {
    async fn hello(
        &self,
        request: Request<message::HelloRequest>,
    ) -> Result<Response<message::HelloReply>, Status> {
        let hello = request.get_ref();
        caller(&request)?.peer.introduce(&hello.client);
        let oldest = if hello.oldest_protocol == 0 {
            hello.protocol
        } else {
            hello.oldest_protocol
        };
        if hello.protocol < PROTOCOL || oldest > PROTOCOL {
            let side = if hello.protocol < PROTOCOL {
                "the client"
            } else {
                "vaultd"
            };
            return Err(refuse(
                Code::FailedPrecondition,
                kinds::PROTOCOL,
                format!(
                    "the client speaks protocol {oldest} to {}, this vaultd ({}) speaks {PROTOCOL}; \
                     update {side}, then restart vaultd",
                    hello.protocol,
                    env!("CARGO_PKG_VERSION")
                ),
            ));
        }
        Ok(Response::new(message::HelloReply {
            protocol: PROTOCOL,
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            public_key: self.daemon.writer.public_key().to_vec(),
        }))
    }

    async fn launch(
        &self,
        request: Request<message::LaunchRequest>,
    ) -> Result<Response<message::LaunchReply>, Status> {
        let context = request_context(&self.daemon, &request, Action::Launch)?;
        let launch = request.into_inner();
        let context = RequestContext {
            service: Some(launch.service.clone()),
            request_id: request_id(&launch.request_id)?,
            ..context
        };
        let wanted = ServiceRequest {
            service: launch.service,
            command: launch.command,
            profile: launch.profile,
            environment: asked(launch.environment, launch.environment_inherited),
        };
        let older = self.older(&context);
        let reply = self
            .daemon
            .launch
            .launch(context, &wanted, &launch.public_key)
            .await;
        match reply {
            Ok(mut reply) => {
                reply.warnings.extend(older);
                Ok(Response::new(reply))
            }
            Err(error) => Err(failed(&error, older)),
        }
    }

    async fn check(
        &self,
        request: Request<message::CheckRequest>,
    ) -> Result<Response<message::CheckReply>, Status> {
        let context = request_context(&self.daemon, &request, Action::Check)?;
        let check = request.into_inner();
        let context = RequestContext {
            service: Some(check.service.clone()),
            ..context
        };
        let wanted = ServiceRequest {
            service: check.service,
            command: check.command,
            profile: check.profile,
            environment: asked(check.environment, check.environment_inherited),
        };
        let older = self.older(&context);
        match self.daemon.launch.check(context, &wanted).await {
            Ok(mut reply) => {
                reply.warnings.extend(older);
                Ok(Response::new(reply))
            }
            Err(error) => Err(failed(&error, older)),
        }
    }

    async fn resolve(
        &self,
        request: Request<message::ResolveRequest>,
    ) -> Result<Response<message::ResolveReply>, Status> {
        let context = request_context(&self.daemon, &request, Action::Get)?;
        let wants = self.wants(&request, &request.get_ref().references)?;
        let resolve = request.into_inner();
        let context = RequestContext {
            request_id: request_id(&resolve.request_id)?,
            ..context
        };
        let mut sealer = Sealer::new(Purpose::Resolve, &resolve.public_key, &context.request_id)
            .map_err(|error| error.status())?;
        let kind = |resolved: &[Resolved]| Some(problem(resolved)?.word());
        let resolver = &self.daemon.resolver;
        let resolved = resolver.resolve(context, &[Action::Get], wants, None, kind);
        let resolved = resolved.await;
        let resolved = resolved.map_err(|error| error.status())?;
        if let Some(problem) = problem(&resolved) {
            return Err(problem.status());
        }
        let mut values = Vec::with_capacity(resolved.len());
        for one in &resolved {
            // None is missing here: a problem with any of them has ended the call.
            values.extend(seal(&mut sealer, one).map_err(|error| error.status())?);
        }
        let encapsulated_key = sealer.encapsulated_key().to_vec();
        let secrets = Some(message::SealedValues {
            encapsulated_key,
            values,
        });
        Ok(Response::new(message::ResolveReply { secrets }))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<message::WatchEvent, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<message::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let context = request_context(&self.daemon, &request, Action::Watch)?;
        let wanted = self.wants(&request, &request.get_ref().references)?;
        let resolver = &self.daemon.resolver;
        let authorized = resolver.authorize(context, &[Action::Watch], wanted).await;
        let authorized = authorized.map_err(|error| error.status())?;
        let caller = caller(&request)?;
        let of_one = self.limits.of(caller.kind).watches;
        let permit = self.watches.acquire(caller.peer.pid, of_one);
        let permit = permit.ok_or_else(|| {
            let message = format!(
                "{} are watching already, or {of_one} in this process; try again when one has ended",
                self.limits.watches
            );
            refuse(Code::ResourceExhausted, kinds::UNAVAILABLE, message)
        })?;
        let open = caller.keep_open();
        let subscription = Subscription::new(
            Arc::clone(&self.daemon.cache),
            Arc::clone(&self.daemon.clock),
            Arc::clone(&self.daemon.current),
            &authorized,
        );
        let events = unfold(subscription, move |mut subscription| {
            // Both go when the watch does.
            let _held = (&permit, &open);
            async { Some((Ok(event(subscription.next().await?)), subscription)) }
        });
        Ok(Response::new(Box::pin(events)))
    }
}

/// The environment a launcher names; an empty one is none.
fn asked(name: String, inherited: bool) -> Option<AskedEnvironment> {
    let origin = if inherited {
        EnvironmentOrigin::CallersVariable
    } else {
        EnvironmentOrigin::Asked
    };
    (!name.is_empty()).then_some(AskedEnvironment { name, origin })
}

fn event(notice: Notice) -> message::WatchEvent {
    match notice {
        Notice::Changed {
            reference,
            provenance,
        } => message::WatchEvent {
            reference: reference.to_string(),
            provenance: Some(provenance),
            lost: false,
        },
        Notice::Lost => message::WatchEvent {
            lost: true,
            ..message::WatchEvent::default()
        },
    }
}

/// Why nothing is launched, and that a newer configuration could say otherwise.
fn failed(error: &LaunchError, older: Option<String>) -> Status {
    match (error, older) {
        (LaunchError::UnknownService { .. }, Some(older)) => {
            refuse(error.code(), error.word(), format!("{error}; {older}"))
        }
        _ => error.status(),
    }
}

/// The first value that cannot be had, or that all of them are too large together.
fn problem(resolved: &[Resolved]) -> Option<Box<dyn Failure>> {
    match resolved.iter().find_map(|one| one.value.as_ref().err()) {
        Some(error) => Some(Box::new(Arc::clone(error))),
        None => Some(Box::new(fits(resolved, 0, VALUES).err()?)),
    }
}
