//! What does the store's document say, and what does a change make of it?
//!
//! Pure: no files, no clock. Parsing borrows from the plaintext, so that no value is copied. An
//! error never quotes the document: serde's own texts would.
//!
//! Invariants, checked on parsing: names fit the grammar; a secret has 1 to 10 versions in
//! ascending order, and its current one is among them. The highest number is never dropped, so no
//! number is used twice while the secret exists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::address::VersionSelector;
use crate::changing::{Begins, ListEntry, VersionEntry};

use super::name::is_name;

/// The plaintext of the store.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document<'a> {
    format: u32,
    #[serde(borrow)]
    secrets: BTreeMap<&'a str, Versions<'a>>,
}

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Versions<'a> {
    current: u64,
    #[serde(borrow)]
    versions: Vec<Version<'a>>,
}

/// One stored value.
#[derive(PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Version<'a> {
    /// Its number.
    #[serde(rename = "version")]
    pub(super) number: u64,
    created: u64,
    /// The value in base64 (RFC 4648, section 4).
    pub(super) value: &'a str,
}

impl std::fmt::Debug for Versions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'a> Document<'a> {
    /// The document of a store that was never written.
    pub(super) fn empty() -> Self {
        Self {
            format: FORMAT,
            secrets: BTreeMap::new(),
        }
    }

    pub(super) fn parse(plaintext: &'a [u8]) -> Result<Self, Unreadable> {
        let document: Self = serde_json::from_slice(plaintext).map_err(|error| {
            match serde_json::from_slice::<FormatOnly>(plaintext) {
                Ok(FormatOnly { format }) if format != FORMAT => Unreadable::Format(format),
                _ => Unreadable::Syntax {
                    line: error.line(),
                    column: error.column(),
                },
            }
        })?;
        if document.format != FORMAT {
            return Err(Unreadable::Format(document.format));
        }
        let sound = |(name, versions): (&&str, &Versions<'_>)| is_name(name) && versions.is_sound();
        if !document.secrets.iter().all(sound) {
            return Err(Unreadable::Inconsistent);
        }
        Ok(document)
    }

    /// Appends the document's text to `plaintext`.
    pub(super) fn write(&self, plaintext: &mut Vec<u8>) {
        serde_json::to_writer(plaintext, self)
            .expect("a document has text keys and is written to memory");
    }

    pub(super) fn find(
        &self,
        name: &str,
        wanted: &VersionSelector,
    ) -> Result<&Version<'a>, Missing> {
        let versions = self.secrets.get(name).ok_or(Missing::Secret)?;
        let found = match wanted {
            VersionSelector::Current => versions.numbered(versions.current),
            VersionSelector::Version(number) => versions.numbered(*number),
            VersionSelector::Stage(stage) => match stage.as_str() {
                "CURRENT" => versions.numbered(versions.current),
                "LATEST" => versions.versions.last(),
                _ => return Err(Missing::Stage),
            },
            // References to this store have no such word.
            VersionSelector::Named(_) => None,
        };
        found.ok_or(Missing::Version)
    }

    /// Adds a version and drops the oldest beyond ten, but for the current one.
    pub(super) fn add(
        &mut self,
        name: &'a str,
        value: &'a str,
        now: u64,
        begins: Begins,
    ) -> Result<u64, NotAdded> {
        if begins == Begins::WhenPromoted && !self.secrets.contains_key(name) {
            return Err(NotAdded::NothingCurrent);
        }
        let entry = self.secrets.entry(name).or_insert_with(|| Versions {
            current: 0,
            versions: Vec::new(),
        });
        let newest = entry.versions.last().map_or(0, |last| last.number);
        let number = newest.checked_add(1).ok_or(NotAdded::NumbersUsedUp)?;
        entry.versions.push(Version {
            number,
            created: now,
            value,
        });
        if begins == Begins::AtOnce {
            entry.current = number;
        }
        if entry.versions.len() > MAX_VERSIONS {
            let current = entry.current;
            let mut versions = entry.versions.iter();
            let oldest = versions.position(|version| version.number != current);
            entry.versions.remove(oldest.unwrap_or_default());
        }
        Ok(number)
    }

    /// Removes a secret and returns how many versions it had.
    pub(super) fn remove(&mut self, name: &str) -> Result<usize, Missing> {
        let removed = self.secrets.remove(name).ok_or(Missing::Secret)?;
        Ok(removed.versions.len())
    }

    pub(super) fn promote(&mut self, name: &str, number: u64) -> Result<(), Missing> {
        let versions = self.secrets.get_mut(name).ok_or(Missing::Secret)?;
        versions.numbered(number).ok_or(Missing::Version)?;
        versions.current = number;
        Ok(())
    }

    pub(super) fn list(&self) -> Vec<ListEntry> {
        let entry = |(name, versions): (&&str, &Versions<'_>)| ListEntry {
            name: (*name).to_owned(),
            versions: versions.entries(),
        };
        self.secrets.iter().map(entry).collect()
    }

    pub(super) fn versions(&self, name: &str) -> Result<Vec<VersionEntry>, Missing> {
        let versions = self.secrets.get(name).ok_or(Missing::Secret)?;
        Ok(versions.entries())
    }
}

impl<'a> Versions<'a> {
    fn numbered(&self, number: u64) -> Option<&Version<'a>> {
        self.versions
            .iter()
            .find(|version| version.number == number)
    }

    fn is_sound(&self) -> bool {
        (1..=MAX_VERSIONS).contains(&self.versions.len())
            && self.versions[0].number > 0
            && self.versions.is_sorted_by(|a, b| a.number < b.number)
            && self.numbered(self.current).is_some()
    }

    fn entries(&self) -> Vec<VersionEntry> {
        let entry = |version: &Version<'_>| VersionEntry {
            version: version.number.to_string(),
            created_unix_seconds: version.created,
            current: version.number == self.current,
            ..VersionEntry::default()
        };
        self.versions.iter().map(entry).collect()
    }
}

/// What is read of a document of another format.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// Why a document cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is not the JSON that is expected.
    Syntax { line: usize, column: usize },
    /// It was written by another version of this program.
    Format(u32),
    /// It is well written but contradicts itself.
    Inconsistent,
}

/// Why a version was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAdded {
    /// It would be the first, and not the current one.
    NothingCurrent,
    /// There is no higher number.
    NumbersUsedUp,
}

/// What is not in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Secret,
    Version,
    Stage,
}

const FORMAT: u32 = 1;
const MAX_VERSIONS: usize = 10;

#[cfg(test)]
mod tests;
