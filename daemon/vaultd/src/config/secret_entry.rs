//! One entry of `secrets:`: a variable, and which secret goes into it.

use std::num::NonZeroU64;

use vault_proto::loader_variables::{is_secret_target, is_variable_name};
use vault_proto::reference::{SecretRef, Selector, parse_version};

use super::ages;
use super::document::{At, ConfigError};
use super::nearest::nearest;
use super::sections;
use super::warnings::Warnings;
use crate::backend_kinds::BackendKinds;
use crate::secret_patterns;
use crate::service::{ServiceSecret, VersionPin};

const KEYS: &[&str] = &[
    "secret_name",
    "environment",
    "version",
    "required",
    "compartment_id",
    "vault",
    "ttl",
    "max_stale",
    "refresh_ahead",
];

/// One variable's secret; `None` where nothing stands there.
pub(super) fn read(
    variable: &str,
    at: &At<'_>,
    context: ReferenceContext<'_>,
    warnings: &mut Warnings,
) -> Result<Option<ServiceSecret>, ConfigError> {
    check_target(variable, at)?;
    if at.is_null() {
        return Ok(None);
    }
    let mut secret = ServiceSecret {
        place: at.whole_place(),
        ..ServiceSecret::named(variable)
    };
    if !at.is_map() {
        secret.default = Some(reference(at, context)?);
        return Ok(Some(secret));
    }
    secret.ages = ages::read(at)?;
    let own = match (at.get("compartment_id")?, at.get("vault")?) {
        (Some(at), _) | (None, Some(at)) => Some(sections::container(&at)?),
        (None, None) => None,
    };
    let context = ReferenceContext {
        container: own.as_deref().or(context.container),
        ..context
    };
    let entries = at.entries()?;
    for (key, at) in &entries {
        if let Some(known) = nearest(key, KEYS).filter(|known| known != key) {
            return Err(at.key_error(format!("unknown key; did you mean {known}?")));
        }
    }
    warnings.unknown_keys(entries.iter().map(|(key, at)| (key.as_str(), at)), KEYS);
    for (key, at) in entries {
        match key.as_str() {
            _ if at.is_null() => {}
            "secret_name" => secret.default = Some(reference(&at, context)?),
            "environment" => {
                let named = |(name, at): (String, At<'_>)| Ok((name, reference(&at, context)?));
                secret.by_environment = at
                    .entries()?
                    .into_iter()
                    .filter(|(_, at)| !at.is_null())
                    .map(named)
                    .collect::<Result<_, _>>()?;
            }
            "version" if at.is_map() => {
                let numbered = |(name, at): (String, At<'_>)| Ok((name, version(&at)?));
                let entries = at.entries()?.into_iter().filter(|(_, at)| !at.is_null());
                let numbers = entries.map(numbered);
                secret.version = VersionPin::ByEnvironment(numbers.collect::<Result<_, _>>()?);
            }
            "version" => secret.version = VersionPin::Everywhere(version(&at)?),
            "required" => secret.required = at.boolean()?.0,
            _ => {}
        }
    }
    if secret.default.is_none() && secret.by_environment.is_empty() {
        return Err(at.error("names no secret: write secret_name"));
    }
    let pinned = |reference: &SecretRef| *reference.selector() != Selector::Current;
    let mut references = secret.default.iter().chain(secret.by_environment.values());
    if secret.version != VersionPin::None && references.any(pinned) {
        return Err(at.error("the version is given twice: in the reference and as a key"));
    }
    Ok(Some(secret))
}

/// What a reference is read in.
#[derive(Clone, Copy)]
pub(super) struct ReferenceContext<'a> {
    /// Where a bare name of OCI Vault is.
    pub(super) container: Option<&'a str>,
    /// Whether any environment says where bare names are.
    pub(super) has_vault: bool,
    /// The kinds of vaults there are.
    pub(super) kinds: BackendKinds,
}

/// What stands in the place of a secret's name, and what to do.
const IS_SECRET: &str = "this is no name, it looks like the secret itself; store it with 'vaultctl put \
                         NAME' and write local://NAME here, then replace it wherever it was seen";

/// A reference, or a bare name or OCID of OCI Vault.
pub(super) fn reference(
    at: &At<'_>,
    context: ReferenceContext<'_>,
) -> Result<SecretRef, ConfigError> {
    let ReferenceContext {
        container,
        has_vault,
        kinds,
    } = context;
    let text = at.scalar()?;
    check_name(text, at)?;
    let is_bare = !text.contains("://");
    let path = text.split('?').next().unwrap_or_default();
    if is_bare && container.is_none() && !has_vault && !path.starts_with("ocid1.") {
        return Err(at.error(
            "a bare name is a secret of OCI Vault, and none is configured (vault.compartment_id or \
             vault.vault_id); write local://NAME for the store of this machine. If this is the \
             secret itself: store it with 'vaultctl put NAME'",
        ));
    }
    if container.is_some() && is_bare && path.contains('/') {
        // The predecessor put the compartment before it, which made three parts.
        return Err(at.error("a name has no '/'; write oci-vault://CONTAINER/NAME"));
    }
    let read = SecretRef::parse_or_oci(text);
    let read = read.map_err(|error| at.error(error.to_string()))?;
    let scheme = read.place().scheme();
    if kinds.all().all(|kind| kind.scheme != scheme) {
        return Err(at.error(format!("this vaultd has no backend for {scheme}://")));
    }
    Ok(container.map_or_else(|| read.clone(), |container| read.clone().within(container)))
}

/// Refuses a text in the place of a name that is a secret itself.
pub(super) fn check_name(text: &str, at: &At<'_>) -> Result<(), ConfigError> {
    let is_bare = !text.contains("://");
    let mut parts = text.split(['/', '?']);
    // Whoever writes a scheme has a name to write.
    if parts.any(secret_patterns::holds_token) || (is_bare && secret_patterns::is_secret(text)) {
        return Err(at.error(IS_SECRET));
    }
    let path = text.split('?').next().unwrap_or_default();
    let no_name = |letter: char| letter.is_ascii_punctuation() && !"-_./".contains(letter);
    if is_bare && path.contains(no_name) {
        return Err(at.error(
            "this is no name of a secret: those are made of letters, digits, '.', '_' and '-'. If \
             it is the secret itself: store it with 'vaultctl put NAME', and write local://NAME here",
        ));
    }
    Ok(())
}

fn version(at: &At<'_>) -> Result<NonZeroU64, ConfigError> {
    let invalid = |_| at.error("invalid version: must be a positive whole number");
    parse_version(at.scalar()?).map_err(invalid)
}

/// Refuses a variable that no secret may go into.
pub(super) fn check_target(variable: &str, at: &At<'_>) -> Result<(), ConfigError> {
    if secret_patterns::is_secret(variable) {
        return Err(at.key_error(
            "this is no name of a variable, it looks like the secret itself; write VARIABLE: \
             local://NAME, and store the secret with 'vaultctl put NAME'",
        ));
    }
    if !is_secret_target(variable) {
        return Err(at.key_error(if is_variable_name(variable) {
            "no secret may go into this variable: it steers what programs load or run"
        } else {
            "not a name for an environment variable: letters, digits and '_', no digit first"
        }));
    }
    Ok(())
}
