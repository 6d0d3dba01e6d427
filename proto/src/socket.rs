//! The places where the daemon's socket may be, and the uid that must serve there.
//!
//! One list, for the daemon and for its clients. A place counts only where its directory belongs to
//! the effective uid and nobody else can enter it: an inherited variable alone cannot send a caller
//! elsewhere. The last place depends on `HOME` alone, since some clients pass nothing else on.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const SYSTEM_DIRECTORY: &str = "/run/vaultd";
const FILE_NAME: &str = "vaultd.sock";
/// Below the home directory; whatever `XDG_STATE_HOME` says, which clients do not all pass on.
const BELOW_HOME: &str = ".local/state/vaultd/run";
/// The most bytes of a path in a socket address, `sun_path` of unix(7) without its NUL.
pub const LONGEST_PATH: usize = 107;

/// A socket and the uid its server must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketLocation {
    /// The socket.
    pub path: PathBuf,
    /// Whoever serves there must be this uid.
    pub server_uid: u32,
}

/// Where this process, as the daemon of its user, makes its socket: in the runtime directory, or
/// below the home directory where there is none.
pub fn own() -> SocketLocation {
    Places::of_process().own()
}

/// Where this process's own daemon may be, in the order to look: none of them need exist.
pub fn own_places() -> Vec<SocketLocation> {
    Places::of_process().that_count()
}

/// The place below the home directory, where a caller looks that knows no other.
pub fn below_home() -> Option<SocketLocation> {
    let places = Places::of_process();
    Some(places.location(&places.below_home()?))
}

/// Whether callers find the socket without any variable but `HOME`.
pub fn is_found_without_variables(socket: &Path) -> bool {
    let places = Places::of_process();
    let by_uid = places.usual();
    by_uid.socket == socket
        || places
            .below_home()
            .is_some_and(|place| place.socket == socket)
}

/// The system variant's socket: it serves as the owner of its directory, which only root can have
/// placed there.
pub fn system_variant() -> Option<SocketLocation> {
    let directory = Path::new(SYSTEM_DIRECTORY);
    let server_uid = directory
        .symlink_metadata()
        .ok()
        .filter(std::fs::Metadata::is_dir)?
        .uid();
    Some(SocketLocation {
        path: directory.join(FILE_NAME),
        server_uid,
    })
}

/// Whether the place says that this user has a daemon, which may be restarting: a socket is gone for
/// a moment then, its directory is not. One below the home directory outlives the daemon and the
/// machine's start, and says nothing; no more does a link there that leads nowhere.
pub fn has_daemon(location: &SocketLocation) -> bool {
    promises_daemon(&location.path, is_below_home(location))
}

/// Whether the place keeps its user from the system variant: not below the home directory, where a
/// socket or link may be what a daemon of long ago has left.
pub fn excludes_system_variant(location: &SocketLocation) -> bool {
    !is_below_home(location) && has_daemon(location)
}

fn is_below_home(location: &SocketLocation) -> bool {
    below_home().as_ref() == Some(location)
}

fn promises_daemon(socket: &Path, is_below_home: bool) -> bool {
    if is_below_home {
        return socket.exists();
    }
    socket.symlink_metadata().is_ok() || socket.parent().is_some_and(Path::exists)
}

/// All places of an own daemon, for messages: also those that do not count now.
pub fn searched() -> Vec<PathBuf> {
    let places = Places::of_process();
    let all = places.all().into_iter();
    all.map(|place| place.socket).collect()
}

/// Whether `XDG_RUNTIME_DIR` is set and no place of this list, because others could enter it or it
/// is not this user's.
pub fn distrusts_runtime_directory() -> bool {
    Places::of_process().distrusts_variable()
}

/// Whether the directory itself, not what a link leads to, belongs to `uid` and admits nobody else.
pub fn is_private_to(directory: &Path, uid: u32) -> bool {
    directory.symlink_metadata().is_ok_and(|metadata| {
        metadata.is_dir() && metadata.uid() == uid && metadata.mode() & 0o077 == 0
    })
}

/// What the places depend on.
struct Places {
    uid: u32,
    xdg_runtime_dir: Option<OsString>,
    home: Option<OsString>,
}

/// A socket, and the directory over it that must be private.
struct Place {
    private: PathBuf,
    socket: PathBuf,
}

impl Place {
    fn in_runtime_directory(directory: PathBuf) -> Self {
        Self {
            socket: directory.join("vaultd").join(FILE_NAME),
            private: directory,
        }
    }

    fn counts(&self, uid: u32) -> bool {
        is_private_to(&self.private, uid)
            && self.socket.as_os_str().as_bytes().len() <= LONGEST_PATH
    }
}

