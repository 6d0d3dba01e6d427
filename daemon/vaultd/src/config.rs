//! The configuration: files in, one checked whole out, or one error.
//!
//! A service that cannot be used is refused alone; what is wrong with resolver.yaml itself refuses all.

mod ages;
pub mod check;
pub mod document;
mod effective;
pub mod files;
mod in_the_clear;
pub mod keys;
mod layers;
mod nearest;
mod policy_section;
pub mod process_inputs;
mod resolver_file;
pub mod sample;
mod secret_entry;
mod sections;
mod service_context;
mod service_file;
mod service_keys;
mod unknown_keys;
mod warnings;
pub mod watch;
mod wrapper_file;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use vault_memory::Preference;

use crate::setup::Setup;
use document::{ConfigError, Document};
use files::{Places, ServiceText};
use process_inputs::ProcessInputs;
use resolver_file::{ResolverFile, ServiceDocument};
use warnings::Warnings;

/// Nobody reads on after so many services that are refused.
const REFUSED_SAID: usize = 50;

/// How often files are read again while somebody changes them.
const READINGS: usize = 16;

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// What serving requests needs; may change while the daemon runs.
    pub setup: Setup,
    /// How memory is protected; a change needs a restart.
    pub memory: Preference,
    /// Where the local store is, if not in the state directory; a change needs a restart.
    pub local: Option<PathBuf>,
    /// [`Texts::print`] of what it was made of.
    pub print: u64,
}

/// Reads everything at `places`, all of it or none, for a daemon of `own_uid`.
///
/// # Errors
/// [`ConfigError`]: the first thing that is wrong.
pub fn load(places: &Places, inputs: &ProcessInputs, own_uid: u32) -> Result<Config, ConfigError> {
    read(Texts::gather(places)?, inputs, own_uid)
}

/// What was found on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Texts {
    /// The resolver.yaml that counts, and its text.
    pub resolver: Option<(PathBuf, String)>,
    /// Where service files were looked for.
    pub searched: Vec<PathBuf>,
    /// The service files.
    pub services: Vec<ServiceText>,
    /// Files beside them whose names no service can have.
    pub strays: Vec<PathBuf>,
    /// Why nothing is read from a directory of service files that is not the first.
    pub unused: Vec<ConfigError>,
}

impl Texts {
    /// What is at `places`, as it was at one moment: read until two readings agree, so that no file
    /// stands beside another that has been replaced meanwhile. A service file that changes all the
    /// time is read by neither.
    ///
    /// # Errors
    /// [`ConfigError`]: the first file that cannot be read or trusted.
    pub fn gather(places: &Places) -> Result<Self, ConfigError> {
        let mut texts = Self::read(places)?;
        for reading in 1..=READINGS {
            let again = Self::read(places)?;
            if again == texts {
                return Ok(texts);
            }
            if reading == READINGS && again.resolver == texts.resolver {
                return Ok(again.without_changes_since(texts));
            }
            texts = again;
        }
        let file = places.files.first().map_or(Path::new(""), PathBuf::as_path);
        let message = "it or a service file changes faster than it can be read";
        Err(files::problem(file, message.to_owned()))
    }

    /// What both readings have; a service file that is in one alone can be used by neither.
    fn without_changes_since(mut self, old: Self) -> Self {
        let (same, mut differing): (Vec<_>, Vec<_>) = self
            .services
            .into_iter()
            .partition(|text| old.services.contains(text));
        let is_in = |texts: &[ServiceText], name: &str| texts.iter().any(|text| text.name == name);
        for text in old.services {
            if !is_in(&same, &text.name) && !is_in(&differing, &text.name) {
                differing.push(text);
            }
        }
        for text in &mut differing {
            let message = "changes faster than it can be read".to_owned();
            text.text = Err(files::problem(&text.file, message));
        }
        self.services = same;
        self.services.append(&mut differing);
        self
    }

