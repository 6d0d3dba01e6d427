//! The `Secrets` service: what launchers ask.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::unfold;
use tokio_stream::{Stream, StreamExt};
use tonic::{Code, Request, Response, Status};
use vault_memory::Secret;
use vault_proto::generated as message;
use vault_proto::generated::secrets_server::Secrets;
use vault_proto::reference::SecretRef;
use vault_proto::sealed::{Purpose, Sealer};
use vault_proto::{PROTOCOL, kinds};

use super::daemon::Daemon;
use super::request_context::{caller, environment, reference, request_context, request_id};
use super::status::{of_launch, of_resolve, of_upstream, refuse};
use super::watching::Watching;
use crate::cache::changes::{Change, Now};
use crate::cache::freshness::{Freshness, Verdict};
use crate::cache::machine::judge;
use crate::clock::Moment;
use crate::launch::{ServiceRequest, seal};
use crate::listener::seats::Seats;
use crate::policy::Action;
use crate::resolver::{RequestContext, Resolved, SecretRequest};
use crate::upstream::UpstreamError;

/// The most references of one Resolve or Watch.
const REFERENCES: usize = 256;

/// The most bytes of values in one reply to Resolve. They lie in the daemon until they are fetched.
const VALUES: usize = 384 * 1024;

/// How many may watch at once: each holds a connection.
const WATCHERS: usize = 16;
/// How many of them may be of one process.
const WATCHERS_OF_ONE: usize = 4;

pub(super) struct Service {
    daemon: Daemon,
    watchers: Seats,
}

impl Service {
    pub(super) fn new(daemon: Daemon) -> Self {
        Self {
            daemon,
            watchers: Seats::new(WATCHERS, WATCHERS_OF_ONE),
        }
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
            environment: environment(&launch.environment),
            request_id: request_id(&launch.request_id)?,
            ..context
        };
        let wanted = ServiceRequest {
            service: launch.service,
            command: launch.command,
            profile: launch.profile,
        };
        let reply = self
            .daemon
            .launch
            .launch(context, &wanted, &launch.public_key)
            .await;
        reply.map(Response::new).map_err(|error| of_launch(&error))
    }

    async fn check(
        &self,
        request: Request<message::CheckRequest>,
    ) -> Result<Response<message::CheckReply>, Status> {
        let context = request_context(&self.daemon, &request, Action::Check)?;
        let check = request.into_inner();
        let context = RequestContext {
            service: Some(check.service.clone()),
            environment: environment(&check.environment),
            ..context
        };
        let wanted = ServiceRequest {
            service: check.service,
            command: check.command,
            profile: check.profile,
        };
        let reply = self.daemon.launch.check(context, &wanted).await;
        reply.map(Response::new).map_err(|error| of_launch(&error))
    }

    async fn resolve(
        &self,
        request: Request<message::ResolveRequest>,
    ) -> Result<Response<message::ResolveReply>, Status> {
        let context = request_context(&self.daemon, &request, Action::Get)?;
        let resolve = request.into_inner();
        let context = RequestContext {
            request_id: request_id(&resolve.request_id)?,
            ..context
        };
        let mut sealer = Sealer::new(Purpose::Resolve, &resolve.public_key, &context.request_id)
            .map_err(|error| of_launch(&error.into()))?;
        let wants = wants(&resolve.references)?;
        let kind = |resolved: &[Resolved]| {
            let too_much = (bytes(resolved) > VALUES).then_some(kinds::INVALID_REQUEST);
            problem(resolved).map(UpstreamError::kind).or(too_much)
        };
        let resolver = &self.daemon.resolver;
        let resolved = resolver.resolve(context, &[Action::Get], wants, None, kind);
        let resolved = resolved.await;
        let resolved = resolved.map_err(|error| of_resolve(&error))?;
        if let Some(problem) = problem(&resolved) {
            return Err(of_upstream(problem));
        }
        if bytes(&resolved) > VALUES {
            let message = format!(
                "the values are more than {} KiB together; ask for fewer at once",
                VALUES / 1024
            );
            let code = Code::InvalidArgument;
            return Err(refuse(code, kinds::INVALID_REQUEST, message));
        }
        let mut values = Vec::with_capacity(resolved.len());
        for one in &resolved {
            // None is missing here: a problem with any of them has ended the call.
            values.extend(seal(&mut sealer, one).map_err(|error| of_launch(&error))?);
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
        let wanted = wants(&request.get_ref().references)?;
        let resolver = &self.daemon.resolver;
        let authorized = resolver.authorize(context, &[Action::Watch], wanted).await;
        let authorized = authorized.map_err(|error| of_resolve(&error))?;
        let context = Arc::clone(authorized.context());
        let seat = self.watchers.take(context.peer.pid).ok_or_else(|| {
            let message = format!(
                "{WATCHERS} are watching already, or {WATCHERS_OF_ONE} in this process; \
                 try again when one has ended"
            );
            refuse(Code::ResourceExhausted, kinds::UNAVAILABLE, message)
        })?;
        let stay = caller(&request)?.stay();
        let wanted = authorized.secrets().iter();
        let wanted: HashSet<SecretRef> = wanted.map(|one| one.reference.clone()).collect();
        let (clock, current) = (
            Arc::clone(&self.daemon.clock),
            Arc::clone(&self.daemon.current),
        );
        let others = {
            let current = Arc::clone(&current);
            move || current.get().view(None).freshness
        };
        let watching = Watching::new(Arc::clone(&self.daemon.cache), Arc::clone(&clock), others);
        let changes = unfold(watching, |mut watching| async {
            Some((watching.next().await?, watching))
        });
        let events = changes.filter_map(move |change| {
            // Both go when the watch does.
            let _held = (&seat, &stay);
            let reference: SecretRef = change.reference.parse().ok()?;
            let chosen = wanted.is_empty() || wanted.contains(&reference);
            // The policy in force now: a watch outlives the one it began under.
            let context = RequestContext {
                setup: current.get(),
                ..RequestContext::clone(&context)
            };
            let others = context.setup.view(None).freshness;
            let shown = chosen && context.may(Some(&reference));
            shown.then(|| Ok(event(change, clock.now(), others)))
        });
        Ok(Response::new(Box::pin(events)))
    }
}

