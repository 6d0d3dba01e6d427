//! What comes of a failure with time: repetitions, remembered answers, ends, breakers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use vault_backends::address::VersionSelector;
use vault_backends::error::Class;
use vault_tests::oci::{Fault, Route, Times};
use vaultd::cache::Served;
use vaultd::upstream::UpstreamError;

use crate::fixture::{Fixture, LONG, NEW, Named, OLD, text};

/// [`OLD`], as it is shown.
const STALE: &str = "old-hunter2, stale";
/// For so long a no is remembered at most.
const NEGATIVE: Duration = Duration::from_secs(30);

fn says(status: u16) -> Fault {
    Fault::Status {
        status,
        code: "Planned".to_owned(),
        message: "The service's words.".to_owned(),
    }
}

impl Fixture {
    fn plain() -> Self {
        Self::new(Named::ById, VersionSelector::Current, 0, None)
    }

    /// A value is held that is past its time, and there is a newer one.
    async fn stale() -> Self {
        let fixture = Self::plain();
        fixture.hold().await;
        fixture.age();
        fixture.calls();
        fixture
    }

    fn fails(&self, status: u16, times: Times) {
        self.fake.fail(Route::GetSecretBundle, says(status), times);
    }
}

/// The value, and whether it is stale, or the word of the failure.
fn shown(got: &Result<Served, Arc<UpstreamError>>) -> String {
    match got {
        Ok(served) if served.stale.is_some() => format!("{}, stale", text(&served.held)),
        Ok(served) => text(&served.held),
        Err(error) => error.kind().to_owned(),
    }
}

#[tokio::test]
async fn what_may_pass_is_asked_again_and_nothing_else() {
    for (status, expected, calls) in [
        (503, NEW, 3),
        (500, NEW, 3),
        (429, NEW, 3),
        (409, NEW, 3),
        (404, "not_found", 1),
        (403, "not_allowed", 1),
        (401, STALE, 1),
        (400, "bad_request", 1),
    ] {
        let fixture = Fixture::stale().await;
        fixture.repeat(3);
        fixture.fails(status, Times::Next(2));
        assert_eq!(shown(&fixture.get(LONG).await), expected, "{status}");
        assert_eq!(fixture.calls(), calls, "{status}");
    }
}

