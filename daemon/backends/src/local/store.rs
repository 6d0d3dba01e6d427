//! The operations of the store, step by step.
//!
//! None has the document in memory: it is read once for what it says of each value, and a value is
//! read from its place when it is wanted. A change copies the others from the old file to the new
//! one, [`PIECE_BYTES`] at a time.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use vault_memory::{Secret, Shield};
use zeroize::Zeroizing;

use crate::address::VersionSelector;
use crate::changing::{Begins, ListEntry, VersionEntry};

use super::document::{Document, Missing, NotAdded, Piece, Unreadable, ValueSource};
use super::error::LocalError;
use super::identity::{self, FileStamp, IdentitySources, Plaintext, StoreIdentity, unreadable};
use super::json_reader::TextSpan;
use super::place::{check_directory, failed, make_directory, open_private};
use super::writing::{WriteLock, sync_directory};

/// A document, and the plaintext that its values are in; `None` where nothing was ever stored.
#[derive(Default)]
struct Stored {
    document: Document,
    plaintext: Option<Plaintext>,
}

/// The store's file as it was last, by this process's own changes or by somebody else's.
#[derive(Debug, Default)]
struct Seen {
    stamp: Option<FileStamp>,
    /// Whether this process replaces the file: its change is no news to itself.
    is_writing: bool,
}

/// The store's directory and what opens it. All calls block.
#[derive(Debug)]
pub(super) struct Store {
    directory: PathBuf,
    path: PathBuf,
    sources: IdentitySources,
    shield: Arc<Shield>,
    /// With the file that it was read from: unlocking takes long, and a file that is gone or another
    /// one must not be written for.
    identity: Mutex<Option<(FileStamp, Arc<StoreIdentity>)>>,
    seen: Mutex<Seen>,
    /// [`sync_directory`], but for tests of a disk that fails.
    pub(super) sync: fn(&Path) -> io::Result<()>,
}

impl Store {
    pub(super) fn open(
        directory: &Path,
        sources: IdentitySources,
        shield: Arc<Shield>,
    ) -> Result<Self, LocalError> {
        make_directory(directory)?;
        let store = Self {
            directory: directory.to_owned(),
            path: directory.join(STORE_FILE),
            sources,
            shield,
            identity: Mutex::default(),
            seen: Mutex::default(),
            sync: sync_directory,
        };
        store.seen().stamp = FileStamp::of(&store.path)?;
        if store.identity()?.is_none() && store.file()?.is_some() {
            return Err(store.no_identity(&store.path));
        }
        Ok(store)
    }

    pub(super) fn fetch(
        &self,
        name: &str,
        wanted: &VersionSelector,
    ) -> Result<(Secret, u64), LocalError> {
        let mut stored = self.read()?;
        let found = stored.document.find(name, wanted);
        let found = found.map_err(|missing| absent(missing, name, wanted))?;
        let number = found.number;
        let (ValueSource::Parsed(span), Some(plaintext)) = (found.value, &mut stored.plaintext)
        else {
            return Err(self.inconsistent());
        };
        Ok((self.decode(plaintext, span)?, number))
    }

    pub(super) fn put(
        &self,
        name: &str,
        value: &Secret,
        begins: Begins,
    ) -> Result<u64, LocalError> {
        let now = unix_seconds();
        self.change(Some(value), |document| {
            let added = document.add(name, now, begins);
            added.map_err(|not_added| match not_added {
                NotAdded::NothingCurrent => LocalError::NothingCurrent {
                    name: name.to_owned(),
                },
                NotAdded::NumbersUsedUp => self.inconsistent(),
            })
        })
    }

    pub(super) fn delete(&self, name: &str) -> Result<usize, LocalError> {
        self.change(None, |document| {
            document
                .remove(name)
                .map_err(|missing| absent(missing, name, &VersionSelector::Current))
        })
    }

