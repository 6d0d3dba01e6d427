//! What a refresh takes of the time that its caller has.

use std::os::unix::net::UnixStream;

use vault_backends::address::BackendKind;
use vault_backends::local::{LocalSettings, LocalStore};
use vault_backends::wall_clock::SystemWallClock;
use vault_memory::{Preference, Shield};

use super::*;
use crate::audit::Audit;
use crate::cache::freshness::Freshness;
use crate::clock::ScriptedClock;
use crate::config::process_inputs::ProcessInputs;
use crate::config::{self, Texts};
use crate::peer::Peer;
use crate::scripted::ScriptedBackend;
use crate::snapshot::{FILE, Machine};

/// A caller has so long.
const TIME: Duration = Duration::from_secs(8);

fn maintenance(place: &std::path::Path, backend: &Arc<ScriptedBackend>) -> Maintenance {
    let clock = Arc::new(ScriptedClock::default());
    let (upstream, cache) = Cache::over(backend, &clock);
    let audit = Arc::new(Audit::new(place.join("audit.jsonl"), false));
    let shield = Shield::new(Preference::Auto).unwrap();
    let settings = LocalSettings::new(place.join("vaultd"));
    let store = LocalStore::open(&settings, Arc::clone(&shield)).unwrap();
    let machine = Machine {
        boot: None,
        wall: Arc::new(SystemWallClock),
    };
    let setup = context().setup;
    let snapshot = Snapshot::new(
        Arc::clone(&cache),
        store.sealed_file(place, FILE),
        shield,
        Arc::clone(&clock) as Arc<dyn Clock>,
        machine,
        setup.kept(),
    );
    Maintenance {
        resolver: Arc::new(Resolver::new(Arc::clone(&cache), upstream, audit)),
        cache,
        snapshot,
        clock,
    }
}

fn context() -> RequestContext {
    let (near, _far) = UnixStream::pair().unwrap();
    let uid = nix::unistd::geteuid().as_raw();
    let config = config::read(Texts::default(), &ProcessInputs::default(), uid).unwrap();
    RequestContext {
        peer: Peer::of(&near).unwrap(),
        subject: None,
        action: Action::Refresh,
        service: None,
        environment: None,
        request_id: vec![],
        freshness: Freshness::default(),
        targets: Arc::new(config.setup.base.targets.clone()),
        setup: Arc::new(config.setup),
        time: TIME,
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_of_many_ends_within_the_time_of_its_one_call() {
    let place = tempfile::tempdir().unwrap();
    let backend = ScriptedBackend::new(BackendKind::LOCAL);
    let maintenance = maintenance(place.path(), &backend);
    let context = context();
    let many = 3 * REFRESHES_AT_ONCE;
    for number in 0..many {
        let reference: SecretRef = format!("local://s{number}").parse().unwrap();
        let address = context.address(&reference);
        backend.then_value("v");
        let (cache, spelling) = (&maintenance.cache, reference.to_string());
        let get = cache.get(&address, &spelling, &context.freshness, TIME);
        get.await.unwrap();
    }
    for _ in 0..many {
        backend.then_hang();
    }
    let began = Instant::now();
    let refreshed = maintenance.refresh(&context, None).await;
    assert!(began.elapsed() <= TIME + SHORTEST, "{:?}", began.elapsed());
    let outcomes = refreshed.iter().map(|one| one.outcome.as_ref().err());
    let outcomes: Vec<&String> = outcomes.map(|error| error.unwrap()).collect();
    let unasked = |error: &&&String| error.starts_with("not asked: the time was over");
    let unasked = outcomes.iter().filter(unasked).count();
    assert_eq!((outcomes.len(), unasked), (many, many - REFRESHES_AT_ONCE));
}
