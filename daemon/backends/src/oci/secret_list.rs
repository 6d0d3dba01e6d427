//! Which secrets of a compartment have a name?
//!
//! A page may be short or empty with more to come: only the header says where a list ends.

use std::collections::HashSet;

use serde::Deserialize;

use super::conversation::{Answer, Call, Conversation};
use super::endpoint::Service;
use super::error::BadReply;
use super::signature::Method;
use crate::backend::BackendError;

/// A secret as lists have it, without its value. What is not known of it is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretSummary {
    /// Its OCID.
    pub id: String,
    /// Its name.
    pub secret_name: String,
    /// The vault it is in.
    pub vault_id: Option<String>,
    /// Where it is in its life. May be a word that nobody knows yet.
    pub lifecycle_state: Option<String>,
    /// When it will be gone, as it was written.
    pub time_of_deletion: Option<String>,
}

impl SecretSummary {
    /// Whether it is gone, or going.
    pub fn is_ending(&self) -> bool {
        const ENDING: [&str; 5] = [
            "SCHEDULING_DELETION",
            "PENDING_DELETION",
            "DELETING",
            "DELETED",
            "FAILED",
        ];
        let state = self.lifecycle_state.as_deref().unwrap_or_default();
        ENDING
            .iter()
            .any(|ending| ending.eq_ignore_ascii_case(state))
    }
}

/// What a list was asked for: the last answer, for messages, and what is in all of them.
pub struct SecretList {
    /// The secrets.
    pub secrets: Vec<SecretSummary>,
    /// The answer that was the last page.
    pub last: Answer,
}

/// The secrets of a compartment with exactly this name, whatever their state. Child compartments are
/// not looked into.
///
/// # Errors
/// [`BackendError`].
pub async fn secrets_named(
    conversation: &Conversation,
    compartment: &str,
    name: &str,
) -> Result<SecretList, BackendError> {
    let about = format!("the secrets named {name:?} in compartment {compartment}");
    let mut secrets = Vec::new();
    let mut seen = HashSet::new();
    let mut page = None;
    loop {
        let mut parameters = vec![("compartmentId", compartment), ("name", name)];
        parameters.extend(page.as_deref().map(|page| ("page", page)));
        let answer = conversation.call(Call {
            operation: "list",
            about: &about,
            service: Service::Vaults,
            method: Method::Get,
            segments: &["secrets"],
            parameters: &parameters,
            body: None,
            headers: Vec::new(),
            max_reply_bytes: MAX_PAGE_BYTES,
        });
        let answer = answer.await?;
        let items = items(&answer.body).map_err(|bad| answer.bad(bad))?;
        secrets.extend(items.into_iter().filter(|item| item.secret_name == name));
        let Some(next) = answer.next_page.clone() else {
            return Ok(SecretList {
                secrets,
                last: answer,
            });
        };
        if !seen.insert(next.clone()) {
            return Err(answer.bad(BadReply::PageLoop));
        }
        if seen.len() >= MAX_PAGES {
            return Err(answer.bad(BadReply::TooManyPages));
        }
        page = Some(next);
    }
}

/// A page: a bare list.
fn items(body: &[u8]) -> Result<Vec<SecretSummary>, BadReply> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(BadReply::Empty);
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => BadReply::CutOff,
        serde_json::error::Category::Data => BadReply::WrongForm,
        _ => BadReply::NotJson,
    })
}

/// A secret takes about a kilobyte, and a service may ignore the name.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// A tenancy has 5,000 secrets unless it asks for more.
const MAX_PAGES: usize = 1000;
