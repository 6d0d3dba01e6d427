//! What is still there after a restart, and what is not.

mod running;
mod starting;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::*;
use crate::cache::freshness::{Ahead, Freshness};
use crate::clock::ScriptedClock;
use crate::scripted::{ScriptedBackend, answer, outage};
use crate::upstream::Upstream;
use vault_backends::address::{Address, BackendKind};
use vault_backends::bundle::{Bundle, Lease};
use vault_backends::local::{LocalSettings, LocalStore};
use vault_backends::reading::Backend;
use vault_memory::{Preference, Secret};

const FRESHNESS: Freshness = Freshness {
    ttl: Duration::from_secs(100),
    max_stale: Duration::from_secs(1000),
    stale_fallback: true,
    refresh_ahead: Ahead::Never,
};
const TIME: Duration = Duration::from_secs(8);

struct Calendar(u64);

impl WallClock for Calendar {
    fn unix_seconds(&self) -> u64 {
        self.0
    }
}

/// A machine's disk.
struct Disk(tempfile::TempDir);

/// A daemon on it.
struct Running {
    backend: Arc<ScriptedBackend>,
    clock: Arc<ScriptedClock>,
    cache: Arc<Cache>,
    snapshot: Arc<Snapshot>,
}

fn sealed() -> SnapshotPolicy {
    SnapshotPolicy {
        persist: Persist::Sealed,
        keys: BTreeSet::from([(BackendKind::OCI, String::new())]),
        kinds: vec![BackendKind::OCI],
        longest: FRESHNESS.max_stale,
    }
}

impl Disk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("vaultd")
    }

    fn file(&self) -> PathBuf {
        self.state().join(FILE)
    }

    /// A daemon that starts when the machine is up for so long and the wall clock says so.
    fn start(&self, boot: &str, up: u64, wall: u64, policy: SnapshotPolicy) -> Running {
        self.start_by(ScriptedClock::default(), boot, up, wall, policy)
    }

    fn start_by(
        &self,
        clock: ScriptedClock,
        boot: &str,
        up: u64,
        wall: u64,
        policy: SnapshotPolicy,
    ) -> Running {
        clock.advance(Duration::from_secs(up));
        let machine = Machine {
            boot: Some(boot.to_owned()),
            wall: Arc::new(Calendar(wall)),
        };
        let running = self.prepare(Arc::new(clock), machine, policy);
        running.snapshot.load();
        running
    }

    /// One that has not looked at its disk yet.
    fn prepare(
        &self,
        clock: Arc<ScriptedClock>,
        machine: Machine,
        policy: SnapshotPolicy,
    ) -> Running {
        let shield = Shield::new(Preference::Auto).unwrap();
        let settings = LocalSettings::new(self.state());
        let store = LocalStore::open(&settings, Arc::clone(&shield)).unwrap();
        let backend = ScriptedBackend::new(BackendKind::OCI);
        let backends = [Arc::clone(&backend) as Arc<dyn Backend>];
        let shared = || Arc::clone(&clock) as Arc<dyn Clock>;
        let upstream = Upstream::new(backends.into_iter().collect(), shared());
        let cache = Cache::new(Arc::new(upstream), shared());
        let file = store.sealed_file(&self.state(), FILE);
        let snapshot = Snapshot::new(Arc::clone(&cache), file, shield, shared(), machine, policy);
        Running {
            backend,
            clock,
            cache,
            snapshot,
        }
    }

    /// What a daemon that starts now has of `name`: its age, if it has it.
    fn age_of(
        &self,
        name: &str,
        boot: &str,
        up: u64,
        wall: u64,
        policy: SnapshotPolicy,
    ) -> Option<u64> {
        let running = self.start(boot, up, wall, policy);
        let entries = running.cache.entries().into_iter();
        let mut named = entries.filter(|entry| entry.address.name == name);
        named.next().map(|entry| entry.known.unwrap().1.as_secs())
    }
}

fn oci(name: &str) -> Address {
    crate::scripted::address(BackendKind::OCI, name)
}

impl Running {
    fn hold(&self, address: &Address, valid_for: Option<u64>) {
        let bundle = Bundle::plain(self.secret("a value"), "7");
        self.hold_bundle(
            address,
            bundle.valid_for(valid_for.map(Duration::from_secs)),
        );
    }

    fn secret(&self, value: &str) -> Secret {
        let shield = &self.snapshot.shield;
        shield.shield(&mut value.as_bytes().to_vec()).unwrap()
    }

    fn hold_bundle(&self, address: &Address, bundle: Bundle) {
        let held = Held {
            bundle: Arc::new(bundle),
            confirmed: self.clock.now(),
            is_kept: false,
        };
        let reference = format!("oci-vault://{}", address.name);
        self.cache.restore(address, &reference, held);
    }

    fn warning(&self) -> Option<String> {
        let warning = self.snapshot.warning();
        warning.map(|warning| warning.text)
    }

