//! What outlives a restart? Values of vaults elsewhere, sealed, where the configuration asks for it.
//!
//! `cache.persist: sealed` keeps them in a file that the local store's identity opens, so that a
//! daemon which starts while a vault is out serves them still, within the same bounds. What is new is
//! written after some seconds; what is forgotten, replaced or has ended leaves the disk at once. A file
//! that cannot be brought up to date is removed, for what it holds may have ended.
//!
//! It stands beside the way of a request: no answer waits for it but that of a flush or a change.

mod ages;
mod document;
mod due;
mod error;
mod rules;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{Notify, OwnedMutexGuard};
use vault_backends::bundle::Bundle;
use vault_backends::local::SealedFile;
use vault_backends::wall_clock::WallClock;
use vault_memory::Shield;

use crate::cache::held::Held;
use crate::cache::{Cache, CacheEntry};
use crate::clock::{Clock, Moment};
use ages::Time;
use document::Value;
use due::{Contents, Due, Kept, News, OnDisk, Written, due, first_end};
pub use error::Trouble;
use error::Unusable;
pub use rules::{Persist, Rules};

/// The file's name in the state directory.
pub const FILE: &str = "snapshot.age";
/// So many bytes of values are kept at most, the youngest first: all of them are in memory at once
/// while they are sealed.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// More than a file with so many has: what is said of each value, and what the age format adds.
const MOST_SEALED: u64 = 2 * MOST_BYTES as u64;

/// What a machine is, besides its boot clock.
pub struct Machine {
    /// The start of the machine, as the kernel names it; `None` where that is hidden.
    pub boot: Option<String>,
    /// What relates one start to the next.
    pub wall: Arc<dyn WallClock>,
}

/// The room.
pub struct Snapshot {
    cache: Arc<Cache>,
    shield: Arc<Shield>,
    clock: Arc<dyn Clock>,
    machine: Machine,
    rules: RwLock<Arc<Rules>>,
    file: Arc<tokio::sync::Mutex<File>>,
    ruled: Notify,
    trouble: Mutex<Option<Trouble>>,
}

/// The file, in one hand at a time.
struct File {
    sealed: SealedFile,
    disk: OnDisk,
    last: Option<(Moment, Written)>,
}

/// How the file is, beside what is held.
struct Look {
    due: Due,
    /// When it was last written, or was to be.
    last: Option<(Moment, Written)>,
    /// When something in it ends, if nothing happens.
    first_end: Option<Moment>,
}

impl Snapshot {
    /// One of `cache` in `file`; what is in it already is left alone until [`Snapshot::load`].
    pub fn new(
        cache: Arc<Cache>,
        file: SealedFile,
        shield: Arc<Shield>,
        clock: Arc<dyn Clock>,
        machine: Machine,
        rules: Rules,
    ) -> Arc<Self> {
        let file = File {
            sealed: file,
            disk: OnDisk::Unreadable,
            last: None,
        };
        Arc::new(Self {
            cache,
            shield,
            clock,
            machine,
            rules: RwLock::new(Arc::new(rules)),
            file: Arc::new(tokio::sync::Mutex::new(file)),
            ruled: Notify::new(),
            trouble: Mutex::default(),
        })
    }

    /// Gives the cache what the file holds and may still be served, before anybody is; blocks. Where
    /// nothing is to be kept, removes the file.
    pub fn load(&self) {
        self.load_all();
        // Of the thread that starts the daemon, which goes to sleep with what it last did.
        vault_memory::wipe_parked_thread();
    }

    fn load_all(&self) {
        let file = self.file.try_lock();
        let mut file = file.expect("nobody has it before it is loaded");
        let rules = self.rules();
        if rules.persist == Persist::Off {
            self.write(&mut file, &rules);
            return;
        }
        match self.restore(&file.sealed, &rules) {
            Ok(contents) => {
                // Values that a killed writer left would outlive a flush. Where they stay now, the next
                // writing or flush is about them, too.
                if file.sealed.remove_leftovers().is_ok() {
                    file.disk = OnDisk::Holds(contents);
                }
            }
            Err(error) => self.say(Some(Trouble::warning(format!(
                "what was kept over the restart cannot be used, nothing of it is served: {}",
                error.text(&file.sealed)
            )))),
        }
    }

