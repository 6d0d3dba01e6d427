//! What was replaced does not stay on the disk for the next start.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use vault_backends::address::BackendKind;
use vault_backends::local::{LocalSettings, LocalStore};
use vault_backends::wall_clock::SystemWallClock;

use crate::policy::{Actions, Policy, Rule, Verdict};
use crate::setup::Setup;

use super::*;
use crate::cache::held::Held;
use crate::clock::Clock;
use crate::snapshot::{FILE, Machine, Persist, SnapshotPolicy};

/// What keeps values of OCI Vault in `place`.
pub(super) fn snapshot(
    place: &Path,
    cache: &Arc<Cache>,
    clock: Arc<ScriptedClock>,
    shield: &Arc<Shield>,
) -> Arc<Snapshot> {
    let place = place.join("kept");
    let store = LocalStore::open(&LocalSettings::new(&place), Arc::clone(shield)).unwrap();
    let machine = Machine {
        boot: None,
        wall: Arc::new(SystemWallClock),
    };
    let policy = SnapshotPolicy {
        persist: Persist::Sealed,
        keys: BTreeSet::from([(address().kind, address().scope)]),
        kinds: vec![BackendKind::OCI],
        longest: Duration::from_hours(1),
    };
    let (file, cache, shield) = (
        store.sealed_file(&place, FILE),
        Arc::clone(cache),
        Arc::clone(shield),
    );
    Snapshot::new(cache, file, shield, clock, machine, policy)
}

/// A room that holds and keeps a value of OCI Vault, and where.
async fn room() -> (Room, PathBuf) {
    let room = Room::new();
    let held = Held {
        bundle: Arc::new(Bundle::plain(
            room.vault.shield.shield(&mut b"old".to_vec()).unwrap(),
            "1",
        )),
        confirmed: ScriptedClock::default().now(),
        is_kept: false,
    };
    room.cache.restore(&address(), "oci-vault://x", held);
    room.snapshot.finish().await;
    let file = room.place.path().join("kept").join(FILE);
    assert!(file.exists());
    (room, file)
}

/// What comes of a change that the vault answers like this.
async fn change(room: &Room, answer: Result<u64, BackendError>) -> Result<u64, WriteError> {
    let (mut context, reference) = (ask(Action::Put), reference());
    let rule = Rule {
        verdict: Verdict::Allow,
        actions: vec![Actions::All],
        services: None,
        references: None,
        uids: None,
        subjects: None,
        place: "a rule".to_owned(),
    };
    let policy = Policy::new(context.peer.uid, vec![rule]);
    let setup = Setup {
        policy,
        ..Setup::clone(&context.setup)
    };
    context.setup = Arc::new(setup);
    let (_, request) = room.writer.authorize(&context, &reference).await?;
    let change = async { answer };
    let change = room
        .writer
        .change(request, &reference, String::new(), change);
    change.await
}

fn reference() -> SecretRef {
    "oci-vault://x".parse().unwrap()
}

fn address() -> Address {
    ask(Action::Put).address(&reference())
}

#[tokio::test]
async fn a_change_is_answered_when_what_it_replaced_is_off_the_disk() {
    let (room, file) = room().await;
    assert_eq!(change(&room, Ok(7)).await.unwrap(), 7);
    assert!(!file.exists());
}

#[tokio::test]
async fn one_that_failed_may_have_been_made_all_the_same() {
    let (room, file) = room().await;
    let broke = BackendError::no_reply("io", "it broke");
    change(&room, Err(broke)).await.unwrap_err();
    assert!(!file.exists());
}

#[tokio::test]
async fn where_it_stays_on_the_disk_both_are_said() {
    let (room, file) = room().await;
    // What cannot be removed like a file.
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let told = change(&room, Ok(7)).await.unwrap_err().to_string();
    assert!(told.starts_with("the change is made, but "), "{told}");
    assert!(told.contains("old values stay on the disk"), "{told}");
    assert_eq!(room.outcomes(), ["allowed "]);
    fs::remove_dir(&file).unwrap();
    change(&room, Ok(8)).await.unwrap();
}
