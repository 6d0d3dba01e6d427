//! What a person should know of a configuration that works all the same.

use super::document::{At, ConfigError};

/// A file with more mistakes than that is no configuration, and nobody reads on.
const MOST: usize = 100;

/// A longer key is no mistyped one.
const LONGEST_MISTYPED: usize = 48;

/// Sentences for log and status.
#[derive(Clone, Debug, Default)]
pub(super) struct Warnings {
    said: Vec<String>,
    unsaid: usize,
}

impl Warnings {
    /// Says something once, however often it is found.
    pub(super) fn push(&mut self, warning: String) {
        if self.said.len() == MOST {
            self.unsaid += 1;
        } else if !self.said.contains(&warning) {
            self.said.push(warning);
        }
    }

    /// Reads a boolean; one that only YAML 1.1 knows is said.
    pub(super) fn boolean(&mut self, at: &At<'_>) -> Result<bool, ConfigError> {
        let (value, old) = at.boolean()?;
        if old {
            self.push(
                at.error(format!("read as {value}; write {value}"))
                    .to_string(),
            );
        }
        Ok(value)
    }

    /// Warns about each key that is none of `known`, with the nearest one that is.
    pub(super) fn unknown_keys<'a, 'n: 'a>(
        &mut self,
        keys: impl Iterator<Item = (&'a str, &'a At<'n>)>,
        known: &[&str],
    ) {
        for (key, at) in keys.filter(|(key, _)| !known.contains(key)) {
            let nearest = known
                .iter()
                .filter(|_| key.len() <= LONGEST_MISTYPED)
                .map(|known| (distance(key, known), known))
                .min();
            let hint = match nearest {
                Some((distance, known)) if distance <= 2 => format!(", did you mean {known}?"),
                _ => String::new(),
            };
            self.push(
                at.key_error(format!("unknown key, ignored{hint}"))
                    .to_string(),
            );
        }
    }

    pub(super) fn into_vec(mut self) -> Vec<String> {
        if self.unsaid > 0 {
            self.said
                .push("there are more warnings than these".to_owned());
        }
        self.said
    }
}

/// How many letters must change (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_said_once_and_no_more_than_anybody_reads() {
        let mut warnings = Warnings::default();
        for number in [1, 1, 2] {
            warnings.push(number.to_string());
        }
        assert_eq!(warnings.clone().into_vec(), ["1", "2"]);
        for number in 0..1000 {
            warnings.push(number.to_string());
        }
        let said = warnings.into_vec();
        assert_eq!(said.len(), MOST + 1);
        assert_eq!(said[MOST], "there are more warnings than these");
    }

    #[test]
    fn the_distance_counts_letters_that_must_change() {
        for (left, right, expected) in [
            ("ttl", "ttl", 0),
            ("tll", "ttl", 1),
            ("", "abc", 3),
            ("max_stal", "max_stale", 1),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }
}
