//! A change is finished whatever becomes of its caller, and all of it is written down.

mod kept;

use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use vault_backends::address::BackendKind;
use vault_backends::bundle::Bundle;
use vault_backends::changing::WritableBackend;
use vault_backends::reading::Backend;
use vault_memory::Preference;
use vault_proto::sealed::Sealer;

use super::under_way::AT_ONCE;
use super::*;
use crate::audit::Audit;
use crate::cache::freshness::Freshness;
use crate::clock::ScriptedClock;
use crate::config::process_inputs::ProcessInputs;
use crate::config::{self, Texts};
use crate::peer::Peer;
use crate::policy::Action;

const TIME: Duration = Duration::from_secs(8);

/// A vault of one secret whose changes are done at once and answered when the gate opens.
struct SlowVault {
    shield: Arc<Shield>,
    value: Mutex<(u64, Vec<u8>)>,
    entered: Semaphore,
    gate: Semaphore,
    refuses: AtomicBool,
    panics: AtomicBool,
}

impl SlowVault {
    async fn changed(&self, value: &[u8]) -> Result<u64, BackendError> {
        let version = {
            let mut held = self.value.lock().unwrap();
            *held = (held.0 + 1, value.to_vec());
            held.0
        };
        self.entered.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        assert!(!self.panics.load(Ordering::Relaxed), "as it was told to");
        if self.refuses.load(Ordering::Relaxed) {
            return Err(BackendError::no_reply("io", "it broke"));
        }
        Ok(version)
    }
}

#[async_trait]
impl Backend for SlowVault {
    fn kind(&self) -> BackendKind {
        BackendKind::LOCAL
    }

    async fn fetch(&self, _address: &Address) -> Result<Bundle, BackendError> {
        let (version, mut value) = self.value.lock().unwrap().clone();
        Ok(Bundle::plain(
            self.shield.shield(&mut value).unwrap(),
            version.to_string(),
        ))
    }

    fn writable(&self) -> Option<&dyn WritableBackend> {
        Some(self)
    }
}

#[async_trait]
impl WritableBackend for SlowVault {
    async fn put(
        &self,
        _target: &ChangeTarget,
        value: Secret,
        _new: &NewVersion,
    ) -> Result<String, BackendError> {
        let value = value.expose_secret(|value| value.to_vec()).unwrap();
        self.changed(&value)
            .await
            .map(|version| version.to_string())
    }

    async fn delete(&self, _target: &ChangeTarget) -> Result<usize, BackendError> {
        self.changed(b"").await.map(|_| 1)
    }

    async fn list(&self) -> Result<Vec<ListEntry>, BackendError> {
        Ok(vec![])
    }

    async fn versions(&self, _target: &ChangeTarget) -> Result<Vec<VersionEntry>, BackendError> {
        Ok(vec![])
    }

    async fn promote(&self, _target: &ChangeTarget, _version: &str) -> Result<(), BackendError> {
        self.changed(b"promoted").await.map(drop)
    }

    async fn schedule_deletion(
        &self,
        _target: &ChangeTarget,
        _version: Option<u64>,
        at: Option<u64>,
    ) -> Result<Option<u64>, BackendError> {
        self.changed(b"going").await.map(|_| at)
    }

    async fn cancel_deletion(
        &self,
        _target: &ChangeTarget,
        _version: Option<u64>,
    ) -> Result<(), BackendError> {
        self.changed(b"kept").await.map(drop)
    }
}