    pub(super) fn promote(&self, name: &str, version: &str) -> Result<(), LocalError> {
        // A text that is no number names no version.
        let number = version.parse().map_err(|_| LocalError::VersionNotFound {
            name: name.to_owned(),
            version: version.to_owned(),
        })?;
        self.change(None, |document| {
            document
                .promote(name, number)
                .map_err(|missing| absent(missing, name, &VersionSelector::Version(number)))
        })
    }

    pub(super) fn list(&self) -> Result<Vec<ListEntry>, LocalError> {
        Ok(self.read()?.document.list())
    }

    pub(super) fn versions(&self, name: &str) -> Result<Vec<VersionEntry>, LocalError> {
        let versions = self.read()?.document.versions(name);
        versions.map_err(|missing| absent(missing, name, &VersionSelector::Current))
    }

    /// Calls `doubt` where the file is another one than it was at the last call or after this process's
    /// last change: put back from a copy, or changed by another daemon over the same directory. Whoever
    /// comes meanwhile waits.
    pub(super) fn when_changed(&self, doubt: &dyn Fn()) {
        let mut seen = self.seen();
        // A file that cannot be looked at is found out by whoever reads it.
        let Ok(now) = FileStamp::of(&self.path) else {
            return;
        };
        if !seen.is_writing && seen.stamp != now {
            doubt();
            seen.stamp = now;
        }
    }

    fn begin_writing(&self) -> Result<(), LocalError> {
        let now = FileStamp::of(&self.path)?;
        let mut seen = self.seen();
        seen.is_writing = seen.stamp == now;
        Ok(())
    }

