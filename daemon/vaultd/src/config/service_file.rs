//! A service file: `configs/<service>.json|yaml`, and `services.<name>` of
//! resolver.yaml, which has the same keys.
//!
//! Beside our own keys it may have those that every MCP client has for a server, `command` with `args`
//! and `env`; a file with no others is one of the old wrappers ([`wrapper_file`]).

use std::path::Path;

use vault_backends::oci;
use vault_backends::target::Target as _;
use vault_proto::loader_variables::is_loader_variable;

use super::ages;
use super::document::{At, ConfigError, Document};
use super::in_the_clear;
use super::keys::KEYS;
use super::nearest::nearest;
use super::secret_entry::{self, ReferenceContext};
use super::sections;
use super::service_context::{
    ServiceContext, Shared, check_name, check_setting, cwd, description, program_at_home,
};
use super::service_keys;
use super::warnings::Warnings;
use super::wrapper_file;
use crate::command::{Command, PathElement, catalogue};
use crate::service::{Service, ServiceSecret};

/// More of them no environment of a process can hold.
const MAPPINGS: usize = 2000;

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
    if at.is_null() && !at.is_below() {
        // As while it is being written: not a service without secrets.
        return Err(at.error("is empty; write target_command and secrets, or {} to mean nothing"));
    }
    service_keys::check(at, warnings)?;
    let is_wrapper = !at.is_below() && wrapper_file::is_one(at)?;
    let mut said = Vec::new();
    let vault = match at.get("vault")? {
        Some(section) if is_wrapper && wrapper_file::is_vault(&section) => {
            wrapper_file::vault(&section, context.vault, warnings)?
        }
        _ => vault(at, context.vault, warnings)?,
    };
    let references = ReferenceContext {
        container: vault.container(),
        has_vault: context.has_vault,
        kinds: context.targets.kinds(),
    };
    let mut secrets = match at.get("secrets")? {
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
    let mut settings: Vec<(String, String)> = Vec::new();
    for (key, is_wrapper) in [("env", is_wrapper), ("env_overrides", false)] {
        let section = at.get(key)?;
        let entries = section.map_or(Ok(vec![]), |at| at.entries())?;
        for (variable, at) in entries {
            let text = match is_wrapper {
                false if at.is_null() => continue,
                false => at.scalar()?.to_owned(),
                true => match wrapped(&variable, &at, references, context)? {
                    wrapper_file::Value::Text(text) => text,
                    wrapper_file::Value::Secret(reference) => {
                        let secret = ServiceSecret {
                            place: at.whole_place(),
                            ..ServiceSecret::always(&variable, reference)
                        };
                        if secrets.iter().all(|other| other.variable != variable) {
                            secrets.push(secret);
                        }
                        continue;
                    }
                },
            };
            check_setting(&variable, &text, &at)?;
            in_the_clear::check_setting(&variable, &text, &at, references.kinds)?;
            said.extend(in_the_clear::warn(Some(&variable), &text, &at, warnings));
            if secrets.iter().any(|secret| secret.variable == variable) {
                said.push(format!(
                    "service {name}: {variable} is a secret and in {key}; the secret counts"
                ));
            }
            settings.retain(|(other, _)| *other != variable);
            settings.push((variable, text));
        }
    }
    let freshness = ages::over(at, context.freshness)?;
    ages::check(at, &secrets, freshness)?;
    let mut cwd = cwd(at)?;
    let mut clear = |words: &[String], at: &At<'_>| {
        in_the_clear::check_words(words, at, references.kinds)?;
        for word in words {
            said.extend(in_the_clear::warn(None, word, at, warnings));
        }
        Ok(())
    };
    let args = match at.get("args")? {
        Some(at) => {
            let args = spelled(at.texts()?, is_wrapper, context);
            no_nul(&args, &at)?;
            clear(&args, &at)?;
            Some(args)
        }
        None => None,
    };
    let path = server_path(at, is_wrapper, &settings)?;
    let looked_in = PathElement::directories(&path, &context.inputs.path());
    let written = match (at.get("target_command")?, at.get("command")?) {
        // As a client has it: one program, whatever spaces are in its name.
        (None, Some(at)) if !at.is_list() && (is_wrapper || args.is_some()) => {
            let words = spelled(vec![sections::word(&at)?], is_wrapper, context);
            Some((words, at))
        }
        (Some(at), _) | (None, Some(at)) => words(&at)?.map(|words| (words, at)),
        (None, None) => None,
    };
    let mut written = match (written, other_command) {
        (None, Some(at)) => words(at)?.map(|words| (words, at.clone())),
        (written, _) => written,
    };
    if let Some((words, at)) = &mut written {
        clear(words, at)?;
        if let Some(program) = words.first_mut() {
            no_launcher(program, at)?;
            *program = program_at_home(at, program)?;
        }
    }
    let and_args = |words: Vec<String>| -> Vec<String> {
        words
            .into_iter()
            .chain(args.iter().flatten().cloned())
            .collect()
    };
    let (words, command) = match (written, catalogue::command(name)) {
        (Some((words, _)), _) => {
            let words = and_args(words);
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
            let words = and_args(words);
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

/// A value of the old wrappers' `env`.
fn wrapped(
    variable: &str,
    at: &At<'_>,
    references: ReferenceContext<'_>,
    context: &ServiceContext<'_>,
) -> Result<wrapper_file::Value, ConfigError> {
    let lookup = |name: &str| context.inputs.variable(name).map(str::to_owned);
    let text = if at.is_null() { "" } else { at.scalar()? };
    let value = wrapper_file::value(text, &lookup).map_err(|wrong| at.error(wrong))?;
    let wrapper_file::Value::Secret(reference) = value else {
        return Ok(value);
    };
    secret_entry::check_target(variable, at)?;
    secret_entry::check_name(reference.place().name(), at)?;
    Ok(wrapper_file::Value::Secret(match references.container {
        Some(container) => reference.within(container),
        None => reference,
    }))
}

/// Refuses the launcher itself as what it is to start: it would start itself for ever.
fn no_launcher(program: &str, at: &At<'_>) -> Result<(), ConfigError> {
    let name = program.rsplit('/').next().unwrap_or_default();
    if !["vault-run", "mcp-launch", "mcp_vault_proxy.py"].contains(&name) {
        return Ok(());
    }
    Err(at.error(format!(
        "{name} starts the server that is written here: this is the client's own entry; write the \
         server's command"
    )))
}

/// Words with the daemon's variables in them, where a file of the old wrappers has those.
fn spelled(words: Vec<String>, is_wrapper: bool, context: &ServiceContext<'_>) -> Vec<String> {
    if !is_wrapper {
        return words;
    }
    let spell = |word: &String| wrapper_file::word(word, context.inputs);
    words.iter().map(spell).collect()
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
        section => {
            if let Some(section) = section {
                check_vault_keys(&section)?;
            }
            sections::vault(at, below, warnings)?
        }
    };
    if let Some(at) = at.get("compartment_id")? {
        vault.compartment_id = Some(sections::container(&at)?);
    }
    if let Some(at) = at.get("profile")? {
        vault.config_profile = sections::word(&at)?;
    }
    Ok(vault)
}

/// Refuses unknown keys: a name would be looked up in another vault than was meant.
fn check_vault_keys(at: &At<'_>) -> Result<(), ConfigError> {
    let keys = KEYS.iter().filter(|key| key.section == "vault");
    let known: Vec<&str> = keys.map(|key| key.name).collect();
    let entries = at.entries()?;
    let unknown = entries
        .iter()
        .find(|(key, _)| !known.contains(&key.as_str()));
    unknown.map_or(Ok(()), |(key, at)| {
        Err(at.key_error(match nearest(key, &known) {
            Some(known) => format!("unknown key; did you mean {known}?"),
            None => format!("unknown key; vault has {}", known.join(", ")),
        }))
    })
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
        let entries = at.entries()?;
        if entries.len() > MAPPINGS {
            return Err(at.error(format!("more than {MAPPINGS} secrets")));
        }
        for (variable, at) in entries {
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

/// The PATH that the server gets, in which its program is looked for as well: the directories of `path`,
/// then those of the setting PATH or what is inherited. Empty where neither is written.
fn server_path(
    at: &At<'_>,
    is_wrapper: bool,
    settings: &[(String, String)],
) -> Result<Vec<PathElement>, ConfigError> {
    let written = at.get("path")?;
    let mut path = written.as_ref().map_or(Ok(vec![]), sections::search_path)?;
    let mut rest = vec![PathElement::Inherited];
    // The later one counts, as of all settings.
    for (key, is_wrapper) in [("env", is_wrapper), ("env_overrides", false)] {
        let section = at.get(key)?;
        let Some(at) = section.map_or(Ok(None), |section| section.get("PATH"))? else {
            continue;
        };
        rest = match settings.iter().find(|(name, _)| name == "PATH") {
            // Its variables are spelled out already.
            Some((_, path)) if is_wrapper => std::env::split_paths(path)
                .map(PathElement::Directory)
                .collect(),
            _ => sections::search_path(&at)?,
        };
    }
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

/// A list of words, or one string split as a shell would; nothing where the list is empty, as with the
/// predecessor.
fn words(at: &At<'_>) -> Result<Option<Vec<String>>, ConfigError> {
    let words = if at.is_list() {
        at.texts()?
    } else {
        shell_words::split(at.text()?).map_err(|_| at.error("has an unclosed quote"))?
    };
    if words.first().is_some_and(String::is_empty) {
        return Err(at.error("names no program: its first word is empty"));
    }
    no_nul(&words, at)?;
    Ok((!words.is_empty()).then_some(words))
}

fn no_nul(words: &[String], at: &At<'_>) -> Result<(), ConfigError> {
    if words.iter().any(|word| word.contains('\0')) {
        return Err(at.error("holds a NUL byte, which no command line can"));
    }
    Ok(())
}
