//! Dates of HTTP (IMF-fixdate).

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A second of the wall clock, written as in the header `Date`: `Sun, 29 Feb 2032 23:59:59 GMT`
/// (RFC 9110, 5.6.7). OCI refuses a request that is signed with one more than five minutes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HttpDate {
    unix_seconds: u64,
}

impl HttpDate {
    /// The second that is this many after 1970 began. A clock beyond the year 9999 stops there.
    pub fn at(unix_seconds: u64) -> Self {
        Self {
            unix_seconds: unix_seconds.min(LAST),
        }
    }

    /// How many seconds it is after 1970 began.
    pub fn unix_seconds(self) -> u64 {
        self.unix_seconds
    }
}

impl fmt::Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = UNIX_EPOCH + Duration::from_secs(self.unix_seconds);
        httpdate::HttpDate::from(time).fmt(f)
    }
}

/// Not a date as HTTP writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a date such as Sun, 29 Feb 2032 23:59:59 GMT")]
pub struct BadDate;

impl FromStr for HttpDate {
    type Err = BadDate;

    fn from_str(text: &str) -> Result<Self, BadDate> {
        let date: httpdate::HttpDate = text.parse().map_err(|_| BadDate)?;
        let since = SystemTime::from(date).duration_since(UNIX_EPOCH);
        Ok(Self::at(since.map_err(|_| BadDate)?.as_secs()))
    }
}

/// The end of the year 9999.
const LAST: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_and_read_in_the_fixed_form() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1_767_648_700, "Mon, 05 Jan 2026 21:31:40 GMT"),
            (1_961_711_999, "Sun, 29 Feb 2032 23:59:59 GMT"),
            (LAST, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(HttpDate::at(seconds).to_string(), text);
            assert_eq!(text.parse(), Ok(HttpDate::at(seconds)));
        }
        assert_eq!(HttpDate::at(u64::MAX), HttpDate::at(LAST));
        assert_eq!("yesterday".parse::<HttpDate>(), Err(BadDate));
    }
}
