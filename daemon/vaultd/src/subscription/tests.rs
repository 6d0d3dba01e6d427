//! A watcher hears what it chose, however that is spelled, and that it missed some.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use futures_util::FutureExt;
use vault_backends::address::{Address, BackendKind};
use vault_backends::oci::OciSettings;

use super::*;
use crate::audit::Audit;
use crate::cache::changes::BACKLOG;
use crate::clock::ScriptedClock;
use crate::config::process_inputs::ProcessInputs;
use crate::config::{self, Texts};
use crate::peer::Peer;
use crate::policy::Action;
use crate::resolver::{Resolver, SecretRequest};
use crate::scripted::ScriptedBackend;
use crate::targets::Targets;

#[test]
fn a_change_is_told_in_the_state_that_it_has_by_then() {
    let now = Moment::default() + Duration::from_hours(30);
    let value = |hours: u64, why: Option<&str>| NewState::Value {
        version: "3".to_owned(),
        at: Moment::default() + Duration::from_hours(30 - hours),
        valid_for: None,
        is_kept: false,
        why: why.map(str::to_owned),
    };
    for (known, state, reason) in [
        (value(0, None), State::Fresh, ""),
        (value(0, Some("out")), State::Fresh, ""),
        (value(2, Some("out")), State::Stale, "out"),
        (value(24, Some("out")), State::Expired, "out"),
        (NewState::No("gone".to_owned()), State::Negative, "gone"),
        (NewState::Nothing("out".to_owned()), State::Absent, "out"),
        (NewState::Flushed, State::Absent, ""),
    ] {
        let change = Change {
            address: Address::local("a"),
            reference: "local://a".to_owned(),
            now: known,
            wanted: None,
        };
        let told = provenance(change, now, Freshness::default());
        assert_eq!((told.state(), told.stale_reason.as_str()), (state, reason));
    }
    let patient = Freshness {
        ttl: Duration::from_hours(5),
        ..Freshness::default()
    };
    let change = Change {
        address: Address::local("a"),
        reference: "local://a".to_owned(),
        now: value(2, None),
        wanted: Some(patient),
    };
    let told = provenance(change, now, Freshness::default());
    assert_eq!(told.state(), State::Fresh, "as who asked wants it");
}

struct Room {
    backend: Arc<ScriptedBackend>,
    clock: Arc<ScriptedClock>,
    cache: Arc<Cache>,
    resolver: Resolver,
    current: Arc<Current>,
    context: RequestContext,
}

impl Room {
    /// With a compartment that bare names are in.
    fn new() -> Self {
        let backend = ScriptedBackend::new(BackendKind::OCI);
        let clock = Arc::new(ScriptedClock::default());
        let (upstream, cache) = Cache::over(&backend, &clock);
        let (near, _far) = UnixStream::pair().unwrap();
        let uid = nix::unistd::geteuid().as_raw();
        let mut setup = config::read(Texts::default(), &ProcessInputs::default(), uid)
            .unwrap()
            .setup;
        let oci = OciSettings {
            compartment_id: Some("c".to_owned()),
            ..OciSettings::default_for(std::path::Path::new("/h"))
        };
        setup.base.targets = Targets::default().with(oci);
        let current = Arc::new(Current::new(setup));
        let setup = current.get();
        let context = RequestContext {
            peer: Peer::of(&near).unwrap(),
            subject: None,
            action: Action::Watch,
            service: None,
            environment: None,
            request_id: vec![],
            freshness: Freshness::default(),
            targets: Arc::new(setup.base.targets.clone()),
            setup,
            time: Duration::from_secs(8),
        };
        let audit = Arc::new(Audit::new("/nonexistent".into(), false));
        Self {
            resolver: Resolver::new(Arc::clone(&cache), upstream, audit),
            backend,
            clock,
            cache,
            current,
            context,
        }
    }

    async fn watch(&self, references: &[&str]) -> Subscription {
        let wanted = references.iter().map(|text| text.parse().unwrap());
        let wanted = wanted.map(|reference| SecretRequest::of(&reference));
        let context = self.context.clone();
        let authorized = self
            .resolver
            .authorize(context, &[Action::Watch], wanted.collect());
        Subscription::new(
            Arc::clone(&self.cache),
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Arc::clone(&self.current),
            &authorized.await.unwrap(),
        )
    }

    async fn ask(&self, reference: &str) {
        self.backend.then_value("v");
        // Somebody else's credentials lead there, too.
        let address = Address {
            scope: String::new(),
            ..self.context.address(&reference.parse().unwrap())
        };
        let freshness = Freshness::default();
        let asked = self
            .cache
            .get(&address, reference, &freshness, Duration::from_secs(8));
        asked.await.unwrap();
    }
}

/// The references of what is told before anything else happens; "lost" where some is missing.
async fn told(subscription: &mut Subscription) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(Some(notice)) = subscription.next().now_or_never() {
        told.push(match notice {
            Notice::Changed { reference, .. } => reference.to_string(),
            Notice::Lost => "lost".to_owned(),
        });
        tokio::task::yield_now().await;
    }
    told
}

#[tokio::test]
async fn a_watcher_hears_of_its_secret_by_its_own_words_whoever_asked_first_and_in_which() {
    let room = Room::new();
    let mut bare = room.watch(&["oci-vault://n"]).await;
    let mut both = room.watch(&["oci-vault://n", "oci-vault://c/n"]).await;
    let mut other = room
        .watch(&["oci-vault://d/n", "oci-vault://n?version=2"])
        .await;
    room.ask("oci-vault://c/n").await;
    assert_eq!(told(&mut bare).await, ["oci-vault://n"]);
    assert_eq!(told(&mut both).await, ["oci-vault://n", "oci-vault://c/n"]);
    assert!(told(&mut other).await.is_empty());
}

#[tokio::test]
async fn a_watcher_that_lags_behind_is_told_that_it_has_missed_some() {
    let room = Room::new();
    let mut all = room.watch(&[]).await;
    for number in 0..=BACKLOG {
        room.ask(&format!("oci-vault://n{number}")).await;
    }
    let told = told(&mut all).await;
    assert_eq!(told[0], "lost");
    assert_eq!(told.len(), BACKLOG + 1, "and then the rest, in order");
    assert_eq!(told.last().unwrap(), &format!("oci-vault://n{BACKLOG}"));
}
