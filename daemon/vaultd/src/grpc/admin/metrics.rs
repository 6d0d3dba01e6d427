//! The families of `vaultctl metrics`.
//!
//! Seven names are the predecessor's: secrets_fetched, cache_hits, cache_misses, stale_cache_used,
//! retries, circuit_breaker_opens and total_fetch_time. No reference is in a label: metrics are read
//! by others than secrets are.

use std::sync::atomic::Ordering;

use vault_proto::generated as message;

use super::openmetrics::{Kind, Text};
use crate::cache::CacheEntry;
use crate::cache::census::Census;
use crate::grpc::daemon::Daemon;
use crate::resolver::{RequestContext, millis};
use crate::upstream::breaker::State;
use crate::upstream::{CallCounts, Health};

/// The same numbers in a message, over all backends.
pub(super) fn counters(daemon: &Daemon, health: &[Health]) -> message::Counters {
    let cached = &daemon.cache.counters;
    let sum = |of: fn(&CallCounts) -> u64| health.iter().map(|health| of(&health.counts)).sum();
    message::Counters {
        secrets_fetched: sum(|counts| counts.fetched),
        cache_hits: cached.hits.look().count,
        cache_misses: cached.misses.load(Ordering::Relaxed),
        stale_cache_used: cached.stale.load(Ordering::Relaxed),
        retries: sum(|counts| counts.retries),
        circuit_breaker_opens: sum(|counts| counts.opens),
        total_fetch_time_ms: sum(|counts| millis(counts.took.sum)),
    }
}

/// OpenMetrics 1.0 text.
pub(super) fn text(daemon: &Daemon, context: &RequestContext) -> String {
    let (health, entries) = (daemon.upstream.health(), daemon.cache.entries());
    let healthy = daemon.is_healthy(&context.setup, &health, &entries);
    let mut text = Text::default();
    let mut build = text.family("vaultd_build_info", Kind::Gauge, "Which vaultd this is.");
    build.value(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    let uptime = daemon.clock.now().since(daemon.facts.started).as_secs();
    let mut gauge = |name, help, value: u64| text.family(name, Kind::Gauge, help).value(&[], value);
    gauge(
        "vaultd_uptime_seconds",
        "Time since the start, sleep included.",
        uptime,
    );
    gauge(
        "vaultd_healthy",
        "1 where vaultctl status says healthy, else 0.",
        healthy.into(),
    );
    of_cache(&mut text, daemon, context, &entries);
    of_backends(&mut text, &health);
    text.end()
}

fn of_cache(text: &mut Text, daemon: &Daemon, context: &RequestContext, entries: &[CacheEntry]) {
    let counters = &daemon.cache.counters;
    let hits = counters.hits.look();
    let misses = counters.misses.load(Ordering::Relaxed);
    let stale = counters.stale.load(Ordering::Relaxed);
    for (name, help, value) in [
        (
            "vaultd_cache_hits",
            "Answers from a fresh value.",
            hits.count,
        ),
        (
            "vaultd_cache_misses",
            "Answers that needed a backend.",
            misses,
        ),
        (
            "vaultd_stale_cache_used",
            "Answers with a stale value.",
            stale,
        ),
    ] {
        text.family(name, Kind::Counter, help).value(&[], value);
    }
    let help = "How long answers from a fresh value took.";
    let mut family = text.family("vaultd_hit_duration_seconds", Kind::Histogram, help);
    family.histogram(&[], &hits);
    let freshness = context.setup.view(None).freshness;
    let census = Census::of(entries, &freshness);
    let help = "Secrets the daemon knows of, by state.";
    let mut held = text.family("vaultd_values_held", Kind::Gauge, help);
    for (state, count) in [
        ("fresh", census.fresh),
        ("stale", census.stale),
        ("expired", census.expired),
        ("negative", census.negative),
    ] {
        held.value(&[("state", state)], count);
    }
    let help = "Age of the oldest stale value; 0 where there is none.";
    let mut oldest = text.family("vaultd_oldest_stale_age_seconds", Kind::Gauge, help);
    oldest.value(&[], census.oldest_stale.unwrap_or_default().as_secs());
}

/// A counter of each backend.
type Counter = (&'static str, &'static str, fn(&CallCounts) -> u64);

const COUNTERS: &[Counter] = &[
    ("vaultd_backend_calls", "Calls made.", |counts| counts.calls),
    (
        "vaultd_backend_failures",
        "Calls that failed as outages.",
        |counts| counts.failures,
    ),
    (
        "vaultd_secrets_fetched",
        "Calls that brought a value.",
        |counts| counts.fetched,
    ),
    (
        "vaultd_retries",
        "Calls that repeated a failed one.",
        |counts| counts.retries,
    ),
    (
        "vaultd_circuit_breaker_opens",
        "How often the breaker opened.",
        |counts| counts.opens,
    ),
];

fn of_backends(text: &mut Text, health: &[Health]) {
    let labels: Vec<Vec<(&str, &str)>> = health.iter().map(labels).collect();
    let each = || labels.iter().zip(health);
    for (name, help, of) in COUNTERS {
        let mut family = text.family(name, Kind::Counter, help);
        for (labels, health) in each() {
            family.value(labels, of(&health.counts));
        }
    }
    let help = "How long calls took together.";
    let mut family = text.family("vaultd_total_fetch_time_seconds", Kind::Counter, help);
    for (labels, health) in each() {
        family.value(labels, health.counts.took.sum.as_secs_f64());
    }
    let help = "How long calls took, one by one.";
    let mut family = text.family("vaultd_fetch_duration_seconds", Kind::Histogram, help);
    for (labels, health) in each() {
        family.histogram(labels, &health.counts.took);
    }
    let help = "1 for the state that the breaker is in, 0 for the others.";
    let mut family = text.family("vaultd_breaker_state", Kind::Gauge, help);
    for (labels, health) in each() {
        for (state, is) in [
            ("closed", health.breaker == State::Closed),
            ("open", matches!(health.breaker, State::Open(_))),
            ("half_open", health.breaker == State::HalfOpen),
        ] {
            let labels = [labels.as_slice(), &[("state", state)]].concat();
            family.value(&labels, u8::from(is));
        }
    }
}

/// An empty label would be none.
fn labels(health: &Health) -> Vec<(&str, &str)> {
    let scope = Some(("scope", health.name.scope.as_str()));
    let scope = scope.filter(|(_, scope)| !scope.is_empty());
    let kind = ("backend", health.name.kind.as_str());
    std::iter::once(kind).chain(scope).collect()
}
