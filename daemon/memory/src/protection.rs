//! The protection of pages: what the configuration asks for, and what the kernel gave.

use std::fmt;
use std::str::FromStr;

/// Which protection of memory the configuration asks for (`memory: auto|secretmem|mlock`).
///
/// Whatever is asked for, a kernel that refuses it never prevents a start: the next weaker
/// protection is taken, with a warning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Preference {
    /// The strongest protection there is.
    #[default]
    Auto,
    /// `memfd_secret(2)`: not readable by any other process, nor by the kernel's own accessors.
    /// A machine with such pages in use does not hibernate.
    Secretmem,
    /// Locked pages that are left out of core dumps. Hibernation stays possible.
    Mlock,
}

impl Preference {
    /// The word the configuration uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Secretmem => "secretmem",
            Self::Mlock => "mlock",
        }
    }
}

impl fmt::Display for Preference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Preference {
    type Err = UnknownPreference;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Auto, Self::Secretmem, Self::Mlock]
            .into_iter()
            .find(|preference| preference.as_str() == text)
            .ok_or_else(|| UnknownPreference(text.to_owned()))
    }
}

/// A text that names no [`Preference`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown memory protection {0:?}: write auto, secretmem or mlock")]
pub struct UnknownPreference(String);

/// Which protection the kernel gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// Pages from `memfd_secret(2)`.
    Secretmem,
    /// Anonymous pages, locked and left out of core dumps.
    Mlock,
    /// Ordinary pages: they may be swapped out.
    Unprotected,
}

impl Protection {
    /// The stable word for status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secretmem => "secretmem",
            Self::Mlock => "mlock",
            Self::Unprotected => "unprotected",
        }
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preference_reads_back_what_it_prints() {
        for preference in [Preference::Auto, Preference::Secretmem, Preference::Mlock] {
            assert_eq!(preference.to_string().parse(), Ok(preference));
        }
        assert_eq!(Preference::default(), Preference::Auto);
    }

    #[test]
    fn unknown_preference_is_refused_with_the_words_there_are() {
        let error = "Mlock".parse::<Preference>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown memory protection \"Mlock\": write auto, secretmem or mlock"
        );
    }
}
