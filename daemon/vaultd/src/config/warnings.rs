//! What a person should know of a configuration that works all the same.

use super::document::{At, ConfigError};
use super::nearest::nearest;

/// A file with more mistakes than that is no configuration, and nobody reads on.
const MOST: usize = 100;

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
            let hint = match nearest(key, known) {
                Some(known) => format!(", did you mean {known}?"),
                None => String::new(),
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
}
