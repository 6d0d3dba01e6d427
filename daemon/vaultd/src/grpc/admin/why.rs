//! Why does a launch get what it gets? All that is known of one reference, for each backend that is
//! asked for it.

use std::collections::BTreeSet;

use vault_backends::address::Address;
use vault_proto::generated as message;
use vault_proto::generated::State;
use vault_proto::reference::{SecretRef, Selector};

use super::report;
use crate::addresses::{address, is_same_secret};
use crate::cache::CacheEntry;
use crate::cache::freshness::Freshness;
use crate::clock::Moment;
use crate::grpc::daemon::Daemon;
use crate::policy::Action;
use crate::resolver::{RequestContext, millis};
use crate::service::{Service, ServiceSecret};
use crate::setup::View;
use crate::upstream::attempts::Attempt;
use crate::upstream::breaker;
use crate::upstream::{Health, Name};

/// What services want of one address.
struct Wanted {
    reference: SecretRef,
    freshness: Freshness,
    uses: Vec<message::Use>,
}

pub(super) fn why(
    daemon: &Daemon,
    context: &RequestContext,
    reference: &SecretRef,
) -> message::WhyReply {
    let own = context.address(reference);
    let entries = daemon.cache.entries();
    let health = daemon.upstream.health();
    let mut wanted = wanted(context, reference, is_shown);
    let is_known = entries.iter().any(|entry| entry.address == own)
        || !daemon.upstream.attempts(&own).is_empty();
    let nobody = Wanted {
        reference: reference.clone(),
        freshness: context.setup.view(None).freshness,
        uses: vec![],
    };
    let place = wanted.iter().position(|(address, _)| *address == own);
    let own_wanted = place.map_or(nobody, |place| wanted.remove(place).1);
    let look =
        |address: &Address, wanted: Wanted| route(daemon, address, wanted, &entries, &health);
    let first = look(&own, own_wanted);
    let others = wanted
        .into_iter()
        .map(|(address, wanted)| look(&address, wanted));
    let others: Vec<_> = others.collect();
    message::WhyReply {
        reference: reference.to_string(),
        other_meanings: other_meanings(context, reference),
        names_service: names_service(context, reference),
        routes: if !first.used_by.is_empty() || is_known || others.is_empty() {
            std::iter::once(first).chain(others).collect()
        } else {
            others
        },
    }
}

/// The lines that give the secret to services, and whether there are others that policy does not show
/// who lists.
pub(super) fn uses(context: &RequestContext, reference: &SecretRef) -> (Vec<message::Use>, bool) {
    let listing = RequestContext {
        action: Action::List,
        ..context.clone()
    };
    let all = |shows: fn(&RequestContext, &SecretRef) -> bool| -> Vec<message::Use> {
        let mut uses: Vec<message::Use> = vec![];
        for (_, wanted) in wanted(&listing, reference, shows) {
            for one in wanted.uses {
                if !uses.contains(&one) {
                    uses.push(one);
                }
            }
        }
        uses
    };
    let shown = all(is_shown);
    let has_hidden = all(|_, _| true).len() > shown.len();
    (shown, has_hidden)
}

/// Where services name a secret with the same name that is kept elsewhere: a bare name in a service file is
/// one of a vault, and one of the local store in a command.
pub(super) fn other_meanings(
    context: &RequestContext,
    reference: &SecretRef,
) -> Vec<message::OtherMeaning> {
    let listing = RequestContext {
        action: Action::List,
        ..context.clone()
    };
    let place = reference.place();
    let services = context
        .setup
        .views()
        .flat_map(|view| view.services.values());
    let secrets = services.flat_map(|service| &service.secrets);
    let named =
        secrets.flat_map(|secret| secret.default.iter().chain(secret.by_environment.values()));
    let others: BTreeSet<SecretRef> = named
        .filter(|other| {
            other.place().name() == place.name() && other.place().scheme() != place.scheme()
        })
        .map(|other| other.clone().with_selector(Selector::Current))
        .collect();
    let meaning = |other: SecretRef| message::OtherMeaning {
        used_by: uses(&listing, &other).0,
        reference: other.to_string(),
    };
    let meanings = others.into_iter().map(meaning);
    meanings.filter(|other| !other.used_by.is_empty()).collect()
}

