//! The offset of OCI's clock from ours.

use std::fmt;

use super::date::HttpDate;

/// Seconds that OCI's clock is ahead of ours; negative where it is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// The seconds.
    pub seconds: i64,
}

/// A signature may be so many seconds old, or early (docs.oracle.com, "Request Signatures").
const ALLOWED_SECONDS: u64 = 300;

impl ClockOffset {
    /// What a header `Date` says at `now`, in seconds since 1970 by our clock.
    pub(crate) fn of(date: Option<&str>, now: u64) -> Option<Self> {
        let date: HttpDate = date?.parse().ok()?;
        let seconds = i128::from(date.unix_seconds()) - i128::from(now);
        Some(Self {
            seconds: seconds.try_into().ok()?,
        })
    }

    /// Whether signatures made by our clock are refused for it.
    pub fn is_too_large(self) -> bool {
        self.seconds.unsigned_abs() > ALLOWED_SECONDS
    }
}

/// "12 min 3 s behind OCI's", to come after "the clock of this machine is".
impl fmt::Display for ClockOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.seconds < 0 {
            "ahead of"
        } else {
            "behind"
        };
        let seconds = self.seconds.unsigned_abs();
        match (seconds / 60, seconds % 60) {
            (0, seconds) => write!(f, "{seconds} s")?,
            (minutes, 0) => write!(f, "{minutes} min")?,
            (minutes, seconds) => write!(f, "{minutes} min {seconds} s")?,
        }
        write!(f, " {direction} OCI's")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_said_from_our_side() {
        let now = 1_767_648_700;
        for (date, seconds, text) in [
            ("Mon, 05 Jan 2026 21:31:40 GMT", 0, "0 s behind OCI's"),
            (
                "Mon, 05 Jan 2026 21:36:41 GMT",
                301,
                "5 min 1 s behind OCI's",
            ),
            (
                "Mon, 05 Jan 2026 21:19:40 GMT",
                -720,
                "12 min ahead of OCI's",
            ),
        ] {
            let offset = ClockOffset::of(Some(date), now).expect("an offset");
            assert_eq!(
                (offset.seconds, offset.to_string().as_str()),
                (seconds, text)
            );
            assert_eq!(offset.is_too_large(), seconds != 0);
        }
        assert_eq!(ClockOffset::of(None, now), None);
        assert_eq!(ClockOffset::of(Some("now"), now), None);
    }

    #[test]
    fn five_minutes_are_allowed() {
        for (seconds, too_large) in [(300, false), (-300, false), (301, true), (-301, true)] {
            assert_eq!(ClockOffset { seconds }.is_too_large(), too_large);
        }
    }
}
