//! Records are written for their callers, and nothing is done that policy has not let through.

use std::os::unix::net::UnixStream;

use futures_util::FutureExt;
use vault_backends::address::BackendKind;

use super::*;
use crate::cache::freshness::Freshness;
use crate::clock::ScriptedClock;
use crate::config::process_inputs::ProcessInputs;
use crate::config::{self, Texts};
use crate::peer::Peer;
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
    let resolver = &room.resolver;
    let request = authorized(resolver).await;
    let record = || resolver.record_allowed(&request, vec![]);
    let turns = resolver.writes.acquire_many(4).await.unwrap();
    for _ in 0..50 {
        assert!(record().now_or_never().is_none(), "it waits, and goes away");
    }
    drop(turns);
    record().await.unwrap();
    assert_eq!(room.records().len(), 1);
}

#[tokio::test]
async fn what_ends_while_its_release_is_written_down_does_not_leave() {
    let room = Room::new();
    let request = authorized(&room.resolver).await;
    room.backend.then_value("v");
    room.resolver.fetch(&request).await;
    // A day less a second old, and the store cannot be read.
    room.clock.advance(Duration::from_secs(86_399));
    room.backend.then(outage());
    let resolved = room.resolver.fetch(&request).await;
    let release = || room.resolver.release(&request, &resolved, None);
    release().await.unwrap();
    room.clock.advance(Duration::from_secs(1));
    let refused = release().await.unwrap_err();
    assert!(matches!(refused, ResolveError::Ended), "{refused}");
}

#[tokio::test]
async fn what_policy_denies_is_neither_fetched_nor_recorded_as_allowed() {
    let room = Room::new();
    let resolve = room
        .resolver
        .resolve(context(), &[Action::Get], secrets(), None, |_| None);
    // The script is empty: a call would be a panic.
    let denied = resolve.await.unwrap_err();
    assert!(matches!(denied, ResolveError::Denied { .. }), "{denied}");
    assert_eq!(room.backend.calls(), 0);
    let records = room.records();
    assert!(records[0].contains("\"outcome\":\"denied\""), "{records:?}");
    assert_eq!(records.len(), 1, "{records:?}");
}

#[tokio::test]
async fn what_is_unfit_beforehand_is_written_down_and_not_fetched() {
    let room = Room::new();
    let unfit = Some("configuration");
    let resolve = room
        .resolver
        .resolve(context(), &[Action::Status], secrets(), unfit, |_| None);
    assert!(resolve.await.unwrap().is_empty());
    assert_eq!(room.backend.calls(), 0);
    let records = room.records();
    assert!(
        records[0].contains("\"error\":\"configuration\""),
        "{records:?}"
    );
}

#[tokio::test]
async fn a_request_on_somebodys_behalf_needs_a_rule_that_says_so() {
    let room = Room::new();
    let context = RequestContext {
        subject: Some("alice".to_owned()),
        ..context()
    };
    let authorize = room
        .resolver
        .authorize(context, &[Action::Status], secrets());
    let denied = authorize.await.unwrap_err();
    assert!(matches!(denied, ResolveError::Denied { .. }), "{denied}");
    let records = room.records();
    assert!(
        records[0].contains("\"on_behalf_of\":\"alice\""),
        "{records:?}"
    );
}

impl Room {
    fn records(&self) -> Vec<String> {
        let written = std::fs::read_to_string(self.place.path().join("audit.jsonl"));
        written.unwrap().lines().map(str::to_owned).collect()
    }
}

fn secrets() -> Vec<SecretRequest> {
    vec![SecretRequest::of(&"local://x".parse().unwrap())]
}

async fn authorized(resolver: &Resolver) -> AuthorizedRequest {
    let request = resolver.authorize(context(), &[Action::Status], secrets());
    request.await.unwrap()
}

fn context() -> RequestContext {
    let (near, _far) = UnixStream::pair().unwrap();
    let uid = nix::unistd::geteuid().as_raw();
    let config = config::read(Texts::default(), &ProcessInputs::default(), uid).unwrap();
    RequestContext {
        peer: Peer::of(&near).unwrap(),
        subject: None,
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
