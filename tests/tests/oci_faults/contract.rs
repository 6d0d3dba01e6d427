//! The cases of the contract with what was before that say what a status of the service does to breaker,
//! retries and held values, driven through the fake.
//!
//! What a reply holds (`empty`, `binary`) is about the reader and in `oci_reading`.

use std::path::PathBuf;

use serde_json::{Value, json};
use vault_backends::address::VersionSelector;
use vault_backends::error::Class;
use vault_tests::oci::{Fault, Route, Times};

use crate::fixture::{Fixture, LONG, Named, text};

#[tokio::test(flavor = "multi_thread")]
async fn compat_breaker_counts() {
    for case in cases("breaker_counts") {
        let fixture = fixture();
        fails(&fixture, &case["input"]["upstream"]);
        assert!(fixture.get(LONG).await.is_err());
        let failures = fixture.upstream.health()[0].consecutive_failures;
        assert_eq!(json!(failures > 0), case["expected"]["counts"], "{case}");
    }
}

/// Of the predecessor's exceptions two say more than that there was a failure.
#[tokio::test(flavor = "multi_thread")]
async fn compat_retry_policy() {
    for case in cases("retry_policy") {
        let fixture = fixture();
        let retries = case["input"]["max_retries"].as_u64();
        fixture.repeat(retries.and_then(|number| number.try_into().ok()).unwrap());
        fails(&fixture, &case["input"]["status"]);
        let class = fixture.get(LONG).await.unwrap_err().class();
        assert_eq!(json!(fixture.calls()), case["expected"]["calls"], "{case}");
        match case["expected"]["error"].as_str() {
            Some("AuthenticationError") => assert_eq!(class, Class::Credentials),
            Some("PermissionDeniedError") => assert_eq!(class, Class::Answer),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compat_stale_fallback() {
    for case in cases("stale_fallback") {
        let (cached, upstream) = (&case["input"]["cached"], &case["input"]["upstream"]);
        if matches!(upstream.as_str(), Some("empty" | "binary")) {
            continue;
        }
        let fixture = fixture();
        if !cached.is_null() {
            fixture.hold().await;
        }
        if cached == "stale" {
            fixture.age();
        }
        fails(&fixture, upstream);
        if upstream == "breaker_open" {
            fixture.open_breaker().await;
        }
        fixture.calls();
        let served = fixture.get(LONG).await.ok();
        let held = |served: &vaultd::cache::Served| {
            assert_eq!(text(&served.held), crate::fixture::OLD);
            "cached"
        };
        let found = json!({
            "value": served.as_ref().map(held),
            "api_calls": fixture.calls(),
            "stale_used": served.is_some_and(|served| served.stale.is_some()),
        });
        assert_eq!(found, case["expected"], "{case}");
    }
}

fn fixture() -> Fixture {
    Fixture::new(Named::ById, VersionSelector::Current, 0, None)
}

fn fails(fixture: &Fixture, upstream: &Value) {
    let says = |status, code: &str| Fault::Status {
        status,
        code: code.to_owned(),
        message: "The service's words.".to_owned(),
    };
    let fault = match (upstream.as_u64(), upstream.as_str()) {
        (Some(400), _) => says(400, "InvalidParameter"),
        (Some(401), _) => says(401, "NotAuthenticated"),
        (Some(403), _) => says(403, "NotAllowed"),
        (Some(404), _) => says(404, "NotAuthorizedOrNotFound"),
        (Some(429), _) => says(429, "TooManyRequests"),
        (Some(500), _) => says(500, "InternalServerError"),
        (Some(503), _) | (_, Some("breaker_open")) => says(503, "ServiceUnavailable"),
        (_, Some("timeout")) => Fault::Hang,
        _ => panic!("no such reply: {upstream}"),
    };
    fixture
        .fake
        .fail(Route::GetSecretBundle, fault, Times::Always);
}

fn cases(kind: &str) -> Vec<Value> {
    let file = std::env::var_os("COMPAT_CASES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases/compat-cases.json"),
        PathBuf::from,
    );
    let all: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let cases = all["cases"].as_array().unwrap().iter();
    let cases: Vec<Value> = cases.filter(|case| case["kind"] == kind).cloned().collect();
    assert!(!cases.is_empty(), "no case of kind {kind}");
    cases
}
