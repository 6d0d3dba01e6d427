//! The state of the daemon in messages for people. Pure translations.

use std::path::Path;
use std::time::Duration;

use vault_backends::changing::{ListEntry, VersionEntry};
use vault_proto::generated as message;
use vault_proto::reference::SecretRef;

use super::{metrics, readiness};
use crate::addresses::reference_of;
use crate::cache::CacheEntry;
use crate::cache::freshness::{Freshness, Verdict};
use crate::cache::machine::Dated;
use crate::command::{Command, own_directories};
use crate::grpc::daemon::Daemon;
use crate::launch::readiness::Unlaunchable;
use crate::resolver::{RequestContext, millis};
use crate::service::Service;
use crate::upstream::Health;
use crate::upstream::breaker::State;

pub(super) fn path(path: Option<&Path>) -> String {
    path.map(|path| path.display().to_string())
        .unwrap_or_default()
}

/// Health is told of all that is held; names only of what policy shows.
pub(super) fn status(
    daemon: &Daemon,
    context: &RequestContext,
    cannot_start: &[Unlaunchable],
) -> message::StatusReply {
    let setup = &context.setup;
    let (generation, refused) = daemon.current.history();
    let health = daemon.upstream.health();
    let entries = daemon.cache.entries();
    let mut secrets: Vec<_> = entries
        .iter()
        .map(|entry| {
            let wanted = entry.wanted.unwrap_or(setup.view(None).freshness);
            secret(entry, &wanted)
        })
        .collect();
    let kept = daemon.snapshot.warning();
    let audit_error = daemon.audit.last_error().unwrap_or_default();
    let kinds = setup.kinds();
    let of_secrets = daemon.upstream.notices_of_secrets().into_iter();
    let of_secrets = of_secrets.filter(|(address, _)| {
        let reference = reference_of(address, kinds);
        reference.is_some_and(|reference| context.may(Some(&reference)))
    });
    let of_secrets = of_secrets.map(|(_, notice)| notice);
    let warnings: Vec<String> = daemon
        .facts
        .warnings
        .iter()
        .chain(&setup.warnings)
        .cloned()
        .chain(daemon.current.unwatched())
        .chain(daemon.log.notice())
        .chain(daemon.upstream.notices())
        .chain(of_secrets)
        .chain(kept.map(|warning| warning.text))
        .collect();
    secrets.retain(|secret| is_shown(context, &secret.reference));
    let uptime = daemon.clock.now().since(daemon.facts.started);
    message::StatusReply {
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        uptime_seconds: uptime.as_secs(),
        memory_protection: daemon.facts.memory_protection.clone(),
        configuration_path: path(setup.path.as_deref()),
        configuration_generation: generation,
        configuration_error: refused.unwrap_or_default(),
        backends: health
            .iter()
            .map(|health| backend(daemon, health))
            .collect(),
        secrets,
        services: u32::try_from(setup.view(None).names().count()).unwrap_or(u32::MAX),
        audit_path: daemon.audit.path().display().to_string(),
        audit_error,
        warnings,
        healthy: cannot_start.is_empty() && daemon.is_healthy(setup, &health, &entries),
        socket_path: daemon.facts.socket.clone(),
        store_path: daemon.facts.store.clone(),
        service_directories: setup
            .searched
            .iter()
            .map(|directory| directory.display().to_string())
            .collect(),
        counters: Some(metrics::counters(daemon, &health)),
        cannot_start: readiness::shown(context, cannot_start),
        failed_launches: readiness::failed_launches(daemon, context),
    }
}

pub(super) fn backend(daemon: &Daemon, health: &Health) -> message::BackendStatus {
    let (breaker, next_probe) = match health.breaker {
        State::Closed => (message::BreakerState::Closed, None),
        State::HalfOpen => (message::BreakerState::HalfOpen, None),
        State::Open(until) => (message::BreakerState::Open, Some(until)),
    };
    message::BackendStatus {
        name: health.name.kind.to_string(),
        scope: health.name.scope.clone(),
        breaker: breaker.into(),
        consecutive_failures: health.consecutive_failures,
        next_probe_ms: next_probe.map_or(0, |until| millis(daemon.upstream.until(until))),
        last_error: health.last_error.clone(),
    }
}

