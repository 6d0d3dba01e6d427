//! The key that opens the store, and where it comes from.
//!
//! In this order: `vaultd.identity` among the credentials, `identity.age` unlocked with the
//! passphrase, `identity.txt`. The first that exists counts; one that exists but cannot be used is
//! an error and never a reason to go on to the next. The key stays shielded and is parsed for each
//! use.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use age::secrecy::{ExposeSecret, SecretString};
use age::stream::{StreamReader, StreamWriter};
use age::{scrypt, x25519};
use vault_memory::{Secret, Shield};
use zeroize::Zeroizing;

use crate::calendar::date_time;

use super::envelope::{self, NotOpened};
use super::error::LocalError;
use super::place::{failed, read_credential, read_private};
use super::writing::WriteLock;

/// What may hold or unlock the identity, beside the store's directory.
#[derive(Debug)]
pub(super) struct IdentitySources {
    pub(super) credentials_directory: Option<PathBuf>,
    pub(super) passphrase: Option<SecretString>,
}

/// The key of the store, shielded.
#[derive(Debug)]
pub(super) struct StoreIdentity {
    /// Where it came from.
    pub(super) path: PathBuf,
    key: Secret,
}

impl StoreIdentity {
    /// The identity there is, if there is one.
    ///
    /// # Errors
    /// [`LocalError`] if there is one that cannot be used.
    pub(super) fn load(
        directory: &Path,
        sources: &IdentitySources,
        shield: &Arc<Shield>,
    ) -> Result<Option<Self>, LocalError> {
        if let Some(path) = credential(sources)
            && let Some(text) = read_credential(&path, MAX_IDENTITY_BYTES)?
        {
            return shielded(path, &text, shield).map(Some);
        }
        let path = directory.join(LOCKED_FILE);
        if let Some(file) = read_private(&path, MAX_IDENTITY_BYTES)? {
            let text = unlock(&path, &file, sources)?;
            return shielded(path, &text, shield).map(Some);
        }
        let path = directory.join(PLAIN_FILE);
        match read_private(&path, MAX_IDENTITY_BYTES)? {
            Some(text) => shielded(path, &text, shield).map(Some),
            None => Ok(None),
        }
    }

    /// Makes a new identity and writes it: locked if there is a passphrase, else plain.
    ///
    /// The caller has made sure, under this lock, that there is neither identity nor store, and
    /// syncs the directory.
    ///
    /// # Errors
    /// [`LocalError`] if it cannot be written.
    pub(super) fn create(
        directory: &Path,
        sources: &IdentitySources,
        lock: &WriteLock<'_>,
        now: u64,
        shield: &Arc<Shield>,
    ) -> Result<Self, LocalError> {
        let text = identity_text(&x25519::Identity::generate(), now);
        let name = if let Some(passphrase) = &sources.passphrase {
            let recipient = scrypt::Recipient::new(passphrase.clone());
            let written = |file: &File| {
                let mut writer = envelope::writer(file, &recipient)?;
                writer.write_all(text.as_bytes())?;
                writer.finish().map(drop)
            };
            let path = directory.join(LOCKED_FILE);
            lock.replace(LOCKED_FILE, |file| {
                written(file).map_err(failed("write", path))
            })?;
            LOCKED_FILE
        } else {
            let path = directory.join(PLAIN_FILE);
            lock.replace(PLAIN_FILE, |mut file| {
                file.write_all(text.as_bytes())
                    .map_err(failed("write", path))
            })?;
            PLAIN_FILE
        };
        shielded(directory.join(name), text.as_bytes(), shield)
    }

    /// Decrypts `file`, which is the one at `path`, as it is read.
    ///
    /// # Errors
    /// [`LocalError::WrongIdentity`], [`LocalError::Damaged`], [`LocalError::Shield`],
    /// [`LocalError::Io`].
    pub(super) fn reader(&self, path: &Path, file: File) -> Result<Plaintext, LocalError> {
        envelope::reader(BufReader::new(file), &self.key()?).map_err(
            |not_opened| match not_opened {
                NotOpened::OtherKey => LocalError::WrongIdentity {
                    store: path.to_owned(),
                    identity: self.path.clone(),
                },
                other => unreadable(path, other),
            },
        )
    }

    /// Encrypts what is written to `file`, which is to be the one at `path`, so that this identity
    /// opens it.
    ///
    /// # Errors
    /// [`LocalError::Shield`], [`LocalError::Io`].
    pub(super) fn writer<'a>(
        &self,
        path: &Path,
        file: &'a File,
    ) -> Result<StreamWriter<&'a File>, LocalError> {
        let recipient = self.key()?.to_public();
        envelope::writer(file, &recipient).map_err(failed("write", path))
    }

    /// The key itself, for one use.
    ///
    /// # Errors
    /// [`LocalError::Shield`].
    fn key(&self) -> Result<x25519::Identity, LocalError> {
        self.key
            .expose_secret(|text| parse(text))?
            .ok_or_else(|| LocalError::BadIdentity {
                path: self.path.clone(),
            })
    }
}