    async fn get(&self, name: &str) -> Result<(String, bool, u64), &'static str> {
        let reference = format!("oci-vault://{name}");
        let address = oci(name);
        let served = self.cache.get(&address, &reference, &FRESHNESS, TIME);
        let served = served.await.map_err(|error| error.kind())?;
        let text = |bytes: &mut [u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let value = served.secret().unwrap().expose_secret(text).unwrap();
        Ok((value, served.stale.is_some(), served.age.as_secs()))
    }
}

#[tokio::test]
async fn over_a_reboot_a_value_keeps_its_age_and_is_served_while_the_vault_is_out() {
    let disk = Disk::new();
    let before = disk.start("a", 50_000, 1_000_000, sealed());
    before.backend.then_value("kept");
    assert_eq!(before.get("x").await, Ok(("kept".to_owned(), false, 0)));
    before.clock.advance(Duration::from_secs(99));
    before.snapshot.finish().await;
    let after = disk.start("b", 30, 1_000_300, sealed());
    after.backend.then(outage());
    let age = 99 + 301;
    assert_eq!(after.get("x").await, Ok(("kept".to_owned(), true, age)));
    let entry = after.cache.entries().remove(0);
    assert_eq!(entry.reference, "oci-vault://x");
    assert_eq!(entry.known.unwrap().0.bundle.version, "1");
}

#[tokio::test]
async fn what_was_kept_is_served_only_while_the_vault_cannot_be_asked() {
    let disk = Disk::new();
    let before = disk.start("a", 500, 1_000_000, sealed());
    before.backend.then_value("kept");
    before.get("x").await.unwrap();
    before.snapshot.finish().await;
    // The wall clock jumped, which means nothing.
    let start = || disk.start("a", 599, 1, sealed());
    let after = start();
    after.backend.then(outage());
    assert_eq!(after.get("x").await, Ok(("kept".to_owned(), true, 99)));
    let after = start();
    after.backend.then_value("new");
    for _ in 0..2 {
        assert_eq!(after.get("x").await, Ok(("new".to_owned(), false, 0)));
    }
    assert_eq!(after.backend.calls(), 1);
}

#[tokio::test]
async fn what_is_too_old_or_has_no_age_is_dropped() {
    let disk = Disk::new();
    let before = disk.start("a", 500, 1_000_000, sealed());
    before.hold(&oci("x"), None);
    before.hold(&oci("short"), Some(200));
    before.snapshot.finish().await;
    let table = [
        ("x", "a", 1499, 0, Some(999)),
        ("x", "a", 1500, 0, None),
        ("x", "a", 499, 1_000_000, None),
        ("x", "b", 5, 1_000_998, Some(999)),
        ("x", "b", 5, 1_000_999, None),
        ("x", "b", 5, 999_999, None),
        ("short", "a", 699, 0, Some(199)),
        ("short", "a", 700, 0, None),
    ];
    for (name, boot, up, wall, expected) in table {
        let age = disk.age_of(name, boot, up, wall, sealed());
        assert_eq!(age, expected, "{name} {boot} {up} {wall}");
    }
}

#[tokio::test]
async fn what_was_dropped_leaves_the_disk() {
    let disk = Disk::new();
    let before = disk.start("a", 500, 1_000_000, sealed());
    before.hold(&oci("x"), None);
    before.snapshot.finish().await;
    assert!(disk.file().exists());
    disk.start("a", 2000, 0, sealed()).snapshot.finish().await;
    assert!(!disk.file().exists());
}

#[tokio::test]
async fn values_of_this_machines_store_and_of_vaults_not_configured_are_not_kept() {
    let disk = Disk::new();
    let before = disk.start("a", 500, 1_000_000, sealed());
    let local = crate::scripted::address(BackendKind::LOCAL, "local");
    let elsewhere = Address {
        scope: "elsewhere".to_owned(),
        ..oci("elsewhere")
    };
    before.hold(&local, None);
    before.hold(&elsewhere, None);
    before.snapshot.finish().await;
    assert!(!disk.file().exists());
    before.hold(&oci("x"), None);
    before.snapshot.finish().await;
    let other = SnapshotPolicy {
        keys: BTreeSet::from([(BackendKind::OCI, "elsewhere".to_owned())]),
        ..sealed()
    };
    assert_eq!(disk.age_of("x", "a", 500, 0, sealed()), Some(0));
    assert_eq!(disk.age_of("x", "a", 500, 0, other), None);
}

#[tokio::test]
async fn fields_are_kept_and_what_was_leased_is_not() {
    let disk = Disk::new();
    let before = disk.start("a", 500, 1_000_000, sealed());
    let fields = [("user", "me"), ("password", "hidden"), ("note", "")];
    let named = || {
        let fields = fields.map(|(name, value)| (name.to_owned(), before.secret(value)));
        Bundle::named(fields, "7")
    };
    let lease = Lease {
        id: "lease".to_owned(),
        duration: Duration::from_mins(15),
        renewable: false,
    };
    before.hold_bundle(&oci("pair"), named());
    before.hold_bundle(&oci("leased"), named().leased(lease));
    before.hold(&oci("plain"), None);
    before.snapshot.finish().await;
    let after = disk.start("a", 500, 0, sealed());
    assert_eq!(after.warning(), None);
    let entries = after.cache.entries();
    let names: Vec<_> = entries
        .iter()
        .map(|entry| entry.address.name.as_str())
        .collect();
    assert_eq!(names, ["pair", "plain"]);
    let bundle = &entries[0].known.as_ref().unwrap().0.bundle;
    for (name, value) in fields {
        let secret = bundle.field(Some(name)).unwrap();
        let same = secret.expose_secret(|plain| plain == value.as_bytes());
        assert!(same.unwrap(), "{name}");
    }
    assert!(bundle.field(None).is_err(), "it has no plain value");
}

