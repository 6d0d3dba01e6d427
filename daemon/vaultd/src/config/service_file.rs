//! What does a service file say? `configs/<service>.json|yaml`, and `services.<name>` of
//! resolver.yaml, which has the same keys and `command` for `target_command`.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::PathBuf;

use vault_proto::loader_variables::{is_loader_variable, is_secret_target, is_variable_name};
use vault_proto::reference::{SecretRef, Selector, parse_version};

use super::document::{At, ConfigError};
use super::warnings::Warnings;
use crate::command::{self, Command};
use crate::launch::is_service_name;
use crate::service::{Service, ServiceSecret, VersionPin};

/// The `secrets:` of resolver.yaml, which services may take from by name.
pub(super) type Shared = BTreeMap<String, ServiceSecret>;

const KEYS: &[&str] = &[
    "description",
    "secrets",
    "target_command",
    "command",
    "env_overrides",
    "cwd",
    "path",
    "keep_variables",
];

/// Reads one service.
pub(super) fn read(
    name: &str,
    source: PathBuf,
    at: &At<'_>,
    shared: &Shared,
    warnings: &mut Warnings,
) -> Result<Service, ConfigError> {
    if !is_service_name(name) {
        return Err(at.key_error(
            "a service name is made of letters, digits, '.', '_' and '-', does not begin with '.', \
             and has at most 64 bytes",
        ));
    }
    let entries: BTreeMap<String, At<'_>> = at.entries()?.into_iter().collect();
    warnings.unknown_keys(entries.iter().map(|(key, at)| (key.as_str(), at)), KEYS);
    let present = |key: &str| entries.get(key).filter(|at| !at.is_null());
    let mut said = Vec::new();
    let secrets = match present("secrets") {
        Some(at) => secrets(at, shared)?,
        None if shared.is_empty() => vec![],
        None => {
            said.push(format!(
                "service {name} lists no secrets and gets all {}",
                shared.len()
            ));
            shared.values().cloned().collect()
        }
    };
    let settings = present("env_overrides")
        .map(settings)
        .transpose()?
        .unwrap_or_default();
    for (variable, _) in &settings {
        if secrets.iter().any(|secret| secret.variable == *variable) {
            said.push(format!(
                "service {name}: {variable} is a secret and in env_overrides"
            ));
        }
    }
    let cwd = present("cwd").map(directory).transpose()?;
    let mut path = match present("path") {
        Some(at) => at
            .items()?
            .iter()
            .map(directory)
            .collect::<Result<_, _>>()?,
        None => vec![],
    };
    path.extend(command::directories(std::env::var_os("PATH").as_deref()));
    let words = match present("target_command").or_else(|| present("command")) {
        Some(at) => words(at)?,
        None => return Err(at.error("target_command is missing: the command to start, as a list")),
    };
    let keep = present("keep_variables")
        .map(At::texts)
        .transpose()?
        .unwrap_or_default();
    Ok(Service {
        name: name.to_owned(),
        description: present("description")
            .map(At::scalar)
            .transpose()?
            .unwrap_or("")
            .to_owned(),
        source,
        secrets,
        command: Command::find(&words, cwd.as_deref(), &path),
        cwd,
        settings,
        keep_variables: keep
            .into_iter()
            .filter(|name| is_loader_variable(name))
            .collect(),
        warnings: said,
    })
}

/// The `secrets:` section of resolver.yaml.
pub(super) fn shared(at: &At<'_>) -> Result<Shared, ConfigError> {
    let read = |(variable, at): (String, At<'_>)| {
        let secret = secret(&variable, &at)?;
        Ok(secret.map(|secret| (variable, secret)))
    };
    at.entries()?
        .into_iter()
        .map(read)
        .filter_map(Result::transpose)
        .collect()
}

