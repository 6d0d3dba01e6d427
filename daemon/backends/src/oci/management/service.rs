//! Calls to the Vaults service about one secret.
//!
//! Unknown fields and words are let pass; what may be absent may also be `null`.

use serde::Deserialize;

use super::super::conversation::{Answer, Body, Call, Conversation};
use super::super::endpoint::Service;
use super::super::error::BadReply;
use super::super::listing::{Listing, listed};
use super::super::signature::Method;
use crate::calendar::unix_seconds;
use crate::error::{BackendError, Class};

/// A secret, without its values.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Secret {
    id: String,
    pub(super) lifecycle_state: String,
    pub(super) current_version_number: Option<u64>,
    pub(super) time_of_deletion: Option<String>,
}

/// One version, without its value.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    #[serde(rename = "versionNumber")]
    pub(super) number: u64,
    pub(super) name: Option<String>,
    pub(super) stages: Option<Vec<String>>,
    pub(super) time_created: Option<String>,
    pub(super) time_of_deletion: Option<String>,
    /// So it is called in lists, and nowhere else.
    pub(super) time_of_expiry: Option<String>,
}

impl Version {
    pub(super) fn stages(&self) -> &[String] {
        self.stages.as_deref().unwrap_or_default()
    }

    pub(super) fn is_current(&self) -> bool {
        self.stages().iter().any(|stage| stage == "CURRENT")
    }
}

/// What was looked at before it is changed: the change is made to just that.
pub(super) struct Observed<T> {
    pub(super) it: T,
    pub(super) answer: Answer,
}

/// The questions about one secret.
#[derive(Clone, Copy)]
pub(super) struct SecretCalls<'a> {
    pub(super) conversation: &'a Conversation,
    /// Which secret, for messages.
    pub(super) about: &'a str,
}

impl SecretCalls<'_> {
    pub(super) async fn secret(&self, id: &str) -> Result<Observed<Secret>, BackendError> {
        let answer = self.look(&["secrets", id]).await?;
        let it: Secret = answer.json()?;
        if it.id != id {
            return Err(answer.bad(BadReply::WrongId));
        }
        Ok(Observed { it, answer })
    }

    pub(super) async fn version(
        &self,
        id: &str,
        number: u64,
    ) -> Result<Observed<Version>, BackendError> {
        let about = self.about_version(number);
        let of_version = SecretCalls {
            about: &about,
            ..*self
        };
        // Singular here, and plural for the list.
        let segments = ["secrets", id, "version", &number.to_string()];
        let answer = of_version.look(&segments).await?;
        let it: Version = answer.json()?;
        if it.number != number {
            return Err(answer.bad(BadReply::WrongVersion));
        }
        Ok(Observed { it, answer })
    }

    /// One version, for messages.
    pub(super) fn about_version(&self, number: u64) -> String {
        format!("version {number} of {}", self.about)
    }

    /// Every version, oldest first.
    pub(super) async fn versions(&self, id: &str) -> Result<Observed<Vec<Version>>, BackendError> {
        let listing = Listing {
            about: &format!("the versions of {}", self.about),
            service: Service::Vaults,
            segments: &["secrets", id, "versions"],
            parameters: &[],
        };
        let list = listed(self.conversation, listing, |_| true).await?;
        let (mut it, answer): (Vec<Version>, _) = (list.items, list.last);
        it.sort_by_key(|version| version.number);
        it.dedup_by_key(|version| version.number);
        Ok(Observed { it, answer })
    }

    async fn look(&self, segments: &[&str]) -> Result<Answer, BackendError> {
        let looked = self.conversation.call(Call {
            operation: "look at",
            about: self.about,
            service: Service::Vaults,
            method: Method::Get,
            segments,
            parameters: &[],
            body: None,
            headers: Vec::new(),
            max_reply_bytes: MAX_REPLY_BYTES,
        });
        looked.await
    }

    /// Asks for a change, once. Where no answer came, or none that can be used, it says that the change
    /// may have been made.
    pub(super) async fn change(
        &self,
        operation: &'static str,
        method: Method,
        segments: &[&str],
        body: Option<Body>,
        header: Option<(&'static str, String)>,
    ) -> Result<Answer, BackendError> {
        let changed = self.conversation.change(Call {
            operation,
            about: self.about,
            service: Service::Vaults,
            method,
            segments,
            parameters: &[],
            body,
            headers: header.into_iter().collect(),
            max_reply_bytes: MAX_REPLY_BYTES,
        });
        changed.await.map_err(|unanswered| {
            if unanswered.leaves_open {
                unanswered.error.adding(OPEN)
            } else {
                unanswered.error
            }
        })
    }
}

impl<T> Observed<T> {
    /// The header that lets a change be made only to what was seen.
    pub(super) fn if_match(&self) -> Option<(&'static str, String)> {
        let etag = self.answer.etag.clone();
        etag.map(|etag| ("if-match", etag))
    }

    /// A refusal to change what was seen, in words.
    pub(super) fn refuse(
        &self,
        class: Class,
        kind: &'static str,
        words: impl std::fmt::Display,
    ) -> BackendError {
        self.answer.error(class, kind, words)
    }

    /// A time that is written there; `None` where there is none.
    pub(super) fn time(&self, text: Option<&String>) -> Result<Option<u64>, BackendError> {
        let read =
            |text: &String| unix_seconds(text).ok_or_else(|| self.answer.bad(BadReply::BadTime));
        text.map(read).transpose()
    }
}

/// What is said where nobody knows whether a change was made.
pub(super) const OPEN: &str = "whether it was made is open: look at the versions with `vaultctl versions`, and then try again";

/// A secret has at most some kilobytes of tags and rules.
const MAX_REPLY_BYTES: usize = 1024 * 1024;
