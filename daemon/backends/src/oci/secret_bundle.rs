//! Secret bundles: the replies that hold a value, read and compared with what was asked for.
//!
//! The value is found where it stands in the reply and decoded straight
//! into protected memory: neither serde nor base64 gets to own it, and no error quotes it. Whatever is
//! not known is ignored; whatever is needed and not there is a [`BadReply`], and never an empty value.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;
use vault_memory::{MAX_SECRET_BYTES, Secret, Shield, ShieldError};
use zeroize::Zeroizing;

use super::error::BadReply;
use crate::address::VersionSelector;
use crate::calendar::unix_seconds;

/// A reply that was read, with its value still in it. It has no `Debug`.
pub struct SecretBundle<'a> {
    /// Which secret it is about.
    pub secret_id: String,
    /// Which version.
    pub version_number: u64,
    /// What the version was called by whoever stored it.
    pub version_name: Option<String>,
    /// What it is called by its place among the others. May be unknown words, or none.
    pub stages: Vec<String>,
    /// When the version ends, in seconds since 1970-01-01 UTC.
    expiry: Option<u64>,
    /// When it is deleted.
    deletion: Option<u64>,
    /// The value in base64, with the escapes of JSON and without its quotation marks.
    content: &'a str,
}

/// Why a value may not be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is past its expiry.
    Expired,
    /// It is past its deletion.
    Deleted,
}

/// Why a value was not shielded.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// It cannot be decoded, or held.
    #[error(transparent)]
    Reply(#[from] BadReply),
    /// Protected memory could not be used.
    #[error(transparent)]
    Shield(#[from] ShieldError),
}

/// The bundle as it is written. All but what is named is ignored, and what is `null` is not there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    secret_id: Option<String>,
    version_number: Option<u64>,
    #[serde(borrow)]
    version_name: Option<&'a RawValue>,
    stages: Option<Vec<Option<String>>>,
    time_of_expiry: Option<String>,
    time_of_deletion: Option<String>,
    #[serde(borrow)]
    secret_bundle_content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenContent<'a> {
    content_type: Option<String>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

impl<'a> SecretBundle<'a> {
    /// Reads a reply.
    ///
    /// # Errors
    /// [`BadReply`].
    pub fn read(body: &'a [u8]) -> Result<Self, BadReply> {
        let written: Written<'a> = object(body)?;
        let content = written.secret_bundle_content.ok_or(BadReply::NoContent)?;
        let content: WrittenContent<'a> = object(content.get().as_bytes())?;
        if content.content_type.as_deref() != Some("BASE64") {
            return Err(BadReply::UnknownContentType);
        }
        let content = content.content.ok_or(BadReply::NoContent)?.get();
        let unquoted = content
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        if unquoted.is_some_and(str::is_empty) {
            return Err(BadReply::EmptyContent);
        }
        let secret_id = written.secret_id.filter(|id| !id.is_empty());
        Ok(Self {
            secret_id: secret_id.ok_or(BadReply::NoId)?,
            version_number: match written.version_number.ok_or(BadReply::NoVersion)? {
                0 => return Err(BadReply::VersionZero),
                number => number,
            },
            version_name: written
                .version_name
                .and_then(|name| serde_json::from_str(name.get()).ok()),
            stages: written.stages.into_iter().flatten().flatten().collect(),
            expiry: time(written.time_of_expiry.as_deref())?,
            deletion: time(written.time_of_deletion.as_deref())?,
            content: unquoted.ok_or(BadReply::WrongForm)?,
        })
    }

    /// Whether this is what was asked for. Where it was asked for by name, no id is known.
    ///
    /// # Errors
    /// [`BadReply`].
    pub fn check(&self, id: Option<&str>, wanted: &VersionSelector) -> Result<(), BadReply> {
        if id.is_some_and(|id| id != self.secret_id) {
            return Err(BadReply::WrongId);
        }
        let is_wanted = match wanted {
            // A word that nobody knows yet may mean it as well.
            VersionSelector::Current => {
                let known = |stage: &String| STAGES.contains(&stage.as_str());
                self.has_stage("CURRENT") || !self.stages.iter().all(known)
            }
            VersionSelector::Version(number) => self.version_number == *number,
            VersionSelector::Stage(stage) => self.has_stage(stage),
            VersionSelector::Named(name) => self.version_name.as_ref() == Some(name),
        };
        is_wanted.then_some(()).ok_or(BadReply::WrongVersion)
    }

    /// Stages are not guaranteed to be there.
    fn has_stage(&self, stage: &str) -> bool {
        self.stages.is_empty() || self.stages.iter().any(|own| own == stage)
    }

    /// How long the value may be used from `now` on, in seconds since 1970-01-01 UTC; `None` for ever.
    ///
    /// # Errors
    /// [`Ended`], where that is over.
    pub fn valid_for(&self, now: u64) -> Result<Option<Duration>, Ended> {
        let is_over = |end: Option<u64>| end.is_some_and(|end| end <= now);
        if is_over(self.expiry) {
            return Err(Ended::Expired);
        }
        if is_over(self.deletion) {
            return Err(Ended::Deleted);
        }
        let first = [self.expiry, self.deletion].into_iter().flatten().min();
        Ok(first.map(|end| Duration::from_secs(end - now)))
    }

    /// The value, in protected memory. Waits while all of that is in use.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn shield(&self, shield: &Arc<Shield>) -> Result<Secret, ContentError> {
        if !self.content.contains('\\') {
            return decoded(self.content.as_bytes(), shield);
        }
        let unescaped = unescaped(self.content).ok_or(BadReply::NotBase64)?;
        decoded(&unescaped, shield)
    }
}

