//! The states of a value as words, for people and for programs.

use vault_proto::generated::{Provenance, State};

/// For people: "fresh", "stale", "expired", "no such value", "not held"; "unknown" for what a newer
/// daemon says.
pub fn state_in_words(state: i32) -> &'static str {
    match State::try_from(state) {
        Ok(State::Fresh) => "fresh",
        Ok(State::Stale) => "stale",
        Ok(State::Expired) => "expired",
        Ok(State::Negative) => "no such value",
        Ok(State::Absent) => "not held",
        Ok(State::Unspecified) | Err(_) => "unknown",
    }
}

/// For programs, and never changed: "fresh", "stale", "expired", "negative", "absent"; "unknown"
/// for what a newer daemon says.
pub fn state_word(state: i32) -> &'static str {
    match State::try_from(state) {
        Ok(State::Fresh) => "fresh",
        Ok(State::Stale) => "stale",
        Ok(State::Expired) => "expired",
        Ok(State::Negative) => "negative",
        Ok(State::Absent) => "absent",
        Ok(State::Unspecified) | Err(_) => "unknown",
    }
}

/// The state for people, and why it is stale.
pub fn state_with_reason(held: &Provenance) -> String {
    let word = state_in_words(held.state);
    match held.stale_reason.as_str() {
        "" => word.to_owned(),
        reason => format!("{word}: {reason}"),
    }
}