/// A map of variables, or a list of names out of resolver.yaml's `secrets:`.
fn secrets(at: &At<'_>, shared: &Shared) -> Result<Vec<ServiceSecret>, ConfigError> {
    if at.is_map() {
        let read = |(variable, at): (String, At<'_>)| secret(&variable, &at);
        return at
            .entries()?
            .into_iter()
            .map(read)
            .filter_map(Result::transpose)
            .collect();
    }
    let take = |at: &At<'_>| {
        let unknown = || at.error("resolver.yaml has no secrets entry of this name");
        shared.get(at.scalar()?).cloned().ok_or_else(unknown)
    };
    at.items()?.iter().map(take).collect()
}

/// One variable's secret; `None` where nothing stands there.
fn secret(variable: &str, at: &At<'_>) -> Result<Option<ServiceSecret>, ConfigError> {
    if !is_secret_target(variable) {
        return Err(at.key_error(if is_variable_name(variable) {
            "no secret may go into this variable: it steers what programs load or run"
        } else {
            "not a name for an environment variable: letters, digits and '_', no digit first"
        }));
    }
    if at.is_null() {
        return Ok(None);
    }
    let mut secret = ServiceSecret {
        variable: variable.to_owned(),
        required: true,
        default: None,
        by_environment: BTreeMap::new(),
        version: VersionPin::None,
    };
    if !at.is_map() {
        secret.default = Some(reference(at)?);
        return Ok(Some(secret));
    }
    for (key, at) in at.entries()? {
        match key.as_str() {
            _ if at.is_null() => {}
            "secret_name" => secret.default = Some(reference(&at)?),
            "environment" => {
                let named = |(name, at): (String, At<'_>)| Ok((name, reference(&at)?));
                secret.by_environment = at
                    .entries()?
                    .into_iter()
                    .map(named)
                    .collect::<Result<_, _>>()?;
            }
            "version" if at.is_map() => {
                let numbered = |(name, at): (String, At<'_>)| Ok((name, version(&at)?));
                let numbers = at.entries()?.into_iter().map(numbered);
                secret.version = VersionPin::ByEnvironment(numbers.collect::<Result<_, _>>()?);
            }
            "version" => secret.version = VersionPin::Everywhere(version(&at)?),
            "required" => secret.required = at.boolean()?,
            _ => return Err(at.key_error("unknown key of a secret")),
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

fn reference(at: &At<'_>) -> Result<SecretRef, ConfigError> {
    SecretRef::parse_or_oci(at.scalar()?).map_err(|error| at.error(error.to_string()))
}

fn version(at: &At<'_>) -> Result<NonZeroU64, ConfigError> {
    let invalid = |_| at.error("invalid version: must be a positive whole number");
    parse_version(at.scalar()?).map_err(invalid)
}

/// Variables that are no secrets; numbers and booleans as they are written.
fn settings(at: &At<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let read = |(name, at): (String, At<'_>)| {
        if !is_variable_name(&name) {
            return Err(at.key_error("not a name for an environment variable"));
        }
        let value = if at.is_null() { "" } else { at.scalar()? };
        if value.contains('\0') {
            return Err(at.error("holds a NUL byte, which no environment variable can"));
        }
        Ok((name, value.to_owned()))
    };
    at.entries()?.into_iter().map(read).collect()
}

fn directory(at: &At<'_>) -> Result<PathBuf, ConfigError> {
    let text = at.text()?;
    let home = || directories::BaseDirs::new().map(|base| base.home_dir().to_owned());
    let path = match text.strip_prefix("~/") {
        Some(rest) => home().map(|home| home.join(rest)),
        None => Some(PathBuf::from(text)),
    };
    let path = path.filter(|path| path.is_absolute());
    path.ok_or_else(|| at.error("must be an absolute path, or begin with ~/"))
}

/// A list of words, or one string split as a shell would.
fn words(at: &At<'_>) -> Result<Vec<String>, ConfigError> {
    let words = if at.is_list() {
        at.texts()?
    } else {
        shell_words::split(at.text()?).map_err(|_| at.error("has an unclosed quote"))?
    };
    if words.first().is_none_or(String::is_empty) {
        return Err(at.error("target_command is empty"));
    }
    if words.iter().any(|word| word.contains('\0')) {
        return Err(at.error("holds a NUL byte, which no command line can"));
    }
    Ok(words)
}
