//! What should a person know of a configuration that works all the same?

use super::document::{At, ConfigError};

/// Sentences for log and status.
#[derive(Clone, Debug, Default)]
pub(super) struct Warnings(Vec<String>);

impl Warnings {
    /// Says something once, however often it is found.
    pub(super) fn push(&mut self, warning: String) {
        if !self.0.contains(&warning) {
            self.0.push(warning);
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

    pub(super) fn into_vec(self) -> Vec<String> {
        self.0
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
