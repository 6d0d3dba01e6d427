//! How a held value is shown, without the value.

use serde::Serialize;
use vault_client::{age_in_words, state_with_reason, state_word};
use vault_proto::generated::{Provenance, SecretStatus, State};

/// Version, age and state, for programs.
#[derive(Debug, Serialize)]
pub(crate) struct HeldJson {
    version: String,
    age_ms: u64,
    state: &'static str,
    /// Empty where there is none; never left out.
    stale_reason: String,
}

impl From<Provenance> for HeldJson {
    fn from(held: Provenance) -> Self {
        Self {
            state: state_word(held.state),
            version: held.version,
            age_ms: held.age_ms,
            stale_reason: held.stale_reason,
        }
    }
}

/// A reference with what is held for it, for programs.
#[derive(Debug, Serialize)]
pub(crate) struct SecretJson {
    reference: String,
    #[serde(flatten)]
    held: HeldJson,
    fresh_for_ms: u64,
    usable_for_ms: u64,
}

impl From<SecretStatus> for SecretJson {
    fn from(secret: SecretStatus) -> Self {
        Self {
            reference: secret.reference,
            held: secret.provenance.unwrap_or_default().into(),
            fresh_for_ms: secret.fresh_for_ms,
            usable_for_ms: secret.usable_for_ms,
        }
    }
}

/// Whether there is a value, with a version and an age.
pub(crate) fn is_value(held: &Provenance) -> bool {
    matches!(held.state(), State::Fresh | State::Stale | State::Expired)
}

/// "version 3, 2 minutes old, fresh"; the state alone where there is no value.
pub(crate) fn in_words(held: &Provenance) -> String {
    if !is_value(held) {
        return state_with_reason(held);
    }
    format!(
        "version {}, {} old, {}",
        held.version,
        age_in_words(held.age_ms),
        state_with_reason(held)
    )
}
