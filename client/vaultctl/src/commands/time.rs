//! Moments in words.

use std::time::{SystemTime, UNIX_EPOCH};

use vault_client::seconds_in_words;

/// What is to come was said a moment ago, and by clocks that differ a little: "30 days" is not "29".
const GRACE_SECONDS: u64 = 600;

/// Now, by the wall clock. A clock before 1970 counts as 1970.
pub(crate) fn unix_seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// "3 days ago"; the wall clock may have been set back since.
pub(crate) fn ago(then: u64) -> String {
    format!(
        "{} ago",
        seconds_in_words(unix_seconds().saturating_sub(then))
    )
}

/// "in 30 days", or how long ago it was.
pub(crate) fn from_now(then: u64) -> String {
    match then.checked_sub(unix_seconds()) {
        Some(left) => format!("in {}", seconds_in_words(left + GRACE_SECONDS)),
        None => ago(then),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_from_now() {
        let day = 86_400;
        assert_eq!(from_now(unix_seconds() + 30 * day), "in 30 days");
        assert_eq!(from_now(unix_seconds() - 3 * day), "3 days ago");
        assert_eq!(ago(unix_seconds() + day), "less than a second ago");
    }
}
