//! Lifecycle states that allow a change.

use super::super::conversation::Answer;
use super::finding::{pending_deletion, shown};
use super::service::{Observed, Secret};
use crate::error::{BackendError, Class};

/// A secret that is in use, and can be changed.
pub(super) fn active(secret: Observed<Secret>) -> Result<Observed<Secret>, BackendError> {
    let (state, answer) = (secret.it.lifecycle_state.as_str(), &secret.answer);
    match state {
        "ACTIVE" => Ok(secret),
        "PENDING_DELETION" | "SCHEDULING_DELETION" => {
            let until = secret.it.time_of_deletion.as_deref();
            Err(pending_deletion(answer, until))
        }
        "DELETING" | "DELETED" => Err(answer.error(Class::Answer, "deleted", "it is deleted")),
        other => Err(wrong_state(answer, other, "ACTIVE")),
    }
}

/// A secret that can be had back.
pub(super) fn pending(secret: Observed<Secret>) -> Result<Observed<Secret>, BackendError> {
    let (state, answer) = (secret.it.lifecycle_state.as_str(), &secret.answer);
    match state {
        "PENDING_DELETION" => Ok(secret),
        "ACTIVE" => Err(answer.error(
            Class::Request,
            "not_pending_deletion",
            "it is not to be deleted",
        )),
        "DELETING" | "DELETED" => Err(answer.error(
            Class::Answer,
            "deleted",
            "it is deleted, and cannot be had back",
        )),
        other => Err(wrong_state(answer, other, "PENDING_DELETION")),
    }
}

/// States pass: of one that nobody knows yet, too, this is all that can be said.
fn wrong_state(answer: &Answer, state: &str, needed: &str) -> BackendError {
    let state = shown(state);
    let words = format!("its state is {state}, and must be {needed}; try again in a moment");
    answer.error(Class::Outage, "incorrect_state", words)
}
