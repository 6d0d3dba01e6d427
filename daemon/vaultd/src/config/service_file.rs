//! A service file: `configs/<service>.json|yaml`, and `services.<name>` of
//! resolver.yaml, which has the same keys and `command` for `target_command`.

use std::path::Path;

use vault_backends::oci;
use vault_backends::target::Target as _;
use vault_proto::loader_variables::is_loader_variable;

use super::ages;
use super::document::{At, ConfigError, Document};
use super::secret_entry::{self, ReferenceContext};
use super::sections;
use super::service_context::{
    ServiceContext, Shared, check_name, check_setting, cwd, description, program_at_home,
};
use super::warnings::Warnings;
use crate::command::{Command, PathElement, catalogue};
use crate::service::{Service, ServiceSecret};

/// More of them no environment of a process can hold.
const MAPPINGS: usize = 2000;

const KEYS: &[&str] = &[
    "description",
    "secrets",
    "target_command",
    "command",
    "env_overrides",
    "cwd",
    "path",
    "keep_variables",
    "ttl",
    "max_stale",
    "refresh_ahead",
    "vault",
    "compartment_id",
    "profile",
    "profiles",
];

/// Reads one service of resolver.yaml.
pub(super) fn read(
    name: &str,
    source: &Path,
    at: &At<'_>,
    context: &ServiceContext<'_>,
    warnings: &mut Warnings,
) -> Result<Service, ConfigError> {
    one(name, source, at, None, context, warnings)
}

/// Reads a service's own file; `command` is the one that resolver.yaml has for it.
pub(super) fn read_file(
    name: &str,
    document: &Document,
    command: Option<&At<'_>>,
    context: &ServiceContext<'_>,
    warnings: &mut Warnings,
) -> Result<Service, ConfigError> {
    one(
        name,
        document.file(),
        &document.root(),
        command,
        context,
        warnings,
    )
}

fn one(
    name: &str,
    source: &Path,
    at: &At<'_>,
    other_command: Option<&At<'_>>,
    context: &ServiceContext<'_>,
    warnings: &mut Warnings,
) -> Result<Service, ConfigError> {
    check_name(name, at)?;
    let entries = at.entries()?;
    warnings.unknown_keys(entries.iter().map(|(key, at)| (key.as_str(), at)), KEYS);
    let mut said = Vec::new();
    let vault = vault(at, context.vault, warnings)?;
    let references = ReferenceContext {
        container: vault.container(),
        kinds: context.targets.kinds(),
    };
    let secrets = match at.get("secrets")? {
        Some(list) => secrets(&list, context.shared, references, !at.is_below(), warnings)?,
        None if !at.is_below() => vec![],
        None => {
            let all: Vec<_> = context.shared.values().flatten().cloned().collect();
            if !all.is_empty() {
                let count = all.len();
                said.push(format!(
                    "service {name} lists no secrets and gets all {count}"
                ));
            }
            all
        }
    };
    let freshness = ages::over(at, context.freshness)?;
    ages::check(at, &secrets, freshness)?;
    let settings = at.get("env_overrides")?;
    let settings = settings.as_ref().map_or(Ok(vec![]), settings_of)?;
    for (variable, _) in &settings {
        if secrets.iter().any(|secret| secret.variable == *variable) {
            said.push(format!(
                "service {name}: {variable} is a secret and in env_overrides"
            ));
        }
    }
    let mut cwd = cwd(at)?;
    let path = server_path(at)?;
    let looked_in = PathElement::directories(&path, &context.inputs.path());
    let written = match (at.get("target_command")?, at.get("command")?) {
        (Some(at), _) | (None, Some(at)) => Some(words(&at)?),
        (None, None) => other_command.map(words).transpose()?,
    };
    let (words, command) = match (written, catalogue::command(name)) {
        (Some(words), _) => {
            let command = Command::find(&words, cwd.as_deref(), &looked_in);
            (words, command)
        }
        (None, Some(words)) => {
            said.push(format!(
                "service {name} has no command and starts {} of the catalogue, whatever version \
                 npx finds; most of these packages are no longer kept: write target_command",
                words[2]
            ));
            // npx reads settings from the directory it starts in: not from a caller's checkout.
            let cwd = cwd.get_or_insert_with(|| context.home.to_owned());
            let command = Command::find(&words, Some(cwd), &looked_in);
            (words, command)
        }
        (None, None) => {
            let at = at.error(format!(
                "has no command: write target_command, as a list; without it only names of the \
                 catalogue start ({})",
                catalogue::names()
            ));
            warnings.push(at.to_string());
            (vec![], Command::Absent)
        }
    };
    let keep = at.get("keep_variables")?;
    let keep = keep.as_ref().map_or(Ok(vec![]), At::texts)?;
    Ok(Service {
        name: name.to_owned(),
        description: description(at)?,
        source: source.to_owned(),
        secrets,
        command,
        words,
        path,
        cwd,
        settings,
        keep_variables: keep
            .into_iter()
            .filter(|name| is_loader_variable(name))
            .collect(),
        freshness,
        profiles: at.get("profiles")?.as_ref().map_or(Ok(vec![]), At::texts)?,
        targets: context.targets.clone().with(vault),
        warnings: said,
    })
}

