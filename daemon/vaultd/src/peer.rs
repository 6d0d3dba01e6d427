//! The process at the other end of a connection, and whether it still runs.
//!
//! Noted when the connection is accepted. The pidfd is the identity: a number may be given to
//! another process, a pidfd cannot. Program and unit are labels for the audit record, not proofs:
//! whoever has the uid can start what it likes. The same holds for what the client calls itself.
//!
//! Kernels before 6.5 give no pidfd with the connection. There one is opened by number, which leaves
//! a gap between connect and accept: who makes the number go round in it appears in the record under
//! the label of another process of the same uid. It gains no rights by that: uid and policy are the
//! connection's.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt};
use nix::time::{ClockId, clock_gettime};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::Serialize;

/// The unit of start times in `/proc/PID/stat`: USER_HZ, which is this on all machines but two that
/// are long gone.
const TICKS_PER_SECOND: u32 = 100;
/// The longest name that a client may give itself, in bytes.
const LONGEST_CLIENT: usize = 64;

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
    /// What it called itself.
    client: OnceLock<String>,
    pidfd: OwnedFd,
}

/// A peer as the audit record has it.
#[derive(Clone, Debug, Serialize)]
pub struct PeerRecord {
    uid: u32,
    pid: i32,
    unit: Option<String>,
    program: Option<String>,
    client: Option<String>,
    /// Who started it: of a launch, the program that wants the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<ParentRecord>,
}

/// The process that started the peer: labels, read when the record is made.
#[derive(Clone, Debug, Serialize)]
struct ParentRecord {
    pid: i32,
    /// The file that it runs.
    program: Option<String>,
    /// What it calls itself, where that is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
}

impl ParentRecord {
    fn of(pid: i32) -> Option<Self> {
        let stat = read_proc(pid, "stat")?;
        let (_, after_name) = stat.rsplit_once(')')?;
        let pid: i32 = after_name.split_whitespace().nth(1)?.parse().ok()?;
        // Process 1 takes over those whose parent has gone, and tells nothing.
        let pid = Some(pid).filter(|pid| *pid > 1)?;
        let file = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
        let program = file.and_then(|file| Some(printable(file.file_name()?.to_str()?)));
        let title = read_proc(pid, "comm").map(|text| printable(text.trim_end()));
        Some(Self {
            pid,
            title: title.filter(|title| Some(title) != program.as_ref()),
            program,
        })
    }
}

/// Why nobody could be noted.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The kernel does not say who connected.
    #[error("the kernel does not say who connected")]
    Credentials(#[source] nix::Error),
    /// The process ended before it could be noted, or another one may have its number.
    #[error("the caller ended before it could be noted")]
    Gone,
    /// There is no telling when it is.
    #[error("the boot clock cannot be read")]
    Clock(#[source] nix::Error),
}

impl Peer {
    /// Notes who is at the other end of `stream`.
    ///
    /// # Errors
    /// [`PeerError`], and then the connection must be closed.
    pub fn of(stream: &impl AsFd) -> Result<Arc<Self>, PeerError> {
        Self::note(stream, getsockopt(stream, sockopt::PeerPidfd))
    }

    /// Notes the peer of `stream`, of which the kernel said `asked` when asked for its pidfd.
    fn note(stream: &impl AsFd, asked: nix::Result<OwnedFd>) -> Result<Arc<Self>, PeerError> {
        let credentials =
            getsockopt(stream, sockopt::PeerCredentials).map_err(PeerError::Credentials)?;
        let pid = credentials.pid();
        let pidfd = match asked {
            Ok(pidfd) => pidfd,
            Err(Errno::ENOPROTOOPT) => {
                let now = clock_gettime(ClockId::CLOCK_BOOTTIME).map_err(PeerError::Clock)?;
                pidfd_by_number(stream, pid, now.into())?
            }
            Err(_) => return Err(PeerError::Gone),
        };
        let peer = Self {
            uid: credentials.uid(),
            pid,
            unit: read_proc(pid, "cgroup").as_deref().and_then(unit_in),
            program: read_proc(pid, "comm").map(|text| printable(text.trim_end())),
            client: OnceLock::new(),
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
        // A pidfd turns readable when its process ends.
        let mut fds = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
        matches!(poll(&mut fds, PollTimeout::ZERO), Ok(0))
    }

    /// Remembers what the peer calls itself: "vault-run/0.1.0". Its first word stays; one that is no
    /// name is not remembered, for it may be anything.
    pub fn introduce(&self, client: &str) {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._+/-".contains(&byte);
        if (1..=LONGEST_CLIENT).contains(&client.len()) && client.bytes().all(allowed) {
            // Set already: it has introduced itself before.
            let _ = self.client.set(client.to_owned());
        }
    }

    /// What the program that started it calls itself: of a launch, the one that wants the server.
    pub fn started_by(&self) -> Option<String> {
        let parent = ParentRecord::of(self.pid)?;
        parent.title.or(parent.program)
    }

    /// The peer for the audit record.
    pub fn record(&self) -> PeerRecord {
        PeerRecord {
            uid: self.uid,
            pid: self.pid,
            unit: self.unit.clone(),
            program: self.program.clone(),
            client: self.client.get().cloned(),
            parent: ParentRecord::of(self.pid).filter(|_| self.is_alive()),
        }
    }
}

/// A pidfd of the process that has the number now, if that can be the one that connected.
///
/// The first look and the second are around the opening: the same start time says that the number
/// did not change hands meanwhile. A process that began after `accepted` did not connect, and whose
/// end of the connection is closed may be gone. The labels are read after this, before the pidfd is
/// asked whether its process still runs.
fn pidfd_by_number(stream: &impl AsFd, pid: i32, accepted: Duration) -> Result<OwnedFd, PeerError> {
    let first_look = began(pid).filter(|began| *began <= accepted);
    let first_look = first_look.ok_or(PeerError::Gone)?;
    let number = Pid::from_raw(pid).ok_or(PeerError::Gone)?;
    let pidfd = pidfd_open(number, PidfdFlags::empty()).map_err(|_| PeerError::Gone)?;
    if began(pid) == Some(first_look) && !is_hung_up(stream) {
        Ok(pidfd)
    } else {
        Err(PeerError::Gone)
    }
}

fn is_hung_up(stream: &impl AsFd) -> bool {
    let mut fds = [PollFd::new(stream.as_fd(), PollFlags::empty())];
    // POLLHUP is always reported: both directions are closed.
    !matches!(poll(&mut fds, PollTimeout::ZERO), Ok(0))
}

/// When the process began, by the boot clock, rounded down.
fn began(pid: i32) -> Option<Duration> {
    let stat = read_proc(pid, "stat")?;
    // The second field is the program's name in parentheses, which may hold anything; the
    // start time is the 22nd.
    let (_, after_name) = stat.rsplit_once(')')?;
    let ticks: u64 = after_name.split_whitespace().nth(19)?.parse().ok()?;
    Some(Duration::from_secs(ticks) / TICKS_PER_SECOND)
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
mod tests;
