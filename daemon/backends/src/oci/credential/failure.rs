//! A failure that is given to everybody who waited.

use std::time::Duration;

use crate::error::{BackendError, Class, Contact};

/// A [`BackendError`] that can be given more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    contact: Contact,
    class: Class,
    kind: &'static str,
    message: String,
    pause: Option<Duration>,
}

impl Failure {
    /// The failure anew.
    pub(super) fn error(&self) -> BackendError {
        let error = BackendError::new(self.contact, self.class, self.kind, self.message.clone());
        match self.pause {
            Some(pause) => error.retry_after(pause),
            None => error,
        }
    }

    /// Its text.
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}

impl From<&BackendError> for Failure {
    fn from(error: &BackendError) -> Self {
        Self {
            contact: error.contact(),
            class: error.class(),
            kind: error.kind(),
            message: error.to_string(),
            pause: error.pause(),
        }
    }
}
