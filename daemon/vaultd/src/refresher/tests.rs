//! Is what services need at hand before they ask, and is a backend that is out left in peace?

use std::time::Duration;

use super::*;
use crate::cache::freshness::{Ahead, Freshness};
use crate::clock::ScriptedClock;
use crate::scripted::{Condition, SwitchableBackend, address};
use vault_backends::address::{BackendKind, VersionSelector};

const FRESHNESS: Freshness = Freshness {
    ttl: Duration::from_hours(1),
    max_stale: Duration::from_hours(24),
    stale_fallback: true,
    refresh_ahead: Ahead::AtThousandths(750),
};

struct Room {
    backend: Arc<SwitchableBackend>,
    clock: Arc<ScriptedClock>,
    upstream: Arc<Upstream>,
    cache: Arc<Cache>,
    refresher: Arc<Refresher>,
}

fn item(name: &str, freshness: Freshness) -> Item {
    Item {
        address: address(BackendKind::OCI, name),
        reference: format!("oci-vault://{name}"),
        freshness,
        is_remote: true,
    }
}

fn plan(count: usize, freshness: Freshness) -> Plan {
    let items = (0..count).map(|number| item(&format!("n{number}"), freshness));
    Plan {
        items: items.collect(),
        start: Start::Session,
    }
}

impl Room {
    /// A daemon that has just started.
    fn with(plan: Plan, takes: Duration) -> Self {
        let backend = SwitchableBackend::new(BackendKind::OCI, takes);
        let clock = Arc::new(ScriptedClock::flowing());
        let (upstream, cache) = Cache::over(&backend, &clock);
        let refresher = Refresher::new(
            Arc::clone(&cache),
            Arc::clone(&upstream),
            Arc::clone(&clock) as Arc<dyn Clock>,
            plan,
            7,
        );
        tokio::spawn(Arc::clone(&refresher).run());
        Self {
            backend,
            clock,
            upstream,
            cache,
            refresher,
        }
    }

    fn of(count: usize) -> Self {
        Self::with(plan(count, FRESHNESS), Duration::from_millis(200))
    }

