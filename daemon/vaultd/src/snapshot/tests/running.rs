//! When the file is brought up to date while the daemon runs.

use super::*;
use tokio::task::JoinHandle;

/// A daemon whose clock flows, and which keeps its file up to date.
fn keeping(disk: &Disk) -> (Running, JoinHandle<()>) {
    let running = disk.start_by(ScriptedClock::flowing(), "a", 500, 1_000_000, sealed());
    let keeping = tokio::spawn(Arc::clone(&running.snapshot).run());
    (running, keeping)
}

/// What a start would find now.
fn kept(disk: &Disk, running: &Running) -> String {
    let up = running.clock.now().time_since_start().as_secs();
    let after = disk.start("a", up, 0, sealed());
    let entries = after.cache.entries().into_iter();
    let named = entries.map(|entry| {
        let version = &entry.known.unwrap().0.bundle.version;
        format!("{} {version}", entry.address.name)
    });
    let mut named: Vec<_> = named.collect();
    named.sort();
    named.join(", ")
}

/// Lets others work; the clock stands still meanwhile.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < TIME, "{what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn while_it_runs_what_is_new_is_written_soon_and_what_ended_at_once() {
    let disk = Disk::new();
    let (running, keeping) = &keeping(&disk);
    let seconds = |seconds| running.clock.sleep(Duration::from_secs(seconds));
    let backend = &running.backend;
    backend.then_value("first").then_value("other");
    running.get("x").await.unwrap();
    assert_eq!(kept(&disk, running), "");
    seconds(2).await;
    assert_eq!(kept(&disk, running), "x 1");
    running.get("y").await.unwrap();
    seconds(5).await;
    assert_eq!(kept(&disk, running), "x 1", "it was written a moment ago");
    seconds(5).await;
    assert_eq!(kept(&disk, running), "x 1, y 1");
    let refresh = |name| {
        let reference = format!("oci-vault://{name}");
        async move { running.cache.refresh(&oci(name), &reference, TIME).await }
    };
    // It is written with the next one.
    running.hold(&oci("x"), None);
    backend.then_value("other");
    refresh("y").await.unwrap();
    seconds(11).await;
    assert_eq!(kept(&disk, running), "x 7, y 1");
    let now = running.clock.now();
    // There is another version.
    backend.then_value("first").then(answer());
    refresh("x").await.unwrap();
    until("x 1, y 1", || kept(&disk, running) == "x 1, y 1").await;
    // The vault says that there is none any more.
    refresh("x").await.unwrap_err();
    until("y 1", || kept(&disk, running) == "y 1").await;
    assert_eq!(running.clock.now(), now, "it was at once");
    running.cache.flush(|_| true);
    until("nothing is kept", || !disk.file().exists()).await;
    keeping.abort();
}

#[tokio::test(start_paused = true)]
async fn what_time_has_ended_leaves_the_disk_though_nothing_happens() {
    let disk = Disk::new();
    let (running, keeping) = keeping(&disk);
    let seconds = |seconds| running.clock.sleep(Duration::from_secs(seconds));
    running.backend.then_value("1");
    running.get("x").await.unwrap();
    running.hold(&oci("short"), Some(200));
    seconds(199).await;
    assert!(kept(&disk, &running).contains("short"));
    seconds(2).await;
    until("x 1", || kept(&disk, &running) == "x 1").await;
    seconds(FRESHNESS.max_stale.as_secs() - 202).await;
    assert!(disk.file().exists());
    seconds(2).await;
    until("nothing is kept", || !disk.file().exists()).await;
    keeping.abort();
}
