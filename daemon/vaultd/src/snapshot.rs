//! Keeps values of remote vaults over a restart, sealed, where the configuration asks for it.
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
mod policy;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Notify, OwnedMutexGuard};
use vault_backends::address::Address;
use vault_backends::local::SealedFile;
use vault_backends::wall_clock::WallClock;
use vault_memory::Shield;

use crate::cache::Cache;
use crate::cache::changes::{Change, NewState};
use crate::cache::held::Held;
use crate::clock::{Clock, Moment};
use ages::ClockReading;
use document::ValueMetadata;
use due::{
    Contents, Due, FileState, ValueStamp, WriteOutcome, due, due_after_flush, due_at, first_end,
};
use error::SnapshotError;
pub use error::SnapshotWarning;
pub use policy::{Persist, SnapshotPolicy};

/// The file's name in the state directory.
pub const FILE: &str = "snapshot.age";
/// So many bytes of values are kept at most, the youngest first.
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

/// The values that are kept over a restart.
pub struct Snapshot {
    cache: Arc<Cache>,
    shield: Arc<Shield>,
    clock: Arc<dyn Clock>,
    machine: Machine,
    policy: RwLock<Arc<SnapshotPolicy>>,
    file: Arc<tokio::sync::Mutex<File>>,
    policy_changed: Notify,
    warning: Mutex<Option<SnapshotWarning>>,
}

/// The file, in one hand at a time.
struct File {
    sealed: SealedFile,
    state: FileState,
    /// When it was last written, or was to be.
    last_write: Option<(Moment, WriteOutcome)>,
}

/// One value that is to be kept.
struct SnapshotValue {
    address: Address,
    reference: String,
    held: Arc<Held>,
}

