//! What every service is read in, whatever its dialect, and what must hold for each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vault_backends::oci;
use vault_proto::loader_variables::is_variable_name;
use vault_proto::names::is_service_name;

use super::document::{At, ConfigError};
use super::process_inputs::ProcessInputs;
use super::sections;
use crate::cache::freshness::Freshness;
use crate::secret_patterns;
use crate::service::ServiceSecret;
use crate::targets::Targets;

/// The `secrets:` of resolver.yaml, which services may take from by name; nothing where an
/// environment takes a mapping away.
pub(super) type Shared = BTreeMap<String, Option<ServiceSecret>>;

/// What a service is read in.
pub(super) struct ServiceContext<'a> {
    pub(super) shared: &'a Shared,
    pub(super) vault: &'a oci::OciSettings,
    /// Whether any environment says where bare names are.
    pub(super) has_vault: bool,
    pub(super) targets: &'a Targets,
    pub(super) freshness: Freshness,
    pub(super) inputs: &'a ProcessInputs,
    pub(super) home: &'a Path,
}

/// `MAX_ARG_STRLEN` of execve(2), where pages have 4 KiB.
const LONGEST_VARIABLE: usize = 128 * 1024;

/// Refuses a name that vault-run could not ask for.
pub(super) fn check_name(name: &str, at: &At<'_>) -> Result<(), ConfigError> {
    if is_service_name(name) {
        return Ok(());
    }
    Err(at.key_error(
        "a service name is made of letters, digits, '.', '_' and '-', does not begin with '.', \
         and has at most 64 bytes",
    ))
}

/// Refuses what no environment can hold.
pub(super) fn check_setting(name: &str, value: &str, at: &At<'_>) -> Result<(), ConfigError> {
    if secret_patterns::is_secret(name) || !is_variable_name(name) {
        return Err(at.key_error("not a name for an environment variable"));
    }
    if value.contains('\0') {
        return Err(at.error("holds a NUL byte, which no environment variable can"));
    }
    if name.len() + value.len() + "=\0".len() > LONGEST_VARIABLE {
        return Err(
            at.error("is longer than 128 KiB, the most that one environment variable can have")
        );
    }
    Ok(())
}

/// The program of a command, with the home directory in the place of `~`.
pub(super) fn program_at_home(at: &At<'_>, program: &str) -> Result<String, ConfigError> {
    if !program.starts_with("~/") {
        return Ok(program.to_owned());
    }
    let path = sections::at_home(at, program)?;
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        at.error("the home directory has a name that is no UTF-8; write it without ~")
    })
}

/// Where a service starts, if its file says so.
pub(super) fn cwd(at: &At<'_>) -> Result<Option<PathBuf>, ConfigError> {
    at.get("cwd")?.as_ref().map(sections::path).transpose()
}

/// What a service is, for people.
pub(super) fn description(at: &At<'_>) -> Result<String, ConfigError> {
    let said = at.get("description")?;
    Ok(said.as_ref().map_or(Ok(""), At::scalar)?.to_owned())
}