    /// What the file held.
    fn restore(&self, file: &SealedFile, rules: &Rules) -> Result<Contents, Unusable> {
        let Some(mut plaintext) = file.read(MOST_SEALED)? else {
            return Ok(Contents::new());
        };
        let (then, values) = document::read(&mut plaintext, &rules.kinds)?;
        let now = self.clock.now();
        // Read later than the other clock: nothing becomes younger by what lies between.
        let away = self
            .time(now, self.machine.wall.unix_seconds())
            .since(&then);
        let (all, mut usable) = (values.len(), Vec::new());
        let mut contents = Contents::new();
        for (value, plain) in values {
            let age = away.map(|away| value.age.saturating_add(away));
            let confirmed = age.and_then(|age| now.before(age));
            let bound = rules.bound(value.valid_for);
            let kept = Kept::new(&value.version, confirmed.unwrap_or_default(), bound);
            contents.insert(value.address.clone(), kept);
            let (Some(age), Some(confirmed)) = (age, confirmed) else {
                continue;
            };
            if age >= bound || !rules.keep(&value.address) {
                continue;
            }
            let held = Held {
                bundle: Bundle::plain(self.shield.shield(plain)?, value.version)
                    .valid_for(value.valid_for),
                confirmed,
                is_kept: true,
            };
            usable.push((value.address, value.reference, held));
        }
        // All or nothing.
        let restored = usable.len();
        for (address, reference, held) in usable {
            self.cache.restore(&address, &reference, held);
        }
        if away.is_none() && all > 0 {
            tracing::warn!("a clock went back over the restart: what was kept has no age");
        }
        tracing::info!(
            restored,
            dropped = all - restored,
            "values kept over the restart"
        );
        Ok(contents)
    }

    /// Keeps the file up to date for as long as it is let.
    pub async fn run(self: Arc<Self>) {
        let mut changes = self.cache.changes();
        let (mut news, mut soon) = (News::Changed, None);
        loop {
            let look = self.look(news).await;
            soon = match look.due {
                Due::Not => None,
                // More news do not put it off.
                Due::Soon => soon.or_else(|| Some(due::moment(self.clock.now(), look.last))),
                Due::Now => {
                    self.keep_up().await;
                    (news, soon) = (News::Changed, None);
                    continue;
                }
            };
            let wake = soon.into_iter().chain(look.first_end).min();
            tokio::select! {
                told = changes.recv() => news = News::told(told, &mut changes),
                () = self.ruled.notified() => news = News::Forgotten,
                () = self.clock.sleep_until_any(wake) => {
                    self.keep_up().await;
                    (news, soon) = (News::Changed, None);
                }
            }
        }
    }

    /// Follows another configuration from now on.
    pub fn set_rules(&self, rules: Rules) {
        let mut ours = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        if **ours != rules {
            *ours = Arc::new(rules);
            self.ruled.notify_one();
        }
    }

    /// Returns when nothing that was forgotten before is on the disk.
    ///
    /// # Errors
    /// Why something may be, in words for a person.
    pub async fn forgotten(self: &Arc<Self>) -> Result<(), String> {
        self.keep_up().await;
        match self.trouble() {
            Some(trouble) if trouble.holds_old => Err(trouble.words),
            _ => Ok(()),
        }
    }

    /// Writes what is not written yet, before the end.
    pub async fn finish(self: &Arc<Self>) {
        if self.look(News::Changed).await.due != Due::Not {
            self.keep_up().await;
        }
    }

