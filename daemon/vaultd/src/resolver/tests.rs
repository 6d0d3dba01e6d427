//! Is a record written for its caller, and for nobody who has gone away before?

use std::os::unix::net::UnixStream;

use futures_util::FutureExt;
use vault_backends::address::BackendKind;

use super::*;
use crate::clock::ScriptedClock;
use crate::config::outside::Outside;
use crate::config::{self, Texts};
use crate::scripted::{ScriptedBackend, outage};

struct Room {
    place: tempfile::TempDir,
    clock: Arc<ScriptedClock>,
    backend: Arc<ScriptedBackend>,
    resolver: Resolver,
}

impl Room {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(ScriptedClock::default());
        let backend = ScriptedBackend::new(BackendKind::LOCAL);
        let (upstream, cache) = Cache::over(&backend, &clock);
        let audit = Arc::new(Audit::new(place.path().join("audit.jsonl"), false));
        Self {
            resolver: Resolver::new(cache, upstream, audit),
            clock,
            backend,
            place,
        }
    }
}

#[tokio::test]
async fn who_goes_away_before_its_turn_leaves_no_work_behind() {
    let room = Room::new();
    let (context, resolver) = (ask(), &room.resolver);
    let record = || resolver.record(&context, Outcome::Allowed, "a rule", vec![], None);
    let turns = resolver.writes.acquire_many(4).await.unwrap();
    for _ in 0..50 {
        assert!(record().now_or_never().is_none(), "it waits, and goes away");
    }
    drop(turns);
    record().await.unwrap();
    let written = std::fs::read_to_string(room.place.path().join("audit.jsonl")).unwrap();
    assert_eq!(written.lines().count(), 1, "{written}");
}

#[tokio::test]
async fn what_ends_while_its_release_is_written_down_does_not_leave() {
    let room = Room::new();
    let context = ask();
    let look = || {
        let reference: SecretRef = "local://x".parse().unwrap();
        room.resolver
            .look(&context, vec![SecretRequest::of(&reference)])
    };
    room.backend.then_value("v");
    look().await;
    // A day less a second old, and the store cannot be read.
    room.clock.advance(Duration::from_secs(86_399));
    room.backend.then(outage());
    let resolved = look().await;
    let release = || room.resolver.release(&context, "a rule", &resolved, None);
    release().await.unwrap();
    room.clock.advance(Duration::from_secs(1));
    let refused = release().await.unwrap_err();
    assert!(matches!(refused, ResolveError::Ended), "{refused}");
}

fn ask() -> RequestContext {
    let (near, _far) = UnixStream::pair().unwrap();
    let uid = nix::unistd::geteuid().as_raw();
    let config = config::read(Texts::default(), &Outside::default(), uid).unwrap();
    RequestContext {
        peer: Peer::of(&near).unwrap(),
        action: Action::Status,
        service: None,
        environment: None,
        request_id: vec![],
        freshness: Freshness::default(),
        targets: Arc::new(config.setup.base.targets.clone()),
        setup: Arc::new(config.setup),
        time: Duration::from_secs(8),
    }
}
