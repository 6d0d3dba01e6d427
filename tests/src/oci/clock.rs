//! The fake's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock that can be moved, and goes on from there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    ahead_seconds: i64,
}

impl Clock {
    /// Seconds since 1970-01-01 UTC.
    pub fn now(&self) -> u64 {
        unix_now().saturating_add_signed(self.ahead_seconds)
    }

    /// Makes it this time.
    pub fn set(&mut self, unix_seconds: u64) {
        self.ahead_seconds = unix_seconds.wrapping_sub(unix_now()).cast_signed();
    }

    /// Moves it, backwards too.
    pub fn advance(&mut self, seconds: i64) {
        self.ahead_seconds += seconds;
    }
}

/// As HTTP writes it: `Mon, 05 Jan 2026 21:31:40 GMT`.
pub(super) fn http_date(unix_seconds: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(unix_seconds))
}

/// Reads what [`http_date`] writes, and no other way to write a date.
pub(super) fn parse_http_date(text: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(text).ok()?;
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    (http_date(seconds) == text).then_some(seconds)
}

/// As OCI's JSON writes it: `2026-01-05T21:31:40.000Z`.
pub(super) fn json_time(unix_seconds: u64) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let date = http_date(unix_seconds);
    let (day, month, year, time) = (&date[5..7], &date[8..11], &date[12..16], &date[17..25]);
    let month = 1 + MONTHS
        .iter()
        .position(|name| *name == month)
        .unwrap_or_default();
    format!("{year}-{month:02}-{day}T{time}.000Z")
}

fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_service_writes_them() {
        let seconds = parse_http_date("Mon, 05 Jan 2026 21:31:40 GMT").expect("a date");
        assert_eq!(seconds, 1_767_648_700);
        assert_eq!(json_time(seconds), "2026-01-05T21:31:40.000Z");
        assert_eq!(parse_http_date("Monday, 05-Jan-26 21:31:40 GMT"), None);
    }

    #[test]
    fn the_clock_is_where_it_was_put() {
        let mut clock = Clock::default();
        clock.set(1000);
        clock.advance(-600);
        assert!((400..410).contains(&clock.now()));
    }
}
