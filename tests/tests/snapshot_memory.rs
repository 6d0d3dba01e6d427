//! How much memory the snapshot takes while it is written and read. Alone in its process, whose peak it
//! measures.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::bundle::Bundle;
use vault_backends::local::{LocalSettings, LocalStore};
use vault_backends::wall_clock::SystemWallClock;
use vault_memory::{MAX_SECRET_BYTES, Preference, Shield};
use vaultd::cache::Cache;
use vaultd::cache::held::Held;
use vaultd::clock::{BootClock, Clock};
use vaultd::snapshot::{FILE, Machine, Persist, Snapshot, SnapshotPolicy};
use vaultd::upstream::Upstream;

/// Half of what is kept at most: 8 MiB.
const VALUES: usize = 128;
/// An eighth of the values. A chunk of 64 KiB and what the allocator does with it is far below.
const MOST_KIBIBYTES: u64 = 1024;

#[tokio::test]
async fn a_snapshot_is_written_and_read_with_no_more_than_some_chunks_in_memory() {
    let place = tempfile::tempdir().expect("a directory");
    // What the first use of code and threads takes is none of the snapshot.
    let (cache, snapshot) = daemon(place.path());
    hold(&cache, 1);
    snapshot.finish().await;
    daemon(place.path()).1.load();

    hold(&cache, VALUES);
    start_measuring();
    let before = kibibytes("VmRSS:");
    snapshot.finish().await;
    let grown = kibibytes("VmHWM:").saturating_sub(before);
    assert!(grown < MOST_KIBIBYTES, "writing took {grown} KiB");
    assert_eq!(snapshot.warning(), None);
    let file = place.path().join("vaultd").join(FILE);
    let size = fs::metadata(file).expect("a file").len();
    assert!(size > 8 << 20, "all is in it: {size}");
    drop((cache, snapshot));

    let (cache, snapshot) = daemon(place.path());
    start_measuring();
    let before = kibibytes("VmRSS:");
    snapshot.load();
    // The values stay, shielded. What is beyond them was there for the reading alone.
    let grown = kibibytes("VmHWM:").saturating_sub(before);
    let values = (VALUES * MAX_SECRET_BYTES / 1024) as u64;
    let beyond = grown.saturating_sub(values);
    assert!(
        beyond < MOST_KIBIBYTES,
        "reading took {beyond} KiB beyond the values"
    );
    assert_eq!(cache.entries().len(), VALUES);
}

/// An empty cache, and what keeps its values in `place`.
fn daemon(place: &Path) -> (Arc<Cache>, Arc<Snapshot>) {
    let clock: Arc<dyn Clock> = Arc::new(BootClock);
    let upstream = Upstream::new(std::iter::empty().collect(), Arc::clone(&clock));
    let cache = Cache::new(Arc::new(upstream), Arc::clone(&clock));
    let shield = Shield::new(Preference::Auto).expect("memory");
    let state = place.join("vaultd");
    let store = LocalStore::open(&LocalSettings::new(&state), Arc::clone(&shield));
    let file = store.expect("a store").sealed_file(&state, FILE);
    let machine = Machine {
        boot: Some("a".to_owned()),
        wall: Arc::new(SystemWallClock),
    };
    let policy = SnapshotPolicy {
        persist: Persist::Sealed,
        keys: BTreeSet::from([(BackendKind::OCI, String::new())]),
        kinds: vec![BackendKind::OCI],
        longest: Duration::from_hours(24),
    };
    let snapshot = Snapshot::new(Arc::clone(&cache), file, shield, clock, machine, policy);
    (cache, snapshot)
}

/// Lets the cache hold so many values, as large as they can be.
fn hold(cache: &Cache, values: usize) {
    let shield = Shield::new(Preference::Auto).expect("memory");
    for number in 0..values {
        let address = Address {
            kind: BackendKind::OCI,
            scope: String::new(),
            container: None,
            name: format!("s{number}"),
            version: VersionSelector::Current,
        };
        let value = u8::try_from(number % 256).expect("a byte");
        let secret = shield.shield(&mut vec![value; MAX_SECRET_BYTES]);
        let held = Held {
            bundle: Arc::new(Bundle::plain(secret.expect("a value"), "1")),
            confirmed: BootClock.now(),
            is_kept: false,
        };
        let reference = format!("oci-vault://s{number}");
        cache.restore(&address, &reference, held);
    }
}

fn start_measuring() {
    fs::write("/proc/self/clear_refs", "5").expect("the peak starts anew");
}

fn kibibytes(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.expect("a line").trim().trim_end_matches(" kB");
    number.parse().expect("a number")
}
