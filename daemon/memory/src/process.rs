//! Keeps other processes from looking into this one.

use nix::errno::Errno;
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};

/// Makes this process unreadable to other processes of the same uid, and lets it write no core file
/// (`prctl(2)`, `PR_SET_DUMPABLE`; `proc(5)`). An exec undoes both: for a program that becomes
/// another one.
///
/// # Errors
/// [`ProcessError::Dumpable`] if the kernel refuses, which it has no reason to.
pub fn hide_process() -> Result<(), ProcessError> {
    set_dumpable(false).map_err(ProcessError::Dumpable)
}

/// [`hide_process`], and a limit of zero for core files, which an exec does not undo: for a program
/// that stays what it is.
///
/// # Errors
/// [`ProcessError`] if the kernel refuses, which it has no reason to.
pub fn harden_process() -> Result<(), ProcessError> {
    hide_process()?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(ProcessError::CoreLimit)
}

/// Why a process could not be hardened.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The dumpable flag stayed.
    #[error("make the process unreadable to others (PR_SET_DUMPABLE)")]
    Dumpable(#[source] Errno),
    /// The limit for core files stayed.
    #[error("set the size of core files to zero (RLIMIT_CORE)")]
    CoreLimit(#[source] Errno),
}

#[cfg(test)]
mod tests;