/// All there are.
const STAGES: [&str; 5] = ["CURRENT", "PENDING", "LATEST", "PREVIOUS", "DEPRECATED"];

/// A JSON object. Serde alone would also take a list, by the order of the fields. Its error is dropped,
/// since it may quote.
fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BadReply> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return Err(BadReply::Empty),
        Some(b'<') => return Err(BadReply::Html),
        Some(b'{') => {}
        Some(_) => {
            let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
            return Err(if is_json {
                BadReply::NotAnObject
            } else {
                BadReply::NotJson
            });
        }
    }
    // Serde would not look at the texts that it skips.
    let text = std::str::from_utf8(body).map_err(|_| BadReply::NotJson)?;
    serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Eof => BadReply::CutOff,
        Category::Data => BadReply::WrongForm,
        Category::Syntax | Category::Io => BadReply::NotJson,
    })
}

fn time(text: Option<&str>) -> Result<Option<u64>, BadReply> {
    let seconds = text.map(|text| unix_seconds(text).ok_or(BadReply::BadTime));
    seconds.transpose()
}

fn decoded(content: &[u8], shield: &Arc<Shield>) -> Result<Secret, ContentError> {
    let bytes = decoded_bytes(content);
    if bytes > MAX_SECRET_BYTES {
        return Err(BadReply::ValueTooLarge.into());
    }
    shield.shield_with(bytes, |room| {
        // The cause would quote a byte of the value.
        let decoded = STANDARD.decode_slice(content, room);
        decoded.map_err(|_| BadReply::NotBase64.into())
    })
}

/// The exact size of what padded base64 stands for.
fn decoded_bytes(encoded: &[u8]) -> usize {
    let padding = encoded
        .iter()
        .rev()
        .take_while(|byte| **byte == b'=')
        .count();
    (encoded.len() / 4 * 3).saturating_sub(padding)
}

/// The insides of a JSON string of ASCII letters: some writers escape the slash, and may escape any
/// letter. `None` where an escape stands for what is not in base64.
fn unescaped(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut unescaped = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let (byte, after) = match (byte, after) {
            (b'\\', [b'/', after @ ..]) => (b'/', after),
            (b'\\', [b'u', b'0', b'0', high, low, after @ ..]) => {
                let digit = |digit: &u8| char::from(*digit).to_digit(16);
                let byte = digit(high)? * 16 + digit(low)?;
                (u8::try_from(byte).ok()?, after)
            }
            (b'\\', _) => return None,
            (byte, after) => (*byte, after),
        };
        unescaped.push(byte);
        rest = after;
    }
    Some(unescaped)
}

#[cfg(test)]
mod tests;