    async fn get(&self, name: &str) -> Result<bool, &'static str> {
        let address = address(BackendKind::OCI, name);
        let time = Duration::from_secs(8);
        let served = self.cache.get(&address, name, &FRESHNESS, time).await;
        served
            .map(|served| served.stale.is_some())
            .map_err(|error| error.kind())
    }

    /// The ages of all values that are held.
    fn ages(&self) -> Vec<Duration> {
        let entries = self.cache.entries().into_iter();
        entries
            .filter_map(|entry| entry.known.ok())
            .map(|(_, age, _)| age)
            .collect()
    }

    async fn all_are_younger_than(&self, count: usize, age: Duration) {
        while self.ages().iter().filter(|held| **held < age).count() < count {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn configured_secrets_are_at_hand_before_anybody_asks() {
    let room = Room::of(20);
    pass(Duration::from_secs(12)).await;
    assert_eq!(room.ages().len(), 20);
    let wanted = |entry: &crate::cache::CacheEntry| entry.wanted == Some(FRESHNESS);
    assert!(room.cache.entries().iter().all(wanted), "and said so");
    for number in 0..20 {
        assert_eq!(room.get(&format!("n{number}")).await, Ok(false));
    }
    assert_eq!(room.backend.calls(), 20, "each launch is a hit");
}

#[tokio::test(start_paused = true)]
async fn they_stay_fresh_for_days_and_no_more_than_four_are_asked_for_at_once() {
    let room = Room::of(20);
    pass(MINUTE).await;
    for _ in 0..48 * 60 {
        pass(MINUTE).await;
        assert!(
            room.ages().iter().all(|age| *age < HOUR),
            "{:?}",
            room.ages()
        );
    }
    assert_eq!(room.ages().len(), 20);
    let (to_one, to_all) = room.backend.most();
    assert!(to_one == 1 && to_all <= schedule::AT_ONCE, "{to_all}");
    let calls = room.backend.calls();
    assert!((20 * 48..20 * 48 * 60 / 35).contains(&calls), "{calls}");
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_is_renewed_for_a_day() {
    let room = Room::of(0);
    assert_eq!(room.get("x").await, Ok(false));
    pass(HOUR * 24).await;
    let calls = room.backend.calls();
    // Every 39 to 51 minutes, whatever this host draws.
    assert!((28..=37).contains(&calls), "{calls}");
    pass(HOUR * 24).await;
    assert!(room.backend.calls() <= calls + 1, "nobody wants it");
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_half_an_hour_costs_forty_calls_and_all_is_fresh_soon_after() {
    let short = Freshness {
        ttl: Duration::from_mins(5),
        ..FRESHNESS
    };
    for takes in [Duration::from_millis(200), Duration::from_secs(1)] {
        let room = Room::with(plan(50, short), takes);
        pass(MINUTE * 10).await;
        room.backend.set_condition(Condition::Down);
        for _ in 0..30 {
            pass(MINUTE).await;
            assert_eq!(room.ages().len(), 50, "all may be served");
        }
        room.backend.set_condition(Condition::Up);
        let back = room.clock.now();
        assert!(room.backend.failed() <= 40, "{}", room.backend.failed());
        room.all_are_younger_than(50, short.ttl).await;
        let took = room.clock.now().since(back);
        assert!(took <= Duration::from_secs(90), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_does_not_answer_is_left_in_peace_as_well() {
    let short = Freshness {
        ttl: Duration::from_mins(5),
        ..FRESHNESS
    };
    let room = Room::with(plan(50, short), Duration::from_millis(200));
    pass(MINUTE * 10).await;
    room.backend.set_condition(Condition::Hanging);
    let calls = room.backend.calls();
    pass(MINUTE * 30).await;
    let failed = room.backend.calls() - calls;
    assert!(failed <= 40, "{failed}");
    room.backend.set_condition(Condition::Up);
    let back = room.clock.now();
    room.all_are_younger_than(50, short.ttl).await;
    let took = room.clock.now().since(back);
    assert!(took <= Duration::from_secs(90), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_is_not_tried_with_every_secret() {
    let room = Room::of(50);
    pass(MINUTE).await;
    room.backend.set_condition(Condition::Refused);
    pass(HOUR * 2).await;
    let failed = room.backend.failed();
    assert!(failed <= 10 + 2 * 60, "{failed}");
    room.backend.set_condition(Condition::Up);
    room.all_are_younger_than(50, HOUR).await;
}

#[tokio::test(start_paused = true)]
async fn with_its_breaker_switched_off_a_backend_that_is_out_is_still_spared() {
    let room = Room::of(50);
    let mut settings = crate::upstream::ResilienceSettings::default();
    settings.breaker.threshold = 0;
    settings.retry.max_retries = 0;
    room.upstream.configure(settings);
    pass(MINUTE).await;
    room.backend.set_condition(Condition::Down);
    pass(HOUR + MINUTE * 30).await;
    let failed = room.backend.failed();
    assert!(failed <= 10 + 90, "{failed}");
}

#[tokio::test(start_paused = true)]
async fn after_the_machine_has_slept_the_stale_are_renewed_four_at_a_time() {
    let room = Room::of(50);
    pass(MINUTE).await;
    let calls = room.backend.calls();
    room.clock.advance(HOUR * 10);
    pass(Duration::from_secs(9)).await;
    assert_eq!(room.backend.calls(), calls, "the network comes back first");
    room.all_are_younger_than(50, HOUR).await;
    assert!(room.backend.most().1 <= schedule::AT_ONCE);
    assert_eq!(room.backend.calls(), calls + 50);
}

#[tokio::test(start_paused = true)]
async fn after_a_flush_nothing_comes_back_by_itself_before_it_is_due() {
    let room = Room::of(10);
    pass(MINUTE).await;
    assert_eq!(room.get("asked").await, Ok(false));
    assert_eq!(room.cache.flush(|_| true), 11);
    pass(MINUTE * 30).await;
    assert_eq!(room.ages().len(), 0);
    assert_eq!(room.get("n0").await, Ok(false));
    pass(MINUTE * 30).await;
    assert_eq!(room.ages().len(), 10, "configured and due");
}

#[tokio::test(start_paused = true)]
async fn a_flush_wins_over_a_renewal_under_way() {
    let room = Room::with(plan(1, FRESHNESS), Duration::from_secs(9));
    while room.backend.calls() == 0 {
        pass(Duration::from_millis(100)).await;
    }
    room.cache.flush(|_| true);
    pass(MINUTE * 20).await;
    assert_eq!((room.ages().len(), room.backend.calls()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_version_is_fetched_once_and_then_only_for_who_asks() {
    let mut pinned = item("n", FRESHNESS);
    pinned.address.version = VersionSelector::Version(3);
    let items = vec![pinned.clone()];
    let start = Start::Session;
    let room = Room::with(Plan { items, start }, Duration::ZERO);
    pass(HOUR * 10).await;
    assert_eq!(room.backend.calls(), 1);
    let time = Duration::from_secs(8);
    let got = room.cache.get(&pinned.address, "n", &FRESHNESS, time).await;
    assert!(got.unwrap().stale.is_none());
    assert_eq!(room.backend.calls(), 2, "past its ttl it is checked");
}

#[tokio::test(start_paused = true)]
async fn a_new_plan_counts_at_once_and_what_it_leaves_out_is_let_go() {
    let room = Room::of(3);
    pass(MINUTE).await;
    room.backend.asked();
    room.refresher.set_plan(Plan {
        items: vec![item("n0", FRESHNESS), item("new", FRESHNESS)],
        start: Start::Restart,
    });
    pass(MINUTE * 30).await;
    assert_eq!(room.backend.asked(), ["new"]);
    pass(HOUR * 3).await;
    let mut asked = room.backend.asked();
    asked.sort();
    asked.dedup();
    assert_eq!(asked, ["n0", "new"]);
}

#[tokio::test(start_paused = true)]
async fn a_reset_breaker_is_noticed_at_once() {
    let short = Freshness {
        ttl: Duration::from_mins(5),
        ..FRESHNESS
    };
    let room = Room::with(plan(10, short), Duration::ZERO);
    pass(MINUTE).await;
    room.backend.set_condition(Condition::Down);
    while room
        .upstream
        .closed_until(&Name::of(&item("n0", short).address))
        .is_none()
    {
        pass(Duration::from_secs(1)).await;
    }
    room.backend.set_condition(Condition::Up);
    pass(MINUTE / 2).await;
    let calls = room.backend.calls();
    assert_eq!(room.upstream.reset(|_| true), 1);
    pass(Duration::from_secs(16)).await;
    assert!(room.backend.calls() > calls);
}

#[tokio::test(start_paused = true)]
async fn a_no_that_nobody_waits_for_is_not_held_against_who_asks_first() {
    let room = Room::with(plan(1, FRESHNESS), Duration::ZERO);
    room.backend.set_condition(Condition::NotFound);
    pass(MINUTE / 4).await;
    assert_eq!(room.backend.calls(), 1);
    room.backend.set_condition(Condition::Up);
    assert_eq!(room.get("n0").await, Ok(false));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_gone_is_asked_for_less_and_less() {
    let room = Room::with(plan(1, FRESHNESS), Duration::ZERO);
    room.backend.set_condition(Condition::NotFound);
    pass(HOUR * 12).await;
    let calls = room.backend.calls();
    assert!((12..24).contains(&calls), "{calls}");
}

#[tokio::test(start_paused = true)]
async fn it_says_when_the_next_attempt_is() {
    let room = Room::of(1);
    let address = item("n0", FRESHNESS).address;
    pass(MINUTE).await;
    let next = room.refresher.next_attempt(&address).unwrap();
    let wait = next.since(room.clock.now());
    assert!((38 * MINUTE..51 * MINUTE).contains(&wait), "{wait:?}");
    let other = crate::scripted::address(BackendKind::OCI, "other");
    assert_eq!(room.refresher.next_attempt(&other), None);
}