    /// What a person should know.
    pub fn trouble(&self) -> Option<Trouble> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clone()
    }

    /// Brings the file to what is held, off the serving threads and also if the caller goes away.
    async fn keep_up(self: &Arc<Self>) {
        let file = Arc::clone(&self.file).lock_owned().await;
        let snapshot = Arc::clone(self);
        let write = move |mut file: OwnedMutexGuard<File>| {
            snapshot.write(&mut file, &snapshot.rules());
            vault_memory::wipe_parked_thread();
        };
        if tokio::task::spawn_blocking(move || write(file))
            .await
            .is_err()
        {
            tracing::error!("writing what is kept over a restart was lost");
        }
    }

    fn write(&self, file: &mut File, rules: &Rules) {
        let (entries, left_out) = self.held(rules);
        let contents = contents(&entries, rules);
        if matches!(&file.disk, OnDisk::Holds(written) if *written == contents) {
            // What could not be kept is not to be kept any more.
            if left_out == 0 {
                self.say(None);
            }
            return;
        }
        let written = match entries.as_slice() {
            [] => file.sealed.remove().map(|_| ()).map_err(Unusable::from),
            entries => self.seal(&file.sealed, entries),
        };
        let (disk, outcome, trouble) = match written {
            Ok(()) => (
                OnDisk::Holds(contents),
                Written::Well,
                (left_out > 0).then(|| {
                    let many = format!("{left_out} values are too many to be kept over a restart");
                    Trouble::warning(many)
                }),
            ),
            Err(error) => {
                let why = error.text(&file.sealed);
                let (disk, what) = match file.sealed.remove() {
                    Ok(_) => (OnDisk::Holds(Contents::new()), "nothing is kept"),
                    Err(_) => (OnDisk::Unremoved, "old values stay on the disk"),
                };
                let trouble = Trouble {
                    words: format!("values cannot be kept over a restart, {what}: {why}"),
                    holds_old: matches!(disk, OnDisk::Unremoved),
                };
                (disk, Written::Failed, Some(trouble))
            }
        };
        file.disk = disk;
        file.last = Some((self.clock.now(), outcome));
        self.say(trouble);
    }

    fn seal(&self, file: &SealedFile, entries: &[(CacheEntry, Arc<Held>)]) -> Result<(), Unusable> {
        // Read sooner than the other clock: nothing becomes younger by what lies between.
        let unix_seconds = self.machine.wall.unix_seconds();
        let now = self.clock.now();
        let value = |(entry, held): &'_ (CacheEntry, Arc<Held>)| Value {
            address: entry.address.clone(),
            reference: entry.reference.clone(),
            version: held.bundle.version.clone(),
            age: now.since(held.confirmed),
            valid_for: held.bundle.valid_for,
        };
        let values: Vec<_> = entries
            .iter()
            .filter_map(|entry| Some((value(entry), entry.1.bundle.field(None).ok()?)))
            .collect();
        Ok(file.replace(&document::write(&self.time(now, unix_seconds), &values)?)?)
    }

    /// What is to be kept by `rules`, and how many values there was no room for.
    fn held(&self, rules: &Rules) -> (Vec<(CacheEntry, Arc<Held>)>, usize) {
        let known = |entry: CacheEntry| {
            let (held, age, _) = entry.known.as_ref().ok()?;
            // What was made for one launch is not given to another one.
            let is_plain = held.bundle.lease.is_none() && held.bundle.field(None).is_ok();
            let kept =
                is_plain && rules.keep(&entry.address) && *age < rules.bound(held.bundle.valid_for);
            let held = Arc::clone(held);
            kept.then_some((entry, held))
        };
        let mut entries: Vec<_> = self.cache.entries().into_iter().filter_map(known).collect();
        entries.sort_by_key(|(_, held)| std::cmp::Reverse(held.confirmed));
        let mut room = MOST_BYTES;
        let all = entries.len();
        entries.retain(|(_, held)| {
            let left = room.checked_sub(held.bundle.bytes());
            room = left.unwrap_or(room);
            left.is_some()
        });
        let left_out = all - entries.len();
        (entries, left_out)
    }

    async fn look(&self, news: News) -> Look {
        let file = self.file.lock().await;
        let rules = self.rules();
        let held = contents(&self.held(&rules).0, &rules);
        Look {
            due: due(&file.disk, &held, news),
            last: file.last,
            first_end: first_end(&file.disk),
        }
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn time(&self, now: Moment, unix_seconds: u64) -> Time {
        Time {
            boot: self.machine.boot.clone(),
            since_start: now.time_since_start(),
            unix_seconds,
        }
    }

    /// Remembers what a person should know; what is no news is not logged again.
    fn say(&self, trouble: Option<Trouble>) {
        let mut last = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match &trouble {
            Some(trouble) if last.as_ref() != Some(trouble) => tracing::warn!("{}", trouble.words),
            None if last.is_some() => {
                tracing::info!("what is kept over a restart is as it should be again");
            }
            _ => {}
        }
        *last = trouble;
    }
}

fn contents(entries: &[(CacheEntry, Arc<Held>)], rules: &Rules) -> Contents {
    let value = |(entry, held): &(CacheEntry, Arc<Held>)| {
        let bound = rules.bound(held.bundle.valid_for);
        let kept = Kept::new(&held.bundle.version, held.confirmed, bound);
        (entry.address.clone(), kept)
    };
    entries.iter().map(value).collect()
}

#[cfg(test)]
mod tests;
