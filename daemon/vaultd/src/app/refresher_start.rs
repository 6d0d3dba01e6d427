//! What the refresher needs to know of this machine and this start.

use std::fs::OpenOptions;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::refresher::Start;

/// Where a machine's own name is; it stays the same for as long as the machine is installed.
const MACHINE: &str = "/etc/machine-id";
/// What a first start leaves beside the socket. The directory ends with the session.
const MARK: &str = "started";

/// What tells this user of this machine from all others.
pub(super) fn seed() -> u64 {
    let Ok(machine) = std::fs::read(MACHINE) else {
        return getrandom::u64().unwrap_or_default();
    };
    let mut hasher = DefaultHasher::new();
    (machine, nix::unistd::geteuid().as_raw()).hash(&mut hasher);
    hasher.finish()
}

/// Whether the daemon starts for the first time since its user has come. Where that cannot be told
/// it has not: a start that is not the first may be one on many machines.
pub(super) fn start(socket: &Path) -> Start {
    let mark = socket.with_file_name(MARK);
    let mut options = OpenOptions::new();
    match options.write(true).create_new(true).mode(0o600).open(mark) {
        Ok(_) => Start::Session,
        Err(_) => Start::Restart,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_beside_a_socket_is_a_sessions_and_no_other_is() {
        let room = tempfile::tempdir().unwrap();
        let socket = room.path().join("vaultd.sock");
        assert_eq!(start(&socket), Start::Session);
        assert_eq!(start(&socket), Start::Restart);
        let nowhere = room.path().join("none/vaultd.sock");
        assert_eq!(start(&nowhere), Start::Restart);
    }
}
