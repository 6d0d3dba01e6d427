//! The sections of resolver.yaml, typed, with the place of what is wrong.

use std::path::{Path, PathBuf};

use vault_backends::http::Proxy;
use vault_backends::oci::endpoint::{Endpoint, Service};
use vault_backends::oci::{self, AuthMethod};
use vault_memory::Preference;
use vault_proto::INHERITED_PATH;

use super::ages;
use super::document::{At, ConfigError};
use super::warnings::Warnings;
use crate::audit::{self, OnFailure};
use crate::cache::freshness::Freshness;
use crate::command::PathElement;
use crate::logging;
use crate::setup::EnvironmentFallback;
use crate::snapshot::Persist;
use crate::upstream;

/// A section's reader: the value of a key, if one is written.
struct Section<'a>(Option<At<'a>>);

impl<'a> Section<'a> {
    fn of(root: &At<'a>, name: &str) -> Result<Self, ConfigError> {
        let section = root.get(name)?;
        if let Some(at) = &section {
            at.entries()?;
        }
        Ok(Self(section))
    }

    fn get(&self, key: &str) -> Result<Option<At<'a>>, ConfigError> {
        self.0.as_ref().map_or(Ok(None), |at| at.get(key))
    }

    /// Reads a key into `slot`, where it is written.
    fn read<T>(
        &self,
        key: &str,
        slot: &mut T,
        read: impl FnOnce(&At<'a>) -> Result<T, ConfigError>,
    ) -> Result<(), ConfigError> {
        if let Some(at) = self.get(key)? {
            *slot = read(&at)?;
        }
        Ok(())
    }
}

/// `vault:`, of resolver.yaml or of one service, over `below`.
pub(super) fn vault(
    root: &At<'_>,
    below: &oci::OciSettings,
    warnings: &mut Warnings,
) -> Result<oci::OciSettings, ConfigError> {
    let section = Section::of(root, "vault")?;
    let mut vault = below.clone();
    section.read("auth_method", &mut vault.auth_method, |at| {
        at.scalar()?
            .parse()
            .map_err(|unknown: oci::UnknownAuthMethod| at.error(unknown.to_string()))
    })?;
    section.read("config_file", &mut vault.config_file, path_or_relative)?;
    section.read("config_profile", &mut vault.config_profile, word)?;
    section.read("region", &mut vault.region, |at| Ok(Some(word(at)?)))?;
    section.read("compartment_id", &mut vault.compartment_id, |at| {
        Ok(Some(container(at)?))
    })?;
    section.read("vault_id", &mut vault.vault_id, |at| {
        Ok(Some(container(at)?))
    })?;
    section.read("key_id", &mut vault.key_id, |at| Ok(Some(word(at)?)))?;
    let file = |at: &At<'_>| Ok(Some(path_or_relative(at)?));
    section.read(
        "delegation_token_file",
        &mut vault.delegation_token_file,
        file,
    )?;
    let acts_for_users = matches!(
        vault.auth_method,
        AuthMethod::InstancePrincipal | AuthMethod::ResourcePrincipal
    );
    if let Some(at) = section.get("delegation_token_file")?
        && !acts_for_users
    {
        return Err(
            at.key_error("counts for auth_method: instance_principal and resource_principal alone")
        );
    }
    section.read("ca_file", &mut vault.ca_file, file)?;
    let services = [
        ("endpoint", &mut vault.endpoint, Service::Secrets),
        (
            "management_endpoint",
            &mut vault.management_endpoint,
            Service::Vaults,
        ),
        ("auth_endpoint", &mut vault.auth_endpoint, Service::Auth),
        (
            "key_management_endpoint",
            &mut vault.key_management_endpoint,
            Service::Vaults,
        ),
    ];
    for (key, slot, service) in services {
        section.read(key, slot, |at| endpoint(at, service))?;
    }
    section.read("proxy", &mut vault.proxy, proxy)?;
    section.read(
        "allow_readable_keys",
        &mut vault.allow_readable_keys,
        |at| warnings.boolean(at),
    )?;
    Ok(vault)
}

/// Where a service of OCI answers. The text of one that is none is not repeated: it may hold a password.
fn endpoint(at: &At<'_>, service: Service) -> Result<Option<String>, ConfigError> {
    let text = word(at)?;
    let parsed = Endpoint::explicit(service, &text);
    parsed.map_err(|error| at.error(format!("must be https://HOST: {error}")))?;
    Ok(Some(text))
}

/// An HTTP proxy.
fn proxy(at: &At<'_>) -> Result<Option<String>, ConfigError> {
    let text = word(at)?;
    match text.parse::<Proxy>() {
        Ok(_) => Ok(Some(text)),
        Err(error) => Err(at.error(error.to_string())),
    }
}

