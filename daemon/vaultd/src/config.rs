//! What is configured? Files in, one checked whole out, or one error.

pub mod document;
pub mod files;
mod resolver_file;
mod service_file;
mod warnings;

use std::collections::BTreeMap;

use vault_memory::Preference;

use crate::setup::Setup;
use document::{ConfigError, Document};
use files::Places;
use resolver_file::ResolverFile;
use warnings::Warnings;

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// What serving requests needs; may change while the daemon runs.
    pub setup: Setup,
    /// How memory is protected; a change needs a restart.
    pub memory: Preference,
}

/// Reads everything at `places`, all of it or none, for a daemon of `own_uid`.
///
/// # Errors
/// [`ConfigError`]: the first thing that is wrong.
pub fn load(places: &Places, own_uid: u32) -> Result<Config, ConfigError> {
    let mut warnings = Warnings::default();
    let (path, file) = match places.read()? {
        Some((path, text)) => {
            let file = ResolverFile::read(&path, &text, own_uid, &mut warnings)?;
            (Some(path), file)
        }
        None => (None, ResolverFile::absent(own_uid)),
    };
    let mut services: BTreeMap<_, _> = file
        .services
        .into_iter()
        .map(|service| (service.name.clone(), service))
        .collect();
    let searched = places.service_directories();
    // A service's own file stands for it whole: its secrets alone are what it gets.
    for text in files::service_texts(&searched)? {
        let document = Document::parse(&text.file, &text.text)?;
        let source = text.file.clone();
        let none = BTreeMap::new();
        let service =
            service_file::read(&text.name, source, &document.root(), &none, &mut warnings)?;
        services.insert(text.name, service);
    }
    let setup = Setup {
        path,
        services,
        searched,
        policy: file.policy,
        freshness: file.freshness,
        audit: file.audit,
        warnings: warnings.into_vec(),
    };
    Ok(Config {
        setup,
        memory: file.memory,
    })
}

#[cfg(test)]
mod tests;