#[tokio::test]
async fn what_was_made_for_one_caller_is_not_kept_even_without_a_lease() {
    let disk = Disk::new();
    let before = disk.start("a", 500, 1_000_000, sealed());
    before.backend.creates.store(true, Ordering::SeqCst);
    before.hold(&oci("made"), None);
    before.snapshot.finish().await;
    assert!(!disk.file().exists());
    before.backend.creates.store(false, Ordering::SeqCst);
    before.hold(&oci("read"), None);
    before.snapshot.finish().await;
    assert!(disk.file().exists());
}

#[tokio::test]
async fn a_flush_takes_from_the_disk_what_it_takes_from_memory() {
    let disk = Disk::new();
    let running = disk.start("a", 500, 1_000_000, sealed());
    running.hold(&oci("x"), None);
    running.hold(&oci("y"), None);
    running.snapshot.finish().await;
    running.cache.flush(|address| address.name == "x");
    running.snapshot.forgotten().await.unwrap();
    assert_eq!(disk.age_of("x", "a", 500, 0, sealed()), None);
    assert_eq!(disk.age_of("y", "a", 500, 0, sealed()), Some(0));
    running.cache.flush(|_| true);
    running.snapshot.forgotten().await.unwrap();
    assert!(!disk.file().exists());
}

#[tokio::test]
async fn turned_off_it_leaves_nothing_on_the_disk() {
    let disk = Disk::new();
    let running = disk.start("a", 500, 1_000_000, sealed());
    running.hold(&oci("x"), None);
    running.snapshot.finish().await;
    assert!(disk.file().exists());
    let off = disk.start("a", 500, 1_000_000, SnapshotPolicy::default());
    assert!(!disk.file().exists());
    off.hold(&oci("x"), None);
    off.snapshot.finish().await;
    assert!(!disk.file().exists());
    off.snapshot.set_policy(sealed());
    off.snapshot.finish().await;
    assert!(disk.file().exists());
    off.snapshot.set_policy(SnapshotPolicy::default());
    off.snapshot.finish().await;
    assert!(!disk.file().exists());
}

#[tokio::test]
async fn a_file_of_no_use_is_said_and_stays_until_there_is_another() {
    let disk = Disk::new();
    let before = disk.start("a", 500, 1_000_000, sealed());
    before.hold(&oci("x"), None);
    before.snapshot.finish().await;
    let whole = fs::read(disk.file()).unwrap();
    fs::write(disk.file(), &whole[..whole.len() - 1]).unwrap();
    let after = disk.start("a", 500, 1_000_000, sealed());
    let warning = after.warning().expect("it is said");
    assert!(warning.contains("snapshot.age"), "{warning}");
    after.snapshot.finish().await;
    assert!(disk.file().exists());
    after.hold(&oci("y"), None);
    after.snapshot.finish().await;
    assert_eq!(after.warning(), None);
    assert_eq!(disk.age_of("y", "a", 500, 0, sealed()), Some(0));
}

#[tokio::test]
async fn a_file_that_cannot_be_brought_up_to_date_is_removed() {
    let disk = Disk::new();
    let running = disk.start("a", 500, 1_000_000, sealed());
    running.hold(&oci("x"), None);
    running.snapshot.finish().await;
    // Others can look in: nothing is written there.
    let mode = |mode| fs::set_permissions(disk.state(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o755);
    running.hold(&oci("y"), None);
    running.snapshot.finish().await;
    assert!(!disk.file().exists());
    let warning = running.warning().expect("it is said");
    assert!(warning.contains("chmod 700"), "{warning}");
    mode(0o700);
    running.snapshot.finish().await;
    assert_eq!(running.warning(), None);
    assert_eq!(disk.age_of("x", "a", 500, 0, sealed()), Some(0));
}

#[tokio::test]
async fn a_flush_says_that_old_values_stay_where_it_cannot_remove_them() {
    let disk = Disk::new();
    let running = disk.start("a", 500, 1_000_000, sealed());
    running.hold(&oci("x"), None);
    running.snapshot.finish().await;
    // What cannot be removed like a file.
    fs::remove_file(disk.file()).unwrap();
    fs::create_dir(disk.file()).unwrap();
    running.cache.flush(|_| true);
    let warning = running.snapshot.forgotten().await.unwrap_err();
    assert!(warning.contains("old values stay on the disk"), "{warning}");
    fs::remove_dir(disk.file()).unwrap();
    running.snapshot.forgotten().await.unwrap();
    assert_eq!(running.warning(), None);
}
