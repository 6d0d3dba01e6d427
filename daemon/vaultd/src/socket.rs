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
    /// Device and inode: another socket may come to its path, systemd's for one.
    file: Option<(u64, u64)>,
    lock: File,
    link: Option<Link>,
}

impl Made {
    fn is_there(&self) -> bool {
        self.file.is_some() && device_and_inode(&self.path).ok() == self.file
    }

    /// Whether its lock is still that of the directory.
    fn locks(&self, directory: &Path) -> bool {
        let held = self.lock.metadata().ok();
        let held = held.map(|data| (data.dev(), data.ino()));
        held.is_some() && device_and_inode(&directory.join(LOCK)).ok() == held
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if self.is_there() {
            let _ = std::fs::remove_file(&self.path);
        }
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
    /// The socket that systemd passed; `None` where it passed none. `place` is where it is, if it has no
    /// name.
    ///
    /// # Errors
    /// [`SocketError::Passed`].
    pub fn passed(place: &SocketLocation) -> Result<Option<Self>, SocketError> {
        let passed = listenfd::ListenFd::from_env().take_unix_listener(0);
        let passed = passed.map_err(SocketError::Passed)?;
        Ok(passed.map(|listener| {
            let path = listener.local_addr().ok();
            let path = path.and_then(|address| address.as_pathname().map(Path::to_owned));
            Self {
                path: path.unwrap_or_else(|| place.path.clone()),
                listener,
                made: None,
            }
        }))
    }

    /// A socket at `place`.
    ///
    /// # Errors
    /// [`SocketError`], which says what to do.
    pub fn make(place: &SocketLocation) -> Result<Self, SocketError> {
        let path = place.path.clone();
        let failed = |source| SocketError::Make(path.clone(), source);
        let directory = path.parent().unwrap_or(Path::new("/"));
        place::prepare(&path)?;
        make_directory(directory, place.server_uid)?;
        let lock = lock(directory).map_err(failed)?;
        let lock = lock.ok_or_else(|| SocketError::Taken(path.clone()))?;
        Self::bind(path.clone(), lock)
    }

    fn bind(path: PathBuf, lock: File) -> Result<Self, SocketError> {
        let failed = |source| SocketError::Make(path.clone(), source);
        clear(&path)?;
        // The umask is 0077 since main; the mode is set all the same.
        let listener = UnixListener::bind(&path).map_err(failed)?;
        let made = Made {
            file: Some(device_and_inode(&path).map_err(failed)?),
            path: path.clone(),
            lock,
            link: Link::to(&path),
        };
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self {
            listener,
            path,
            made: Some(made),
        })
    }

    /// Whether callers still find this socket. One that systemd passed is for systemd to look after.
    pub fn is_reachable(&self) -> bool {
        self.made.as_ref().is_none_or(Made::is_there)
    }

    /// Makes a socket of its own anew that is gone, with its directory where that has gone, too.
    ///
    /// # Errors
    /// [`SocketError`]: another daemon, or systemd, listens there by now.
    pub fn make_anew(&mut self, place: &SocketLocation) -> Result<(), SocketError> {
        let failed = |source| SocketError::Make(self.path.clone(), source);
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        if let Some(made) = &mut self.made {
            // It would take the new one away when it goes.
            made.link = None;
        }
        let held = self.made.as_ref().filter(|made| made.locks(directory));
        let anew = match held {
            Some(made) => {
                let lock = made.lock.try_clone().map_err(failed)?;
                Self::bind(self.path.clone(), lock)?
            }
            None => Self::make(place)?,
        };
        if let Some(made) = &mut self.made {
            // A new file may have the number of one that is gone, and the link is the new one's.
            made.file = None;
            if let Some(link) = made.link.take() {
                link.leave();
            }
        }
        *self = anew;
        Ok(())
    }

    /// Whether the daemon made the socket itself.
    pub fn is_own(&self) -> bool {
        self.made.is_some()
    }
}

/// The lock of whoever serves in a directory.
const LOCK: &str = "vaultd.lock";

fn device_and_inode(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = path.symlink_metadata()?;
    Ok((metadata.dev(), metadata.ino()))
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
        .open(directory.join(LOCK))?;
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
    fn the_socket_of_somebody_else_stays_when_the_daemon_ends() {
        let runtime = tempfile::tempdir().unwrap();
        let place = place(runtime.path());
        let mut listening = Listening::make(&place).unwrap();
        assert!(listening.is_reachable());
        std::fs::remove_file(&place.path).unwrap();
        let _others = UnixListener::bind(&place.path).unwrap();
        assert!(!listening.is_reachable());
        assert!(
            matches!(listening.make_anew(&place), Err(SocketError::Taken(_))),
            "it is served"
        );
        drop(listening);
        assert!(place.path.exists());
    }

    /// By what goes: the socket alone, or its directory with the lock.
    #[test]
    fn a_socket_that_has_gone_is_made_anew() {
        let runtime = tempfile::tempdir().unwrap();
        let place = place(runtime.path());
        let mut listening = Listening::make(&place).unwrap();
        for takes_directory in [false, true] {
            if takes_directory {
                std::fs::remove_dir_all(place.path.parent().unwrap()).unwrap();
            } else {
                std::fs::remove_file(&place.path).unwrap();
            }
            assert!(!listening.is_reachable());
            listening.make_anew(&place).unwrap();
            assert!(listening.is_reachable());
            assert!(UnixStream::connect(&place.path).is_ok());
            assert!(
                matches!(Listening::make(&place), Err(SocketError::Taken(_))),
                "the lock is held"
            );
        }
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
