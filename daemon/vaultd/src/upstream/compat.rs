//! Does the way to backends keep the contract on breakers and retries?

use serde_json::{Value, json};

use super::breaker::{Breaker, Culprit, Precedence, State};
use super::tests::upstream;
use super::*;
use crate::compat::{answers, each, in_time};
use crate::scripted::address;
use vault_backends::error::Class;

/// Longer than all pauses together.
const TIME: Duration = Duration::from_mins(5);

fn number(value: &Value) -> u32 {
    value.as_u64().and_then(|n| n.try_into().ok()).unwrap()
}

/// Time is exact in the cases, so the jitter that ours adds to the recovery is nothing here.
#[test]
fn compat_circuit_breaker() {
    each("circuit_breaker", |input, expected| {
        let settings = breaker::BreakerSettings {
            threshold: number(&input["failure_threshold"]),
            recovery: Duration::from_secs_f64(input["recovery_timeout"].as_f64().unwrap()),
            successes: number(&input["success_threshold"]),
        };
        let (mut breaker, mut now) = (Breaker::default(), Moment::default());
        let trace: Vec<Value> = input["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| {
                now = now + Duration::from_secs_f64(event[0].as_f64().unwrap());
                let acquired = breaker.try_acquire(now, &settings, Precedence::Usual, 0.0);
                let outcome = match (acquired, event[1].as_str()) {
                    (Err(_), _) => "rejected",
                    (Ok(_), Some("ok")) => {
                        breaker.succeeded(now, &settings);
                        "ok"
                    }
                    (Ok(permit), _) => {
                        breaker.failed(permit, Culprit::Backend, now, &settings, 0.0);
                        "failed"
                    }
                };
                let state = match breaker.state() {
                    State::Closed => "closed",
                    State::Open(_) => "open",
                    State::HalfOpen => "half_open",
                };
                json!([outcome, state])
            })
            .collect();
        assert_eq!(json!(trace), expected["trace"]);
    });
}

/// One call that ends as the case says: how many failures in a row the breaker has seen then.
#[test]
fn compat_breaker_counts() {
    each("breaker_counts", |input, expected| {
        let failures = in_time(async {
            let (backend, _clock, upstream) = upstream(BackendKind::OCI);
            upstream.configure(retries(0));
            answers(&backend, &input["upstream"]);
            let fetched = upstream.fetch(&address(BackendKind::OCI, "x"), TIME).await;
            drop(fetched);
            upstream.health()[0].consecutive_failures
        });
        assert_eq!(json!(failures > 0), expected["counts"]);
    });
}

#[test]
fn compat_retry_delay() {
    each("retry_delay", |input, expected| {
        let attempt = number(&input["attempt"]);
        let settings = backoff::BackoffSettings {
            max_retries: attempt + 1,
            base: Duration::from_secs_f64(input["base"].as_f64().unwrap()),
            jitter: input["jitter"].as_bool().unwrap(),
        };
        for (jitter, bound) in [(0.0, "min"), (1.0, "max")] {
            let pause = backoff::pause(&settings, attempt, None, jitter, Duration::MAX).unwrap();
            assert_eq!(json!(pause.as_secs_f64()), expected[bound], "{bound}");
        }
    });
}

/// Of the predecessor's exceptions two say more than that there was a failure.
#[test]
fn compat_retry_policy() {
    each("retry_policy", |input, expected| {
        let max_retries = number(&input["max_retries"]);
        let (calls, class) = in_time(async {
            let (backend, _clock, upstream) = upstream(BackendKind::OCI);
            upstream.configure(retries(max_retries));
            for _ in 0..=max_retries {
                answers(&backend, &input["status"]);
            }
            let fetched = upstream.fetch(&address(BackendKind::OCI, "x"), TIME).await;
            (backend.calls(), fetched.map(drop).unwrap_err().class())
        });
        assert_eq!(json!(calls), expected["calls"]);
        match expected["error"].as_str() {
            Some("AuthenticationError") => assert_eq!(class, Class::Credentials),
            Some("PermissionDeniedError") => assert_eq!(class, Class::Answer),
            _ => {}
        }
    });
}

fn retries(max_retries: u32) -> ResilienceSettings {
    let retry = backoff::BackoffSettings {
        max_retries,
        ..backoff::BackoffSettings::default()
    };
    ResilienceSettings {
        retry,
        ..ResilienceSettings::default()
    }
}