/// What stands before the slash of a reference.
pub(super) fn container(at: &At<'_>) -> Result<String, ConfigError> {
    let text = word(at)?;
    if text.contains(['/', '?']) {
        return Err(at.error("must be an OCID, without / and ?"));
    }
    Ok(text)
}

/// A text that says something, in one line.
pub(super) fn word(at: &At<'_>) -> Result<String, ConfigError> {
    let text = at.scalar()?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(at.error("must be a text of one line"));
    }
    Ok(text.to_owned())
}

/// An absolute path, or one that begins with `~/`.
pub(super) fn path(at: &At<'_>) -> Result<PathBuf, ConfigError> {
    let path = expanded(at)?;
    if path.is_absolute() {
        return Ok(path);
    }
    Err(at.error("must be an absolute path, or begin with ~/"))
}

/// A list of directories in the order of a PATH, as a list or as one text with colons: absolute, below
/// `~` or `${HOME}`, or `${PATH}` for what is inherited.
pub(super) fn search_path(at: &At<'_>) -> Result<Vec<PathElement>, ConfigError> {
    let parts = if at.is_list() {
        at.items()?
    } else {
        vec![at.clone()]
    };
    let mut elements = Vec::new();
    for at in &parts {
        for part in word(at)?.split(':').filter(|part| !part.is_empty()) {
            elements.push(path_element(at, part)?);
        }
    }
    Ok(elements)
}

fn path_element(at: &At<'_>, part: &str) -> Result<PathElement, ConfigError> {
    if [INHERITED_PATH, "$PATH"].contains(&part) {
        return Ok(PathElement::Inherited);
    }
    let below_home = ["~", "$HOME", "${HOME}"].into_iter().find_map(|home| {
        let rest = part.strip_prefix(home)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    });
    let text = below_home.map(|rest| format!("~{rest}"));
    let path = at_home(at, text.as_deref().unwrap_or(part))?;
    if path.is_absolute() && !path.as_os_str().as_encoded_bytes().contains(&b'$') {
        return Ok(PathElement::Directory(path));
    }
    Err(at.error(
        "must be made of absolute directories, or ones that begin with ~/; ${PATH} stands for what is \
         inherited, and other variables are not understood here",
    ))
}

/// A path that files of before may have relative: a daemon has no directory that people are in, so
/// it is below the home directory.
fn path_or_relative(at: &At<'_>) -> Result<PathBuf, ConfigError> {
    let path = expanded(at)?;
    Ok(match directories::BaseDirs::new() {
        Some(base) => base.home_dir().join(path),
        None => path,
    })
}

fn expanded(at: &At<'_>) -> Result<PathBuf, ConfigError> {
    at_home(at, &word(at)?)
}

/// The path of a text that may begin with `~/`; `at` is where it stands.
pub(super) fn at_home(at: &At<'_>, text: &str) -> Result<PathBuf, ConfigError> {
    let home = || directories::BaseDirs::new().map(|base| base.home_dir().to_owned());
    let path = match text
        .strip_prefix('~')
        .map(|rest| rest.strip_prefix('/').unwrap_or(rest))
    {
        Some(rest) if text.len() == 1 || text.starts_with("~/") => {
            home().map(|home| home.join(rest))
        }
        _ => Some(PathBuf::from(text)),
    };
    path.ok_or_else(|| at.error("this user has no home directory; write an absolute path"))
}

/// `cache:`, and the directory in which the predecessor kept plaintext.
pub(super) fn cache(
    root: &At<'_>,
    home: &Path,
    warnings: &mut Warnings,
) -> Result<(Freshness, PathBuf), ConfigError> {
    let section = Section::of(root, "cache")?;
    let mut freshness = Freshness::default();
    section.read("ttl", &mut freshness.ttl, At::seconds)?;
    if let Some(at) = section.get("max_stale")? {
        freshness.max_stale = at.seconds()?;
        ages::not_longer(&at, &freshness, "cache.max_stale")?;
    } else {
        // A file of before has no bound, and its ttl is one.
        freshness.max_stale = freshness.max_stale.max(freshness.ttl);
    }
    section.read(
        "enable_stale_fallback",
        &mut freshness.stale_fallback,
        |at| warnings.boolean(at),
    )?;
    section.read("refresh_ahead", &mut freshness.refresh_ahead, ages::ahead)?;
    let mut directory = home.join(".cache/oci-vault-mcp");
    section.read("directory", &mut directory, path_or_relative)?;
    Ok((freshness, directory))
}

/// `cache.persist`
pub(super) fn persist(root: &At<'_>) -> Result<Persist, ConfigError> {
    let mut persist = Persist::default();
    let section = Section::of(root, "cache")?;
    // `off` is false in YAML 1.1, and people write that for it.
    section.read("persist", &mut persist, |at| match at.scalar()? {
        "off" | "false" => Ok(Persist::Off),
        "sealed" => Ok(Persist::Sealed),
        _ => Err(at.error("must be off or sealed")),
    })?;
    Ok(persist)
}

