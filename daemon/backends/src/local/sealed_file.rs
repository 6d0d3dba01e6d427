//! What else is kept on the disk for nobody but this daemon? Files that the store's identity opens.
//!
//! Like the store each is private, replaced whole, and left as it is where it cannot be used. All
//! calls block.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::LocalError;
use super::place::{Bytes, check_directory, failed, read_private};
use super::store::Store;
use super::writing::{WriteLock, remove_leftovers};

/// A file that the identity of the local store opens, and nothing else does.
#[derive(Clone, Debug)]
pub struct SealedFile {
    store: Arc<Store>,
    directory: PathBuf,
    name: &'static str,
}

impl SealedFile {
    pub(super) fn new(store: Arc<Store>, directory: &Path, name: &'static str) -> Self {
        Self {
            store,
            directory: directory.to_owned(),
            name,
        }
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.directory.join(self.name)
    }

    /// What it holds, at most `limit` bytes of it sealed; `None` where there is no file.
    ///
    /// # Errors
    /// [`LocalError`]: it is somebody else's, for another identity, damaged, or too large.
    pub fn read(&self, limit: u64) -> Result<Option<Bytes>, LocalError> {
        let path = self.path();
        check_directory(&self.directory)?;
        let Some(file) = read_private(&path, limit)? else {
            return Ok(None);
        };
        self.store.identity_for(&path)?.open(&path, &file).map(Some)
    }

    /// Replaces it. Where the store has no identity yet, this makes it.
    ///
    /// # Errors
    /// [`LocalError`]; then what was there is there still.
    pub fn replace(&self, plaintext: &[u8]) -> Result<(), LocalError> {
        check_directory(&self.directory)?;
        // Before the lock: an identity is made under the same one.
        let identity = self.store.identity_or_new()?;
        let file = identity.seal(&self.path(), plaintext)?;
        WriteLock::take(&self.directory)?.replace(self.name, &file)?;
        self.store.sync(&self.directory)
    }

    /// Removes it, and what killed writers left of it; says whether it was there. Without an error
    /// none of it comes back, also after a power failure.
    ///
    /// # Errors
    /// [`LocalError::Io`]; [`LocalError::Locked`], where there is something left of another writer.
    pub fn remove(&self) -> Result<bool, LocalError> {
        let path = self.path();
        let was_there = match fs::remove_file(&path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(failed("remove", path)(error)),
        };
        remove_leftovers(&self.directory)?;
        // Also where it was gone: an attempt before may have failed here.
        self.store.sync(&self.directory)?;
        Ok(was_there)
    }

    /// Removes what killed writers left beside it.
    ///
    /// # Errors
    /// As [`SealedFile::remove`].
    pub fn remove_leftovers(&self) -> Result<(), LocalError> {
        remove_leftovers(&self.directory)
    }
}

#[cfg(test)]
mod tests;
