//! `ttl`, `max_stale` and `refresh_ahead` of a service or a secret, where its own file or entry says so.

use std::time::Duration;

use super::document::{At, ConfigError};
use crate::cache::freshness::{Ages, Ahead, Freshness};
use crate::service::ServiceSecret;

/// What is written at `at`.
pub(super) fn read(at: &At<'_>) -> Result<Ages, ConfigError> {
    let seconds = |key: &str| at.get(key)?.as_ref().map(At::seconds).transpose();
    Ok(Ages {
        ttl: seconds("ttl")?,
        max_stale: seconds("max_stale")?,
        refresh_ahead: at.get("refresh_ahead")?.as_ref().map(ahead).transpose()?,
    })
}

/// What is written at `at`, over what holds around it.
pub(super) fn over(at: &At<'_>, below: Freshness) -> Result<Freshness, ConfigError> {
    let ages = read(at)?;
    let freshness = below.with(ages);
    let Some(place) = at.get("ttl")?.or(at.get("max_stale")?) else {
        return Ok(freshness);
    };
    let bound = match ages.max_stale {
        Some(_) => "max_stale",
        None => "cache.max_stale",
    };
    not_longer(&place, &freshness, bound)?;
    Ok(freshness)
}

/// Refuses a value that would be fresh when it is too old to be served.
pub(super) fn not_longer(
    at: &At<'_>,
    freshness: &Freshness,
    bound: &str,
) -> Result<(), ConfigError> {
    if freshness.ttl <= freshness.max_stale {
        return Ok(());
    }
    Err(at.error(too_long(freshness, bound)))
}

fn too_long(freshness: &Freshness, bound: &str) -> String {
    format!(
        "the ttl ({} s) is longer than {bound} ({} s)",
        freshness.ttl.as_secs(),
        freshness.max_stale.as_secs()
    )
}

/// The same for each secret with what holds around it.
pub(super) fn check<'a>(
    at: &At<'_>,
    secrets: impl IntoIterator<Item = &'a ServiceSecret>,
    context: Freshness,
) -> Result<(), ConfigError> {
    for secret in secrets {
        let freshness = context.with(secret.ages);
        if freshness.ttl > freshness.max_stale {
            let why = too_long(&freshness, "its max_stale");
            return Err(at.error(format!("{}: {why}", secret.variable)));
        }
    }
    Ok(())
}

/// A share of the ttl below 1, or seconds ahead of its end; 0 for never.
pub(super) fn ahead(at: &At<'_>) -> Result<Ahead, ConfigError> {
    let number = at.seconds()?;
    Ok(match number {
        Duration::ZERO => Ahead::Never,
        _ if number >= Duration::from_secs(1) => Ahead::Before(number),
        share => Ahead::AtThousandths(u16::try_from(share.as_millis()).unwrap_or(1000)),
    })
}
