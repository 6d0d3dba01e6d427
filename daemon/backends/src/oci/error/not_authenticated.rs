//! Refusals of the credential (401).
//!
//! Four things are said with status 401 and the code `NotAuthenticated`, told apart by their texts
//! alone. The texts are those that users quoted.

use std::fmt;

use super::super::clock_offset::ClockOffset;
use super::refusal::{Quotes, Refusal};

/// What a reply with status 401 means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotAuthenticated {
    meaning: Meaning,
    /// What the service said, in one line, as far as it may be repeated.
    said: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// The signature is too old, or from the future.
    ClockSkew(Option<ClockOffset>),
    /// The key is known, and it did not make this signature.
    WrongSignature,
    /// The key is not known.
    UnknownKey,
    /// No signature arrived.
    NoSignature,
    /// Something else.
    Other,
}

impl NotAuthenticated {
    /// What it means, of a service whose clock differs by so much.
    pub(crate) fn of(refusal: &Refusal, offset: Option<ClockOffset>, quotes: Quotes) -> Self {
        let message = refusal.message.as_deref().unwrap_or_default();
        let message = message.to_ascii_lowercase();
        let says = |words: &str| message.contains(words);
        let skewed = offset.filter(|offset| offset.is_too_large());
        let meaning = if says("clock skew") || skewed.is_some() {
            Meaning::ClockSkew(skewed)
        } else if says("failed to verify") {
            Meaning::WrongSignature
        } else if says("or was incorrect") {
            Meaning::UnknownKey
        } else if says("was not provided") {
            Meaning::NoSignature
        } else {
            Meaning::Other
        };
        let said = refusal.said(quotes);
        Self { meaning, said }
    }

    /// Whether no other credential would be believed either.
    pub(crate) fn is_of_the_clock(&self) -> bool {
        matches!(self.meaning, Meaning::ClockSkew(_))
    }

    /// The stable word for audit, metrics and tests.
    pub(crate) fn kind(&self) -> &'static str {
        match self.meaning {
            Meaning::ClockSkew(_) => "clock_skew",
            Meaning::WrongSignature => "wrong_signature",
            Meaning::UnknownKey => "unknown_key",
            Meaning::NoSignature => "no_signature",
            Meaning::Other => "not_authenticated",
        }
    }
}

impl fmt::Display for NotAuthenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = &self.said;
        match self.meaning {
            Meaning::ClockSkew(Some(offset)) => write!(
                f,
                "the clock of this machine is {offset}, and OCI allows 5 min ({said}); set the clock: \
                 look at `timedatectl`, and switch on `timedatectl set-ntp true`"
            ),
            Meaning::ClockSkew(None) => write!(
                f,
                "OCI says that the clock of this machine is off by more than 5 min ({said}); set the \
                 clock: look at `timedatectl`, and switch on `timedatectl set-ntp true`"
            ),
            Meaning::WrongSignature => write!(
                f,
                "OCI knows the key, but the signature is not its own ({said}); check that the private \
                 key is the one whose public half was uploaded, and that nothing on the way alters \
                 requests"
            ),
            Meaning::UnknownKey => write!(
                f,
                "OCI does not know this key or token ({said}); check tenancy, user and fingerprint, \
                 and that the key is still registered; a token may have ended: sign in again"
            ),
            Meaning::NoSignature => write!(
                f,
                "no signature arrived at OCI ({said}); check that nothing on the way takes headers out"
            ),
            Meaning::Other => write!(
                f,
                "OCI does not believe the credential ({said}); check tenancy, user, fingerprint and \
                 key, or sign in again"
            ),
        }
    }
}
