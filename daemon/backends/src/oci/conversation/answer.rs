//! Answers of the services, and why there is none.

use std::fmt;

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::super::call_description::CallDescription;
use super::super::error::BadReply;
use super::super::json_body;
use crate::error::{BackendError, Class};

/// The service's answer, with a status from 200 to 299. The body may hold a value: no `Debug`.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, wiped on drop; empty where there is none.
    pub body: Zeroizing<Vec<u8>>,
    /// The header `etag`.
    pub etag: Option<String>,
    /// The header `opc-next-page`: there is more.
    pub next_page: Option<String>,
    pub(super) description: CallDescription,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct Unanswered {
    /// What failed.
    pub error: BackendError,
    /// Whether the service may have done what was asked all the same.
    pub leaves_open: bool,
}

impl From<BackendError> for Unanswered {
    /// What failed before anything was sent, or since the service does not believe the credential.
    fn from(error: BackendError) -> Self {
        Self {
            error,
            leaves_open: false,
        }
    }
}

impl Answer {
    /// A failure of the question that this answers: it says what was asked, as whom and where.
    pub fn error(
        &self,
        class: Class,
        kind: &'static str,
        words: impl fmt::Display,
    ) -> BackendError {
        self.description.replied(class, kind, words)
    }

    /// What the body says.
    ///
    /// # Errors
    /// [`BackendError`] where it is not the JSON that is expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, BackendError> {
        json_body::read(&self.body).map_err(|reply| self.bad(reply))
    }

    /// The failure that an answer is which cannot be used.
    pub fn bad(&self, reply: BadReply) -> BackendError {
        reply.error(&self.description)
    }
}
