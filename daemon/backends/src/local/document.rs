//! The store's document without its values: what it says of each, and what a change makes of it.
//!
//! Pure: no files, no clock. Values stay where they are in the stream that is parsed, and are
//! referred to by their place. An error never quotes the document.
//!
//! Invariants, checked on parsing: names fit the grammar and occur once; a secret has 1 to 10
//! versions in ascending order, and its current one is among them. The highest number is never
//! dropped, so no number is used twice while the secret exists.

use std::collections::BTreeMap;
use std::io::{self, Read};

use crate::address::VersionSelector;
use crate::changing::{Begins, ListEntry, VersionEntry};

use super::json_reader::{JsonError, JsonReader, TextSpan};
use super::name::is_name;

/// What the store holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Document {
    secrets: BTreeMap<String, Versions>,
}

#[derive(Debug, PartialEq)]
struct Versions {
    current: u64,
    versions: Vec<Version>,
}

/// One stored value.
#[derive(Debug, PartialEq)]
pub(super) struct Version {
    /// Its number.
    pub(super) number: u64,
    created: u64,
    pub(super) value: ValueSource,
}

/// Where a value comes from, in base64 (RFC 4648, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueSource {
    /// From the document that was parsed.
    Parsed(TextSpan),
    /// It is the one that is added.
    Added,
}

/// A part of the document's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// This text.
    Text(&'a str),
    /// The value from there.
    Value(ValueSource),
}