/// Whom to be for this service: `vault:`, as the section of resolver.yaml or one vault's OCID,
/// `compartment_id` and `profile`.
fn vault(
    at: &At<'_>,
    below: &oci::OciSettings,
    warnings: &mut Warnings,
) -> Result<oci::OciSettings, ConfigError> {
    let mut vault = match at.get("vault")? {
        Some(at) if !at.is_map() => oci::OciSettings {
            vault_id: Some(sections::container(&at)?),
            // The vault that is named for this service comes before a compartment that is not.
            compartment_id: None,
            ..below.clone()
        },
        _ => sections::vault(at, below, warnings)?,
    };
    if let Some(at) = at.get("compartment_id")? {
        vault.compartment_id = Some(sections::container(&at)?);
    }
    if let Some(at) = at.get("profile")? {
        vault.config_profile = sections::word(&at)?;
    }
    Ok(vault)
}

/// The `secrets:` section of resolver.yaml.
pub(super) fn shared(
    at: &At<'_>,
    references: ReferenceContext<'_>,
    warnings: &mut Warnings,
) -> Result<Shared, ConfigError> {
    let read = |(variable, at): (String, At<'_>)| {
        let secret = secret_entry::read(&variable, &at, references, warnings)?;
        Ok((variable, secret))
    };
    let entries = at.entries()?;
    if entries.len() > MAPPINGS {
        return Err(at.error(format!("more than {MAPPINGS} secrets")));
    }
    entries.into_iter().map(read).collect()
}

/// A map of variables, or a list of names out of resolver.yaml's `secrets:`.
fn secrets(
    at: &At<'_>,
    shared: &Shared,
    references: ReferenceContext<'_>,
    own_file: bool,
    warnings: &mut Warnings,
) -> Result<Vec<ServiceSecret>, ConfigError> {
    let mut secrets = Vec::new();
    if at.is_map() {
        for (variable, at) in at.entries()? {
            if own_file && at.is_null() {
                return Err(at.error("names no secret: write secret_name"));
            }
            secrets.extend(secret_entry::read(&variable, &at, references, warnings)?);
        }
        return Ok(secrets);
    }
    for at in at.items()? {
        let unknown = || at.error("resolver.yaml has no secrets entry of this name");
        secrets.extend(shared.get(at.scalar()?).ok_or_else(unknown)?.clone());
    }
    Ok(secrets)
}

/// Variables that are no secrets; numbers and booleans as they are written.
fn settings_of(at: &At<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let read = |(name, at): (String, At<'_>)| {
        let value = at.scalar()?;
        check_setting(&name, value, &at)?;
        Ok((name, value.to_owned()))
    };
    let entries = at.entries()?.into_iter().filter(|(_, at)| !at.is_null());
    entries.map(read).collect()
}

/// The PATH that the server gets, in which its program is looked for as well: the directories of `path`,
/// then those of `env_overrides.PATH` or what is inherited. Empty where neither is written.
fn server_path(at: &At<'_>) -> Result<Vec<PathElement>, ConfigError> {
    let written = at.get("path")?;
    let mut path = written.as_ref().map_or(Ok(vec![]), sections::search_path)?;
    let settings = at.get("env_overrides")?;
    let setting = settings.map_or(Ok(None), |settings| settings.get("PATH"))?;
    let setting = setting.as_ref().map(sections::search_path).transpose()?;
    let rest = setting.unwrap_or_else(|| vec![PathElement::Inherited]);
    match path
        .iter()
        .position(|element| *element == PathElement::Inherited)
    {
        Some(place) => {
            path.splice(place..=place, rest);
        }
        None => path.extend(rest),
    }
    if path == [PathElement::Inherited] {
        path.clear();
    }
    Ok(path)
}

/// A list of words, or one string split as a shell would; the program may begin with `~/`.
fn words(at: &At<'_>) -> Result<Vec<String>, ConfigError> {
    let mut words = if at.is_list() {
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
    if let Some(program) = words.first_mut() {
        *program = program_at_home(at, program)?;
    }
    Ok(words)
}
