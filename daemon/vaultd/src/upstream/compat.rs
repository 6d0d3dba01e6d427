//! The contract on breakers and pauses between retries is kept.

use serde_json::{Value, json};

use super::breaker::{Breaker, Culprit, Precedence, State};
use super::*;
use crate::compat::each;

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
