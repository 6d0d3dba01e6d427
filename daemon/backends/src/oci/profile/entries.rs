//! The entries of one profile.

use std::path::PathBuf;

use super::error::{Problem, ProblemKind, ProfileError};
use super::ini::Section;

/// The keys of a profile, those that it inherits included. It may hold a pass phrase: no `Debug`.
pub struct Profile {
    path: PathBuf,
    name: String,
    entries: Section,
}

impl Profile {
    pub(super) fn new(path: PathBuf, name: String, entries: Section) -> Self {
        Self {
            path,
            name,
            entries,
        }
    }

    /// The value of a key, which is given in lower case.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(|entry| entry.value.as_str())
    }

    /// All keys, those too that are unknown here.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Whether it is the profile of a session. Inherited keys can make such a profile look like one of
    /// an API key; the token file alone decides.
    pub fn is_session(&self) -> bool {
        self.value("security_token_file").is_some()
    }

    pub(super) fn problem(&self, key: &'static str, kind: ProblemKind) -> Problem {
        let line = self.entries.get(key).map(|entry| entry.line);
        Problem {
            key,
            line,
            kind,
            tried: None,
        }
    }

    pub(super) fn error(&self, problems: Vec<Problem>) -> ProfileError {
        ProfileError::Problems {
            path: self.path.clone(),
            profile: self.name.clone(),
            problems,
        }
    }
}
