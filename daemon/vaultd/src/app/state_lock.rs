//! One daemon alone uses a state directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use vault_proto::printable::printable;

/// The lock's file. It stays when its daemon ends: only the lock on it counts.
const FILE: &str = "vaultd.lock";
/// More nobody writes into it.
const LONGEST: u64 = 512;

/// While it lives, no other daemon uses the directory. The system drops it with the process.
#[derive(Debug)]
pub(super) struct StateLock {
    _file: File,
}

/// Why the directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum StateLockError {
    /// Somebody has it.
    #[error(
        "another vaultd uses the state directory {}: {holder}; stop it first ('systemctl --user stop \
         vaultd.socket vaultd.service', or end its process), or set XDG_STATE_HOME to a directory for \
         this one alone",
        directory.display()
    )]
    Taken {
        /// The directory.
        directory: PathBuf,
        /// What the other daemon wrote down about itself.
        holder: String,
    },
    /// The file cannot be used.
    #[error("cannot lock {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl StateLock {
    /// Takes the lock for the daemon that listens at `socket`.
    ///
    /// # Errors
    /// [`StateLockError`].
    pub(super) fn take(directory: &Path, socket: &Path) -> Result<Self, StateLockError> {
        let path = directory.join(FILE);
        let io = |source| StateLockError::Io {
            path: path.clone(),
            source,
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.mode(0o600).custom_flags(O_NOFOLLOW | O_NONBLOCK);
        let mut file = options.open(&path).map_err(io)?;
        loop {
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(StateLockError::Taken {
                        directory: directory.to_owned(),
                        holder: holder(&mut file),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(io(source)),
            }
            // The lock of a file that somebody has removed meanwhile is nobody's.
            let there = options.open(&path).map_err(io)?;
            if is_same(&file, &there).map_err(io)? {
                break;
            }
            file = there;
        }
        let host = nix::unistd::gethostname().unwrap_or_default();
        let line = format!(
            "process {} on {}, which listens at {}\n",
            std::process::id(),
            host.display(),
            socket.display()
        );
        // Only for people: the lock is held whatever is written.
        let written = file
            .set_len(0)
            .and_then(|()| file.write_all(line.as_bytes()));
        if let Err(error) = written {
            tracing::warn!(%error, file = %path.display(), "cannot write down who holds the lock");
        }
        Ok(Self { _file: file })
    }
}

fn is_same(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file
        .rewind()
        .and_then(|()| file.take(LONGEST).read_to_string(&mut text));
    let line = text.lines().next().unwrap_or_default();
    if read.is_err() || line.is_empty() {
        return "it has not said which".to_owned();
    }
    printable(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_hears_who_has_the_directory() {
        let state = tempfile::tempdir().unwrap();
        let lock = StateLock::take(state.path(), Path::new("/run/one.sock")).unwrap();
        let other = Path::new("/run/two.sock");
        let error = StateLock::take(state.path(), other)
            .unwrap_err()
            .to_string();
        let own = format!("process {} on ", std::process::id());
        assert!(
            error.contains(&own) && error.contains("/run/one.sock"),
            "{error}"
        );
        drop(lock);
        StateLock::take(state.path(), other).unwrap();
    }

    #[test]
    fn a_link_is_not_followed() {
        let state = tempfile::tempdir().unwrap();
        let elsewhere = state.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, state.path().join(FILE)).unwrap();
        let error = StateLock::take(state.path(), Path::new("/run/s")).unwrap_err();
        assert!(matches!(error, StateLockError::Io { .. }), "{error}");
        assert!(!elsewhere.exists());
    }
}
