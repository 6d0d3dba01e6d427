//! Spans of time in words.

const UNITS: [(u64, &str); 4] = [
    (86_400, "day"),
    (3600, "hour"),
    (60, "minute"),
    (1, "second"),
];

/// The largest whole unit: "3 hours", "1 day", "less than a second".
pub fn age_in_words(milliseconds: u64) -> String {
    seconds_in_words(milliseconds / 1000)
}

/// The same for whole seconds.
pub fn seconds_in_words(seconds: u64) -> String {
    UNITS.iter().find(|(size, _)| seconds >= *size).map_or_else(
        || "less than a second".to_owned(),
        |(size, unit)| match seconds / size {
            1 => format!("1 {unit}"),
            count => format!("{count} {unit}s"),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_said_in_its_largest_unit() {
        for (milliseconds, words) in [
            (0, "less than a second"),
            (999, "less than a second"),
            (1000, "1 second"),
            (59_999, "59 seconds"),
            (60_000, "1 minute"),
            (7_200_000, "2 hours"),
            (86_400_000, "1 day"),
            (864_000_000, "10 days"),
        ] {
            assert_eq!(age_in_words(milliseconds), words);
        }
    }
}
