//! What is configured? Files in, one checked whole out, or one error.

pub mod check;
pub mod document;
mod effective;
pub mod files;
pub mod keys;
mod layers;
pub mod outside;
mod policy_section;
mod resolver_file;
pub mod sample;
mod secret_entry;
mod sections;
mod service_file;
mod surroundings;
mod warnings;
mod wrapper_file;

use std::collections::BTreeMap;
use std::path::PathBuf;

use vault_memory::Preference;

use crate::setup::Setup;
use document::{ConfigError, Document};
use files::{Places, ServiceText};
use outside::Outside;
use resolver_file::ResolverFile;
use warnings::Warnings;

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// What serving requests needs; may change while the daemon runs.
    pub setup: Setup,
    /// How memory is protected; a change needs a restart.
    pub memory: Preference,
    /// Where the local store is, if not in the state directory; a change needs a restart.
    pub local: Option<PathBuf>,
}

/// Reads everything at `places`, all of it or none, for a daemon of `own_uid`.
///
/// # Errors
/// [`ConfigError`]: the first thing that is wrong.
pub fn load(places: &Places, outside: &Outside, own_uid: u32) -> Result<Config, ConfigError> {
    let texts = Texts {
        resolver: places.read()?,
        searched: places.service_directories(),
        services: files::service_texts(&places.service_directories())?,
    };
    read(texts, outside, own_uid)
}

/// What was found on the disk.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// The resolver.yaml that counts, and its text.
    pub resolver: Option<(PathBuf, String)>,
    /// Where service files were looked for.
    pub searched: Vec<PathBuf>,
    /// The service files.
    pub services: Vec<ServiceText>,
}

/// Makes a configuration of texts.
///
/// # Errors
/// [`ConfigError`]: the first thing that is wrong.
pub fn read(texts: Texts, outside: &Outside, own_uid: u32) -> Result<Config, ConfigError> {
    let mut warnings = Warnings::default();
    let (path, file) = match texts.resolver {
        Some((path, text)) => {
            let file = ResolverFile::read(&path, &text, outside, &mut warnings)?;
            (Some(path), file)
        }
        None => (None, ResolverFile::absent(outside)?),
    };
    let mut files = BTreeMap::new();
    for text in texts.services {
        files.insert(text.name, Document::parse(&text.file, &text.text)?);
    }
    let base = file.view(None, &files, &mut warnings)?;
    let mut environments = BTreeMap::new();
    for name in file.environments() {
        let view = file.view(Some(name), &files, &mut warnings)?;
        environments.insert(name.to_owned(), view);
    }
    let everywhere = file.everywhere(own_uid, &mut warnings)?;
    if let Some(name) = outside.environment()
        && !environments.contains_key(name)
    {
        warnings.push(format!(
            "Environment '{name}' not found, using default (vaultd's variable \
             OCI_VAULT_ENVIRONMENT)"
        ));
    }
    if files::holds_old_values(&everywhere.old_cache) {
        warnings.push(format!(
            "{} holds values of secrets in plaintext, which the predecessor wrote; remove it",
            everywhere.old_cache.display()
        ));
    }
    let setup = Setup {
        path,
        searched: texts.searched,
        base,
        environments,
        environment: outside.environment().map(str::to_owned),
        policy: everywhere.policy,
        audit: everywhere.audit,
        resilience: everywhere.resilience,
        logging: everywhere.logging,
        warnings: warnings.into_vec(),
    };
    Ok(Config {
        setup,
        memory: everywhere.memory,
        local: everywhere.local,
    })
}

#[cfg(test)]
mod compat_cases;
#[cfg(test)]
mod compat_services;
#[cfg(test)]
mod compat_settings;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_views;