pub(super) fn secret(entry: &CacheEntry, freshness: &Freshness) -> message::SecretStatus {
    let reference = entry.reference.clone();
    let (held, age, why) = match &entry.known {
        Ok(known) => known,
        Err(error) => {
            let provenance = message::Provenance {
                state: message::State::Negative.into(),
                stale_reason: error.to_string(),
                ..message::Provenance::default()
            };
            return message::SecretStatus {
                reference,
                provenance: Some(provenance),
                fresh_for_ms: 0,
                usable_for_ms: 0,
            };
        }
    };
    let state = match held.judge(*age, freshness) {
        Verdict::Fresh => message::State::Fresh,
        Verdict::Stale => message::State::Stale,
        Verdict::Expired => message::State::Expired,
    };
    let stale = state != message::State::Fresh;
    let ttl = if stale { Duration::ZERO } else { freshness.ttl };
    let provenance = message::Provenance {
        version: held.bundle.version.clone(),
        age_ms: millis(*age),
        state: state.into(),
        // Past its ttl and simply not asked for since is no fault.
        stale_reason: why.clone().filter(|_| stale).unwrap_or_default(),
    };
    let usable = freshness.usable(held.bundle.valid_for);
    message::SecretStatus {
        reference,
        provenance: Some(provenance),
        fresh_for_ms: millis(ttl.min(usable).saturating_sub(*age)),
        usable_for_ms: millis(usable.saturating_sub(*age)),
    }
}

pub(super) fn list(
    context: &RequestContext,
    stored_secrets: Vec<ListEntry>,
    cannot_start: &[message::UnlaunchableService],
) -> message::ListReply {
    let mut secrets: Vec<_> = stored_secrets.into_iter().map(stored).collect();
    secrets.retain(|secret| is_shown(context, &secret.reference));
    let mut services = Vec::new();
    for configured in context.setup.view(None).services.values() {
        let context = context.with_service(&configured.name);
        if context.may(None) {
            let mut entry = service(configured, cannot_start);
            // The variable stays: that something is needed there is the service's own affair.
            for secret in &mut entry.secrets {
                if !is_shown(&context, &secret.reference) {
                    secret.reference.clear();
                }
            }
            services.push(entry);
        }
    }
    for (name, refused) in context.setup.refused() {
        if context.with_service(name).may(None) {
            services.push(message::ServiceEntry {
                name: name.to_owned(),
                source: refused.source.display().to_string(),
                problem: refused.reason.clone(),
                ..message::ServiceEntry::default()
            });
        }
    }
    services.sort_by(|one, other| one.name.cmp(&other.name));
    message::ListReply { secrets, services }
}

/// Whether policy shows the asker that reference, under the action it was let in for.
fn is_shown(context: &RequestContext, reference: &str) -> bool {
    let parsed: Option<SecretRef> = reference.parse().ok();
    parsed.is_some_and(|reference| context.may(Some(&reference)))
}

fn stored(entry: ListEntry) -> message::StoredSecret {
    let current = entry.versions.iter().find(|version| version.current);
    message::StoredSecret {
        reference: format!("local://{}", entry.name),
        current_version: current
            .map(|current| current.version.clone())
            .unwrap_or_default(),
        versions: u32::try_from(entry.versions.len()).unwrap_or(u32::MAX),
        changed_unix_seconds: current.map(|c| c.created_unix_seconds).unwrap_or_default(),
    }
}

pub(super) fn version(entry: VersionEntry) -> message::StoredVersion {
    message::StoredVersion {
        version: entry.version,
        created_unix_seconds: entry.created_unix_seconds,
        current: entry.current,
        stages: entry.stages,
        name: entry.name.unwrap_or_default(),
        expires_unix_seconds: entry.expires_unix_seconds.unwrap_or_default(),
        deletion_unix_seconds: entry.deletion_unix_seconds.unwrap_or_default(),
    }
}

fn service(
    service: &Service,
    cannot_start: &[message::UnlaunchableService],
) -> message::ServiceEntry {
    let argv = match service.command_now(&own_directories()) {
        Command::Found(words) => words,
        Command::Absent | Command::Missing { .. } => vec![],
    };
    let own = cannot_start
        .iter()
        .filter(|one| one.service == service.name);
    let problems = own.map(|one| match one.environment.as_str() {
        "" => one.problem.clone(),
        environment => format!("in {environment}: {}", one.problem),
    });
    let problem = problems.collect::<Vec<_>>().join("; ");
    let secret = |secret: &crate::service::ServiceSecret| message::ServiceSecret {
        variable: secret.variable.clone(),
        reference: secret
            .default
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        required: secret.required,
    };
    message::ServiceEntry {
        name: service.name.clone(),
        description: service.description.clone(),
        source: service.source.display().to_string(),
        argv,
        secrets: service.secrets.iter().map(secret).collect(),
        problem,
        environments: service.environments(),
    }
}
