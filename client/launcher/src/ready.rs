//! Waiting until a file can be read or written, and no longer than until a deadline.

use std::os::fd::AsFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// `None` where it cannot by then.
pub(crate) fn until(file: impl AsFd, events: PollFlags, deadline: Instant) -> Option<()> {
    loop {
        let left = deadline.checked_duration_since(Instant::now())?;
        let timeout = PollTimeout::try_from(left).ok()?;
        let mut polled = [PollFd::new(file.as_fd(), events)];
        match poll(&mut polled, timeout) {
            Ok(count) if count > 0 => return Some(()),
            Err(Errno::EINTR) => {}
            _ => return None,
        }
    }
}
