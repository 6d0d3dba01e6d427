//! The secrets of a compartment that have one name.

use serde::Deserialize;

use super::conversation::Conversation;
use super::endpoint::Service;
use super::listing::{Listed, Listing, listed};
use crate::error::BackendError;

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
    /// The key that it is encrypted with.
    pub key_id: Option<String>,
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

/// The secrets of a compartment with exactly this name, whatever their state. Child compartments are
/// not looked into.
///
/// # Errors
/// [`BackendError`].
pub async fn secrets_named(
    conversation: &Conversation,
    compartment: &str,
    name: &str,
) -> Result<Listed<SecretSummary>, BackendError> {
    let listing = Listing {
        about: &format!("the secrets named {name:?} in compartment {compartment}"),
        service: Service::Vaults,
        segments: &["secrets"],
        parameters: &[("compartmentId", compartment), ("name", name)],
    };
    listed(conversation, listing, |item: &SecretSummary| {
        item.secret_name == name
    })
    .await
}