/// The plaintext of a file, decrypted as it is read.
pub(super) type Plaintext = StreamReader<BufReader<File>>;

/// Why the plaintext of the file at `path` could not be read, or not on.
pub(super) fn unreadable(path: &Path, error: impl Into<NotOpened>) -> LocalError {
    let path = path.to_owned();
    match error.into() {
        NotOpened::OtherKey | NotOpened::OtherPassphrase => LocalError::Damaged {
            path,
            reason: "its key was altered",
        },
        NotOpened::Damaged(reason) => LocalError::Damaged { path, reason },
        NotOpened::Unread(source) => failed("read", path)(source),
    }
}

/// Which file is at a path, and in which state: an equal one has the same content.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    path: PathBuf,
    device: u64,
    inode: u64,
    bytes: u64,
    /// Moves with content, mode and owner, and unlike the time of modification nobody can set it.
    changed: (i64, i64),
}

impl FileStamp {
    /// The identity there is now, if there is one. Taken before it is read: one that is replaced in
    /// between then differs.
    ///
    /// # Errors
    /// [`LocalError::Io`].
    pub(super) fn of_first(
        directory: &Path,
        sources: &IdentitySources,
    ) -> Result<Option<Self>, LocalError> {
        for path in candidates(directory, sources) {
            if let Some(stamp) = Self::of(&path)? {
                return Ok(Some(stamp));
            }
        }
        Ok(None)
    }

    /// The file at `path`, if there is one.
    ///
    /// # Errors
    /// [`LocalError::Io`].
    pub(super) fn of(path: &Path) -> Result<Option<Self>, LocalError> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(Self {
                path: path.to_owned(),
                device: metadata.dev(),
                inode: metadata.ino(),
                bytes: metadata.len(),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("look at", path)(error)),
        }
    }
}

/// Where an identity is looked for, in words.
pub(super) fn places(directory: &Path, sources: &IdentitySources) -> String {
    candidates(directory, sources)
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(" nor ")
}

/// Where an identity may be. The first that exists counts.
fn candidates(directory: &Path, sources: &IdentitySources) -> impl Iterator<Item = PathBuf> {
    credential(sources)
        .into_iter()
        .chain([directory.join(LOCKED_FILE), directory.join(PLAIN_FILE)])
}

fn credential(sources: &IdentitySources) -> Option<PathBuf> {
    sources
        .credentials_directory
        .as_ref()
        .map(|directory| directory.join("vaultd.identity"))
}

fn unlock(
    path: &Path,
    file: &[u8],
    sources: &IdentitySources,
) -> Result<Zeroizing<Vec<u8>>, LocalError> {
    let Some(passphrase) = &sources.passphrase else {
        return Err(LocalError::NoPassphrase {
            path: path.to_owned(),
        });
    };
    let identity = scrypt::Identity::new(passphrase.clone());
    envelope::open(file, &identity).map_err(|not_opened| match not_opened {
        NotOpened::OtherPassphrase => LocalError::WrongPassphrase {
            path: path.to_owned(),
        },
        NotOpened::OtherKey => LocalError::Damaged {
            path: path.to_owned(),
            reason: "it is not locked with a passphrase",
        },
        other => unreadable(path, other),
    })
}

/// Shields the one key line of an identity file, once it is known to be one.
fn shielded(path: PathBuf, text: &[u8], shield: &Arc<Shield>) -> Result<StoreIdentity, LocalError> {
    let Some(line) = key_line(text).filter(|line| parse(line).is_some()) else {
        return Err(LocalError::BadIdentity { path });
    };
    let key = shield.shield_with(line.len(), |room| {
        room.copy_from_slice(line);
        Ok::<_, LocalError>(room.len())
    })?;
    Ok(StoreIdentity { path, key })
}

fn parse(key: &[u8]) -> Option<x25519::Identity> {
    std::str::from_utf8(key).ok()?.parse().ok()
}

/// The only line that is neither empty nor a comment.
fn key_line(text: &[u8]) -> Option<&[u8]> {
    let mut lines = text
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    lines.next().filter(|_| lines.next().is_none())
}

/// An identity file as `age-keygen` writes it.
fn identity_text(identity: &x25519::Identity, now: u64) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(256));
    let key = identity.to_string();
    writeln!(text, "# created: {}Z", date_time(now))
        .and_then(|()| writeln!(text, "# public key: {}", identity.to_public()))
        .and_then(|()| writeln!(text, "{}", key.expose_secret()))
        .expect("text in memory can be appended to");
    text
}

const LOCKED_FILE: &str = "identity.age";
const PLAIN_FILE: &str = "identity.txt";
const MAX_IDENTITY_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests;