fn wants(references: &[String]) -> Result<Vec<SecretRequest>, Status> {
    if references.len() > REFERENCES {
        let message = format!("at most {REFERENCES} references at once");
        return Err(refuse(
            Code::InvalidArgument,
            kinds::INVALID_REQUEST,
            message,
        ));
    }
    let want = |text: &String| Ok(SecretRequest::of(&reference(text)?));
    references.iter().map(want).collect()
}

/// The first value that cannot be had.
fn problem(resolved: &[Resolved]) -> Option<&UpstreamError> {
    let mut problems = resolved.iter().filter_map(|one| one.value.as_ref().err());
    problems.next().map(|error| &**error)
}

fn bytes(resolved: &[Resolved]) -> usize {
    let had = resolved.iter().filter_map(|one| one.value.as_ref().ok());
    had.filter_map(|served| served.secret().ok())
        .map(Secret::len)
        .sum()
}

/// `others` judges a value that nobody has asked for.
fn event(change: Change, now: Moment, others: Freshness) -> message::WatchEvent {
    let of = |state: message::State, why: String| message::Provenance {
        state: state.into(),
        stale_reason: why,
        ..message::Provenance::default()
    };
    let provenance = match change.now {
        Now::Flushed => of(message::State::Absent, String::new()),
        Now::Nothing(why) => of(message::State::Absent, why),
        Now::No(why) => of(message::State::Negative, why),
        Now::Value {
            version,
            at,
            valid_for,
            is_kept,
            why,
        } => {
            let age = now.since(at);
            let wanted = change.wanted.unwrap_or(others);
            let state = match judge(&wanted, age, valid_for, is_kept) {
                Verdict::Fresh => message::State::Fresh,
                Verdict::Stale => message::State::Stale,
                Verdict::Expired => message::State::Expired,
            };
            let why = why.filter(|_| state != message::State::Fresh);
            message::Provenance {
                version,
                age_ms: crate::resolver::millis(age),
                ..of(state, why.unwrap_or_default())
            }
        }
    };
    message::WatchEvent {
        reference: change.reference,
        provenance: Some(provenance),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vault_backends::address::Address;

    use super::*;

    #[test]
    fn a_change_is_told_in_the_state_that_it_has_by_then() {
        let now = Moment::default() + Duration::from_hours(30);
        let value = |hours: u64, why: Option<&str>| Now::Value {
            version: "3".to_owned(),
            at: Moment::default() + Duration::from_hours(30 - hours),
            valid_for: None,
            is_kept: false,
            why: why.map(str::to_owned),
        };
        for (known, state, reason) in [
            (value(0, None), message::State::Fresh, ""),
            (value(0, Some("out")), message::State::Fresh, ""),
            (value(2, Some("out")), message::State::Stale, "out"),
            (value(24, Some("out")), message::State::Expired, "out"),
            (Now::No("gone".to_owned()), message::State::Negative, "gone"),
            (
                Now::Nothing("out".to_owned()),
                message::State::Absent,
                "out",
            ),
            (Now::Flushed, message::State::Absent, ""),
        ] {
            let change = Change {
                address: Address::local("a"),
                reference: "local://a".to_owned(),
                now: known,
                wanted: None,
            };
            let told = event(change, now, Freshness::default()).provenance.unwrap();
            assert_eq!((told.state(), told.stale_reason.as_str()), (state, reason));
        }
        let patient = Freshness {
            ttl: Duration::from_hours(5),
            ..Freshness::default()
        };
        let change = Change {
            address: Address::local("a"),
            reference: "local://a".to_owned(),
            now: value(2, None),
            wanted: Some(patient),
        };
        let told = event(change, now, Freshness::default()).provenance.unwrap();
        assert_eq!(told.state(), message::State::Fresh, "as who asked wants it");
    }
}