/// Whether a service that the asker may list has the secret's name.
fn names_service(context: &RequestContext, reference: &SecretRef) -> bool {
    let name = reference.place().name();
    let listing = RequestContext {
        action: Action::List,
        ..context.with_service(name)
    };
    let is_service = |view: &View| view.services.contains_key(name);
    context.setup.views().any(is_service) && listing.may(None)
}

fn is_shown(asker: &RequestContext, reference: &SecretRef) -> bool {
    asker.may(Some(reference))
}

/// The addresses that services ask for the secret at, in whatever environment, with the uses that
/// `shows` lets through. A reference to a version means that one alone.
fn wanted(
    context: &RequestContext,
    reference: &SecretRef,
    shows: fn(&RequestContext, &SecretRef) -> bool,
) -> Vec<(Address, Wanted)> {
    let setup = &context.setup;
    let mut environments: BTreeSet<Option<&str>> = BTreeSet::from([None]);
    environments.extend(setup.environments.keys().map(|name| Some(name.as_str())));
    let services = setup.views().flat_map(|view| view.services.values());
    let named: BTreeSet<String> = services.flat_map(Service::environments).collect();
    environments.extend(named.iter().map(|name| Some(name.as_str())));
    let mut wanted = vec![];
    for environment in environments {
        for service in setup.view(environment).services.values() {
            let asker = context.with_service(&service.name);
            for secret in &service.secrets {
                let Ok(chosen) = secret.choose(setup.chosen(environment)) else {
                    continue;
                };
                if means(service, reference, &chosen.reference) && shows(&asker, &chosen.reference)
                {
                    let freshness = service.freshness.with(secret.ages);
                    for targets in service.all_targets() {
                        let address = address(&chosen.reference, &targets);
                        let wanted = wanted_at(&mut wanted, address, freshness, &chosen.reference);
                        add(&mut wanted.uses, service, secret, environment);
                    }
                }
            }
        }
    }
    wanted
}

/// Whether what a service names is what is asked about, each in the service's own vault.
fn means(service: &Service, asked: &SecretRef, named: &SecretRef) -> bool {
    let same = |asked: &SecretRef| {
        let address = |reference| address(reference, &service.targets);
        is_same_secret(&address(asked), &address(named))
    };
    same(asked) && (*asked.selector() == Selector::Current || asked.selector() == named.selector())
}

fn wanted_at<'a>(
    all: &'a mut Vec<(Address, Wanted)>,
    address: Address,
    freshness: Freshness,
    reference: &SecretRef,
) -> &'a mut Wanted {
    // Who wants it fresher than others is told what it gets itself.
    let place = all
        .iter()
        .position(|(there, wanted)| *there == address && wanted.freshness == freshness);
    let place = place.unwrap_or_else(|| {
        let wanted = Wanted {
            reference: reference.clone(),
            freshness,
            uses: vec![],
        };
        all.push((address, wanted));
        all.len() - 1
    });
    &mut all[place].1
}

fn add(
    uses: &mut Vec<message::Use>,
    service: &Service,
    secret: &ServiceSecret,
    environment: Option<&str>,
) {
    let place = match secret.place.as_str() {
        "" => service.source.display().to_string(),
        place => place.to_owned(),
    };
    let environment = environment.unwrap_or_default().to_owned();
    let same = uses.iter_mut().find(|one| {
        (&one.service, &one.variable, &one.place) == (&service.name, &secret.variable, &place)
    });
    match same {
        Some(one) if one.environments.last() == Some(&environment) => {}
        Some(one) => one.environments.push(environment),
        None => uses.push(message::Use {
            service: service.name.clone(),
            variable: secret.variable.clone(),
            environments: vec![environment],
            place,
        }),
    }
}

