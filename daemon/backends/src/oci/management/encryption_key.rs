//! The key that a new secret is encrypted with.
//!
//! The one that is configured; else the one that the other secrets of the vault use, if they agree; else
//! the only one in the vault that can be used. A guess between two is left to a person.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::super::conversation::Conversation;
use super::super::endpoint::Service;
use super::super::listing::{Listing, listed};
use super::super::secret_list::SecretSummary;
use super::finding::shown;
use crate::error::{BackendError, Class};

/// The key for new secrets of a vault, from a compartment.
pub(super) async fn key_for(
    conversation: &Conversation,
    compartment: &str,
    vault: &str,
) -> Result<String, BackendError> {
    let listing = Listing {
        about: &format!("the secrets of vault {vault} in compartment {compartment}, for their key"),
        service: Service::Vaults,
        segments: &["secrets"],
        parameters: &[("compartmentId", compartment), ("vaultId", vault)],
    };
    let is_in_use = |secret: &SecretSummary| {
        !secret.is_ending() && secret.vault_id.as_deref().is_none_or(|of| of == vault)
    };
    let secrets = listed(conversation, listing, is_in_use).await?;
    let keys = secrets.items.into_iter().filter_map(|secret| secret.key_id);
    let mut used: BTreeSet<String> = keys.collect();
    match (used.pop_first(), used.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => only_key(conversation, compartment, vault).await,
    }
}

/// A key as lists have it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    id: String,
    display_name: Option<String>,
    vault_id: Option<String>,
    lifecycle_state: Option<String>,
    algorithm: Option<String>,
}

impl Key {
    /// Whether it can encrypt secrets of the vault. What is not said of it is no obstacle.
    fn is_fit(&self, vault: &str) -> bool {
        let is = |said: &Option<String>, wanted: &str| {
            said.as_deref()
                .is_none_or(|said| said.eq_ignore_ascii_case(wanted))
        };
        is(&self.lifecycle_state, "ENABLED")
            && is(&self.algorithm, "AES")
            && is(&self.vault_id, vault)
    }
}

async fn only_key(
    conversation: &Conversation,
    compartment: &str,
    vault: &str,
) -> Result<String, BackendError> {
    let places = conversation.places().with_keys_of(vault)?;
    let listing = Listing {
        about: &format!("the keys of vault {vault} in compartment {compartment}"),
        service: Service::Keys,
        segments: &["keys"],
        parameters: &[("compartmentId", compartment)],
    };
    let elsewhere = conversation.at(places);
    let keys = listed(&elsewhere, listing, |key: &Key| key.is_fit(vault)).await;
    // Another service than the vault's, whose failures say nothing of that.
    let keys = keys.map_err(|error| {
        let error = error.adding("or name the key: set vault.key_id");
        error.before_the_call()
    })?;
    match keys.items.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => Err(keys.last.error(
            Class::Request,
            "no_key",
            "none of them is an enabled AES key; make one, or set vault.key_id to a key of another \
             compartment",
        )),
        several => Err(keys.last.error(
            Class::Request,
            "several_keys",
            format_args!("set vault.key_id to one of {}", candidates(several)),
        )),
    }
}

fn candidates(keys: &[Key]) -> String {
    let each = keys.iter().map(|key| {
        let name = key.display_name.as_deref().map(shown).unwrap_or_default();
        format!("{} ({name})", shown(&key.id))
    });
    let each: Vec<String> = each.take(MOST_CANDIDATES).collect();
    each.join(", ")
}

const MOST_CANDIDATES: usize = 10;
