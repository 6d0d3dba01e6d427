//! Which services can start, as far as this machine knows: its store, what is held, and the last answers of
//! vaults. None is asked.

use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::changing::{ListEntry, VersionEntry};
use vault_proto::generated as message;
use vault_proto::reference::SecretRef;

use crate::cache::CacheEntry;
use crate::cache::freshness::{Freshness, Verdict};
use crate::cache::machine::Dated;
use crate::grpc::daemon::Daemon;
use crate::launch::readiness::{Known, Unlaunchable, unlaunchable};
use crate::resolver::RequestContext;
use crate::writer::StoreContents;

/// The services that cannot start.
pub(super) async fn cannot_start(daemon: &Daemon, context: &RequestContext) -> Vec<Unlaunchable> {
    let secrets = context.setup.views().flat_map(|view| {
        let services = view.services.values();
        services.flat_map(|service| &service.secrets)
    });
    let stored = if secrets.count() == 0 {
        StoreContents::Unknown
    } else {
        daemon.writer.store_contents().await
    };
    with_store(daemon, context, &stored)
}

/// The same where the store has been read, or could not be.
pub(super) fn with_store(
    daemon: &Daemon,
    context: &RequestContext,
    stored: &StoreContents,
) -> Vec<Unlaunchable> {
    let entries = daemon.cache.entries();
    let others = context.setup.view(None).freshness;
    unlaunchable(&context.setup, |address, reference| {
        known(daemon, address, reference, stored, &entries, &others)
    })
}

fn known(
    daemon: &Daemon,
    address: &Address,
    reference: &SecretRef,
    stored: &StoreContents,
    entries: &[CacheEntry],
    others: &Freshness,
) -> Known {
    if let Err(error) = daemon.upstream.check(address) {
        return Known::Missing(error.to_string());
    }
    let is_local = address.kind == BackendKind::LOCAL;
    match stored {
        StoreContents::Read(stored) if is_local && has(stored, address) => return Known::Possible,
        StoreContents::Read(_) if is_local => {
            return Known::Missing(format!("no such secret {reference}"));
        }
        _ => {}
    }
    let entry = entries.iter().find(|entry| entry.address == *address);
    match entry.map(|entry| (&entry.known, entry.wanted.as_ref())) {
        Some((Ok((held, age, _)), wanted))
            if held.judge(*age, wanted.unwrap_or(others)) != Verdict::Expired =>
        {
            return Known::Possible;
        }
        Some((Err(no), _)) => return Known::Missing(no.to_string()),
        _ => {}
    }
    let attempts = daemon.upstream.attempts(address);
    match (attempts.into_iter().next().map(|last| last.outcome), stored) {
        (Some(Err(failure)), _) => Known::Missing(failure.words),
        (_, StoreContents::Unreadable(why)) if is_local => Known::Missing(why.clone()),
        _ => Known::Possible,
    }
}

fn has(stored: &[ListEntry], address: &Address) -> bool {
    let entry = stored.iter().find(|entry| entry.name == address.name);
    entry.is_some_and(|entry| match &address.version {
        VersionSelector::Version(number) => {
            let number = number.to_string();
            entry.versions.iter().any(|one| one.version == number)
        }
        VersionSelector::Named(name) => {
            let named = |one: &VersionEntry| one.name.as_ref() == Some(name);
            entry.versions.iter().any(named)
        }
        VersionSelector::Current | VersionSelector::Stage(_) => true,
    })
}

/// Those that policy shows, without the secrets that it does not.
pub(super) fn shown(
    context: &RequestContext,
    cannot_start: &[Unlaunchable],
) -> Vec<message::UnlaunchableService> {
    let mut shown = vec![];
    for one in cannot_start {
        let asker = context.with_service(&one.service);
        if !asker.may(None) {
            continue;
        }
        let reference = one.reference.as_ref();
        let is_hidden = reference.is_some_and(|reference| !asker.may(Some(reference)));
        shown.push(message::UnlaunchableService {
            service: one.service.clone(),
            environment: one.environment.clone().unwrap_or_default(),
            problem: if is_hidden {
                "a secret is missing that policy does not show".to_owned()
            } else {
                one.problem.clone()
            },
        });
    }
    shown
}

/// The last launches that came to nothing, of services that policy shows.
pub(super) fn failed_launches(
    daemon: &Daemon,
    context: &RequestContext,
) -> Vec<message::FailedLaunch> {
    let failures = daemon.launch.history().failures().into_iter();
    let failures = failures.filter_map(|failed| {
        let service = failed.service.unwrap_or_default();
        let asker = context.with_service(&service);
        if !asker.may(None) {
            return None;
        }
        let view = context.setup.view(failed.environment.as_deref());
        let secrets = view.services.get(&service).map(|service| &service.secrets);
        let mut references = secrets.into_iter().flatten().flat_map(|secret| {
            let others = secret.by_environment.values();
            secret.default.iter().chain(others)
        });
        let shows_all = references.all(|reference| asker.may(Some(reference)));
        Some(message::FailedLaunch {
            unix_seconds: failed.time.as_secs(),
            service,
            environment: failed.environment.unwrap_or_default(),
            client: failed.client.unwrap_or_default(),
            pid: u32::try_from(failed.pid).unwrap_or_default(),
            error_kind: failed.kind.to_owned(),
            reason: if shows_all {
                failed.reason
            } else {
                String::new()
            },
        })
    });
    failures.collect()
}