/// `resilience:`
pub(super) fn resilience(
    root: &At<'_>,
    warnings: &mut Warnings,
) -> Result<upstream::ResilienceSettings, ConfigError> {
    let section = Section::of(root, "resilience")?;
    let mut settings = upstream::ResilienceSettings::default();
    let breaker = &mut settings.breaker;
    section.read(
        "circuit_breaker_threshold",
        &mut breaker.threshold,
        at_least_one,
    )?;
    section.read(
        "circuit_breaker_recovery",
        &mut breaker.recovery,
        At::seconds,
    )?;
    section.read(
        "circuit_breaker_success_threshold",
        &mut breaker.successes,
        at_least_one,
    )?;
    let mut enabled = true;
    section.read("enable_circuit_breaker", &mut enabled, |at| {
        warnings.boolean(at)
    })?;
    if !enabled {
        breaker.threshold = 0;
    }
    let retry = &mut settings.retry;
    section.read("max_retries", &mut retry.max_retries, |at| at_most(at, 20))?;
    section.read("retry_backoff_base", &mut retry.base, At::seconds)?;
    section.read("retry_jitter", &mut retry.jitter, |at| warnings.boolean(at))?;
    Ok(settings)
}

/// `logging:`
pub(super) fn logging(
    root: &At<'_>,
    warnings: &mut Warnings,
) -> Result<logging::LoggingSettings, ConfigError> {
    let section = Section::of(root, "logging")?;
    let mut settings = logging::LoggingSettings::default();
    section.read("level", &mut settings.level, |at| {
        let word = at.scalar()?.to_ascii_uppercase();
        let level = logging::Level::from_word(&word);
        level.ok_or_else(|| at.error("must be DEBUG, INFO, WARNING or ERROR"))
    })?;
    section.read("verbose", &mut settings.verbose, |at| warnings.boolean(at))?;
    section.read("file", &mut settings.file, |at| Ok(Some(path(at)?)))?;
    if let Some(at) = section.get("audit_secret_access")?
        && !warnings.boolean(&at)?
    {
        let said = at.key_error("the audit record is written all the same");
        warnings.push(said.to_string());
    }
    Ok(settings)
}

/// `audit:`
pub(super) fn audit(
    root: &At<'_>,
    warnings: &mut Warnings,
) -> Result<audit::AuditSettings, ConfigError> {
    let section = Section::of(root, "audit")?;
    let mut settings = audit::AuditSettings::default();
    section.read("sync", &mut settings.sync, |at| warnings.boolean(at))?;
    section.read("on_failure", &mut settings.on_failure, |at| {
        match at.text()? {
            "refuse" => Ok(OnFailure::Refuse),
            "serve" => Ok(OnFailure::Serve),
            _ => Err(at.error("must be refuse or serve")),
        }
    })?;
    section.read("max_bytes", &mut settings.max_bytes, At::whole_number)?;
    section.read("keep", &mut settings.keep, |at| at_most(at, 1000))?;
    Ok(settings)
}

/// `memory:`
pub(super) fn memory(root: &At<'_>) -> Result<Preference, ConfigError> {
    let Some(at) = root.get("memory")? else {
        return Ok(Preference::default());
    };
    let wrong = |_| at.error("must be auto, secretmem or mlock");
    at.text()?.parse().map_err(wrong)
}

/// `environment_fallback`
pub(super) fn environment_fallback(root: &At<'_>) -> Result<EnvironmentFallback, ConfigError> {
    let Some(at) = root.get("environment_fallback")? else {
        return Ok(EnvironmentFallback::default());
    };
    match at.text()? {
        "refuse" => Ok(EnvironmentFallback::Refuse),
        "warn" => Ok(EnvironmentFallback::Warn),
        _ => Err(at.error("must be refuse or warn")),
    }
}

/// `local.directory`
pub(super) fn local(root: &At<'_>) -> Result<Option<PathBuf>, ConfigError> {
    let mut directory = None;
    let section = Section::of(root, "local")?;
    section.read("directory", &mut directory, |at| Ok(Some(path(at)?)))?;
    Ok(directory)
}

fn at_least_one(at: &At<'_>) -> Result<u32, ConfigError> {
    let number = at_most(at, 1_000_000)?;
    if number == 0 {
        return Err(at.error("must be a whole number of at least 1"));
    }
    Ok(number)
}

fn at_most(at: &At<'_>, most: u32) -> Result<u32, ConfigError> {
    let number = u32::try_from(at.whole_number()?).ok();
    number
        .filter(|number| *number <= most)
        .ok_or_else(|| at.error(format!("must be at most {most}")))
}
