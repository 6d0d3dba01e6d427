//! Noticing that the configuration must be read again, though nobody asked for it.
//!
//! Directories are watched and never files: an editor puts a new file in the place of the old one,
//! and a watch on the old one would die with it. Only names that could be configuration count, and
//! only changes: this process's own reading is none. Where inotify cannot be had, everything works
//! but the noticing.

mod debounce;
mod interest;

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{ErrorKind, Event, INotifyWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::files::Places;
use crate::clock::Clock;
use debounce::{Debounce, Next};
use interest::Interest;

/// How often directories are looked for again while they come and go.
const LOOKS: usize = 8;

/// The two ends of the noticing: what is watched, and who is told.
pub fn watch(clock: Arc<dyn Clock>) -> (Watch, Changes) {
    let told = Arc::new(Notify::new());
    let changes = Changes {
        told: Arc::clone(&told),
        debounce: Debounce::default(),
        clock,
    };
    let watch = Watch {
        told,
        interest: Arc::default(),
        watcher: None,
        watched: BTreeMap::new(),
    };
    (watch, changes)
}

/// Which directories are watched.
#[derive(Debug)]
pub struct Watch {
    told: Arc<Notify>,
    interest: Arc<RwLock<Interest>>,
    watcher: Option<INotifyWatcher>,
    /// With device and inode, since another directory may come to a path.
    watched: BTreeMap<PathBuf, (u64, u64)>,
}

impl Watch {
    /// Watches what `places` are now; to be called *before* the files are read, so that no change
    /// falls between. Gives the reason where not all of it can be watched.
    pub fn follow(&mut self, places: &Places) -> Option<String> {
        let mut trouble = None;
        for _ in 0..LOOKS {
            let interest = Interest::of(places);
            self.interest
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .clone_from(&interest);
            match self.attend(&interest) {
                Ok(Attended { moved, refused }) => {
                    trouble = refused;
                    // What came to a directory before it was watched was not told.
                    if !moved {
                        break;
                    }
                }
                Err(error) => return Some(words_of(&error)),
            }
        }
        trouble
    }

    fn attend(&mut self, interest: &Interest) -> Result<Attended, notify::Error> {
        let mut attended = Attended::default();
        let Self {
            told,
            interest: shared,
            watcher,
            watched,
        } = self;
        let watcher = match watcher {
            Some(watcher) => watcher,
            None => watcher.insert(listen(Arc::clone(told), Arc::clone(shared))?),
        };
        let identity = |directory: &Path| directory.metadata().ok().map(|data| identity(&data));
        watched.retain(|directory, known| {
            let stays = interest.names(directory) && identity(directory) == Some(*known);
            if !stays {
                // The watch of a directory that is gone is gone, too.
                let _ = watcher.unwatch(directory);
            }
            stays
        });
        for directory in interest.directories() {
            // Also those that are watched: the watch ends where one directory replaced another.
            match watcher.watch(directory, RecursiveMode::NonRecursive) {
                Ok(()) => match identity(directory) {
                    Some(now) => {
                        attended.moved |= watched.insert(directory.to_owned(), now) != Some(now);
                    }
                    None => attended.moved = true,
                },
                Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {
                    attended.moved = true;
                }
                Err(error) => attended.refused = Some(words_of(&error)),
            }
        }
        Ok(attended)
    }
}

/// What came of watching.
#[derive(Debug, Default)]
struct Attended {
    /// Whether a directory was not watched before, or has gone meanwhile.
    moved: bool,
    /// Why one could not be watched.
    refused: Option<String>,
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn listen(
    told: Arc<Notify>,
    interest: Arc<RwLock<Interest>>,
) -> Result<INotifyWatcher, notify::Error> {
    let on_event = move |event: notify::Result<Event>| {
        let interest = interest.read().unwrap_or_else(PoisonError::into_inner);
        let counts = match event {
            Ok(event) => concerns(&interest, &event),
            // Events may have been lost.
            Err(_) => true,
        };
        if counts {
            told.notify_one();
        }
    };
    INotifyWatcher::new(on_event, notify::Config::default())
}

/// Whether an event may have changed what would be read.
fn concerns(interest: &Interest, event: &Event) -> bool {
    if event.need_rescan() {
        return true;
    }
    match event.kind {
        // Reading is no change, and it is what this process does itself.
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
        EventKind::Access(_) => return false,
        _ => {}
    }
    event.paths.iter().any(|path| interest.concerns(path))
}

fn words_of(error: &notify::Error) -> String {
    let place = match error.paths.first() {
        Some(path) => format!("{}: ", path.display()),
        None => String::new(),
    };
    match &error.kind {
        ErrorKind::MaxFilesWatch => {
            format!("{place}the limit fs.inotify.max_user_watches is reached")
        }
        ErrorKind::Io(error) if error.raw_os_error() == Some(nix::libc::EMFILE) => {
            "the limit fs.inotify.max_user_instances, or that of open files, is reached".to_owned()
        }
        ErrorKind::Io(error) => format!("{place}{error}"),
        _ => format!("{place}{error}"),
    }
}

/// Who is told of changes.
pub struct Changes {
    told: Arc<Notify>,
    debounce: Debounce,
    clock: Arc<dyn Clock>,
}

impl Changes {
    /// Waits until something has changed and there is quiet again, or the noise goes on for too long.
    /// May be given up and called again.
    pub async fn settled(&mut self) {
        loop {
            match self.debounce.next(self.clock.now()) {
                Next::Now => {
                    self.debounce = Debounce::default();
                    return;
                }
                Next::Never => {
                    self.told.notified().await;
                    self.debounce.event(self.clock.now());
                }
                Next::In(wait) => tokio::select! {
                    () = self.told.notified() => self.debounce.event(self.clock.now()),
                    () = tokio::time::sleep(wait) => {}
                },
            }
        }
    }
}

#[cfg(test)]
mod tests;
