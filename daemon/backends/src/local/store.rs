//! What does each operation do to the files, step by step?

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use vault_memory::{Secret, Shield};
use zeroize::Zeroizing;

use crate::address::VersionSelector;
use crate::changing::{Begins, ListEntry, VersionEntry};

use super::document::{Document, Missing, NotAdded, Unreadable};
use super::error::LocalError;
use super::identity::{self, Sources, Stamp, StoreIdentity};
use super::place::{Bytes, check_directory, failed, make_directory, read_private};
use super::writing::{WriteLock, sync_directory};

/// The store's directory and what opens it. All calls block.
#[derive(Debug)]
pub(super) struct Store {
    directory: PathBuf,
    path: PathBuf,
    sources: Sources,
    shield: Arc<Shield>,
    /// With the file that it was read from: unlocking takes long, and a file that is gone or another
    /// one must not be written for.
    identity: Mutex<Option<(Stamp, Arc<StoreIdentity>)>>,
    /// [`sync_directory`], but for tests of a disk that fails.
    pub(super) sync: fn(&Path) -> io::Result<()>,
}

impl Store {
    pub(super) fn open(
        directory: &Path,
        sources: Sources,
        shield: Arc<Shield>,
    ) -> Result<Self, LocalError> {
        make_directory(directory)?;
        let store = Self {
            directory: directory.to_owned(),
            path: directory.join(STORE_FILE),
            sources,
            shield,
            identity: Mutex::default(),
            sync: sync_directory,
        };
        if store.identity()?.is_none() && store.file()?.is_some() {
            return Err(store.no_identity(&store.path));
        }
        Ok(store)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn fetch(
        &self,
        name: &str,
        wanted: &VersionSelector,
    ) -> Result<(Secret, u64), LocalError> {
        let plaintext = self.plaintext()?;
        let document = self.parse(plaintext.as_deref())?;
        let found = document
            .find(name, wanted)
            .map_err(|missing| absent(missing, name, wanted))?;
        let secret = self
            .shield
            .shield_with(decoded_bytes(found.value), |room| {
                // The cause would quote a byte of the value.
                BASE64
                    .decode_slice(found.value, room)
                    .map_err(|_| self.inconsistent())
            })?;
        Ok((secret, found.number))
    }

    pub(super) fn put(
        &self,
        name: &str,
        value: &Secret,
        begins: Begins,
    ) -> Result<u64, LocalError> {
        let mut encoded = Zeroizing::new(String::with_capacity(value.len().div_ceil(3) * 4));
        value.expose_secret(|plain| BASE64.encode_string(plain, &mut encoded))?;
        let now = unix_seconds();
        self.change(name, &encoded, |document, name, value| {
            document
                .add(name, value, now, begins)
                .map_err(|not_added| match not_added {
                    NotAdded::NothingCurrent => LocalError::NothingCurrent {
                        name: name.to_owned(),
                    },
                    NotAdded::NumbersUsedUp => self.inconsistent(),
                })
        })
    }

    pub(super) fn delete(&self, name: &str) -> Result<usize, LocalError> {
        self.change(name, "", |document, name, _| {
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
        self.change(name, "", |document, name, _| {
            document
                .promote(name, number)
                .map_err(|missing| absent(missing, name, &VersionSelector::Version(number)))
        })
    }

    pub(super) fn list(&self) -> Result<Vec<ListEntry>, LocalError> {
        let plaintext = self.plaintext()?;
        Ok(self.parse(plaintext.as_deref())?.list())
    }

    pub(super) fn versions(&self, name: &str) -> Result<Vec<VersionEntry>, LocalError> {
        let plaintext = self.plaintext()?;
        let document = self.parse(plaintext.as_deref())?;
        document
            .versions(name)
            .map_err(|missing| absent(missing, name, &VersionSelector::Current))
    }

    /// Reads, changes and replaces the document under the lock. `name` and `value` pass through to
    /// `change`, because only then the compiler sees that they outlive the document.
    fn change<T>(
        &self,
        name: &str,
        value: &str,
        change: impl for<'a> FnOnce(&mut Document<'a>, &'a str, &'a str) -> Result<T, LocalError>,
    ) -> Result<T, LocalError> {
        check_directory(&self.directory)?;
        let lock = WriteLock::take(&self.directory)?;
        let before = self.plaintext()?;
        let mut document = self.parse(before.as_deref())?;
        let changed = change(&mut document, name, value)?;
        let growth = name.len() + value.len() + PUNCTUATION_BYTES;
        let room = before.as_ref().map_or(0, |before| before.len()) + growth;
        let mut after = Zeroizing::new(Vec::with_capacity(room));
        document.write(&mut after);
        if after.len() as u64 > MAX_DOCUMENT_BYTES {
            return Err(LocalError::Full {
                path: self.path.clone(),
            });
        }
        let identity = self.identity_for_writing(&lock, before.is_some())?;
        let file = identity.seal(&self.path, &after)?;
        lock.replace(STORE_FILE, &file)?;
        (self.sync)(&self.directory).map_err(|source| LocalError::NotDurable {
            path: self.directory.clone(),
            source,
        })?;
        Ok(changed)
    }

    /// The decrypted document; `None` where nothing was ever stored.
    fn plaintext(&self) -> Result<Option<Bytes>, LocalError> {
        check_directory(&self.directory)?;
        let Some(file) = self.file()? else {
            return Ok(None);
        };
        let identity = self.identity_for(&self.path)?;
        let plaintext = identity.open(&self.path, &file)?;
        if plaintext.len() as u64 > MAX_DOCUMENT_BYTES {
            return Err(LocalError::TooLarge {
                path: self.path.clone(),
                limit: MAX_DOCUMENT_BYTES,
            });
        }
        Ok(Some(plaintext))
    }

    fn parse<'a>(&self, plaintext: Option<&'a Vec<u8>>) -> Result<Document<'a>, LocalError> {
        let Some(plaintext) = plaintext else {
            return Ok(Document::empty());
        };
        Document::parse(plaintext).map_err(|unreadable| match unreadable {
            Unreadable::Syntax { line, column } => LocalError::Syntax {
                path: self.path.clone(),
                line,
                column,
            },
            Unreadable::Format(format) => LocalError::Format {
                path: self.path.clone(),
                format,
            },
            Unreadable::Inconsistent => self.inconsistent(),
        })
    }

    fn file(&self) -> Result<Option<Bytes>, LocalError> {
        read_private(&self.path, MAX_DOCUMENT_BYTES + MAX_ENVELOPE_BYTES)
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
        let stamp = Stamp::of_first(&self.directory, &self.sources)?;
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

/// The exact size of what padded base64 stands for.
fn decoded_bytes(encoded: &str) -> usize {
    let padding = encoded
        .bytes()
        .rev()
        .take_while(|&byte| byte == b'=')
        .count();
    (encoded.len() / 4 * 3).saturating_sub(padding)
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
/// More than the braces, keys and numbers of one version take.
const PUNCTUATION_BYTES: usize = 512;

#[cfg(test)]
mod tests;
