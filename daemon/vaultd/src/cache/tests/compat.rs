//! Does a value outlast its backend as the contract has it?

use serde_json::{Value, json};

use super::freshness::Ahead;
use super::*;
use crate::compat::{answers, each, in_time};
use crate::upstream::{ResilienceSettings, backoff};

/// The cases' words: a value is stale when it is a thousand seconds old.
const FRESHNESS: Freshness = Freshness {
    ttl: Duration::from_secs(100),
    max_stale: Duration::from_hours(1),
    stale_fallback: true,
    refresh_ahead: Ahead::Never,
};

/// As in the cases, retries are off.
///
/// Bytes that are no text are a value here, and new: that the predecessor's interface of texts has
/// none in this case is what `null` says.
#[test]
fn compat_stale_fallback() {
    each("stale_fallback", |input, expected| {
        let found = in_time(fallback(&input["cached"], &input["upstream"]));
        assert_eq!(found, *expected);
    });
}

async fn fallback(cached: &Value, upstream: &Value) -> Value {
    let backend = ScriptedBackend::new(BackendKind::OCI);
    let clock = Arc::new(ScriptedClock::default());
    let (way, cache) = Cache::over(&backend, &clock);
    way.configure(ResilienceSettings {
        retry: backoff::BackoffSettings {
            max_retries: 0,
            ..backoff::BackoffSettings::default()
        },
        ..ResilienceSettings::default()
    });
    let address = address(BackendKind::OCI, "x");
    let get = || cache.get(&address, "x", &FRESHNESS, TIME);
    if !cached.is_null() {
        backend.then_value("cached");
        drop(get().await);
        let age = if cached == "stale" { 1000 } else { 10 };
        clock.advance(Duration::from_secs(age));
    }
    if upstream == "breaker_open" {
        let other = crate::scripted::address(BackendKind::OCI, "other");
        for _ in 0..5 {
            backend.then(outage());
            drop(way.fetch(&other, TIME).await);
        }
    } else {
        answers(&backend, upstream);
    }
    let before = backend.calls();
    let served = get().await.ok();
    let text = |served: &Served| {
        let bytes = served
            .secret()
            .unwrap()
            .expose_secret(|value| value.to_vec());
        String::from_utf8(bytes.unwrap()).ok()
    };
    json!({
        "value": served.as_ref().and_then(text),
        "api_calls": backend.calls() - before,
        "stale_used": served.is_some_and(|served| served.stale.is_some()),
    })
}
