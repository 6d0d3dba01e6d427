//! With which key is a new secret encrypted?
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
use crate::backend::{BackendError, Class};

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
    let secrets = listed(conversation, listing).await?;
    let mut used = keys_in_use(secrets.items, vault);
    match (used.pop_first(), used.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => only_key(conversation, compartment, vault).await,
    }
}

fn keys_in_use(secrets: Vec<SecretSummary>, vault: &str) -> BTreeSet<String> {
    let secrets = secrets.into_iter().filter(|secret| {
        !secret.is_ending() && secret.vault_id.as_deref().is_none_or(|of| of == vault)
    });
    secrets.filter_map(|secret| secret.key_id).collect()
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
    let keys = listed::<Key>(&conversation.at(places), listing).await;
    let keys = keys.map_err(|error| error.adding("or name the key: set vault.key_id"))?;
    let mut fit = keys.items;
    fit.retain(|key| key.is_fit(vault));
    match fit.as_slice() {
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