impl Snapshot {
    /// One of `cache` in `file`; what is in it already is left alone until [`Snapshot::load`].
    pub fn new(
        cache: Arc<Cache>,
        file: SealedFile,
        shield: Arc<Shield>,
        clock: Arc<dyn Clock>,
        machine: Machine,
        policy: SnapshotPolicy,
    ) -> Arc<Self> {
        let file = File {
            sealed: file,
            state: FileState::Unreadable,
            last_write: None,
        };
        Arc::new(Self {
            cache,
            shield,
            clock,
            machine,
            policy: RwLock::new(Arc::new(policy)),
            file: Arc::new(tokio::sync::Mutex::new(file)),
            policy_changed: Notify::new(),
            warning: Mutex::default(),
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
        let policy = self.policy();
        if policy.persist == Persist::Off {
            self.write(&mut file, &policy);
            return;
        }
        match self.restore(&file.sealed, &policy) {
            Ok(contents) => {
                // Values that a killed writer left would outlive a flush. Where they stay now, the next
                // writing or flush is about them, too.
                if file.sealed.remove_leftovers().is_ok() {
                    file.state = FileState::Holds(contents);
                }
            }
            Err(error) => self.warn(Some(SnapshotWarning::new(format!(
                "what was kept over the restart cannot be used, nothing of it is served: {}",
                error.text(&file.sealed)
            )))),
        }
    }

    /// What the file held.
    fn restore(
        &self,
        file: &SealedFile,
        policy: &SnapshotPolicy,
    ) -> Result<Contents, SnapshotError> {
        let Some(sealed) = file.open(MOST_SEALED)? else {
            return Ok(Contents::new());
        };
        let mut document = document::Reader::new(sealed, &policy.kinds)?;
        let now = self.clock.now();
        // Read later than the other clock: nothing becomes younger by what lies between.
        let away = self
            .reading(now, self.machine.wall.unix_seconds())
            .since(&document.written);
        let (mut all, mut usable) = (0, Vec::new());
        let mut contents = Contents::new();
        while let Some((value, bundle)) = document.next_value(&self.shield)? {
            all += 1;
            let age = away.map(|away| value.age.saturating_add(away));
            let confirmed = age.and_then(|age| now.before(age));
            let bound = policy.bound(value.valid_for);
            let stamp = ValueStamp::new(&value.version, confirmed.unwrap_or_default(), bound);
            contents.insert(value.address.clone(), stamp);
            let (Some(age), Some(confirmed)) = (age, confirmed) else {
                continue;
            };
            if age >= bound || !policy.keeps(&value.address) {
                continue;
            }
            let held = Held {
                bundle: Arc::new(bundle),
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

    /// Keeps the file up to date for as long as it is let. What changes is compared address by address;
    /// all that is held is looked at after a write only.
    pub async fn run(self: Arc<Self>) {
        let mut changes = self.cache.changes();
        loop {
            let (mut due, last_write, first_end) = self.compare().await;
            let mut write_at = None;
            while due != Due::Now {
                if due == Due::Soon {
                    // More changes do not put it off.
                    let moment = || due::moment(self.clock.now(), last_write);
                    write_at = write_at.or_else(|| Some(moment()));
                }
                let wake = write_at.into_iter().chain(first_end).min();
                due = tokio::select! {
                    change = changes.recv() => self.due_after(change, &mut changes).await,
                    () = self.policy_changed.notified() => Due::Now,
                    () = self.clock.sleep_until_any(wake) => Due::Now,
                };
            }
            self.keep_up().await;
        }
    }

    /// Follows another configuration from now on.
    pub fn set_policy(&self, policy: SnapshotPolicy) {
        let mut ours = self.policy.write().unwrap_or_else(PoisonError::into_inner);
        if **ours != policy {
            *ours = Arc::new(policy);
            self.policy_changed.notify_one();
        }
    }

    /// Returns when nothing that was forgotten before is on the disk.
    ///
    /// # Errors
    /// Why something may be, in words for a person.
    pub async fn forgotten(self: &Arc<Self>) -> Result<(), String> {
        self.keep_up().await;
        match self.warning() {
            Some(warning) if warning.holds_old => Err(warning.text),
            _ => Ok(()),
        }
    }

    /// Writes what is not written yet, before the end.
    pub async fn finish(self: &Arc<Self>) {
        if self.compare().await.0 != Due::Not {
            self.keep_up().await;
        }
    }

    /// What a person should know.
    pub fn warning(&self) -> Option<SnapshotWarning> {
        let warning = self.warning.lock().unwrap_or_else(PoisonError::into_inner);
        warning.clone()
    }

    /// Brings the file to what is held, off the serving threads and also if the caller goes away.
    async fn keep_up(self: &Arc<Self>) {
        let file = Arc::clone(&self.file).lock_owned().await;
        let snapshot = Arc::clone(self);
        let write = move |mut file: OwnedMutexGuard<File>| {
            snapshot.write(&mut file, &snapshot.policy());
            vault_memory::wipe_parked_thread();
        };
        if tokio::task::spawn_blocking(move || write(file))
            .await
            .is_err()
        {
            tracing::error!("writing what is kept over a restart was lost");
        }
    }

    fn write(&self, file: &mut File, policy: &SnapshotPolicy) {
        let (values, left_out) = self.held(policy);
        let contents = contents(&values, policy);
        if matches!(&file.state, FileState::Holds(written) if *written == contents) {
            // What could not be kept is not to be kept any more.
            if left_out == 0 {
                self.warn(None);
            }
            return;
        }
        let written = match values.as_slice() {
            [] => file.sealed.remove().map_err(SnapshotError::from),
            values => self.seal(&file.sealed, values),
        };
        let (state, outcome, warning) = match written {
            Ok(()) => (
                FileState::Holds(contents),
                WriteOutcome::Succeeded,
                (left_out > 0).then(|| {
                    let many = format!("{left_out} values are too many to be kept over a restart");
                    SnapshotWarning::new(many)
                }),
            ),
            Err(error) => {
                let why = error.text(&file.sealed);
                let (state, what) = match file.sealed.remove() {
                    Ok(()) => (FileState::Holds(Contents::new()), "nothing is kept"),
                    Err(_) => (FileState::NotRemoved, "old values stay on the disk"),
                };
                let warning = SnapshotWarning {
                    text: format!("values cannot be kept over a restart, {what}: {why}"),
                    holds_old: matches!(state, FileState::NotRemoved),
                };
                (state, WriteOutcome::Failed, Some(warning))
            }
        };
        file.state = state;
        file.last_write = Some((self.clock.now(), outcome));
        self.warn(warning);
    }

    fn seal(&self, file: &SealedFile, values: &[SnapshotValue]) -> Result<(), SnapshotError> {
        // Read sooner than the other clock: nothing becomes younger by what lies between.
        let unix_seconds = self.machine.wall.unix_seconds();
        let now = self.clock.now();
        let value = |kept: &'_ SnapshotValue| ValueMetadata {
            address: kept.address.clone(),
            reference: kept.reference.clone(),
            version: kept.held.bundle.version.clone(),
            age: now.since(kept.held.confirmed),
            valid_for: kept.held.bundle.valid_for,
        };
        let values: Vec<_> = values
            .iter()
            .map(|kept| (value(kept), &*kept.held.bundle))
            .collect();
        let reading = self.reading(now, unix_seconds);
        file.replace(|out| document::write(out, &reading, &values))
    }

    /// What is to be kept by `policy`, and how many values there was no room for.
    fn held(&self, policy: &SnapshotPolicy) -> (Vec<SnapshotValue>, usize) {
        let mut values = Vec::new();
        for entry in self.cache.entries() {
            let Ok((held, age, _)) = entry.known else {
                continue;
            };
            // What was made for one launch is not given to another one.
            let is_shared = held.bundle.lease.is_none() && self.cache.may_be_shared(&entry.address);
            let bound = policy.bound(held.bundle.valid_for);
            if is_shared && policy.keeps(&entry.address) && age < bound {
                values.push(SnapshotValue {
                    address: entry.address,
                    reference: entry.reference,
                    held,
                });
            }
        }
        values.sort_by_key(|kept| std::cmp::Reverse(kept.held.confirmed));
        let mut room = MOST_BYTES;
        let all = values.len();
        values.retain(|kept| {
            let left = room.checked_sub(kept.held.bundle.bytes());
            room = left.unwrap_or(room);
            left.is_some()
        });
        let left_out = all - values.len();
        (values, left_out)
    }

    /// How much of a hurry there is for all that is held; when the file was last written; and when
    /// something in it ends, if nothing happens.
    async fn compare(&self) -> (Due, Option<(Moment, WriteOutcome)>, Option<Moment>) {
        let file = self.file.lock().await;
        let policy = self.policy();
        let held = contents(&self.held(&policy).0, &policy);
        (
            due(&file.state, &held),
            file.last_write,
            first_end(&file.state),
        )
    }

    /// How much of a hurry there is after a change and all that wait behind it. A missed one may have
    /// been a flush.
    async fn due_after(
        &self,
        first: Result<Change, RecvError>,
        changes: &mut Receiver<Change>,
    ) -> Due {
        let file = self.file.lock().await;
        let policy = self.policy();
        let one = |change: &Change| self.due_after_one(change, &file.state, &policy);
        let mut due = first.as_ref().map_or(Due::Now, one);
        loop {
            match changes.try_recv() {
                Ok(change) => due = due.max(one(&change)),
                Err(TryRecvError::Lagged(_)) => due = Due::Now,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return due,
            }
        }
    }

    fn due_after_one(&self, change: &Change, file: &FileState, policy: &SnapshotPolicy) -> Due {
        let held = match &change.now {
            NewState::Flushed => return due_after_flush(file, &change.address),
            NewState::Nothing(_) | NewState::No(_) => None,
            NewState::Value {
                version,
                at,
                valid_for,
                ..
            } => {
                let bound = policy.bound(*valid_for);
                let is_kept = policy.keeps(&change.address) && self.clock.now().since(*at) < bound;
                is_kept.then(|| ValueStamp::new(version, *at, bound))
            }
        };
        due_at(file, &change.address, held.as_ref())
    }

    fn policy(&self) -> Arc<SnapshotPolicy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn reading(&self, now: Moment, unix_seconds: u64) -> ClockReading {
        ClockReading {
            boot: self.machine.boot.clone(),
            since_start: now.time_since_start(),
            unix_seconds,
        }
    }

    /// Remembers what a person should know; what is no news is not logged again.
    fn warn(&self, warning: Option<SnapshotWarning>) {
        let mut last = self.warning.lock().unwrap_or_else(PoisonError::into_inner);
        match &warning {
            Some(warning) if last.as_ref() != Some(warning) => tracing::warn!("{}", warning.text),
            None if last.is_some() => {
                tracing::info!("what is kept over a restart is as it should be again");
            }
            _ => {}
        }
        *last = warning;
    }
}

fn contents(values: &[SnapshotValue], policy: &SnapshotPolicy) -> Contents {
    let stamp = |kept: &SnapshotValue| {
        let Held {
            bundle, confirmed, ..
        } = &*kept.held;
        let stamp = ValueStamp::new(&bundle.version, *confirmed, policy.bound(bundle.valid_for));
        (kept.address.clone(), stamp)
    };
    values.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests;
