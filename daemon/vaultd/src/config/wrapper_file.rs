//! What does a service file of the old wrappers say? `command`, `args`, `env` and `vault`, with
//! `vault://NAME`, `${VAR}` and `${VAR:-default}` as values.
//!
//! Variables are expanded once, in the text of the file, from the daemon's own environment: nothing
//! a caller's environment says gets in, and nothing inside a secret is expanded.

use std::path::Path;

use vault_backends::oci;
use vault_backends::target::Target as _;
use vault_proto::reference::SecretRef;

use super::document::{At, ConfigError};
use super::secret_entry;
use super::sections;
use super::service_context::{
    ServiceContext, check_name, check_setting, cwd, description, program_at_home,
};
use super::warnings::Warnings;
use crate::command::{Command, PathElement};
use crate::service::{Service, ServiceSecret};

const KEYS: &[&str] = &["description", "command", "args", "env", "vault", "cwd"];
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

/// Reads one.
pub(super) fn read(
    name: &str,
    source: &Path,
    at: &At<'_>,
    context: &ServiceContext<'_>,
    warnings: &mut Warnings,
) -> Result<Service, ConfigError> {
    check_name(name, at)?;
    let entries = at.entries()?;
    warnings.unknown_keys(entries.iter().map(|(key, at)| (key.as_str(), at)), KEYS);
    let vault = vault(at, context.vault, warnings)?;
    let lookup = |name: &str| context.inputs.variable(name).map(str::to_owned);
    let mut secrets = Vec::new();
    let mut settings = Vec::new();
    let env = at.get("env")?;
    for (variable, at) in env.map_or(Ok(vec![]), |at| at.entries())? {
        let text = if at.is_null() { "" } else { at.scalar()? };
        match value(text, &lookup).map_err(|wrong| at.error(wrong))? {
            Value::Secret(reference) => {
                secret_entry::check_target(&variable, &at)?;
                let reference = match vault.container() {
                    Some(container) => reference.within(container),
                    None => reference,
                };
                secrets.push(ServiceSecret {
                    place: at.whole_place(),
                    ..ServiceSecret::always(&variable, reference)
                });
            }
            Value::Text(text) => {
                check_setting(&variable, &text, &at)?;
                settings.push((variable, text));
            }
        }
    }
    let mut words = match at.get("command")? {
        Some(at) => vec![sections::word(&at)?],
        None => return Err(at.error("command is missing: the program to start")),
    };
    if let Some(at) = at.get("args")? {
        words.extend(at.texts()?);
    }
    for word in &mut words {
        *word = expand(word, &lookup);
        if word.contains('\0') {
            return Err(at.error("holds a NUL byte, which no command line can"));
        }
    }
    words[0] = program_at_home(at, &words[0])?;
    let cwd = cwd(at)?;
    let path = settings.iter().find(|(name, _)| name == "PATH");
    let path: Vec<PathElement> = path.map_or(vec![], |(_, path)| {
        std::env::split_paths(path)
            .map(PathElement::Directory)
            .collect()
    });
    let looked_in = PathElement::directories(&path, &context.inputs.path());
    Ok(Service {
        name: name.to_owned(),
        description: description(at)?,
        source: source.to_owned(),
        secrets,
        command: Command::find(&words, cwd.as_deref(), &looked_in),
        words,
        path,
        cwd,
        settings,
        keep_variables: vec![],
        freshness: context.freshness,
        profiles: vec![],
        targets: context.targets.clone().with(vault),
        warnings: vec![],
    })
}

fn vault(
    at: &At<'_>,
    below: &oci::OciSettings,
    warnings: &mut Warnings,
) -> Result<oci::OciSettings, ConfigError> {
    let mut vault = below.clone();
    let Some(at) = at.get("vault")? else {
        return Ok(vault);
    };
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
