//! Times of scheduled deletions. The service allows 1 to 30 days from now.

use crate::calendar::date_time;

const DAY: u64 = 86_400;
const EARLIEST: u64 = DAY;
const LATEST: u64 = 30 * DAY;
/// Clocks differ, and a request is on its way for a while: a time that is just outside is meant inside,
/// and one just inside is sent further in.
const LEEWAY: u64 = 300;

/// The time to send for `at`, in seconds since 1970-01-01 UTC; `None` where it cannot be.
pub(super) fn allowed(at: u64, now: u64) -> Option<u64> {
    let (earliest, latest) = (now.saturating_add(EARLIEST), now.saturating_add(LATEST));
    let is_meant = at.saturating_add(LEEWAY) >= earliest && at <= latest.saturating_add(LEEWAY);
    is_meant.then(|| at.clamp(earliest + LEEWAY, latest - LEEWAY))
}

/// As the service writes times.
pub(super) fn written(unix_seconds: u64) -> String {
    format!("{}.000Z", date_time(unix_seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_comes_after_1_to_30_days_and_is_kept_off_the_limits() {
        let now = 1_767_648_700;
        for (after, sent) in [
            (0, None),
            (DAY - 301, None),
            (DAY - 300, Some(DAY + 300)),
            (DAY, Some(DAY + 300)),
            (2 * DAY, Some(2 * DAY)),
            (30 * DAY, Some(30 * DAY - 300)),
            (30 * DAY + 300, Some(30 * DAY - 300)),
            (30 * DAY + 301, None),
        ] {
            let expected = sent.map(|sent| now + sent);
            assert_eq!(allowed(now + after, now), expected, "{after}");
        }
        assert_eq!(allowed(u64::MAX, now), None);
        assert_eq!(written(now), "2026-01-05T21:31:40.000Z");
    }
}
