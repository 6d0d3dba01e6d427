//! Whether a socket can be where it is to be, and the link by which callers find one that is elsewhere.

use std::fs::DirBuilder;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{FsType, NFS_SUPER_MAGIC, statfs};
use vault_proto::socket::{self, LONGEST_PATH};

/// File systems of other machines, beside NFS; statfs(2). A socket there is one of this machine alone,
/// and is seen by the others.
const OF_OTHER_MACHINES: [u32; 6] = [
    0x517b,      // SMB
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB2
    0x0102_1997, // 9P, as of WSL
    0x5346_414f, // AFS
    0x00c3_6400, // Ceph
];

/// Why there can be no socket.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// No address holds the path.
    #[error(
        "the path of the socket, {0}, has more than the {LONGEST_PATH} bytes that an address holds; set \
         XDG_RUNTIME_DIR to a directory of yours with mode 0700 and a shorter path, for vaultd and for \
         what calls it"
    )]
    TooLong(PathBuf),
    /// Other machines would see it.
    #[error(
        "there is no runtime directory, and {0} is on a file system of the network; log in through \
         systemd-logind, or set XDG_RUNTIME_DIR to a directory of yours with mode 0700 on this machine, \
         for vaultd and for what calls it"
    )]
    Network(PathBuf),
}

/// Makes what is missing above the directory of `socket`, and refuses a place that cannot be one.
pub(super) fn prepare(socket: &Path) -> Result<(), PlaceError> {
    if socket.as_os_str().as_bytes().len() > LONGEST_PATH {
        return Err(PlaceError::TooLong(socket.to_owned()));
    }
    let is_below_home = socket::below_home().is_some_and(|place| place.path == socket);
    let Some(above) = socket.ancestors().nth(2).filter(|_| is_below_home) else {
        return Ok(());
    };
    // Whether that failed is said where the socket's own directory cannot be made.
    let _ = private_directories().create(above);
    match statfs(above) {
        Ok(of) if is_of_network(of.filesystem_type()) => Err(PlaceError::Network(above.to_owned())),
        _ => Ok(()),
    }
}

fn private_directories() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder
}

fn is_of_network(kind: FsType) -> bool {
    // The number has 32 bits, in a wider type.
    let number = u32::try_from(kind.0 & 0xffff_ffff).unwrap_or_default();
    kind == NFS_SUPER_MAGIC || OF_OTHER_MACHINES.contains(&number)
}

/// A link below the home directory to a socket that callers would need a variable to find. Removed on
/// drop, where it still leads there.
#[derive(Debug)]
pub(super) struct Link {
    path: PathBuf,
    socket: PathBuf,
}

impl Link {
    /// Makes one where it is of use; without it the socket serves those who know it.
    pub(super) fn to(socket: &Path) -> Option<Self> {
        if socket::is_found_without_variables(socket) {
            return None;
        }
        let place = socket::below_home()?;
        let directory = place.path.parent()?;
        private_directories().create(directory).ok()?;
        if !socket::is_private_to(directory, place.server_uid) {
            return None;
        }
        let is_link = |path: &Path| path.symlink_metadata().is_ok_and(|data| data.is_symlink());
        if is_link(&place.path) {
            // Of a daemon that was killed: whoever may serve this home has been settled already.
            std::fs::remove_file(&place.path).ok()?;
        }
        std::os::unix::fs::symlink(socket, &place.path).ok()?;
        Some(Self {
            path: place.path,
            socket: socket.to_owned(),
        })
    }

    /// Leaves it where it is: another one has taken its place.
    pub(super) fn leave(mut self) {
        self.socket.clear();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if std::fs::read_link(&self.path).is_ok_and(|to| to == self.socket) {
            // Somebody may have removed it since.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_no_address_holds_is_refused_with_what_to_set() {
        let long = Path::new("/").join("d".repeat(100)).join("vaultd.sock");
        let error = prepare(&long).unwrap_err().to_string();
        assert!(error.contains("XDG_RUNTIME_DIR"), "{error}");
        assert!(prepare(Path::new("/run/user/7/vaultd/vaultd.sock")).is_ok());
    }

    #[test]
    fn file_systems_of_other_machines_are_known() {
        assert!(is_of_network(NFS_SUPER_MAGIC));
        assert!(is_of_network(FsType(0xff53_4d42)));
        assert!(!is_of_network(nix::sys::statfs::TMPFS_MAGIC));
        assert!(!is_of_network(nix::sys::statfs::EXT4_SUPER_MAGIC));
    }
}
