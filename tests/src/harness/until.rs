//! Waiting for what another process does in its own time.

use std::time::{Duration, Instant};

use super::daemon::LONG;

/// How often it looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks again until the answer is yes.
///
/// # Panics
/// Where it has been no for [`LONG`].
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(PAUSE);
    }
}
