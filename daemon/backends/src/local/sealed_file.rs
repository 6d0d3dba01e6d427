//! Files beside the store that its identity opens.
//!
//! Like the store each is private, replaced whole, and left as it is where it cannot be used. They
//! are read and written as streams, a chunk of the age format at a time. All calls block.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::LocalError;
use super::identity::{Plaintext, unreadable};
use super::place::{check_directory, failed, open_private};
use super::store::Store;
use super::writing::{WriteLock, remove_leftovers};

/// A file that the identity of the local store opens, and nothing else does.
#[derive(Clone, Debug)]
pub struct SealedFile {
    store: Arc<Store>,
    directory: PathBuf,
    name: &'static str,
}

/// What such a file holds, decrypted as it is read. An error of it is a [`LocalError`] inside an
/// [`io::Error`]. Only its end says that nothing is missing.
pub struct SealedReader {
    plaintext: Plaintext,
    path: PathBuf,
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

    /// Opens it, if it is at most `limit` bytes large; `None` where there is no file.
    ///
    /// # Errors
    /// [`LocalError`]: it is somebody else's, for another identity, damaged, or too large.
    pub fn open(&self, limit: u64) -> Result<Option<SealedReader>, LocalError> {
        let path = self.path();
        check_directory(&self.directory)?;
        let Some(file) = open_private(&path, limit)? else {
            return Ok(None);
        };
        let plaintext = self.store.identity_for(&path)?.reader(&path, file)?;
        Ok(Some(SealedReader { plaintext, path }))
    }

    /// Replaces it by what `write` writes. Where the store has no identity yet, this makes it.
    ///
    /// # Errors
    /// [`LocalError`], and what `write` returned; then what was there is there still.
    pub fn replace<E: From<LocalError>>(
        &self,
        write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<(), E> {
        check_directory(&self.directory)?;
        // Before the lock: an identity is made under the same one.
        let identity = self.store.identity_or_new()?;
        let path = self.path();
        WriteLock::take(&self.directory)?.replace(self.name, |file| {
            let mut writer = identity.writer(&path, file)?;
            write(&mut writer)?;
            writer.finish().map_err(failed("write", &path))?;
            Ok::<_, E>(())
        })?;
        Ok(self.store.sync(&self.directory)?)
    }

    /// Removes it, if it is there, and what killed writers left of it. Without an error none of it comes
    /// back, also after a power failure.
    ///
    /// # Errors
    /// [`LocalError::Io`]; [`LocalError::Locked`], where there is something left of another writer.
    pub fn remove(&self) -> Result<(), LocalError> {
        let path = self.path();
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(failed("remove", path)(error));
        }
        remove_leftovers(&self.directory)?;
        // Also where it was gone: an attempt before may have failed here.
        self.store.sync(&self.directory)
    }

    /// Removes what killed writers left beside it.
    ///
    /// # Errors
    /// As [`SealedFile::remove`].
    pub fn remove_leftovers(&self) -> Result<(), LocalError> {
        remove_leftovers(&self.directory)
    }
}

impl Read for SealedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.plaintext.read(buffer);
        read.map_err(|error| io::Error::other(unreadable(&self.path, error)))
    }
}

impl std::fmt::Debug for SealedReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedReader")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
