//! Civil-calendar arithmetic, for people and records.

/// Seconds since 1970-01-01 UTC as RFC 3339 writes them, without fraction and zone:
/// `2023-11-14T22:13:20`.
pub fn date_time(unix_seconds: u64) -> String {
    let (days, of_day) = (unix_seconds / 86_400, unix_seconds % 86_400);
    // Days since 0000-03-01 and years from March to February, so that a leap day ends its year.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Seconds since 1970-01-01 UTC of a time as RFC 3339 writes it, with any fraction, which is dropped, and
/// any offset, with or without its colon. `None` for anything else; a time before 1970 is 0.
pub fn unix_seconds(text: &str) -> Option<u64> {
    let (date, time) = text.trim().split_at_checked(10)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let rest = time.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = rest.split_at_checked(8)?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let is_time = hour < 24 && minute < 60 && second <= 60;
    let is_date = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    let offset = offset_seconds(without_fraction(rest)?)?;
    let seconds = u64::try_from(seconds - offset).unwrap_or_default();
    (is_date && is_time).then_some(seconds)
}

/// What follows the seconds and their fraction.
fn without_fraction(rest: &str) -> Option<&str> {
    let Some(fraction) = rest.strip_prefix(['.', ',']) else {
        return Some(rest);
    };
    let zone = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
    (zone.len() < fraction.len()).then_some(zone)
}

/// How far a zone is ahead of UTC.
fn offset_seconds(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = zone[1..].replacen(':', "", 1);
    let (hours, minutes) = digits.split_at_checked(2)?;
    let ([hours], [minutes]) = (numbers(hours, ':', [2])?, numbers(minutes, ':', [2])?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Numbers of exactly so many digits.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(between);
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = is_number.then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(numbers)
}

fn days_in(year: i64, month: i64) -> i64 {
    let leaps = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leaps => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// [`date_time`], the other way round: years from March to February.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, march_month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * march_month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leap_days_and_turns_of_years_are_where_they_belong() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (951_868_800, "2000-03-01T00:00:00"),
            (1_709_164_800, "2024-02-29T00:00:00"),
            (1_735_689_599, "2024-12-31T23:59:59"),
            (4_107_542_400, "2100-03-01T00:00:00"),
        ] {
            assert_eq!(date_time(seconds), text);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let spread = (0..4_000).map(|step| step * 31_557_601 / 7);
        for seconds in spread.chain([951_782_400, 4_107_542_400]) {
            let text = date_time(seconds);
            assert_eq!(unix_seconds(&format!("{text}Z")), Some(seconds), "{text}");
        }
    }

    #[test]
    fn fractions_and_offsets_of_any_form_are_read() {
        const AT: u64 = 1_767_648_700;
        for (text, seconds) in [
            ("2026-01-05T21:31:40Z", AT),
            ("2026-01-05t21:31:40z", AT),
            ("2026-01-05 21:31:40+00:00", AT),
            ("2026-01-05T21:31:40.6Z", AT),
            ("2026-01-05T21:31:40.123456789123Z", AT),
            ("2026-01-05T23:01:40.5+01:30", AT),
            ("2026-01-05T13:31:40-0800", AT),
            ("2026-01-06T00:31:40+03:00", AT),
            ("1969-12-31T23:59:59Z", 0),
            ("0000-01-01T00:00:00Z", 0),
            ("2016-12-31T23:59:60Z", 1_483_228_800),
        ] {
            assert_eq!(unix_seconds(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026-01-05",
            "2026-01-05T21:31:40",
            "2026-01-05T21:31Z",
            "2026-1-05T21:31:40Z",
            "2026-02-29T21:31:40Z",
            "2100-02-29T21:31:40Z",
            "2026-04-31T21:31:40Z",
            "2026-13-01T21:31:40Z",
            "2026-00-01T21:31:40Z",
            "2026-01-05T24:31:40Z",
            "2026-01-05T21:60:40Z",
            "2026-01-05T21:31:61Z",
            "2026-01-05T21:31:40.Z",
            "2026-01-05T21:31:40+1:00",
            "2026-01-05T21:31:40+01",
            "2026-01-05T21:31:40+24:00",
            "2026-01-05T21:31:40Z ago",
            "+026-01-05T21:31:40Z",
            "2026-01-05T2\u{e4}:31:40Z",
            "1767648700",
        ] {
            assert_eq!(unix_seconds(text), None, "{text}");
        }
    }
}
