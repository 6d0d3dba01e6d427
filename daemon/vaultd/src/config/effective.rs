//! The values that count, with the place each comes from.

use super::document::{At, ConfigError};
use super::keys::{KEYS, PLAIN};
use super::service_context::Shared;
use crate::cache::freshness::Freshness;
use crate::setup::Effective;

/// Every key of `root` with what counts, and the secrets of `secrets:`.
pub(super) fn entries(root: &At<'_>, shared: &Shared) -> Result<Vec<Effective>, ConfigError> {
    let mut entries = Vec::new();
    for key in PLAIN.iter().chain(KEYS) {
        let at = if key.section.is_empty() {
            root.get(key.name)?
        } else {
            let section = root.get(key.section)?;
            section.map_or(Ok(None), |at| at.get(key.name))?
        };
        let (value, origin) = match &at {
            Some(at) => (at.scalar().unwrap_or("(not a text)").to_owned(), at.place()),
            None => (key.default.to_owned(), "default".to_owned()),
        };
        entries.push(Effective {
            key: format!("{}.{}", key.section, key.name)
                .trim_start_matches('.')
                .to_owned(),
            value,
            origin,
        });
    }
    let secrets = root.get("secrets")?;
    for (variable, at) in secrets.map_or(Ok(vec![]), |at| at.entries())? {
        if let Some(Some(secret)) = shared.get(&variable) {
            let reference = secret.default.as_ref();
            entries.push(Effective {
                key: format!("secrets.{variable}"),
                value: reference.map(ToString::to_string).unwrap_or_default(),
                origin: at.place(),
            });
        }
    }
    Ok(entries)
}

/// Says the bound that counts where the ttl has raised the default one.
pub(super) fn correct(entries: &mut [Effective], freshness: &Freshness) {
    let bound = entries
        .iter_mut()
        .find(|entry| entry.key == "cache.max_stale");
    if let Some(entry) = bound.filter(|entry| entry.origin == "default") {
        entry.value = freshness.max_stale.as_secs_f64().to_string();
    }
}