    fn read(places: &Places) -> Result<Self, ConfigError> {
        let searched = places.service_directories();
        let resolver = places.read()?;
        let files::Found {
            services,
            strays,
            unused,
        } = files::service_texts(&searched)?;
        Ok(Self {
            resolver,
            searched,
            services,
            strays,
            unused,
        })
    }

    /// How the resolver.yaml that was read from `file` is lost, if it is.
    pub fn lost(&self, file: &Path, places: &Places) -> Option<&'static str> {
        let resolver = self.resolver.as_ref();
        let new = resolver.map(|(path, _)| path.as_path());
        match resolver {
            Some((_, text)) if new == Some(file) && text.trim().is_empty() => Some("is empty now"),
            Some((_, text)) if new == Some(file) => {
                let read = Document::parse(file, text);
                let is_empty = read.is_ok_and(|document| document.is_empty());
                is_empty.then_some("says nothing now")
            }
            _ => places.comes_after(new, file).then_some("is gone"),
        }
    }

    /// A number that differs where any byte or name differs; good within this process.
    pub fn print(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// Makes a configuration of texts.
///
/// # Errors
/// [`ConfigError`]: the first thing that is wrong.
pub fn read(texts: Texts, inputs: &ProcessInputs, own_uid: u32) -> Result<Config, ConfigError> {
    let mut warnings = Warnings::default();
    let print = texts.print();
    let (path, file) = match texts.resolver {
        Some((path, text)) => {
            let file = ResolverFile::read(&path, &text, inputs, &mut warnings)?;
            (Some(path), file)
        }
        None => (None, ResolverFile::absent(inputs)?),
    };
    let document = |text: ServiceText| ServiceDocument {
        read: text
            .text
            .and_then(|read| Document::parse(&text.file, &read)),
        name: text.name,
        file: text.file,
    };
    let files: Vec<_> = texts.services.into_iter().map(document).collect();
    for file in texts.strays {
        let message = "this is no name that a service can have, so nothing reads it: letters, digits, \
                       '.', '_' and '-'; remove it, or give it another name";
        warnings.push(files::problem(&file, message.to_owned()).to_string());
    }
    for error in texts.unused {
        warnings.push(format!("{error}; nothing is read from it"));
    }
    let base = file.view(None, &files, &mut warnings)?;
    let mut environments = BTreeMap::new();
    for name in file.environments() {
        let view = file.view(Some(name), &files, &mut warnings)?;
        environments.insert(name.to_owned(), view);
    }
    let everywhere = file.everywhere(own_uid, &mut warnings)?;
    if let Some(name) = inputs.environment()
        && !environments.contains_key(name)
        && !base
            .services
            .values()
            .any(|service| service.environments().iter().any(|e| e == name))
    {
        warnings.push(format!(
            "vaultd's variable OCI_VAULT_ENVIRONMENT names the environment '{name}', which the \
             configuration does not: services that name environments are not launched without one"
        ));
    }
    if files::holds_old_values(&everywhere.old_cache) {
        warnings.push(format!(
            "{} holds values of secrets in plaintext, which the predecessor wrote; remove it",
            everywhere.old_cache.display()
        ));
    }
    let mut setup = Setup {
        path,
        searched: texts.searched,
        base,
        environments,
        environment: inputs.environment().map(str::to_owned),
        environment_fallback: everywhere.environment_fallback,
        policy: everywhere.policy,
        audit: everywhere.audit,
        resilience: everywhere.resilience,
        persist: everywhere.persist,
        logging: everywhere.logging,
        warnings: vec![],
    };
    let refused = setup.refused();
    let refused = refused.into_iter().take(REFUSED_SAID);
    let refused =
        refused.map(|(name, refused)| format!("service {name} is refused: {}", refused.reason));
    setup.warnings = refused.chain(warnings.into_vec()).collect();
    Ok(Config {
        setup,
        memory: everywhere.memory,
        local: everywhere.local,
        print,
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
mod tests_ages;
#[cfg(test)]
mod tests_persist;
#[cfg(test)]
mod tests_views;
