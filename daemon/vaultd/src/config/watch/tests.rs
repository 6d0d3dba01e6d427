//! Each way of changing a file is noticed, and nothing that is no change. With a real inotify.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::clock::{BootClock, ScriptedClock};
use crate::config::Texts;

/// How long a test waits for the kernel before it gives up.
const LONG: Duration = Duration::from_mins(1);

/// A configuration in a directory of its own, watched.
struct Room {
    room: tempfile::TempDir,
    watch: Watch,
}

impl Room {
    fn new() -> Self {
        let (watch, _) = watch(Arc::new(BootClock));
        let room = tempfile::tempdir().unwrap();
        let room = Self { room, watch };
        fs::create_dir_all(room.path("vaultd/configs")).unwrap();
        fs::write(room.path("vaultd/resolver.yaml"), "cache: {}\n").unwrap();
        fs::write(room.path("vaultd/configs/bar.json"), "{}").unwrap();
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.room.path().canonicalize().unwrap().join(name)
    }

    fn places(&self) -> Places {
        Places::named(self.path("vaultd/resolver.yaml"))
    }

    fn follow(&mut self) {
        let places = self.places();
        assert_eq!(self.watch.follow(&places), None);
    }

    /// Whether somebody is told before the test gives up.
    async fn is_told(&self) -> bool {
        let told = tokio::time::timeout(LONG, self.watch.told.notified());
        told.await.is_ok()
    }
}

/// A way of changing something.
type Change = fn(&Room);

#[tokio::test]
async fn every_way_of_changing_a_file_is_told() {
    let ways: [(&str, Change); 8] = [
        ("written in place", |room| {
            fs::write(room.path("vaultd/resolver.yaml"), "memory: auto\n").unwrap();
        }),
        ("renamed over", |room| {
            fs::write(room.path("new"), "{}").unwrap();
            fs::rename(room.path("new"), room.path("vaultd/configs/bar.json")).unwrap();
        }),
        ("added", |room| {
            fs::write(room.path("vaultd/configs/baz.yaml"), "").unwrap();
        }),
        ("removed", |room| {
            fs::remove_file(room.path("vaultd/configs/bar.json")).unwrap();
        }),
        ("made private", |room| {
            let mode = fs::Permissions::from_mode(0o600);
            fs::set_permissions(room.path("vaultd/configs/bar.json"), mode).unwrap();
        }),
        ("replaced by a link", |room| {
            symlink("/dev/null", room.path("link")).unwrap();
            fs::rename(room.path("link"), room.path("vaultd/resolver.yaml")).unwrap();
        }),
        ("its directory moved away", |room| {
            fs::rename(room.path("vaultd/configs"), room.path("old")).unwrap();
        }),
        ("its directory removed", |room| {
            fs::remove_dir_all(room.path("vaultd")).unwrap();
        }),
    ];
    for (name, change) in ways {
        let mut room = Room::new();
        room.follow();
        change(&room);
        assert!(room.is_told().await, "{name}");
    }
}

/// The same directories, with every event in order.
#[test]
fn reading_is_no_change() {
    let room = Room::new();
    let interest = Interest::of(&room.places());
    let (sender, events) = mpsc::channel();
    let tell = move |event: notify::Result<Event>| {
        // The test may have ended.
        let _ = sender.send(event.unwrap());
    };
    let mut watcher = INotifyWatcher::new(tell, notify::Config::default()).unwrap();
    for directory in interest.directories() {
        watcher
            .watch(directory, RecursiveMode::NonRecursive)
            .unwrap();
    }
    Texts::gather(&room.places()).unwrap();
    fs::write(room.path("aside"), "{}").unwrap();
    let last = room.path("vaultd/configs/last.json");
    fs::rename(room.path("aside"), &last).unwrap();
    let mut seen = 0;
    loop {
        let event = events.recv_timeout(LONG).expect("an event");
        if event.paths.contains(&last) {
            break;
        }
        seen += 1;
        assert!(!concerns(&interest, &event), "{event:?}");
    }
    assert!(seen > 0, "reading is seen, and is nothing");
}

#[test]
fn events_that_were_lost_count_as_a_change() {
    let lost = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
    assert!(concerns(&Interest::default(), &lost));
    assert!(!concerns(&Interest::default(), &Event::new(EventKind::Any)));
}

#[test]
fn where_a_limit_is_reached_its_name_is_said() {
    let full = notify::Error::new(ErrorKind::MaxFilesWatch).add_path(PathBuf::from("/a"));
    assert_eq!(
        words_of(&full),
        "/a: the limit fs.inotify.max_user_watches is reached"
    );
    let many = std::io::Error::from_raw_os_error(nix::libc::EMFILE);
    assert!(words_of(&notify::Error::io(many)).contains("max_user_instances"));
}

#[tokio::test]
async fn a_change_that_is_told_settles_when_the_clock_says_so() {
    let clock = Arc::new(ScriptedClock::default());
    let (watch, mut changes) = watch(Arc::clone(&clock) as Arc<dyn Clock>);
    watch.told.notify_one();
    let mut settled = settling(&mut changes);
    assert!(!settled());
    clock.advance(Duration::from_millis(199));
    assert!(!settled(), "not yet quiet");
    clock.advance(Duration::from_millis(1));
    assert!(settled());
    assert!(!settled(), "once");
}

/// Looks whether the changes have settled, by giving up at once where they have not.
fn settling(changes: &mut Changes) -> impl FnMut() -> bool {
    use futures_util::FutureExt;
    move || changes.settled().now_or_never().is_some()
}
