//! A fresh value is served, a stale one bounded, and one fetch is enough.

mod forgetting;
mod random;

use super::*;
use crate::clock::ScriptedClock;
use crate::scripted::{ScriptedBackend, address, answer, outage, request, unsent};
use vault_backends::address::BackendKind;
use vault_backends::reading::Backend;

const TIME: Duration = Duration::from_secs(8);
const FRESHNESS: Freshness = Freshness {
    ttl: Duration::from_secs(100),
    max_stale: Duration::from_secs(1000),
    stale_fallback: true,
    refresh_ahead: freshness::Ahead::Never,
};

impl Cache {
    /// One over this backend alone, and the way to it.
    pub(crate) fn over<B: Backend + 'static>(
        backend: &Arc<B>,
        clock: &Arc<ScriptedClock>,
    ) -> (Arc<Upstream>, Arc<Self>) {
        let backends = [Arc::clone(backend) as Arc<dyn Backend>];
        let clock = Arc::clone(clock) as Arc<dyn Clock>;
        let upstream = Upstream::new(backends.into_iter().collect(), Arc::clone(&clock));
        let upstream = Arc::new(upstream);
        let cache = Self::new(Arc::clone(&upstream), clock);
        (upstream, cache)
    }
}

struct Room {
    backend: Arc<ScriptedBackend>,
    clock: Arc<ScriptedClock>,
    cache: Arc<Cache>,
}