impl Document {
    /// Reads the document from `source`, to its end.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub(super) fn parse(source: impl Read, max_bytes: u64) -> Result<Self, Unreadable> {
        let mut json = JsonReader::new(source, max_bytes);
        let (mut format, mut secrets) = (None, None);
        json.object(|json, key| match key {
            "format" if format.is_none() => match json.number()? {
                FORMAT => {
                    format = Some(FORMAT);
                    Ok(())
                }
                other => Err(Unreadable::Format(other)),
            },
            "secrets" if secrets.is_none() => {
                secrets = Some(parse_secrets(json)?);
                Ok(())
            }
            _ => Err(json.syntax().into()),
        })?;
        json.end()?;
        match (format, secrets) {
            (Some(_), Some(secrets)) => Ok(Self { secrets }),
            _ => Err(json.syntax().into()),
        }
    }

    /// The document's text, one piece after the other.
    ///
    /// # Errors
    /// What `emit` returned.
    pub(super) fn write<E>(
        &self,
        mut emit: impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        emit(Piece::Text(&format!(r#"{{"format":{FORMAT},"secrets":{{"#)))?;
        let mut separator = "";
        for (name, Versions { current, versions }) in &self.secrets {
            emit(Piece::Text(&format!(
                r#"{separator}"{name}":{{"current":{current},"versions":["#
            )))?;
            separator = "";
            for version in versions {
                let Version {
                    number, created, ..
                } = version;
                emit(Piece::Text(&format!(
                    r#"{separator}{{"version":{number},"created":{created},"value":""#
                )))?;
                emit(Piece::Value(version.value))?;
                emit(Piece::Text("\"}"))?;
                separator = ",";
            }
            emit(Piece::Text("]}"))?;
            separator = ",";
        }
        emit(Piece::Text("}}"))
    }

    pub(super) fn find(&self, name: &str, wanted: &VersionSelector) -> Result<&Version, Missing> {
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
    pub(super) fn add(&mut self, name: &str, now: u64, begins: Begins) -> Result<u64, NotAdded> {
        if begins == Begins::WhenPromoted && !self.secrets.contains_key(name) {
            return Err(NotAdded::NothingCurrent);
        }
        let secret = self
            .secrets
            .entry(name.to_owned())
            .or_insert_with(|| Versions {
                current: 0,
                versions: Vec::new(),
            });
        let newest = secret.versions.last().map_or(0, |last| last.number);
        let number = newest.checked_add(1).ok_or(NotAdded::NumbersUsedUp)?;
        secret.versions.push(Version {
            number,
            created: now,
            value: ValueSource::Added,
        });
        if begins == Begins::AtOnce {
            secret.current = number;
        }
        if secret.versions.len() > MAX_VERSIONS {
            let current = secret.current;
            let mut versions = secret.versions.iter();
            let oldest = versions.position(|version| version.number != current);
            secret.versions.remove(oldest.unwrap_or_default());
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
        let listed = |(name, versions): (&String, &Versions)| ListEntry {
            name: name.clone(),
            versions: versions.entries(),
        };
        self.secrets.iter().map(listed).collect()
    }

    pub(super) fn versions(&self, name: &str) -> Result<Vec<VersionEntry>, Missing> {
        let versions = self.secrets.get(name).ok_or(Missing::Secret)?;
        Ok(versions.entries())
    }
}

impl Versions {
    fn numbered(&self, number: u64) -> Option<&Version> {
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
        let entry = |version: &Version| VersionEntry {
            version: version.number.to_string(),
            created_unix_seconds: version.created,
            current: version.number == self.current,
            ..VersionEntry::default()
        };
        self.versions.iter().map(entry).collect()
    }
}

fn parse_secrets<R: Read>(
    json: &mut JsonReader<R>,
) -> Result<BTreeMap<String, Versions>, Unreadable> {
    let mut secrets = BTreeMap::new();
    json.object(|json, name| {
        let versions = parse_versions(json)?;
        let is_sound = is_name(name) && versions.is_sound();
        if !is_sound || secrets.insert(name.to_owned(), versions).is_some() {
            return Err(Unreadable::Inconsistent);
        }
        Ok(())
    })?;
    Ok(secrets)
}

fn parse_versions<R: Read>(json: &mut JsonReader<R>) -> Result<Versions, Unreadable> {
    let (mut current, mut versions) = (None, None);
    json.object(|json, key| {
        match key {
            "current" if current.is_none() => current = Some(json.number()?),
            "versions" if versions.is_none() => {
                let mut found = Vec::new();
                json.array(|json| {
                    if found.len() == MAX_VERSIONS {
                        return Err(Unreadable::Inconsistent);
                    }
                    found.push(parse_version(json)?);
                    Ok(())
                })?;
                versions = Some(found);
            }
            _ => return Err(Unreadable::from(json.syntax())),
        }
        Ok(())
    })?;
    match (current, versions) {
        (Some(current), Some(versions)) => Ok(Versions { current, versions }),
        _ => Err(json.syntax().into()),
    }
}

fn parse_version<R: Read>(json: &mut JsonReader<R>) -> Result<Version, JsonError> {
    let (mut number, mut created, mut value) = (None, None, None);
    json.object(|json, key| {
        match key {
            "version" if number.is_none() => number = Some(json.number()?),
            "created" if created.is_none() => created = Some(json.number()?),
            "value" if value.is_none() => value = Some(json.skip_text()?),
            _ => return Err(json.syntax()),
        }
        Ok(())
    })?;
    match (number, created, value) {
        (Some(number), Some(created), Some(value)) => Ok(Version {
            number,
            created,
            value: ValueSource::Parsed(value),
        }),
        _ => Err(json.syntax()),
    }
}

/// Why a document cannot be used.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It is not the JSON that is expected.
    Syntax { line: usize, column: usize },
    /// It was written by another version of this program.
    Format(u64),
    /// It is well written but contradicts itself.
    Inconsistent,
    /// It is longer than it may be.
    TooLong,
    /// Its source broke off.
    Source(io::Error),
}

impl From<JsonError> for Unreadable {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax { line, column } => Self::Syntax { line, column },
            JsonError::TooLong => Self::TooLong,
            JsonError::Source(error) => Self::Source(error),
        }
    }
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

const FORMAT: u64 = 1;
const MAX_VERSIONS: usize = 10;

#[cfg(test)]
mod tests;
