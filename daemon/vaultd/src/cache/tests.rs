//! Is a fresh value served, a stale one bounded, a flush final, and one flight enough?

use super::*;
use crate::clock::ScriptedClock;
use crate::scripted::{ScriptedBackend, address, answer, outage, request};
use vault_backends::backend::{Backend, BackendKind};

const TIME: Duration = Duration::from_secs(8);
const FRESHNESS: Freshness = Freshness {
    ttl: Duration::from_secs(100),
    max_stale: Duration::from_secs(1000),
    stale_fallback: true,
};

struct Room {
    backend: Arc<ScriptedBackend>,
    clock: Arc<ScriptedClock>,
    cache: Arc<Cache>,
}

impl Room {
    fn new() -> Self {
        let backend = ScriptedBackend::new(BackendKind::Local);
        let clock = Arc::new(ScriptedClock::default());
        let backends = [Arc::clone(&backend) as Arc<dyn Backend>]
            .into_iter()
            .collect();
        let upstream = Upstream::new(backends, Arc::clone(&clock) as Arc<dyn Clock>);
        let cache = Cache::new(Arc::new(upstream), Arc::clone(&clock) as Arc<dyn Clock>);
        Self {
            backend,
            clock,
            cache,
        }
    }

    /// The value and whether it is stale, or the failure's word.
    async fn get(&self) -> Got {
        get(&self.cache).await
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

async fn get(cache: &Arc<Cache>) -> Got {
    let served = cache
        .get(
            &address(BackendKind::Local, "x"),
            "local://x",
            &FRESHNESS,
            TIME,
        )
        .await;
    let served = served.map_err(|error| error.kind())?;
    let text = |bytes: &mut [u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ok((
        served.held.secret.expose_secret(text).unwrap(),
        served.stale.is_some(),
    ))
}

/// A value and whether it is stale, or the failure's word.
type Got = Result<(String, bool), &'static str>;

#[expect(clippy::unnecessary_wraps, reason = "to compare with what was got")]
fn fresh(value: &str) -> Got {
    Ok((value.to_owned(), false))
}

#[expect(clippy::unnecessary_wraps, reason = "to compare with what was got")]
fn stale(value: &str) -> Got {
    Ok((value.to_owned(), true))
}

#[tokio::test]
async fn a_fresh_value_is_served_without_asking() {
    let room = Room::new();
    room.backend.then_value("v");
    assert_eq!(room.get().await, fresh("v"));
    room.advance(99);
    assert_eq!(room.get().await, fresh("v"));
    assert_eq!(room.backend.calls(), 1);
}

#[tokio::test]
async fn past_its_ttl_a_value_is_asked_for_again() {
    let room = Room::new();
    room.backend.then_value("old").then_value("new");
    assert_eq!(room.get().await, fresh("old"));
    room.advance(100);
    assert_eq!(room.get().await, fresh("new"));
}

#[tokio::test]
async fn a_stale_value_is_served_while_the_backend_is_out_and_never_past_its_bound() {
    let room = Room::new();
    room.backend
        .then_value("v")
        .then(outage())
        .then(outage())
        .then(outage());
    assert_eq!(room.get().await, fresh("v"));
    room.advance(100);
    assert_eq!(room.get().await, stale("v"));
    room.advance(899);
    assert_eq!(room.get().await, stale("v"));
    room.advance(1);
    assert_eq!(room.get().await, Err("outage"));
}

#[tokio::test(start_paused = true)]
async fn a_caller_with_a_stale_value_waits_a_second_for_a_slow_backend() {
    let room = Room::new();
    room.backend.then_value("v").then_hang();
    assert_eq!(room.get().await, fresh("v"));
    room.advance(100);
    let start = Instant::now();
    assert_eq!(room.get().await, stale("v"));
    assert_eq!(start.elapsed(), STALE_WAIT);
}

#[tokio::test]
async fn an_authoritative_no_ends_the_value_and_is_remembered_for_a_while() {
    let room = Room::new();
    room.backend
        .then_value("v")
        .then(answer())
        .then_value("again");
    assert_eq!(room.get().await, fresh("v"));
    room.advance(100);
    assert_eq!(room.get().await, Err("not_found"));
    assert_eq!(room.get().await, Err("not_found"));
    assert_eq!(room.backend.calls(), 2, "remembered");
    room.advance(NEGATIVE.as_secs());
    assert_eq!(room.get().await, fresh("again"));
}

#[tokio::test]
async fn a_wrong_request_is_an_error_and_leaves_the_value() {
    let room = Room::new();
    room.backend.then_value("v").then(request()).then(outage());
    assert_eq!(room.get().await, fresh("v"));
    room.advance(100);
    assert_eq!(room.get().await, Err("bad_request"));
    assert_eq!(room.get().await, stale("v"));
}

#[tokio::test]
async fn a_hundred_callers_at_once_make_one_call() {
    let room = Room::new();
    room.backend.then_value("v");
    let callers = (0..100).map(|_| room.get());
    for got in futures_util::future::join_all(callers).await {
        assert_eq!(got, fresh("v"));
    }
    assert_eq!(room.backend.calls(), 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_end_the_fetch() {
    let room = Room::new();
    room.backend.gate.forget_permits(10_000);
    room.backend.then_value("v");
    let cache = Arc::clone(&room.cache);
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() == 0 {
        tokio::task::yield_now().await;
    }
    caller.abort();
    assert!(caller.await.is_err());
    room.backend.gate.add_permits(1);
    assert_eq!(room.get().await, fresh("v"));
    assert_eq!(room.backend.calls(), 1);
}

#[tokio::test]
async fn a_flush_wins_over_a_fetch_under_way() {
    let room = Room::new();
    room.backend.gate.forget_permits(10_000);
    room.backend
        .then_value("before the flush")
        .then_value("after it");
    let cache = Arc::clone(&room.cache);
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() == 0 {
        tokio::task::yield_now().await;
    }
    room.cache.flush(|_| true);
    room.backend.gate.add_permits(2);
    assert_eq!(caller.await.unwrap(), fresh("after it"));
    assert_eq!(room.get().await, fresh("after it"));
    assert_eq!(room.backend.calls(), 2);
}

#[tokio::test]
async fn a_flush_leaves_fetches_of_other_addresses_alone() {
    let room = Room::new();
    room.backend.gate.forget_permits(10_000);
    room.backend.then_value("v");
    let cache = Arc::clone(&room.cache);
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() == 0 {
        tokio::task::yield_now().await;
    }
    room.cache.flush(|address| address.name == "other");
    room.backend.gate.add_permits(1);
    assert_eq!(caller.await.unwrap(), fresh("v"));
    assert_eq!(room.backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_fetch_that_a_flush_has_overtaken() {
    let room = Room::new();
    room.backend.then_hang().then_value("w");
    let cache = Arc::clone(&room.cache);
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let start = Instant::now();
    room.cache.flush(|_| true);
    assert_eq!(caller.await.unwrap(), fresh("w"));
    assert_eq!(start.elapsed(), Duration::ZERO);
    while room.cache.upstream.health()[0].failures == 0 {
        tokio::time::advance(FLIGHT).await;
    }
    assert_eq!(
        room.get().await,
        fresh("w"),
        "what lands late changes nothing"
    );
    assert!(room.cache.entries()[0].known.as_ref().unwrap().2.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_overtaken_fetch_that_lands_late_does_not_hide_the_one_under_way() {
    let room = Room::new();
    room.backend.gate.forget_permits(9_999);
    room.backend.then_hang().then_value("w");
    let cache = Arc::clone(&room.cache);
    let _caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.gate.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(FLIGHT / 2).await;
    room.cache.flush(|_| true);
    while room.cache.upstream.health()[0].failures == 0 {
        tokio::time::advance(FLIGHT / 8).await;
    }
    room.backend.gate.add_permits(1);
    assert_eq!(room.get().await, fresh("w"));
    assert_eq!(room.backend.calls(), 2);
}

#[tokio::test]
async fn a_flush_drops_the_value_itself_and_counts_it() {
    let room = Room::new();
    room.backend.then_value("v").then_value("w");
    let _lagging_behind = room.cache.changes();
    assert_eq!(room.get().await, fresh("v"));
    let held = room.cache.entries()[0]
        .known
        .as_ref()
        .map(|known| Arc::downgrade(&known.0))
        .unwrap();
    assert!(held.upgrade().is_some());
    assert_eq!(room.cache.flush(|address| address.name == "other"), 0);
    assert_eq!(room.cache.flush(|address| address.name == "x"), 1);
    assert!(
        held.upgrade().is_none(),
        "nothing points at the value any more"
    );
    assert!(room.cache.entries().is_empty());
    assert_eq!(room.get().await, fresh("w"));
}

#[tokio::test(start_paused = true)]
async fn a_value_flushed_while_a_caller_waits_is_not_served_as_stale() {
    let room = Room::new();
    room.backend.then_value("v").then_hang().then_hang();
    assert_eq!(room.get().await, fresh("v"));
    room.advance(100);
    let cache = Arc::clone(&room.cache);
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() == 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(room.cache.flush(|_| true), 1);
    assert_eq!(caller.await.unwrap(), Err("deadline"));
}

#[tokio::test]
async fn what_the_shelf_has_evicted_holds_no_value_and_is_not_listed() {
    let room = Room::new();
    for number in 0..CAPACITY * 2 {
        room.backend.then_value("v");
        let name = format!("n{number}");
        let address = address(BackendKind::Local, &name);
        room.cache
            .get(&address, &name, &FRESHNESS, TIME)
            .await
            .unwrap();
    }
    room.cache.shelf.run_pending_tasks();
    let entries = u64::try_from(room.cache.entries().len()).unwrap();
    assert!(entries <= CAPACITY + 64, "moka trims in batches: {entries}");
}

#[tokio::test]
async fn refresh_asks_whatever_is_held_and_a_failure_leaves_it() {
    let room = Room::new();
    room.backend.then_value("v").then_value("w").then(outage());
    assert_eq!(room.get().await, fresh("v"));
    let address = address(BackendKind::Local, "x");
    assert!(
        room.cache
            .refresh(&address, "local://x", TIME)
            .await
            .is_ok()
    );
    assert_eq!(room.get().await, fresh("w"));
    assert!(
        room.cache
            .refresh(&address, "local://x", TIME)
            .await
            .is_err()
    );
    assert_eq!(room.get().await, fresh("w"));
    assert!(
        room.cache.entries()[0].known.as_ref().unwrap().2.is_some(),
        "and says why"
    );
}

#[tokio::test]
async fn watchers_hear_of_values_and_flushes() {
    let room = Room::new();
    let mut changes = room.cache.changes();
    room.backend.then_value("v");
    assert_eq!(room.get().await, fresh("v"));
    room.cache.flush(|_| true);
    let change = changes.recv().await.unwrap();
    assert_eq!(change.reference, "local://x");
    assert!(matches!(change.now, Some(Ok(_))));
    assert!(changes.recv().await.unwrap().now.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_hurried_caller_does_not_spoil_the_fetch_for_a_patient_one() {
    let room = Room::new();
    room.backend.gate.forget_permits(10_000);
    room.backend.then_value("v");
    let address = address(BackendKind::Local, "x");
    let hurry = Duration::from_millis(1);
    let hurried = room.cache.get(&address, "local://x", &FRESHNESS, hurry);
    assert_eq!(hurried.await.unwrap_err().kind(), "deadline");
    room.backend.gate.add_permits(1);
    assert_eq!(room.get().await, fresh("v"));
    assert_eq!(room.backend.calls(), 1);
}

#[tokio::test]
async fn a_caller_that_looked_before_a_flight_landed_takes_what_it_brought() {
    let room = Room::new();
    room.backend.then_value("v");
    let address = address(BackendKind::Local, "x");
    let slot = room.cache.slot(&address, "local://x");
    assert!(matches!(room.cache.look(&slot, &FRESHNESS), Look::Nothing));
    // Between this caller's look and its boarding, another one's flight lands.
    assert_eq!(room.get().await, fresh("v"));
    let held = room.cache.fetch(&address, &slot, Some(&FRESHNESS)).await;
    assert_eq!(held.unwrap().version, "1");
    assert_eq!(room.backend.calls(), 1);
}
