//! Who is at the other end, and is it still the process that connected?
//!
//! Noted when the connection is accepted. The pidfd is the identity: a number may be given to
//! another process, a pidfd cannot. Program and unit are labels for the audit record, not proofs:
//! whoever has the uid can start what it likes.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt};
use serde::Serialize;

/// The process that connected.
#[derive(Debug)]
pub struct Peer {
    /// Its uid when it connected.
    pub uid: u32,
    /// Its process id when it connected.
    pub pid: i32,
    /// The systemd unit it ran in, as its cgroup says.
    pub unit: Option<String>,
    /// Its program's short name, as the kernel has it.
    pub program: Option<String>,
    pidfd: Option<OwnedFd>,
}

/// A peer as the audit record has it.
#[derive(Clone, Debug, Serialize)]
pub struct PeerRecord {
    uid: u32,
    pid: i32,
    unit: Option<String>,
    program: Option<String>,
}

/// Why nobody could be noted.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The kernel does not say who connected.
    #[error("the kernel does not say who connected")]
    Credentials(#[source] nix::Error),
    /// The process ended before it could be noted.
    #[error("the caller ended before it could be noted")]
    Gone,
}

impl Peer {
    /// Notes who is at the other end of `stream`.
    ///
    /// # Errors
    /// [`PeerError`], and then the connection must be closed.
    pub fn of(stream: &impl AsFd) -> Result<Arc<Self>, PeerError> {
        let credentials =
            getsockopt(stream, sockopt::PeerCredentials).map_err(PeerError::Credentials)?;
        let pid = credentials.pid();
        // Since Linux 6.5; without it the caller is known by its number alone.
        let pidfd = getsockopt(stream, sockopt::PeerPidfd).ok();
        let peer = Self {
            uid: credentials.uid(),
            pid,
            unit: read_proc(pid, "cgroup").as_deref().and_then(unit_in),
            program: read_proc(pid, "comm").map(|text| printable(text.trim_end())),
            pidfd,
        };
        // The labels were read by number: they count only if the number was still this process's.
        if peer.is_alive() {
            Ok(Arc::new(peer))
        } else {
            Err(PeerError::Gone)
        }
    }

    /// Whether the process that connected still runs.
    pub fn is_alive(&self) -> bool {
        let Some(pidfd) = &self.pidfd else {
            return std::path::Path::new(&format!("/proc/{}", self.pid)).exists();
        };
        // A pidfd turns readable when its process ends.
        let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
        matches!(poll(&mut fds, PollTimeout::ZERO), Ok(0))
    }

    /// The peer for the audit record.
    pub fn record(&self) -> PeerRecord {
        PeerRecord {
            uid: self.uid,
            pid: self.pid,
            unit: self.unit.clone(),
            program: self.program.clone(),
        }
    }
}

fn read_proc(pid: i32, file: &str) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok()
}

/// The innermost unit in the text of `/proc/PID/cgroup` (cgroup v2).
fn unit_in(cgroup: &str) -> Option<String> {
    let path = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    let is_unit = |part: &&str| matches!(part.rsplit_once('.'), Some((_, "service" | "scope")));
    path.rsplit('/').find(is_unit).map(printable)
}

/// What a process says of itself may hold anything.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(128)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn this_process_is_its_own_peer_and_alive() {
        let (left, _right) = UnixStream::pair().unwrap();
        let peer = Peer::of(&left).unwrap();
        assert_eq!(peer.pid.unsigned_abs(), std::process::id());
        assert_eq!(peer.uid, nix::unistd::geteuid().as_raw());
        assert!(peer.is_alive());
    }

    #[test]
    fn the_unit_is_the_innermost_one() {
        let text = "1:name=x:/y\n0::/user.slice/user-1.slice/user@1.service/app.slice/a.scope/x\n";
        assert_eq!(unit_in(text).as_deref(), Some("a.scope"));
        assert_eq!(unit_in("0::/\n"), None);
        assert_eq!(unit_in(""), None);
    }

    #[test]
    fn a_program_cannot_write_control_characters_into_the_record() {
        assert_eq!(printable("a\x1b[31m\nb"), "a[31mb");
    }
}
