//! The socket that the daemon listens on: the one systemd gave, or one it makes itself.

mod place;

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use place::{Link, PlaceError};
use vault_proto::socket::SocketLocation;

/// A socket to accept on. One that was made here is removed on drop.
#[derive(Debug)]
pub struct Listening {
    /// The socket.
    pub listener: UnixListener,
    /// Where it is.
    pub path: PathBuf,
    made: Option<Made>,
}

/// A socket of the daemon's own making, with the lock that says so.
#[derive(Debug)]
struct Made {
    path: PathBuf,
    _lock: File,
    _link: Option<Link>,
}

impl Drop for Made {
    fn drop(&mut self) {
        // The lock is still held: this is our socket and not a successor's.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// systemd gave something else than one Unix socket.
    #[error("the socket that systemd passed is not a Unix stream socket; see vaultd.socket")]
    Passed(#[source] io::Error),
    /// No socket can be there.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The runtime directory is missing and cannot be made.
    #[error(
        "the runtime directory {0} is not there; log in through systemd-logind, run \
         'loginctl enable-linger', or set XDG_RUNTIME_DIR to a directory of yours with mode 0700"
    )]
    NoRuntimeDirectory(PathBuf, #[source] io::Error),
    /// The socket's directory is not this user's alone.
    #[error(
        "the socket directory {path} belongs to uid {owner} with mode {mode:04o}; it must belong to \
         uid {uid} with mode 0700: remove it, or run 'chmod 700 {path}' if it is yours"
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// The uid that it belongs to.
        owner: u32,
        /// Its permission bits.
        mode: u32,
        /// The uid that it must belong to.
        uid: u32,
    },
    /// Another daemon serves there.
    #[error(
        "another vaultd already serves {0}; stop it first ('systemctl --user stop vaultd.socket \
         vaultd.service', or end its process)"
    )]
    Taken(PathBuf),
    /// Something that is no socket is in the way.
    #[error("{0} is not a socket; move it away")]
    InTheWay(PathBuf),
    /// The socket cannot be made.
    #[error("cannot make the socket {0}")]
    Make(PathBuf, #[source] io::Error),
}

impl Listening {
    /// The socket that systemd passed, or else one at `place`.
    ///
    /// # Errors
    /// [`SocketError`], which says what to do.
    pub fn open(place: &SocketLocation) -> Result<Self, SocketError> {
        let passed = listenfd::ListenFd::from_env().take_unix_listener(0);
        match passed.map_err(SocketError::Passed)? {
            Some(listener) => {
                let path = listener.local_addr().ok();
                let path = path.and_then(|address| address.as_pathname().map(Path::to_owned));
                let path = path.unwrap_or_else(|| place.path.clone());
                Ok(Self {
                    listener,
                    path,
                    made: None,
                })
            }
            None => Self::make(place),
        }
    }

    fn make(place: &SocketLocation) -> Result<Self, SocketError> {
        let path = place.path.clone();
        let failed = |source| SocketError::Make(path.clone(), source);
        let directory = path.parent().unwrap_or(Path::new("/"));
        place::prepare(&path)?;
        make_directory(directory, place.server_uid)?;
        let lock = lock(directory).map_err(failed)?;
        let lock = lock.ok_or_else(|| SocketError::Taken(path.clone()))?;
        clear(&path)?;
        // The umask is 0077 since main; the mode is set all the same.
        let listener = UnixListener::bind(&path).map_err(failed)?;
        let made = Made {
            path: path.clone(),
            _lock: lock,
            _link: Link::to(&path),
        };
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self {
            listener,
            path,
            made: Some(made),
        })
    }

    /// Whether the daemon made the socket itself.
    pub fn is_own(&self) -> bool {
        self.made.is_some()
    }
}

/// Makes the directory, and the runtime directory above it where this process may.
fn make_directory(directory: &Path, uid: u32) -> Result<(), SocketError> {
    let runtime = directory.parent().unwrap_or(Path::new("/"));
    let missing = |source| SocketError::NoRuntimeDirectory(runtime.to_owned(), source);
    let mut private = DirBuilder::new();
    private.mode(0o700);
    for path in [runtime, directory] {
        match private.create(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && path == runtime => {
                // `/run/user` itself: only root may, and then it is like any system directory.
                let above = runtime.parent().unwrap_or(Path::new("/"));
                DirBuilder::new()
                    .mode(0o755)
                    .create(above)
                    .map_err(missing)?;
                private.create(path).map_err(missing)?;
            }
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(missing(error));
            }
            _ => {}
        }
    }
    let metadata = directory.symlink_metadata().map_err(missing)?;
    if vault_proto::socket::is_private_to(directory, uid) {
        return Ok(());
    }
    Err(SocketError::Foreign {
        path: directory.to_owned(),
        owner: metadata.uid(),
        mode: metadata.mode() & 0o7777,
        uid,
    })
}

/// The lock of whoever serves here; `None` where somebody else has it.
fn lock(directory: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(directory.join("vaultd.lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Removes a socket that nobody serves any more, and nothing else.
fn clear(path: &Path) -> Result<(), SocketError> {
    let failed = |source| SocketError::Make(path.to_owned(), source);
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(SocketError::InTheWay(path.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(SocketError::Taken(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            tracing::info!(path = %path.display(), "removing the socket of a daemon that is gone");
            std::fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(directory: &Path) -> SocketLocation {
        SocketLocation {
            path: directory.join("vaultd/vaultd.sock"),
            server_uid: nix::unistd::geteuid().as_raw(),
        }
    }

    #[test]
    fn the_socket_is_private_and_goes_with_its_daemon() {
        let runtime = tempfile::tempdir().unwrap();
        let place = place(runtime.path());
        let listening = Listening::make(&place).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&place.path), mode(place.path.parent().unwrap())),
            (0o600, 0o700)
        );
        assert!(matches!(
            Listening::make(&place),
            Err(SocketError::Taken(_))
        ));
        drop(listening);
        assert!(!place.path.exists());
        assert!(Listening::make(&place).is_ok());
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_served_one_is_not() {
        let runtime = tempfile::tempdir().unwrap();
        let place = place(runtime.path());
        make_directory(place.path.parent().unwrap(), place.server_uid).unwrap();
        let served = UnixListener::bind(&place.path).unwrap();
        assert!(
            matches!(Listening::make(&place), Err(SocketError::Taken(_))),
            "no lock, but served"
        );
        drop(served);
        assert!(Listening::make(&place).is_ok());
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let runtime = tempfile::tempdir().unwrap();
        let place = place(runtime.path());
        make_directory(place.path.parent().unwrap(), place.server_uid).unwrap();
        std::fs::write(&place.path, "mine").unwrap();
        assert!(matches!(
            Listening::make(&place),
            Err(SocketError::InTheWay(_))
        ));
        assert_eq!(std::fs::read_to_string(&place.path).unwrap(), "mine");
    }

    #[test]
    fn a_directory_that_others_can_enter_is_refused() {
        let runtime = tempfile::tempdir().unwrap();
        let place = place(runtime.path());
        let directory = place.path.parent().unwrap();
        make_directory(directory, place.server_uid).unwrap();
        std::fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
        let error = Listening::make(&place).unwrap_err();
        assert!(error.to_string().contains("chmod 700"), "{error}");
    }
}
