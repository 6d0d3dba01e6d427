//! The search for the secret that is to be changed.
//!
//! The management API finds a secret by its name only in a compartment. So where an address names a
//! vault, the compartment is the one that is configured.

use std::fmt::Write as _;

use super::super::conversation::{Answer, Conversation};
use super::super::secret_list::{SecretSummary, secrets_named};
use super::super::secret_place::SecretPlace;
use crate::changing::ChangeTarget;
use crate::error::{BackendError, Class};

/// What there is under a name.
pub(super) enum Found {
    /// The secret's OCID.
    There(String),
    /// A secret that is to be deleted, and the answer that says so.
    Ending(SecretSummary, Answer),
    /// Nothing that lives, and the answer that says so.
    Nothing(Answer),
}

/// Looks a target up. One by its OCID is taken to be there.
pub(super) async fn find(
    conversation: &Conversation,
    target: &ChangeTarget,
) -> Result<Found, BackendError> {
    let place = SecretPlace::of(&target.address)?;
    let (compartment, vault, name) = match place {
        SecretPlace::Id(id) => return Ok(Found::There(id.to_owned())),
        SecretPlace::Compartment { compartment, name } => (compartment, None, name),
        SecretPlace::Vault { vault, name } => {
            let compartment = target.placement.compartment.as_deref();
            let compartment = compartment.ok_or_else(|| {
                let about = place.described();
                let message = format!(
                    "look for {about}: a vault's secrets are found by name only in a compartment; set \
                     vault.compartment_id, or name the secret by its OCID"
                );
                BackendError::not_sent(Class::Request, "no_compartment", message)
            })?;
            (compartment, Some(vault), name)
        }
    };
    let list = secrets_named(conversation, compartment, name).await?;
    let is_meant = |secret: &SecretSummary| {
        vault.is_none_or(|vault| secret.vault_id.as_deref().is_none_or(|of| of == vault))
    };
    let meant = list.items.into_iter().filter(is_meant);
    let (ending, mut there): (Vec<_>, Vec<_>) = meant.partition(SecretSummary::is_ending);
    if there.len() > 1 {
        return Err(list
            .last
            .error(Class::Request, "ambiguous", several(&there)));
    }
    if let Some(there) = there.pop() {
        return Ok(Found::There(there.id));
    }
    let mut ending = ending.into_iter();
    Ok(match ending.find(can_be_had_back) {
        Some(ending) => Found::Ending(ending, list.last),
        None => Found::Nothing(list.last),
    })
}

impl Found {
    /// The OCID of a secret that is there.
    pub(super) fn there(self) -> Result<String, BackendError> {
        match self {
            Self::There(id) => Ok(id),
            Self::Ending(secret, answer) => {
                let until = secret.time_of_deletion.as_deref();
                Err(pending_deletion(&answer, until))
            }
            Self::Nothing(answer) => Err(nothing(&answer)),
        }
    }

    /// The OCID of a secret that is there, or is to be deleted.
    pub(super) fn there_or_ending(self) -> Result<String, BackendError> {
        match self {
            Self::There(id) => Ok(id),
            Self::Ending(secret, _) => Ok(secret.id),
            Self::Nothing(answer) => Err(nothing(&answer)),
        }
    }
}

/// The refusal to change what is to be deleted.
pub(super) fn pending_deletion(answer: &Answer, until: Option<&str>) -> BackendError {
    let until = until.map(|until| format!(" on {}", shown(until)));
    let words = format!(
        "it is to be deleted{}, and its name stays taken; `vaultctl cancel-deletion` keeps it",
        until.unwrap_or_default()
    );
    answer.error(Class::Answer, "pending_deletion", words)
}

fn nothing(answer: &Answer) -> BackendError {
    let words = "there is none; check name, compartment (those inside of it are not searched), vault and \
                 region, or have the policy `Allow group GROUP to manage secret-family in compartment \
                 COMPARTMENT` added (`dynamic-group` in place of `group` for instances, functions and \
                 pods)";
    answer.error(Class::Answer, "not_found", words)
}

fn can_be_had_back(secret: &SecretSummary) -> bool {
    let state = secret.lifecycle_state.as_deref().unwrap_or_default();
    matches!(state, "PENDING_DELETION" | "SCHEDULING_DELETION")
}

fn several(secrets: &[SecretSummary]) -> String {
    let mut words = format!("{} secrets have this name: ", secrets.len());
    for secret in secrets.iter().take(MOST_CANDIDATES) {
        let vault = secret.vault_id.as_deref().unwrap_or("no known vault");
        write!(words, "{} in {}, ", shown(&secret.id), shown(vault))
            .expect("text in memory can be appended to");
    }
    words + "and one is needed: name its vault, oci-vault://VAULT/NAME, or its OCID"
}

/// A foreign text as a part of ours.
pub(super) fn shown(text: &str) -> String {
    let letters = text.chars().take(LONGEST_SHOWN);
    letters.flat_map(char::escape_debug).collect()
}

/// A name is unique in a vault.
const MOST_CANDIDATES: usize = 10;
const LONGEST_SHOWN: usize = 255;