impl Room {
    fn new() -> Self {
        let backend = ScriptedBackend::new(BackendKind::LOCAL);
        let clock = Arc::new(ScriptedClock::default());
        let (_, cache) = Cache::over(&backend, &clock);
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
            &address(BackendKind::LOCAL, "x"),
            "local://x",
            &FRESHNESS,
            TIME,
        )
        .await;
    let served = served.map_err(|error| error.kind())?;
    let text = |bytes: &mut [u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ok((
        served.secret().unwrap().expose_secret(text).unwrap(),
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
async fn what_the_machine_slept_over_is_asked_for_again() {
    let room = Room::new();
    room.backend.then_value("old").then_value("new");
    room.backend.gate.forget_permits(10_000);
    let sleep = async {
        tokio::task::yield_now().await;
        room.advance(5000);
        room.backend.gate.add_permits(2);
    };
    let (got, ()) = tokio::join!(room.get(), sleep);
    assert_eq!(got, Ok(("new".to_owned(), false)));
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
async fn the_way_of_an_answer_counts_as_age() {
    let room = Room::new();
    room.backend.gate.forget_permits(10_000);
    room.backend.then_value("v").then_value("w");
    let cache = Arc::clone(&room.cache);
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() == 0 {
        tokio::task::yield_now().await;
    }
    // The machine sleeps.
    room.advance(60);
    room.backend.gate.add_permits(2);
    assert_eq!(caller.await.unwrap(), fresh("v"));
    room.advance(40);
    assert_eq!(room.get().await, fresh("w"));
}

#[tokio::test]
async fn an_answer_that_the_machine_slept_through_is_asked_for_again() {
    let room = Room::new();
    room.backend.gate.forget_permits(10_000);
    room.backend.then_value("of yesterday").then_value("v");
    let cache = Arc::clone(&room.cache);
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() == 0 {
        tokio::task::yield_now().await;
    }
    room.advance(100_000);
    room.backend.gate.add_permits(2);
    assert_eq!(caller.await.unwrap(), fresh("v"));
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

/// By what the store does after somebody else has changed it.
#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_changed_is_asked_again_before_it_is_used() {
    let doubted = async || {
        let room = Room::new();
        room.backend.then_value("old");
        assert_eq!(room.get().await, fresh("old"));
        room.cache.doubt(BackendKind::OCI);
        assert_eq!(room.get().await, fresh("old"), "another kind");
        room.cache.doubt(BackendKind::LOCAL);
        room
    };
    let room = doubted().await;
    room.backend.then_value("new");
    assert_eq!(room.get().await, fresh("new"));
    assert_eq!(room.get().await, fresh("new"), "once");
    let room = doubted().await;
    room.backend.then(answer());
    assert_eq!(room.get().await, Err("not_found"));
    room.cache.doubt(BackendKind::LOCAL);
    room.backend.then_value("new");
    assert_eq!(room.get().await, fresh("new"), "a no is asked again, too");
    let room = doubted().await;
    room.backend.then(outage());
    assert_eq!(room.get().await, stale("old"), "it cannot be read");
    let room = doubted().await;
    room.backend.then_hang();
    assert_eq!(room.get().await, Err("deadline"), "the old is no answer");
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
    room.advance(5);
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
async fn refresh_asks_whatever_is_held_and_a_failure_leaves_it() {
    let room = Room::new();
    room.backend.then_value("v").then_value("w").then(outage());
    assert_eq!(room.get().await, fresh("v"));
    let address = address(BackendKind::LOCAL, "x");
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
async fn refresh_does_not_take_what_was_asked_for_before_it() {
    let room = Room::new();
    room.backend.gate.forget_permits(10_000);
    room.backend.then_value("before").then_value("after");
    let cache = Arc::clone(&room.cache);
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let address = address(BackendKind::LOCAL, "x");
    let refresh = room.cache.refresh(&address, "local://x", TIME);
    let release = async { room.backend.gate.add_permits(2) };
    let (refreshed, ()) = tokio::join!(refresh, release);
    assert!(refreshed.is_ok());
    assert_eq!(caller.await.unwrap(), fresh("before"));
    assert_eq!(room.get().await, fresh("after"));
}

#[tokio::test]
async fn callers_that_go_away_do_not_leave_any_number_of_fetches() {
    let room = Room::new();
    room.backend.gate.forget_permits(10_000);
    for number in 0..600 {
        let name = format!("n{number}");
        let address = address(BackendKind::LOCAL, &name);
        let gone = room.cache.refresh(&address, &name, Duration::ZERO);
        assert!(gone.await.is_err());
    }
    assert_eq!(room.get().await, Err("busy"));
    for _ in 0..600 {
        room.backend.then_value("v");
    }
    room.backend.gate.add_permits(600);
    while room.get().await != fresh("v") {
        tokio::task::yield_now().await;
    }
    assert_eq!(room.backend.calls(), 512 + 1);
}

#[tokio::test]
async fn a_backend_that_panics_is_an_error_and_is_asked_again() {
    let room = Room::new();
    room.backend.then_panic().then_value("v");
    assert_eq!(room.get().await, Err("internal"));
    assert_eq!(room.get().await, fresh("v"));
}

#[tokio::test(start_paused = true)]
async fn a_hurried_caller_does_not_spoil_the_fetch_for_a_patient_one() {
    let room = Room::new();
    room.backend.gate.forget_permits(10_000);
    room.backend.then_value("v");
    let address = address(BackendKind::LOCAL, "x");
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
    let address = address(BackendKind::LOCAL, "x");
    let look = room.cache.look(&address, "local://x", &FRESHNESS);
    assert!(matches!(look, Offer::Nothing));
    // Between this caller's look and its boarding, another one's flight lands.
    assert_eq!(room.get().await, fresh("v"));
    let held = room.cache.fetch(&address, "local://x", Some(&FRESHNESS));
    let held = held.await;
    assert_eq!(held.unwrap().bundle.version, "1");
    assert_eq!(room.backend.calls(), 1);
}

#[tokio::test]
async fn values_are_counted_by_state() {
    let room = Room::new();
    room.backend.then_value("v").then_value("w").then(answer());
    let others = ["y", "z"].map(|name| address(BackendKind::LOCAL, name));
    let get = |address| room.cache.get(address, "local://y", &FRESHNESS, TIME);
    drop(get(&others[0]).await);
    room.advance(100);
    assert_eq!(room.get().await, fresh("w"));
    drop(get(&others[1]).await);
    let census = |cache: &Cache| census::Census::of(&cache.entries(), &FRESHNESS);
    let expected = census::Census {
        fresh: 1,
        stale: 1,
        expired: 0,
        negative: 1,
        oldest_stale: Some(Duration::from_secs(100)),
    };
    assert_eq!(census(&room.cache), expected);
    room.advance(900);
    let expected = census::Census {
        stale: 1,
        expired: 1,
        oldest_stale: Some(Duration::from_mins(15)),
        ..census::Census::default()
    };
    assert_eq!(census(&room.cache), expected);
    assert_eq!(room.cache.counters.hits.look().count, 0);
    assert_eq!(room.cache.counters.misses.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_stale_value_is_served_where_the_question_was_never_sent() {
    for class in [
        Class::Request,
        Class::Answer,
        Class::Credentials,
        Class::Outage,
    ] {
        let room = Room::new();
        room.backend.then_value("v").then(unsent(class));
        assert_eq!(room.get().await, fresh("v"));
        room.advance(101);
        assert_eq!(room.get().await, stale("v"), "{class:?}");
        let entry = &room.cache.entries()[0];
        let why = entry.known.as_ref().unwrap().2.as_deref();
        assert_eq!(why, Some("a file cannot be read"));
        room.advance(900);
        room.backend.then(unsent(class));
        assert_eq!(room.get().await, Err("unsent"), "but not past its bound");
    }
}

#[tokio::test]
async fn refreshes_leave_room_for_callers() {
    let room = Room::new();
    room.backend.gate.forget_permits(10_000);
    let refresh = |number: usize| {
        let cache = Arc::clone(&room.cache);
        room.backend.then_value("v");
        async move {
            let address = address(BackendKind::LOCAL, &number.to_string());
            cache.refresh(&address, "local://n", TIME).await.is_ok()
        }
    };
    let refreshes: Vec<_> = (0..100).map(|n| tokio::spawn(refresh(n))).collect();
    while room.backend.calls() < 3 {
        tokio::task::yield_now().await;
    }
    let cache = Arc::clone(&room.cache);
    room.backend.then_value("v");
    let caller = tokio::spawn(async move { get(&cache).await });
    while room.backend.calls() < 4 {
        tokio::task::yield_now().await;
    }
    // The caller is the fourth, though a hundred came before it.
    room.backend.gate.add_permits(101);
    assert_eq!(caller.await.unwrap(), fresh("v"));
    for refresh in refreshes {
        assert!(refresh.await.unwrap());
    }
}

#[tokio::test]
async fn what_is_made_anew_is_neither_refreshed_nor_renewed() {
    let room = Room::new();
    room.backend.creates.store(true, Ordering::SeqCst);
    room.backend.then_value("v");
    let address = address(BackendKind::LOCAL, "x");
    let (one, other) = tokio::join!(room.get(), room.get());
    assert_eq!((one, other), (fresh("v"), fresh("v")), "both by one fetch");
    let refreshed = room.cache.refresh(&address, "local://x", TIME).await;
    assert_eq!(refreshed.unwrap_err().kind(), "unsupported");
    let renewed = room.cache.renew(&address, "local://x", FRESHNESS).await;
    assert!(matches!(renewed, Renewal::Done(Err(_))));
    assert_eq!(room.backend.calls(), 1);
}

#[test]
fn only_the_vaults_own_word_is_not_covered_up() {
    use Class::{Answer, Credentials, Outage, Request};
    use Contact::{NoReply, NotSent, Replied};
    for (class, contact, may) in [
        (Answer, Replied, false),
        (Request, Replied, false),
        (Outage, Replied, true),
        (Credentials, Replied, true),
        (Answer, NotSent, true),
        (Request, NotSent, true),
        (Outage, NotSent, true),
        (Credentials, NotSent, true),
        (Request, NoReply, true),
        (Outage, NoReply, true),
    ] {
        let served = may_serve_stale(class, contact);
        assert_eq!(served, may, "{class:?} {contact:?}");
    }
}