impl Places {
    fn of_process() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
        Self {
            uid: nix::unistd::geteuid().as_raw(),
            xdg_runtime_dir: variable("XDG_RUNTIME_DIR"),
            home: variable("HOME"),
        }
    }

    /// In the order to look.
    fn all(&self) -> Vec<Place> {
        let usual = self.usual();
        let named = self.named().filter(|named| named.private != usual.private);
        let mut all: Vec<Place> = named.into_iter().chain([usual]).collect();
        all.extend(self.below_home());
        all
    }

    /// The directory that the variable names, where that is this user's alone.
    fn named(&self) -> Option<Place> {
        let directory = absolute(self.xdg_runtime_dir.as_deref())?;
        is_private_to(&directory, self.uid).then(|| Place::in_runtime_directory(directory))
    }

    /// The directory that systemd-logind makes.
    fn usual(&self) -> Place {
        Place::in_runtime_directory(PathBuf::from(format!("/run/user/{}", self.uid)))
    }

    fn below_home(&self) -> Option<Place> {
        let private = absolute(self.home.as_deref())?.join(BELOW_HOME);
        Some(Place {
            socket: private.join(FILE_NAME),
            private,
        })
    }

    fn that_count(&self) -> Vec<SocketLocation> {
        let all = self.all().into_iter();
        let count = all.filter(|place| place.counts(self.uid));
        count.map(|place| self.location(&place)).collect()
    }

    fn own(&self) -> SocketLocation {
        let usual = self.usual();
        let runtime = self.named().into_iter().chain([usual]);
        let mut runtime = runtime.filter(|place| is_private_to(&place.private, self.uid));
        let place = runtime.next().or_else(|| self.below_home());
        self.location(&place.unwrap_or_else(|| self.usual()))
    }

    fn location(&self, place: &Place) -> SocketLocation {
        SocketLocation {
            path: place.socket.clone(),
            server_uid: self.uid,
        }
    }

    fn distrusts_variable(&self) -> bool {
        let usual = self.usual().private;
        let differs = |variable: &OsString| Path::new(variable) != usual;
        self.xdg_runtime_dir.as_ref().is_some_and(differs) && self.named().is_none()
    }
}

fn absolute(directory: Option<&OsStr>) -> Option<PathBuf> {
    directory
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn uid() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    fn with_mode(mode: u32) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        directory
    }

    /// A uid for which there is no /run/user.
    const NOBODYS: u32 = 3_999_999_999;

    fn places(uid: u32, runtime: Option<&OsStr>, home: Option<&Path>) -> Places {
        Places {
            uid,
            xdg_runtime_dir: runtime.map(OsStr::to_owned),
            home: home.map(|home| home.as_os_str().to_owned()),
        }
    }

    #[test]
    fn a_private_runtime_directory_is_used() {
        let runtime = with_mode(0o700);
        let location = places(uid(), Some(runtime.path().as_os_str()), None).own();
        assert_eq!(location.path, runtime.path().join("vaultd/vaultd.sock"));
        assert_eq!(location.server_uid, uid());
    }

    #[test]
    fn an_open_relative_linked_or_foreign_runtime_directory_is_no_place() {
        let (open, private) = (with_mode(0o750), with_mode(0o700));
        let link = open.path().join("link");
        std::os::unix::fs::symlink(private.path(), &link).unwrap();
        for (uid, directory) in [
            (uid(), open.path().as_os_str()),
            (uid() + 1, private.path().as_os_str()),
            (uid(), link.as_os_str()),
            (uid(), OsStr::new(".")),
        ] {
            let places = places(uid, Some(directory), None);
            assert!(
                places.named().is_none() && places.distrusts_variable(),
                "{directory:?}"
            );
            let usual = format!("/run/user/{uid}/vaultd/vaultd.sock");
            let all: Vec<PathBuf> = places.all().into_iter().map(|place| place.socket).collect();
            assert_eq!(all, [PathBuf::from(usual)]);
        }
        // The place that is used without the variable, too.
        let usual = format!("/run/user/{NOBODYS}");
        assert!(!places(NOBODYS, Some(OsStr::new(&usual)), None).distrusts_variable());
        assert!(!places(NOBODYS, None, None).distrusts_variable());
    }

    #[test]
    fn without_a_runtime_directory_the_socket_is_below_the_home_directory() {
        let home = with_mode(0o755);
        let (mine, open) = (uid(), with_mode(0o755));
        let own = |runtime: Option<&OsStr>| places(NOBODYS, runtime, Some(home.path())).own().path;
        let below = home.path().join(".local/state/vaultd/run/vaultd.sock");
        assert_eq!(own(None), below);
        assert_eq!(own(Some(open.path().as_os_str())), below);
        let found = || places(mine, None, Some(home.path())).that_count();
        let is_found = || found().iter().any(|location| location.path == below);
        assert!(!is_found(), "not before it is there");
        let run = below.parent().unwrap();
        std::fs::create_dir_all(run).unwrap();
        std::fs::set_permissions(run, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(!is_found(), "others could put a socket there");
        std::fs::set_permissions(run, std::fs::Permissions::from_mode(0o700)).unwrap();
        assert!(is_found());
    }

    #[test]
    fn the_places_have_an_order_and_the_variable_comes_first() {
        let (runtime, home) = (with_mode(0o700), with_mode(0o700));
        let places = places(uid(), Some(runtime.path().as_os_str()), Some(home.path()));
        let all: Vec<PathBuf> = places
            .all()
            .into_iter()
            .map(|place| place.private)
            .collect();
        let usual = PathBuf::from(format!("/run/user/{}", uid()));
        let below = home.path().join(BELOW_HOME);
        assert_eq!(all, [runtime.path().to_owned(), usual, below]);
    }

    #[test]
    fn what_is_left_below_the_home_directory_promises_no_daemon() {
        let directory = with_mode(0o700);
        let socket = directory.path().join(FILE_NAME);
        assert!(promises_daemon(&socket, false), "it may be restarting");
        assert!(!promises_daemon(&socket, true));
        let target = directory.path().join("elsewhere");
        std::os::unix::fs::symlink(&target, &socket).unwrap();
        assert!(!promises_daemon(&socket, true), "the link leads nowhere");
        std::fs::write(&target, "").unwrap();
        assert!(promises_daemon(&socket, true));
    }

    #[test]
    fn a_path_that_no_address_holds_is_no_place() {
        let home = with_mode(0o700);
        let long = home.path().join("d".repeat(LONGEST_PATH));
        let run = long.join(BELOW_HOME);
        std::fs::create_dir_all(&run).unwrap();
        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700)).unwrap();
        let found = places(NOBODYS, None, Some(&long)).that_count();
        assert_eq!(found, []);
    }
}
