//! Whatever callers, flushes, renewals and the backend do, in whatever order: is nothing served that
//! must not be?

use std::sync::Mutex;

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::cache::freshness::Ahead;
use crate::cache::freshness::Verdict;
use crate::scripted::{Condition, SwitchableBackend};

const NAMES: [&str; 2] = ["a", "b"];

#[derive(Clone, Debug)]
enum Step {
    /// Somebody asks for this secret, wants it this fresh, and has so many seconds.
    RequestContext(usize, Freshness, u64),
    /// The same, and goes away after so many milliseconds.
    Leave(usize, Freshness, u64),
    Renew(usize),
    Refresh(usize),
    Flush(usize),
    Turn(Condition),
    Pass(u64),
    Sleep(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..NAMES.len();
    let condition = prop_oneof![
        4 => Just(Condition::Up),
        2 => Just(Condition::Down),
        1 => Just(Condition::Refused),
        1 => Just(Condition::NotFound),
        1 => Just(Condition::Hanging),
    ];
    prop_oneof![
        8 => (name.clone(), freshness(), 1u64..10).prop_map(|(n, f, s)| Step::RequestContext(n, f, s)),
        2 => (name.clone(), freshness(), 0u64..900).prop_map(|(n, f, s)| Step::Leave(n, f, s)),
        2 => name.clone().prop_map(Step::Renew),
        1 => name.clone().prop_map(Step::Refresh),
        2 => name.prop_map(Step::Flush),
        3 => condition.prop_map(Step::Turn),
        8 => (0u64..4000).prop_map(Step::Pass),
        1 => (0u64..200).prop_map(Step::Sleep),
    ]
}

fn freshness() -> impl Strategy<Value = Freshness> {
    (0u64..20, 0u64..100, any::<bool>()).prop_map(|(ttl, more, stale_fallback)| Freshness {
        ttl: Duration::from_secs(ttl),
        max_stale: Duration::from_secs(ttl + more),
        stale_fallback,
        refresh_ahead: Ahead::Never,
    })
}

/// What may be served from now on.
#[derive(Clone, Copy, Debug, Default)]
struct Floor {
    /// The newest version that anybody was served, and the last one asked for before a flush.
    least: u64,
    /// Not that one, nor any before it.
    flushed: u64,
}

struct World {
    backend: Arc<SwitchableBackend>,
    clock: Arc<ScriptedClock>,
    cache: Arc<Cache>,
    floors: Mutex<[Floor; NAMES.len()]>,
}

impl World {
    fn new() -> Arc<Self> {
        let backend = SwitchableBackend::new(BackendKind::OCI, Duration::from_millis(700));
        let clock = Arc::new(ScriptedClock::flowing());
        let (_, cache) = Cache::over(&backend, &clock);
        Arc::new(Self {
            backend,
            clock,
            cache,
            floors: Mutex::default(),
        })
    }

    async fn ask(self: Arc<Self>, name: usize, freshness: Freshness, time: Duration) {
        let floor = self.floors.lock().unwrap()[name];
        let began = self.clock.now();
        let address = address(BackendKind::OCI, NAMES[name]);
        let got = self.cache.get(&address, "x", &freshness, time).await;
        let Ok(served) = got else { return };
        let held = &served.held;
        // What the backend has just been asked for is served also where a ttl of zero forbids to
        // keep it, to whoever waited for it.
        let waited = self.clock.now() > began;
        let is_new = waited && served.stale.is_none() && served.age <= FETCH_DEADLINE;
        let verdict = freshness.judge(served.age, held.bundle.valid_for);
        assert!(is_new || verdict != Verdict::Expired, "{served:?}");
        assert!(served.age < freshness.max_stale || is_new, "{served:?}");
        let version: u64 = held.bundle.version.parse().unwrap();
        assert!(version > floor.flushed, "{version} is older than a flush");
        assert!(version >= floor.least, "{version} after {}", floor.least);
        let mut floors = self.floors.lock().unwrap();
        floors[name].least = floors[name].least.max(version);
    }

    async fn play(self: Arc<Self>, steps: Vec<Step>) {
        let mut callers = Vec::new();
        // By the time that calls are given: a machine's sleep does not end them.
        let mut flushes: Vec<(usize, Instant)> = Vec::new();
        for step in steps {
            match step {
                Step::RequestContext(name, freshness, seconds) => {
                    let context =
                        Arc::clone(&self).ask(name, freshness, Duration::from_secs(seconds));
                    callers.push(tokio::spawn(context));
                }
                Step::Leave(name, freshness, millis) => {
                    let context = Arc::clone(&self).ask(name, freshness, TIME);
                    let gone = Duration::from_millis(millis);
                    callers.push(tokio::spawn(async move {
                        let _ = tokio::time::timeout(gone, context).await;
                    }));
                }
                Step::Renew(name) => {
                    let cache = Arc::clone(&self.cache);
                    let address = address(BackendKind::OCI, NAMES[name]);
                    callers.push(tokio::spawn(async move {
                        let _ = cache.renew(&address, "x", FRESHNESS).await;
                    }));
                }
                Step::Refresh(name) => {
                    let cache = Arc::clone(&self.cache);
                    let address = address(BackendKind::OCI, NAMES[name]);
                    callers.push(tokio::spawn(async move {
                        let _ = cache.refresh(&address, "x", TIME).await;
                    }));
                }
                Step::Flush(name) => {
                    flushes.push((name, Instant::now()));
                    self.cache.flush(|address| address.name == NAMES[name]);
                    self.floors.lock().unwrap()[name].flushed = self.backend.version();
                }
                Step::Turn(condition) => self.backend.set_condition(condition),
                Step::Pass(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
                Step::Sleep(seconds) => self.clock.advance(Duration::from_secs(seconds)),
            }
            // What a flush has overtaken may be under way still.
            flushes.retain(|(_, at)| at.elapsed() <= FETCH_DEADLINE);
            for (number, name) in NAMES.iter().enumerate() {
                let overtaken = flushes.iter().filter(|(of, _)| *of == number).count();
                let under_way = self.backend.under_way(name);
                assert!(under_way <= 1 + overtaken, "{under_way} fetches for {name}");
            }
        }
        for caller in callers {
            caller.await.unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_is_served_that_is_too_old_or_flushed_or_older_than_before(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async { World::new().play(steps).await });
    }
}