/// All that is known at one address.
fn route(
    daemon: &Daemon,
    address: &Address,
    wanted: Wanted,
    entries: &[CacheEntry],
    health: &[Health],
) -> message::Route {
    let entry = entries.iter().find(|entry| entry.address == *address);
    let held = entry.map(|entry| report::secret(entry, &wanted.freshness));
    let now = daemon.clock.now();
    let attempts = daemon.upstream.attempts(address).into_iter();
    let attempts = attempts.map(|one| attempt(one, now)).collect();
    let name = Name::of(address);
    let known = health.iter().find(|health| health.name == name);
    let is_served = daemon.upstream.check(address).is_ok();
    let backend = match known {
        Some(health) => report::backend(daemon, health),
        None => message::BackendStatus {
            name: name.kind.to_string(),
            scope: name.scope,
            ..message::BackendStatus::default()
        },
    };
    let state = held.as_ref().and_then(|held| held.provenance.as_ref());
    let state = state.map(message::Provenance::state);
    // From its moment on, whoever wants something is the probe.
    let is_open = known
        .is_some_and(|health| matches!(health.breaker, breaker::State::Open(until) if until > now));
    let ahead = daemon.refresher.next_attempt(address);
    let next_attempt_ms = ahead
        .filter(|_| is_served)
        .map(|moment| millis(moment.since(now)));
    let next_attempt = next_attempt(is_served, is_open, ahead.is_some(), state);
    message::Route {
        used_by: wanted.uses,
        held,
        attempts,
        next_attempt_ms,
        next_attempt: next_attempt.to_owned(),
        would_serve: would_serve(is_served, is_open, state).to_owned(),
        reference: wanted.reference.to_string(),
        backend: Some(backend),
    }
}

fn attempt(attempt: Attempt, now: Moment) -> message::Attempt {
    let common = message::Attempt {
        ago_ms: millis(now.since(attempt.began)),
        took_ms: millis(attempt.took),
        ..message::Attempt::default()
    };
    match attempt.outcome {
        Ok(version) => message::Attempt { version, ..common },
        Err(failure) => message::Attempt {
            error_kind: failure.kind.to_owned(),
            error: failure.words,
            request_id: failure.request_id.unwrap_or_default(),
            ..common
        },
    }
}

/// When the backend is asked again, in a sentence that goes with a time if that is planned.
fn next_attempt(
    is_served: bool,
    is_open: bool,
    is_planned: bool,
    state: Option<State>,
) -> &'static str {
    match (state, is_planned) {
        _ if !is_served => "never: no backend for it is configured",
        (_, true) if is_open => "when the breaker lets a probe through",
        (_, false) if is_open => "when somebody wants it and the breaker lets a probe through",
        (Some(State::Fresh), true) => "before it turns stale",
        (_, true) => "whether or not somebody wants it",
        (Some(State::Fresh), false) => "when somebody wants it after it has turned stale",
        (Some(State::Negative), false) => "when somebody wants it some seconds after the refusal",
        (_, false) => "when somebody wants it",
    }
}

fn would_serve(is_served: bool, is_open: bool, state: Option<State>) -> &'static str {
    match (state, is_open) {
        _ if !is_served => "an error: no backend for it is configured",
        (Some(State::Fresh), _) => "the value held, which is fresh",
        (Some(State::Stale), true) => "the value held, marked stale: the breaker is open",
        (Some(State::Stale), false) => {
            "the backend's answer; while it cannot be asked, the value held, marked stale"
        }
        (Some(State::Negative), _) => "an error for some seconds, then the backend's answer",
        (_, true) => "an error: nothing usable is held, and the breaker is open",
        (_, false) => "the backend's answer, or an error while it cannot be asked",
    }
}