/// A writer with all that it needs, and the record it leaves.
struct Room {
    vault: Arc<SlowVault>,
    cache: Arc<Cache>,
    snapshot: Arc<Snapshot>,
    writer: Arc<Writer>,
    place: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let shield = Shield::new(Preference::Auto).unwrap();
        let vault = Arc::new(SlowVault {
            shield: Arc::clone(&shield),
            value: Mutex::new((1, b"old".to_vec())),
            entered: Semaphore::new(0),
            gate: Semaphore::new(0),
            refuses: AtomicBool::default(),
            panics: AtomicBool::default(),
        });
        let backends = [Arc::clone(&vault) as Arc<dyn Backend>];
        let clock = Arc::new(ScriptedClock::default());
        let upstream = Arc::new(Upstream::new(backends.into_iter().collect(), clock.clone()));
        let cache = Cache::new(Arc::clone(&upstream), clock.clone());
        let place = tempfile::tempdir().unwrap();
        let snapshot = kept::snapshot(place.path(), &cache, clock, &shield);
        let audit = Arc::new(Audit::new(place.path().join("audit.jsonl"), false));
        let resolver = Arc::new(Resolver::new(
            Arc::clone(&cache),
            Arc::clone(&upstream),
            audit,
        ));
        let (seen, kept) = (Arc::clone(&cache), Arc::clone(&snapshot));
        let writer = Writer::new(resolver, upstream, seen, kept, shield).unwrap();
        Self {
            vault,
            cache,
            snapshot,
            writer: Arc::new(writer),
            place,
        }
    }

    async fn held(&self) -> String {
        let freshness = Freshness::default();
        let address = Address::local("x");
        let served = self.cache.get(&address, "local://x", &freshness, TIME);
        served.await.unwrap().held.bundle.version.clone()
    }

    /// The change's task, once the vault has it.
    async fn under_way<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, WriteError>> + Send + 'static,
    ) -> tokio::task::JoinHandle<Result<T, WriteError>> {
        let task = tokio::spawn(change);
        self.vault.entered.acquire().await.unwrap().forget();
        task
    }

    fn put(&self) -> impl Future<Output = Result<String, WriteError>> + Send + 'static {
        let writer = Arc::clone(&self.writer);
        async move {
            let context = ask(Action::Put);
            let mut sealer =
                Sealer::new(Purpose::Put, writer.public_key(), &context.request_id).unwrap();
            let label = Label {
                reference: "local://x",
                ..Label::default()
            };
            let ciphertext = sealer.seal(label, &mut b"new".to_vec()).unwrap();
            let incoming = Incoming {
                encapsulated_key: sealer.encapsulated_key(),
                ciphertext: &ciphertext,
            };
            let new = NewVersion::default();
            writer.put(&context, &reference(), incoming, new).await
        }
    }

    fn promote(&self) -> impl Future<Output = Result<(), WriteError>> + Send + 'static {
        let writer = Arc::clone(&self.writer);
        let context = ask(Action::Promote);
        async move { writer.promote(&context, &reference(), "7").await }
    }

    fn delete(&self) -> impl Future<Output = Result<usize, WriteError>> + Send + 'static {
        let writer = Arc::clone(&self.writer);
        let context = ask(Action::Delete);
        async move { writer.delete(&context, &reference()).await }
    }

    fn schedule_deletion(
        &self,
        version: Option<u64>,
    ) -> impl Future<Output = Result<Option<u64>, WriteError>> + Send + 'static {
        let writer = Arc::clone(&self.writer);
        let (context, reference) = (ask(Action::ScheduleDeletion), reference());
        async move {
            let schedule = writer.schedule_deletion(&context, &reference, version, Some(9));
            schedule.await
        }
    }

    fn cancel_deletion(&self) -> impl Future<Output = Result<(), WriteError>> + Send + 'static {
        let writer = Arc::clone(&self.writer);
        let context = ask(Action::CancelDeletion);
        async move {
            writer
                .cancel_deletion(&context, &reference(), Some(3))
                .await
        }
    }

    fn records(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.place.path().join("audit.jsonl"));
        let lines = text.unwrap_or_default();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// How each record ended, with the word of its failure.
    fn outcomes(&self) -> Vec<String> {
        let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let outcome = |record: &serde_json::Value| {
            format!("{} {}", word(&record["outcome"]), word(&record["error"]))
        };
        self.records().iter().map(outcome).collect()
    }
}

fn reference() -> SecretRef {
    "local://x".parse().unwrap()
}

fn ask(action: Action) -> RequestContext {
    let (near, _far) = UnixStream::pair().unwrap();
    let uid = nix::unistd::geteuid().as_raw();
    let setup = config::read(Texts::default(), &ProcessInputs::default(), uid)
        .unwrap()
        .setup;
    RequestContext {
        targets: Arc::new(setup.base.targets.clone()),
        setup: Arc::new(setup),
        freshness: Freshness::default(),
        peer: Peer::of(&near).unwrap(),
        action,
        subject: None,
        service: None,
        environment: None,
        request_id: vec![7; 16],
        time: TIME,
    }
}

