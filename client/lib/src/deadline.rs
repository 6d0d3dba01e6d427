//! The time that a client has for all of its calls.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::Error;

/// The daemon hears of a deadline, and may be the first to notice that it has passed.
const TOLERANCE: Duration = Duration::from_millis(500);

/// A moment by which all must be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    start: Instant,
    timeout: Duration,
}

impl Deadline {
    /// So long from now.
    pub(crate) fn after(timeout: Duration) -> Self {
        Self {
            start: Instant::now(),
            timeout,
        }
    }

    pub(crate) fn remaining(self) -> Duration {
        self.timeout.saturating_sub(self.start.elapsed())
    }

    /// What `work` comes to, unless the time is up before.
    pub(crate) async fn bound<T>(
        self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match timeout_at(self.start + self.timeout, work).await {
            Ok(done) => done,
            Err(_) => Err(self.passed()),
        }
    }

    /// The failure of a call that had no more time, here or in the daemon.
    pub(crate) fn passed(self) -> Error {
        late(self.start.elapsed(), self.timeout)
    }
}

/// The deadline that a person knows, or the daemon's own, which is shorter than they asked for.
fn late(waited: Duration, timeout: Duration) -> Error {
    if waited + TOLERANCE >= timeout {
        Error::Deadline { timeout }
    } else {
        Error::GaveUp { waited }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_in_the_message_is_the_time_that_was_waited() {
        let seconds = Duration::from_secs;
        let text = |waited, timeout| late(waited, timeout).to_string();
        let own = "vaultd did not answer within 8 seconds";
        assert_eq!(text(seconds(8), seconds(8)), own);
        assert_eq!(text(Duration::from_millis(7990), seconds(8)), own);
        assert_eq!(
            text(Duration::from_millis(9980), seconds(60)),
            "vaultd gave up after 10 seconds"
        );
    }
}
