//! What is said otherwise in a service file of the old wrappers: `command`, `args`, `env` and `vault`,
//! with `vault://NAME`, `${VAR}` and `${VAR:-default}` as values.
//!
//! Variables are expanded once, in the text of the file, from the daemon's own environment: nothing
//! a caller's environment says gets in, and nothing inside a secret is expanded.

use vault_backends::oci;
use vault_proto::reference::SecretRef;

use super::document::{At, ConfigError};
use super::process_inputs::ProcessInputs;
use super::sections;
use super::warnings::Warnings;

const VAULT_KEYS: &[&str] = &[
    "vaultId",
    "compartmentId",
    "region",
    "useInstancePrincipal",
    "configFile",
    "profile",
];

/// A value of `env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A secret.
    Secret(SecretRef),
    /// A text, expanded.
    Text(String),
}

/// Whether this is one: `command` and `env`, and no `target_command`.
pub(super) fn is_one(at: &At<'_>) -> Result<bool, ConfigError> {
    let entries = at.entries()?;
    let has = |key: &str| entries.iter().any(|(name, _)| name == key);
    Ok(has("command") && has("env") && !has("target_command"))
}

/// Whether `vault:` is written as in one.
pub(super) fn is_vault(at: &At<'_>) -> bool {
    let entries = at.entries().unwrap_or_default();
    let own = |key: &str| key.contains(char::is_uppercase) && VAULT_KEYS.contains(&key);
    entries.iter().any(|(key, _)| own(key))
}

/// A word of the command, with variables of the daemon's own environment.
pub(super) fn word(text: &str, inputs: &ProcessInputs) -> String {
    expand(text, &|name| inputs.variable(name).map(str::to_owned))
}

/// `vault:`, over `below`.
pub(super) fn vault(
    at: &At<'_>,
    below: &oci::OciSettings,
    warnings: &mut Warnings,
) -> Result<oci::OciSettings, ConfigError> {
    let mut vault = below.clone();
    let entries = at.entries()?;
    warnings.unknown_keys(
        entries.iter().map(|(key, at)| (key.as_str(), at)),
        VAULT_KEYS,
    );
    for (key, at) in entries.iter().filter(|(_, at)| !at.is_null()) {
        match key.as_str() {
            "vaultId" => vault.vault_id = Some(sections::container(at)?),
            "compartmentId" => vault.compartment_id = Some(sections::container(at)?),
            "region" => vault.region = Some(sections::word(at)?),
            "useInstancePrincipal" => {
                if warnings.boolean(at)? {
                    vault.auth_method = oci::AuthMethod::InstancePrincipal;
                } else if vault.auth_method == oci::AuthMethod::InstancePrincipal {
                    vault.auth_method = oci::AuthMethod::ConfigFile;
                }
            }
            "configFile" => vault.config_file = sections::path(at)?,
            "profile" => vault.config_profile = sections::word(at)?,
            _ => {}
        }
    }
    Ok(vault)
}

/// What a value of `env` means, with variables from `lookup`.
///
/// # Errors
/// What is wrong with the secret's name, in words.
pub(super) fn value(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Value, String> {
    let text = expand(text, lookup);
    match text.strip_prefix("vault://") {
        Some(name) => SecretRef::parse_or_oci(name)
            .map(Value::Secret)
            .map_err(|error| error.to_string()),
        None => Ok(Value::Text(text)),
    }
}

/// Replaces `${VAR}` and `${VAR:-default}`; a variable that is not set or empty is its default, or
/// nothing. Any other dollar sign stays.
fn expand(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, behind)) = after.split_once('}') else {
            break;
        };
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, default),
            None => (inside, ""),
        };
        out.push_str(before);
        if vault_proto::loader_variables::is_variable_name(name) {
            let value = lookup(name).filter(|value| !value.is_empty());
            out.push_str(value.as_deref().unwrap_or(default));
        } else {
            out.push_str("${");
            out.push_str(inside);
            out.push('}');
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}