/// The change goes on without its caller, and afterwards what was held is gone.
async fn goes_on_alone<T: Send + 'static>(
    room: &Room,
    change: impl Future<Output = Result<T, WriteError>> + Send + 'static,
) {
    let before = room.held().await;
    let mut changes = room.cache.changes();
    let task = room.under_way(change).await;
    task.abort();
    assert!(task.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(room.held().await, before, "not yet answered");
    room.vault.gate.add_permits(1);
    let flushed = tokio::time::timeout(TIME, changes.recv()).await;
    let flushed = flushed.unwrap().unwrap().now;
    assert!(matches!(flushed, crate::cache::changes::NewState::Flushed));
    assert_ne!(room.held().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_caller_goes_away_is_finished() {
    let room = Room::new();
    goes_on_alone(&room, room.put()).await;
    goes_on_alone(&room, room.promote()).await;
    goes_on_alone(&room, room.delete()).await;
    goes_on_alone(&room, room.schedule_deletion(None)).await;
    goes_on_alone(&room, room.cancel_deletion()).await;
}

#[tokio::test(start_paused = true)]
async fn the_record_of_a_deletion_to_come_names_the_version_if_it_is_about_one() {
    let room = Room::new();
    room.vault.gate.add_permits(3);
    assert_eq!(room.schedule_deletion(None).await.unwrap(), Some(9));
    room.schedule_deletion(Some(3)).await.unwrap();
    room.cancel_deletion().await.unwrap();
    let told = |record: &serde_json::Value| {
        let event = record["event"].as_str().unwrap().to_owned();
        (event, record["values"][0].get("version").cloned())
    };
    let told: Vec<_> = room.records().iter().map(told).collect();
    let version = Some(serde_json::json!("3"));
    assert_eq!(
        told,
        [
            ("schedule-deletion".to_owned(), None),
            ("schedule-deletion".to_owned(), version.clone()),
            ("cancel-deletion".to_owned(), version),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_that_fails_without_its_caller_is_written_down() {
    let room = Room::new();
    room.vault.refuses.store(true, Ordering::Relaxed);
    goes_on_alone(&room, room.delete()).await;
    room.writer.finish(std::future::pending()).await;
    assert_eq!(room.outcomes(), ["allowed ", "failed io"]);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_panics_leaves_no_old_value_and_a_record() {
    let room = Room::new();
    assert_eq!(room.held().await, "1");
    room.vault.panics.store(true, Ordering::Relaxed);
    room.vault.gate.add_permits(1);
    let failed = room.promote().await.unwrap_err();
    assert!(matches!(failed, WriteError::Upstream(UpstreamError::Lost)));
    assert_eq!(room.held().await, "2");
    assert_eq!(room.outcomes(), ["allowed ", "failed internal"]);
}

#[tokio::test(start_paused = true)]
async fn the_record_of_a_promotion_names_the_version_and_nothing_else_that_was_typed() {
    let room = Room::new();
    room.vault.gate.add_permits(2);
    room.promote().await.unwrap();
    let (context, reference) = (ask(Action::Promote), reference());
    let typed = room.writer.promote(&context, &reference, "hunter2");
    typed.await.unwrap();
    let records = room.records();
    let versions: Vec<_> = records
        .iter()
        .map(|record| record["values"][0].get("version"))
        .collect();
    assert_eq!(versions, [Some(&serde_json::json!("7")), None]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_cannot_be_written_down_is_still_told() {
    let room = Room::new();
    room.vault.refuses.store(true, Ordering::Relaxed);
    let task = room.under_way(room.delete()).await;
    let record = room.place.path().join("audit.jsonl");
    std::fs::remove_file(&record).unwrap();
    std::fs::create_dir(&record).unwrap();
    room.vault.gate.add_permits(1);
    let told = task.await.unwrap().unwrap_err().to_string();
    assert!(
        told.starts_with("it broke; this could not be written down: "),
        "{told}"
    );
    assert!(told.contains("audit.jsonl"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_while_it_waits_changes_nothing() {
    let room = Room::new();
    let mut under_way = vec![];
    for _ in 0..AT_ONCE {
        under_way.push(room.under_way(room.delete()).await);
    }
    let waited = tokio::time::timeout(TIME, room.delete()).await;
    assert!(waited.is_err());
    room.vault.gate.add_permits(AT_ONCE as usize);
    for task in under_way {
        task.await.unwrap().unwrap();
    }
    assert_eq!(room.records().len(), AT_ONCE as usize);
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_changes_under_way_and_begins_no_other() {
    let room = Room::new();
    let task = room.under_way(room.put()).await;
    let finish = room.writer.finish(std::future::pending());
    tokio::pin!(finish);
    assert!((&mut finish).now_or_never().is_none(), "it waits");
    room.vault.gate.add_permits(1);
    finish.await;
    assert_eq!(task.await.unwrap().unwrap(), "2");
    let refused = room.delete().await.unwrap_err();
    assert!(matches!(refused, WriteError::Stopping), "{refused}");
    assert_eq!(room.outcomes(), ["allowed "]);
}

#[tokio::test(start_paused = true)]
async fn what_the_end_does_not_wait_for_is_written_down_and_answered_as_stopped() {
    let room = Room::new();
    let mut under_way = vec![];
    for _ in 0..AT_ONCE {
        under_way.push(room.under_way(room.put()).await);
    }
    let waiting = tokio::spawn(room.delete());
    tokio::task::yield_now().await;
    room.writer.finish(std::future::ready(())).await;
    for task in under_way {
        let failed = task.await.unwrap().unwrap_err();
        assert_eq!(failed.kind(), "stopped", "{failed}");
    }
    let refused = waiting.await.unwrap().unwrap_err();
    assert!(matches!(refused, WriteError::Stopping), "{refused}");
    let mut expected = vec!["allowed "; AT_ONCE as usize];
    expected.extend(["failed stopped"; AT_ONCE as usize]);
    let mut outcomes = room.outcomes();
    outcomes.sort();
    assert_eq!(outcomes, expected);
}
