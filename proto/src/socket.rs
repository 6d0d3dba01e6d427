//! The location of the daemon's socket, and the uid that must serve there.
//!
//! Found by the effective uid. `XDG_RUNTIME_DIR` counts only where it is a directory of that uid
//! that nobody else can enter: an inherited variable alone cannot send a caller elsewhere.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const SYSTEM_DIRECTORY: &str = "/run/vaultd";
const FILE_NAME: &str = "vaultd.sock";

/// A socket and the uid its server must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketLocation {
    /// The socket.
    pub path: PathBuf,
    /// Whoever serves there must be this uid.
    pub server_uid: u32,
}

/// The socket of this process's own daemon.
pub fn own() -> SocketLocation {
    let uid = nix::unistd::geteuid().as_raw();
    own_of(uid, std::env::var_os("XDG_RUNTIME_DIR").as_deref())
}

/// The socket that a caller connects to: the system variant's socket if that is there and the caller has no
/// daemon of its own, else its own.
pub fn to_call() -> SocketLocation {
    choose(own(), system_variant())
}

/// A socket is gone for a moment while its daemon restarts, its directory is not: whoever has that
/// has a daemon, and must not be sent to another one meanwhile.
fn choose(own: SocketLocation, system: Option<SocketLocation>) -> SocketLocation {
    if own.path.parent().is_some_and(Path::exists) {
        return own;
    }
    system
        .filter(|location| location.path.exists())
        .unwrap_or(own)
}

/// Whether `XDG_RUNTIME_DIR` is set and [`own`] does not use it, because others could enter it or it
/// is not this user's.
pub fn distrusts_runtime_directory() -> bool {
    let uid = nix::unistd::geteuid().as_raw();
    distrusts(uid, std::env::var_os("XDG_RUNTIME_DIR").as_deref())
}

fn distrusts(uid: u32, xdg_runtime_dir: Option<&OsStr>) -> bool {
    xdg_runtime_dir
        .filter(|variable| !variable.is_empty())
        .is_some_and(|variable| runtime_directory(uid, Some(variable)) != Path::new(variable))
}

/// The runtime directory that [`own`] uses, whether or not it exists.
pub fn runtime_directory(uid: u32, xdg_runtime_dir: Option<&OsStr>) -> PathBuf {
    xdg_runtime_dir
        .map(PathBuf::from)
        .filter(|directory| directory.is_absolute() && is_private_to(directory, uid))
        .unwrap_or_else(|| PathBuf::from(format!("/run/user/{uid}")))
}

fn own_of(uid: u32, xdg_runtime_dir: Option<&OsStr>) -> SocketLocation {
    let path = runtime_directory(uid, xdg_runtime_dir)
        .join("vaultd")
        .join(FILE_NAME);
    SocketLocation {
        path,
        server_uid: uid,
    }
}

/// The system variant serves as the owner of its directory, which only root can have placed there.
fn system_variant() -> Option<SocketLocation> {
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

/// Whether the directory itself, not what a link leads to, belongs to `uid` and admits nobody else.
pub fn is_private_to(directory: &Path, uid: u32) -> bool {
    directory.symlink_metadata().is_ok_and(|metadata| {
        metadata.is_dir() && metadata.uid() == uid && metadata.mode() & 0o077 == 0
    })
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

    #[test]
    fn a_private_runtime_directory_is_used() {
        let runtime = with_mode(0o700);
        let location = own_of(uid(), Some(runtime.path().as_os_str()));
        assert_eq!(location.path, runtime.path().join("vaultd/vaultd.sock"));
        assert_eq!(location.server_uid, uid());
    }

    #[test]
    fn an_open_relative_linked_or_foreign_runtime_directory_is_not_used() {
        let fallback = |uid: u32| PathBuf::from(format!("/run/user/{uid}/vaultd/vaultd.sock"));
        let open = with_mode(0o750);
        assert_eq!(
            own_of(uid(), Some(open.path().as_os_str())).path,
            fallback(uid())
        );
        let private = with_mode(0o700);
        let foreign = uid() + 1;
        assert_eq!(
            own_of(foreign, Some(private.path().as_os_str())).path,
            fallback(foreign)
        );
        let link = open.path().join("link");
        std::os::unix::fs::symlink(private.path(), &link).unwrap();
        assert_eq!(own_of(uid(), Some(link.as_os_str())).path, fallback(uid()));
        assert_eq!(own_of(uid(), Some(OsStr::new("."))).path, fallback(uid()));
        assert_eq!(own_of(uid(), None).path, fallback(uid()));
    }

    #[test]
    fn a_runtime_directory_that_is_set_and_not_used_is_known() {
        let (open, private) = (with_mode(0o750), with_mode(0o700));
        assert!(distrusts(uid(), Some(open.path().as_os_str())));
        assert!(distrusts(uid() + 1, Some(private.path().as_os_str())));
        assert!(!distrusts(uid(), Some(private.path().as_os_str())));
        // The place that is used without the variable, too.
        let usual = format!("/run/user/{}", uid() + 1);
        assert!(!distrusts(uid() + 1, Some(OsStr::new(&usual))));
        assert!(!distrusts(uid(), Some(OsStr::new(""))) && !distrusts(uid(), None));
    }

    #[test]
    fn the_system_variant_is_called_only_where_there_is_no_directory_of_an_own_daemon() {
        let runtime = with_mode(0o700);
        let location = |directory: &str| SocketLocation {
            path: runtime.path().join(directory).join(FILE_NAME),
            server_uid: uid(),
        };
        let (own, system) = (location("own"), location("system"));
        let chosen = || choose(own.clone(), Some(system.clone()));
        assert_eq!(chosen(), own, "neither is there");
        std::fs::create_dir(runtime.path().join("system")).unwrap();
        std::fs::write(&system.path, "").unwrap();
        assert_eq!(chosen(), system);
        std::fs::create_dir(runtime.path().join("own")).unwrap();
        assert_eq!(chosen(), own, "an own daemon may be restarting");
        assert_eq!(choose(own.clone(), None), own);
    }
}