#[tokio::test]
async fn each_repetition_is_signed_anew_and_has_an_id_of_its_own() {
    let fixture = Fixture::plain();
    fixture.repeat(2);
    fixture.fails(503, Times::Next(2));
    fixture.get(LONG).await.unwrap();
    let mut ids = fixture.fake.with(|world| {
        let seen = world.journal.seen().iter();
        let ids = seen.map(|seen| seen.headers["opc-request-id"].clone());
        ids.collect::<Vec<_>>()
    });
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_pause_that_was_asked_for_and_is_too_long_is_not_waited_for() {
    for (seconds, expected, calls) in [(3600, STALE, 1), (0, NEW, 2)] {
        let fixture = Fixture::stale().await;
        fixture.repeat(3);
        let fault = Fault::TooManyRequests {
            retry_after_seconds: Some(seconds),
        };
        fixture
            .fake
            .fail(Route::GetSecretBundle, fault, Times::Next(1));
        assert_eq!(shown(&fixture.get(LONG).await), expected, "{seconds}");
        assert_eq!(fixture.calls(), calls, "{seconds}");
    }
}

#[tokio::test]
async fn a_no_ends_what_is_held_and_is_remembered_for_a_while() {
    let fixture = Fixture::stale().await;
    fixture.fails(404, Times::Next(1));
    for calls in [1, 0] {
        assert_eq!(shown(&fixture.get(LONG).await), "not_found");
        assert_eq!(fixture.calls(), calls);
    }
    fixture.clock.advance(NEGATIVE);
    fixture.fails(503, Times::Next(1));
    // The old value is gone, whatever comes.
    assert_eq!(shown(&fixture.get(LONG).await), "service_unavailable");
    assert_eq!(shown(&fixture.get(LONG).await), NEW);
}

#[tokio::test]
async fn a_wrong_question_leaves_what_is_held() {
    let fixture = Fixture::stale().await;
    fixture.fails(400, Times::Next(1));
    fixture.fails(503, Times::Next(1));
    assert_eq!(shown(&fixture.get(LONG).await), "bad_request");
    assert_eq!(shown(&fixture.get(LONG).await), STALE);
    assert_eq!(fixture.calls(), 2);
}

#[tokio::test]
async fn nothing_is_stale_for_longer_than_a_day() {
    let fixture = Fixture::stale().await;
    fixture.fails(503, Times::Always);
    fixture.clock.advance(Duration::from_hours(22));
    assert_eq!(shown(&fixture.get(LONG).await), STALE);
    fixture.clock.advance(Duration::from_hours(1));
    assert_eq!(shown(&fixture.get(LONG).await), "service_unavailable");
}

#[tokio::test]
async fn a_version_that_ends_is_served_no_longer() {
    let fixture = Fixture::plain();
    fixture.fake.with(|world| {
        let ends = world.clock.now() + 600;
        let versions = world.secrets.secret(&fixture.id).versions.iter_mut();
        versions.for_each(|version| version.expiry = Some(ends));
    });
    fixture.hold().await;
    fixture.calls();
    fixture.fails(503, Times::Always);
    // Less what has passed since it was fetched.
    fixture.clock.advance(Duration::from_secs(500));
    assert_eq!(shown(&fixture.get(LONG).await), OLD);
    assert_eq!(fixture.calls(), 0);
    fixture.clock.advance(Duration::from_secs(101));
    assert_eq!(shown(&fixture.get(LONG).await), "service_unavailable");
    assert_eq!(fixture.calls(), 1);
}

#[tokio::test]
async fn a_service_that_stays_away_is_not_asked_for_a_while() {
    let fixture = Fixture::stale().await;
    fixture.fails(503, Times::Always);
    for _ in 0..5 {
        assert_eq!(shown(&fixture.get(LONG).await), STALE);
    }
    assert_eq!(fixture.calls(), 5);
    let served = fixture.get(LONG).await.unwrap();
    let why = served.stale.unwrap();
    assert_eq!(fixture.calls(), 0);
    for words in ["breaker of oci is open", "503 Planned", "ocistatus"] {
        assert!(why.contains(words), "{why}");
    }
    fixture.fake.heal();
    // A period, with the most it may be longer.
    fixture.clock.advance(Duration::from_secs(70));
    assert_eq!(shown(&fixture.get(LONG).await), NEW);
}

#[tokio::test]
async fn answers_and_refused_credentials_do_not_keep_others_from_asking() {
    for status in [400, 401, 403, 404] {
        let fixture = Fixture::plain();
        fixture.fails(status, Times::Next(10));
        for _ in 0..10 {
            fixture.clock.advance(NEGATIVE);
            let error = fixture.get(LONG).await.unwrap_err();
            assert_ne!(error.class(), Class::Outage, "{error}");
        }
        assert_eq!(fixture.calls(), 10, "{status}");
        fixture.clock.advance(NEGATIVE);
        assert_eq!(shown(&fixture.get(LONG).await), OLD);
    }
}

#[tokio::test]
async fn who_waits_too_long_gets_what_is_held_and_why() {
    let fixture = Fixture::stale().await;
    fixture
        .fake
        .fail(Route::GetSecretBundle, Fault::Hang, Times::Always);
    let served = fixture.get(Duration::from_millis(300)).await.unwrap();
    assert_eq!(text(&served.held), OLD);
    assert!(served.stale.unwrap().contains("slow to answer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_ask_at_once_wait_for_one_call() {
    let fixture = Fixture::plain();
    let fault = Fault::Latency(Duration::from_millis(300));
    fixture
        .fake
        .fail(Route::GetSecretBundle, fault, Times::Next(1));
    let all = join_all((0..20).map(|_| fixture.get(LONG))).await;
    assert!(all.iter().all(|got| shown(got) == OLD));
    assert_eq!(fixture.calls(), 1);
}