    fn end_writing(&self) {
        let mut seen = self.seen();
        if std::mem::take(&mut seen.is_writing) {
            seen.stamp = FileStamp::of(&self.path).unwrap_or_default();
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the document and replaces the file under the lock. `added` is the value of the version
    /// that `change` adds, if it adds one.
    fn change<T>(
        &self,
        added: Option<&Secret>,
        change: impl FnOnce(&mut Document) -> Result<T, LocalError>,
    ) -> Result<T, LocalError> {
        check_directory(&self.directory)?;
        let lock = WriteLock::take(&self.directory)?;
        let mut stored = self.read()?;
        let changed = change(&mut stored.document)?;
        if document_bytes(&stored.document, added) > MAX_DOCUMENT_BYTES {
            return Err(LocalError::Full {
                path: self.path.clone(),
            });
        }
        let identity = self.identity_for_writing(&lock, stored.plaintext.is_some())?;
        self.begin_writing()?;
        let replaced = lock.replace(STORE_FILE, |file| {
            self.write(&mut stored, added, &identity, file)
        });
        self.end_writing();
        replaced?;
        (self.sync)(&self.directory).map_err(|source| LocalError::NotDurable {
            path: self.directory.clone(),
            source,
        })?;
        Ok(changed)
    }

    /// Writes the document to `file`, each value from where it is.
    fn write(
        &self,
        stored: &mut Stored,
        added: Option<&Secret>,
        identity: &StoreIdentity,
        file: &File,
    ) -> Result<(), LocalError> {
        let mut writer = identity.writer(&self.path, file)?;
        let mut write = |bytes: &[u8]| {
            let written = writer.write_all(bytes);
            written.map_err(failed("write", &self.path))
        };
        stored.document.write(|piece| match piece {
            Piece::Text(text) => write(text.as_bytes()),
            Piece::Value(ValueSource::Added) => match added {
                Some(value) => value.expose_secret(|plain| encode(plain, &mut write))?,
                None => Err(self.inconsistent()),
            },
            Piece::Value(ValueSource::Parsed(span)) => match &mut stored.plaintext {
                Some(plaintext) => self.copy(plaintext, span, &mut write),
                None => Err(self.inconsistent()),
            },
        })?;
        let finished = writer.finish().map(drop);
        finished.map_err(failed("write", &self.path))
    }

    /// Shields the value that stands at `span` in base64.
    fn decode(&self, plaintext: &mut Plaintext, span: TextSpan) -> Result<Secret, LocalError> {
        let bytes = (span.bytes / 4 * 3).saturating_sub(span.padding);
        self.shield.shield_with(bytes, |room| {
            let (mut filled, mut copied) = (0, 0);
            self.copy(plaintext, span, |piece| {
                copied += piece.len();
                // The cause would quote a byte of the value.
                let decoded = BASE64.decode_slice(piece, &mut room[filled..]);
                let decoded = decoded.map_err(|_| self.inconsistent())?;
                // Padding is the end of a value.
                if copied < span.bytes && decoded < piece.len() / 4 * 3 {
                    return Err(self.inconsistent());
                }
                filled += decoded;
                Ok(())
            })?;
            Ok(filled)
        })
    }

    /// Gives `write` the text at `span`, piece by piece.
    fn copy(
        &self,
        plaintext: &mut Plaintext,
        span: TextSpan,
        mut write: impl FnMut(&[u8]) -> Result<(), LocalError>,
    ) -> Result<(), LocalError> {
        let broken = |error: io::Error| unreadable(&self.path, error);
        plaintext
            .seek(SeekFrom::Start(span.offset))
            .map_err(broken)?;
        let mut buffer = Zeroizing::new([0; PIECE_BYTES]);
        let mut left = span.bytes;
        while left > 0 {
            let piece = &mut buffer[..left.min(PIECE_BYTES)];
            plaintext.read_exact(piece).map_err(broken)?;
            write(piece)?;
            left -= piece.len();
        }
        Ok(())
    }

    /// What the store holds, authentic to its end.
    fn read(&self) -> Result<Stored, LocalError> {
        check_directory(&self.directory)?;
        let Some(file) = self.file()? else {
            return Ok(Stored::default());
        };
        let mut plaintext = self.identity_for(&self.path)?.reader(&self.path, file)?;
        let document = Document::parse(&mut plaintext, MAX_DOCUMENT_BYTES);
        let document = document.map_err(|unreadable| self.refused(unreadable))?;
        Ok(Stored {
            document,
            plaintext: Some(plaintext),
        })
    }

    fn refused(&self, document: Unreadable) -> LocalError {
        let path = self.path.clone();
        match document {
            Unreadable::Syntax { line, column } => LocalError::Syntax { path, line, column },
            Unreadable::Format(format) => LocalError::Format { path, format },
            Unreadable::Inconsistent => LocalError::Inconsistent { path },
            Unreadable::TooLong => LocalError::TooLarge {
                path,
                limit: MAX_DOCUMENT_BYTES,
            },
            Unreadable::Source(error) => unreadable(&path, error),
        }
    }

    fn file(&self) -> Result<Option<File>, LocalError> {
        open_private(&self.path, MAX_DOCUMENT_BYTES + MAX_ENVELOPE_BYTES)
    }

    /// The identity that opens `file`, which is the store or was sealed for it.
    pub(super) fn identity_for(&self, file: &Path) -> Result<Arc<StoreIdentity>, LocalError> {
        self.identity()?.ok_or_else(|| self.no_identity(file))
    }

    /// The identity for files beside the store, made now if there is neither one nor a store.
    pub(super) fn identity_or_new(&self) -> Result<Arc<StoreIdentity>, LocalError> {
        if let Some(identity) = self.identity()? {
            return Ok(identity);
        }
        check_directory(&self.directory)?;
        let lock = WriteLock::take(&self.directory)?;
        self.identity_for_writing(&lock, self.file()?.is_some())
    }

    fn identity(&self) -> Result<Option<Arc<StoreIdentity>>, LocalError> {
        let mut remembered = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = FileStamp::of_first(&self.directory, &self.sources)?;
        if let (Some((read_from, identity)), Some(stamp)) = (&*remembered, &stamp)
            && read_from == stamp
        {
            return Ok(Some(Arc::clone(identity)));
        }
        *remembered = None;
        let Some(stamp) = stamp else {
            return Ok(None);
        };
        let found = StoreIdentity::load(&self.directory, &self.sources, &self.shield)?;
        let found = found.map(Arc::new);
        *remembered = found.clone().map(|identity| (stamp, identity));
        Ok(found)
    }

    /// The identity, made now if there is neither one nor a store that it could not open.
    fn identity_for_writing(
        &self,
        lock: &WriteLock<'_>,
        has_store: bool,
    ) -> Result<Arc<StoreIdentity>, LocalError> {
        match self.identity()? {
            Some(identity) => Ok(identity),
            None if has_store => Err(self.no_identity(&self.path)),
            None => {
                let (directory, now) = (&self.directory, unix_seconds());
                let made =
                    StoreIdentity::create(directory, &self.sources, lock, now, &self.shield)?;
                // Before there is a store that nothing else opens.
                self.sync(directory)?;
                Ok(Arc::new(made))
            }
        }
    }

    /// Brings the names in `directory` to the disk.
    pub(super) fn sync(&self, directory: &Path) -> Result<(), LocalError> {
        (self.sync)(directory).map_err(failed("sync", directory))
    }

    fn no_identity(&self, file: &Path) -> LocalError {
        LocalError::NoIdentity {
            store: file.to_owned(),
            searched: identity::places(&self.directory, &self.sources),
        }
    }

    fn inconsistent(&self) -> LocalError {
        LocalError::Inconsistent {
            path: self.path.clone(),
        }
    }
}

fn absent(missing: Missing, name: &str, wanted: &VersionSelector) -> LocalError {
    let name = name.to_owned();
    match (missing, wanted) {
        (Missing::Version, VersionSelector::Version(number)) => LocalError::VersionNotFound {
            name,
            version: number.to_string(),
        },
        (Missing::Stage, VersionSelector::Stage(stage)) => LocalError::NoSuchStage {
            name,
            stage: stage.clone(),
        },
        _ => LocalError::NotFound { name },
    }
}

/// How long the text of `document` is, where `added` is the value that is added.
fn document_bytes(document: &Document, added: Option<&Secret>) -> u64 {
    let mut sum = 0;
    let count = |piece: Piece<'_>| {
        sum += match piece {
            Piece::Text(text) => text.len(),
            Piece::Value(ValueSource::Parsed(span)) => span.bytes,
            Piece::Value(ValueSource::Added) => {
                added.map_or(0, |value| value.len().div_ceil(3) * 4)
            }
        };
        Ok::<_, Infallible>(())
    };
    let Ok(()) = document.write(count);
    sum as u64
}

/// Gives `write` the base64 of a value, piece by piece.
fn encode(
    plain: &[u8],
    mut write: impl FnMut(&[u8]) -> Result<(), LocalError>,
) -> Result<(), LocalError> {
    let mut buffer = Zeroizing::new([0; PIECE_BYTES]);
    for piece in plain.chunks(PIECE_BYTES / 4 * 3) {
        let encoded = BASE64.encode_slice(piece, &mut buffer[..]);
        let encoded = encoded.expect("the buffer has room for what a piece becomes");
        write(&buffer[..encoded])?;
    }
    Ok(())
}

/// The wall clock, for people to read. A clock before 1970 counts as 1970.
fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

const STORE_FILE: &str = "store.age";
const MAX_DOCUMENT_BYTES: u64 = 16 * 1024 * 1024;
/// More than the age format adds to the largest document: a header, and 16 bytes for each 64 KiB.
const MAX_ENVELOPE_BYTES: u64 = 64 * 1024;
/// So much of a value's text is copied at once; whole groups of base64.
const PIECE_BYTES: usize = 4096;

#[cfg(test)]
mod tests;
