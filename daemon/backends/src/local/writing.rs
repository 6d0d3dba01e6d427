//! Replaces a file so that a reader sees the old one or the new one, and never less.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;

use super::error::LocalError;
use super::place::failed;

/// The right to write in the store's directory, against all processes. Ends when dropped, or with
/// the process.
pub(super) struct WriteLock<'a> {
    directory: &'a Path,
    _lock: File,
}

impl<'a> WriteLock<'a> {
    /// Waits for the right at most 2 s, then removes what killed writers left.
    ///
    /// # Errors
    /// [`LocalError::Locked`], [`LocalError::Io`].
    pub(super) fn take(directory: &'a Path) -> Result<Self, LocalError> {
        let path = directory.join("store.lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
            .open(&path)
            .map_err(failed("open", &path))?;
        wait_for(&lock, path)?;
        let taken = Self {
            directory,
            _lock: lock,
        };
        taken.remove_leftovers()?;
        Ok(taken)
    }

    /// Replaces the file `name` by what `write` writes, mode 0600: written beside it, synced, renamed
    /// over it. To outlive a power failure it also needs [`sync_directory`].
    ///
    /// # Errors
    /// [`LocalError::Io`], and what `write` returned; then the file is the old one.
    pub(super) fn replace<E: From<LocalError>>(
        &self,
        name: &str,
        write: impl FnOnce(&File) -> Result<(), E>,
    ) -> Result<(), E> {
        let target = self.directory.join(name);
        let new = tempfile::Builder::new()
            .prefix(LEFTOVER_PREFIX)
            .suffix(LEFTOVER_SUFFIX)
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(self.directory)
            .map_err(failed("make a file in", self.directory))?;
        write(new.as_file())?;
        new.as_file()
            .sync_all()
            .map_err(failed("sync", new.path()))?;
        new.persist(&target)
            .map_err(|refused| failed("replace", &target)(refused.error))?;
        Ok(())
    }

    /// Under the lock no other writer is at work, so these files are nobody's.
    fn remove_leftovers(&self) -> Result<(), LocalError> {
        for path in leftovers(self.directory)? {
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        Ok(())
    }
}

/// Removes what killed writers left, if they left anything; else nobody is waited for.
///
/// # Errors
/// As [`WriteLock::take`].
pub(super) fn remove_leftovers(directory: &Path) -> Result<(), LocalError> {
    if leftovers(directory)?.is_empty() {
        return Ok(());
    }
    WriteLock::take(directory).map(drop)
}

/// What writers have under way, or left.
fn leftovers(directory: &Path) -> Result<Vec<PathBuf>, LocalError> {
    let mut found = vec![];
    for entry in fs::read_dir(directory).map_err(failed("list", directory))? {
        let entry = entry.map_err(failed("list", directory))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(LEFTOVER_PREFIX) && name.ends_with(LEFTOVER_SUFFIX) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Brings the names in the directory to the disk.
///
/// # Errors
/// What the operating system said; readers see the new names all the same.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn wait_for(lock: &File, path: PathBuf) -> Result<(), LocalError> {
    let deadline = Instant::now() + MAX_WAIT;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(LocalError::Locked { path }),
            Err(TryLockError::Error(error)) => return Err(failed("lock", path)(error)),
        }
    }
}

const LEFTOVER_PREFIX: &str = ".new.";
const LEFTOVER_SUFFIX: &str = ".tmp";
const MAX_WAIT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);
