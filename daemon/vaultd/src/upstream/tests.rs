//! Outages are retried, answers taken, and an open breaker is respected.

use futures_util::future::join_all;

use super::*;
use crate::clock::ScriptedClock;
use crate::scripted::{ScriptedBackend, address, answer, broken, outage, unsent};
use vault_backends::error::{BackendError, Class};

const TIME: Duration = Duration::from_secs(10);

fn upstream(kind: BackendKind) -> (Arc<ScriptedBackend>, Arc<ScriptedClock>, Upstream) {
    let (backend, clock) = (
        ScriptedBackend::new(kind),
        Arc::new(ScriptedClock::flowing()),
    );
    let backends: Backends = [Arc::clone(&backend) as Arc<dyn Backend>]
        .into_iter()
        .collect();
    let upstream = Upstream::new(backends, Arc::clone(&clock) as Arc<dyn Clock>);
    (backend, clock, upstream)
}

async fn fetch(upstream: &Upstream, kind: BackendKind) -> Result<String, &'static str> {
    let fetched = upstream.fetch(&address(kind, "x"), TIME).await;
    fetched
        .map(|(fetched, _)| fetched.version)
        .map_err(|error| error.kind())
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_retried_and_an_answer_is_not() {
    let (backend, _clock, upstream) = upstream(BackendKind::OCI);
    backend.then(outage()).then(outage()).then_value("v");
    assert_eq!(fetch(&upstream, BackendKind::OCI).await, Ok("1".to_owned()));
    assert_eq!(backend.calls(), 3);
    backend.then(answer()).then_value("v");
    assert_eq!(fetch(&upstream, BackendKind::OCI).await, Err("not_found"));
    assert_eq!(backend.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_breaker_opens_and_then_nothing_is_asked_until_a_probe_is_due() {
    let (backend, clock, upstream) = upstream(BackendKind::OCI);
    for _ in 0..20 {
        backend.then(outage());
    }
    let mut last = Ok(String::new());
    for _ in 0..4 {
        last = fetch(&upstream, BackendKind::OCI).await;
    }
    assert_eq!(last, Err("breaker_open"));
    let calls = backend.calls();
    assert!((5..=8).contains(&calls), "{calls}");
    clock.advance(Duration::from_secs(70));
    assert_eq!(fetch(&upstream, BackendKind::OCI).await, Err("outage"));
    assert_eq!(backend.calls(), calls + 1, "a probe is not retried");
    assert!(matches!(
        upstream.health()[0].breaker,
        breaker::State::Open(_)
    ));
    assert_eq!(upstream.reset(|_| true), 1);
    assert_eq!(upstream.health()[0].breaker, breaker::State::Closed);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_other_calls_says_nothing_of_the_backend() {
    let (backend, _clock, upstream) = upstream(BackendKind::OCI);
    backend.gate.forget_permits(10_000);
    for _ in 0..backend_state::CALLS_AT_ONCE {
        backend.then_value("v");
    }
    let slow =
        join_all((0..backend_state::CALLS_AT_ONCE).map(|_| fetch(&upstream, BackendKind::OCI)));
    let others = async {
        while backend.calls() < 5 {
            tokio::task::yield_now().await;
        }
        let others = join_all((0..20).map(|_| fetch(&upstream, BackendKind::OCI))).await;
        assert_eq!(others, vec![Err("busy"); 20]);
        backend.gate.add_permits(backend_state::CALLS_AT_ONCE);
    };
    let (slow, ()) = tokio::join!(slow, others);
    assert_eq!(slow, vec![Ok("1".to_owned()); backend_state::CALLS_AT_ONCE]);
    let health = &upstream.health()[0];
    assert_eq!(
        (health.counts.failures, health.breaker),
        (0, breaker::State::Closed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_opens_while_a_call_waits_stops_it() {
    let (backend, _clock, upstream) = upstream(BackendKind::OCI);
    backend.gate.forget_permits(10_000);
    for _ in 0..backend_state::CALLS_AT_ONCE {
        backend.then(outage());
    }
    let all = join_all((0..20).map(|_| fetch(&upstream, BackendKind::OCI)));
    let release = async {
        while backend.calls() < 5 {
            tokio::task::yield_now().await;
        }
        backend.gate.add_permits(backend_state::CALLS_AT_ONCE);
    };
    let (all, ()) = tokio::join!(all, release);
    assert_eq!(all, vec![Err("breaker_open"); 20]);
    assert_eq!(backend.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn no_call_is_made_without_a_fair_time_for_it() {
    let (backend, _clock, upstream) = upstream(BackendKind::OCI);
    backend.then(outage().retry_after(Duration::from_millis(9_500)));
    assert_eq!(fetch(&upstream, BackendKind::OCI).await, Err("outage"));
    assert_eq!(backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_local_store_is_asked_once_and_has_no_breaker() {
    let (backend, _clock, upstream) = upstream(BackendKind::LOCAL);
    for _ in 0..10 {
        backend.then(outage());
    }
    for _ in 0..10 {
        assert_eq!(fetch(&upstream, BackendKind::LOCAL).await, Err("outage"));
    }
    assert_eq!(backend.calls(), 10);
    assert_eq!(
        upstream.health()[0].last_error,
        "the scripted backend is out"
    );
    backend.then_value("v");
    assert!(fetch(&upstream, BackendKind::LOCAL).await.is_ok());
    assert_eq!(upstream.health()[0].last_error, "");
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_hangs_meets_the_deadline() {
    let (backend, _clock, upstream) = upstream(BackendKind::LOCAL);
    backend.then_hang();
    assert_eq!(fetch(&upstream, BackendKind::LOCAL).await, Err("deadline"));
    assert_eq!(
        upstream.health()[0].counts.failures,
        1,
        "it counts as an outage"
    );
}

#[tokio::test]
async fn a_kind_without_a_backend_is_said_so() {
    let (_backend, _clock, upstream) = upstream(BackendKind::LOCAL);
    assert_eq!(fetch(&upstream, BackendKind::OCI).await, Err("no_backend"));
    assert!(
        upstream
            .writable(&address(BackendKind::LOCAL, "x"))
            .is_err(),
        "the scripted one is read only"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_is_remembered_and_counted() {
    let (backend, clock, upstream) = upstream(BackendKind::OCI);
    backend
        .then(outage().of_request("r-1"))
        .then_value("v")
        .then(answer());
    assert!(fetch(&upstream, BackendKind::OCI).await.is_ok());
    clock.advance(Duration::from_secs(7));
    assert_eq!(fetch(&upstream, BackendKind::OCI).await, Err("not_found"));
    let attempts = upstream.attempts(&address(BackendKind::OCI, "x"));
    let outcomes: Vec<_> = attempts
        .iter()
        .map(|attempt| match &attempt.outcome {
            Ok(version) => (version.as_str(), None),
            Err(failure) => (failure.kind, failure.request_id.as_deref()),
        })
        .collect();
    assert_eq!(
        outcomes,
        [("not_found", None), ("1", None), ("outage", Some("r-1"))]
    );
    let apart = attempts[0].began.since(attempts[1].began);
    assert_eq!(apart, Duration::from_secs(7));
    let counts = &upstream.health()[0].counts;
    let counted = [
        counts.calls,
        counts.fetched,
        counts.failures,
        counts.retries,
    ];
    assert_eq!(counted, [3, 1, 1, 1]);
    assert_eq!((counts.took.count, counts.opens), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn each_opening_of_the_breaker_is_counted_once() {
    let (backend, clock, upstream) = upstream(BackendKind::OCI);
    for _ in 0..6 {
        backend.then(outage());
    }
    for _ in 0..2 {
        assert!(fetch(&upstream, BackendKind::OCI).await.is_err());
    }
    clock.advance(Duration::from_secs(70));
    assert_eq!(fetch(&upstream, BackendKind::OCI).await, Err("outage"));
    assert_eq!(upstream.health()[0].counts.opens, 1);
}

/// Without repetitions, so that each fetch is a call.
fn without_retries(upstream: &Upstream) {
    let mut settings = ResilienceSettings::default();
    settings.retry.max_retries = 0;
    upstream.configure(settings);
}

async fn named(upstream: &Upstream, name: &str) -> Result<String, &'static str> {
    let fetched = upstream.fetch(&address(BackendKind::OCI, name), TIME).await;
    fetched
        .map(|(fetched, _)| fetched.version)
        .map_err(|error| error.kind())
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_leaves_the_breaker_open_and_the_status_bad() {
    for class in [
        Class::Request,
        Class::Credentials,
        Class::Outage,
        Class::Answer,
    ] {
        let (backend, clock, upstream) = upstream(BackendKind::OCI);
        without_retries(&upstream);
        for _ in 0..5 {
            backend.then(outage());
            assert!(named(&upstream, "x").await.is_err());
        }
        clock.advance(Duration::from_secs(70));
        for _ in 0..2 {
            backend.then(unsent(class));
            assert_eq!(named(&upstream, "x").await, Err("unsent"));
        }
        let health = &upstream.health()[0];
        assert!(
            matches!(health.breaker, breaker::State::Open(_)),
            "{class:?}"
        );
        assert_eq!(health.consecutive_failures, 5);
        assert_eq!(health.last_error, "a file cannot be read");
        backend.then_value("v");
        assert!(named(&upstream, "x").await.is_ok(), "its turn is left");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_one_caller_was_asked_for_is_kept_by_all_until_it_is_over() {
    let (backend, clock, upstream) = upstream(BackendKind::OCI);
    backend.then(broken().retry_after(Duration::from_secs(30)));
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut ends = Vec::new();
    for name in names {
        ends.push(named(&upstream, name).await.unwrap_err());
    }
    assert_eq!(
        ends,
        [
            "server_error",
            "paused",
            "paused",
            "paused",
            "paused",
            "paused"
        ]
    );
    assert_eq!(backend.calls(), 1);
    let error = upstream.fetch(&address(BackendKind::OCI, "a"), TIME).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "not asked: oci has asked for a pause of 30 s more; last: the server is broken"
    );
    clock.advance(Duration::from_secs(30));
    backend.then_value("v");
    assert!(named(&upstream, "a").await.is_ok());
    backend.then(broken().retry_after(Duration::from_secs(30)));
    assert!(named(&upstream, "a").await.is_err());
    assert_eq!(upstream.reset(|_| true), 1, "a person knows better");
    backend.then_value("v");
    assert!(named(&upstream, "a").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_fails_all_the_time_keeps_nobody_from_another() {
    for failure in [broken, || broken().about_one_secret()] {
        let (backend, clock, upstream) = upstream(BackendKind::OCI);
        without_retries(&upstream);
        backend.then_value("v");
        assert!(named(&upstream, "held").await.is_ok());
        let (mut made, mut refused) = (0, 0);
        for _ in 0..54 {
            clock.advance(Duration::from_secs(5));
            let before = backend.calls();
            backend.then(failure());
            match named(&upstream, "troubled").await.unwrap_err() {
                "secret_backoff" => refused += 1,
                word => assert_eq!(word, "server_error"),
            }
            made += backend.calls() - before;
            // What was not asked for is still in the script.
            while backend.skip() {}
            backend.then_value("v");
            assert!(named(&upstream, "cold").await.is_ok());
        }
        assert!((5..=9).contains(&made) && refused > 40, "{made} {refused}");
        assert_eq!(upstream.health()[0].counts.opens, 0);
        assert!(
            upstream.notices_of_secrets()[0]
                .1
                .starts_with("oci-vault://troubled fails while")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_makes_something_new_is_made_once_unless_it_was_never_sent() {
    let (backend, _clock, upstream) = upstream(BackendKind::OCI);
    backend
        .creates
        .store(true, std::sync::atomic::Ordering::SeqCst);
    for failure in [outage(), broken()] {
        let kind = failure.kind();
        let before = backend.calls();
        backend.then(failure);
        assert_eq!(named(&upstream, "x").await, Err(kind));
        assert_eq!(backend.calls(), before + 1);
    }
    backend.then(unsent(Class::Outage)).then_value("v");
    assert!(named(&upstream, "x").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_silent_vault_is_probed_by_one_call_at_a_time() {
    let (backend, clock, upstream) = upstream(BackendKind::OCI);
    let mut settings = ResilienceSettings::default();
    settings.breaker.recovery = Duration::from_secs(5);
    upstream.configure(settings);
    let upstream = Arc::new(upstream);
    for _ in 0..5 {
        backend.then_hang();
    }
    let all = (0..5).map(|n| n.to_string());
    join_all(all.map(|name| {
        let upstream = Arc::clone(&upstream);
        async move { named(&upstream, &name).await }
    }))
    .await;
    assert!(matches!(
        upstream.health()[0].breaker,
        breaker::State::Open(_)
    ));
    let _ = clock;
    for second in 0..30 {
        backend.then_hang();
        let upstream = Arc::clone(&upstream);
        tokio::spawn(async move { named(&upstream, &format!("p{second}")).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!((7..=8).contains(&backend.calls()), "{}", backend.calls());
}

#[tokio::test(start_paused = true)]
async fn silence_is_said_with_what_was_asked_and_what_to_do() {
    let (backend, _clock, upstream) = upstream(BackendKind::OCI);
    backend.then_hang();
    let error = upstream.fetch(&address(BackendKind::OCI, "x"), TIME).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "read oci-vault://x: no answer within 10 s; see whether its network is there \
         (`vaultctl doctor` looks), and try again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_that_cannot_be_asked_for_is_no_state_of_the_backend() {
    let (_backend, _clock, upstream) = upstream(BackendKind::OCI);
    let change = |class| async move {
        let error = BackendError::not_sent(class, "refused", "this cannot be stored");
        Err::<(), _>(error)
    };
    let address = address(BackendKind::OCI, "x");
    let once = |class| upstream.once(&address, change(class));
    once(Class::Request).await.unwrap_err();
    assert_eq!(upstream.health()[0].last_error, "", "its caller's mistake");
    once(Class::Credentials).await.unwrap_err();
    assert_eq!(upstream.health()[0].last_error, "this cannot be stored");
    // And the last failure stays what it was.
    once(Class::Request).await.unwrap_err();
    assert_eq!(upstream.health()[0].last_error, "this cannot be stored");
}
