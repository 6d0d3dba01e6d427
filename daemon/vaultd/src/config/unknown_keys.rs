//! Keys of resolver.yaml that are not known.
//!
//! Files of before have keys of their own: they are ignored, with a warning. What could be one of our
//! sections is refused, and so is a policy in any other place than its own: one that is not read must not
//! mean that everything is allowed.

use super::document::{At, ConfigError};
use super::keys::{ALIASES, EVERYWHERE, KEYS, PLAIN, SECTIONS, find};
use super::nearest::nearest;
use super::warnings::Warnings;

/// What only this daemon has, at the top of the file alone.
const OWN: &[&str] = &["policy", "audit", "memory", "local"];

/// What stands below `policy:`, for those who leave that out.
const OF_POLICY: &[&str] = &["rules", "rule", "allow", "deny"];

/// Warns of the unknown keys of a file, and refuses those that could be sections, and those of sections
/// that only this daemon has.
pub(super) fn check(root: &At<'_>, warnings: &mut Warnings) -> Result<(), ConfigError> {
    let entries = root.entries()?;
    let mut known: Vec<&str> = SECTIONS.iter().map(|section| section.name).collect();
    known.extend(PLAIN.iter().map(|key| key.name));
    known.push("auth");
    check_sections(&entries, &known)?;
    warnings.unknown_keys(entries.iter().map(|(key, at)| (key.as_str(), at)), &known);
    for (name, at) in &entries {
        check_section(name, at, warnings)?;
        if name == "environments" {
            for (environment, at) in at.entries()? {
                if environment.is_empty() {
                    return Err(at.key_error("an environment needs a name"));
                }
                check_environment(&at, warnings)?;
            }
        }
    }
    let mut others = entries.iter().filter(|(name, _)| name != "policy");
    others.try_for_each(|(_, at)| check_policy_elsewhere(at))
}

fn check_environment(at: &At<'_>, warnings: &mut Warnings) -> Result<(), ConfigError> {
    let entries = at.entries()?;
    for (name, at) in &entries {
        let everywhere = find(name).is_some_and(|section| !section.by_environment);
        if everywhere || PLAIN.iter().any(|key| key.name == name) {
            return Err(at.key_error(EVERYWHERE_SAID));
        }
        check_section(name, at, warnings)?;
        for (_, key) in EVERYWHERE.iter().filter(|(section, _)| section == name) {
            if let Some(at) = at.get(key)? {
                return Err(at.key_error(EVERYWHERE_SAID));
            }
        }
    }
    let overlays = SECTIONS.iter().filter(|section| section.by_environment);
    let mut known: Vec<&str> = overlays.map(|section| section.name).collect();
    known.push("auth");
    check_sections(&entries, &known)?;
    warnings.unknown_keys(entries.iter().map(|(key, at)| (key.as_str(), at)), &known);
    Ok(())
}

/// Refuses what could be one of the sections, in another case or spelling.
fn check_sections(entries: &[(String, At<'_>)], known: &[&str]) -> Result<(), ConfigError> {
    let unknown = entries
        .iter()
        .filter(|(name, _)| !known.contains(&name.as_str()));
    for (name, at) in unknown {
        if let Some(section) = nearest(name, known) {
            return Err(at.key_error(format!(
                "unknown key; did you mean {section}? Nothing that could be a section is ignored"
            )));
        }
        if name == "mcpServers" {
            return Err(at.key_error(
                "unknown key; this is a block of an MCP client: write each server below services:, \
                 or as a file configs/NAME.json",
            ));
        }
        if OF_POLICY.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(at.key_error("unknown key; rules stand in a list below policy: rules:"));
        }
        let before_a_dot = name.split_once('.').map(|(section, _)| section);
        if let Some(section) = before_a_dot.and_then(|section| nearest(section, known)) {
            return Err(at.key_error(format!(
                "unknown key; a dot leads nowhere: write {section}: and the rest below it"
            )));
        }
    }
    Ok(())
}

/// Refuses what could be a policy below `at`, where none is read.
fn check_policy_elsewhere(at: &At<'_>) -> Result<(), ConfigError> {
    if at.is_list() {
        for at in at.items()? {
            let is_rule = at.is_map() && (at.get("allow")?.is_some() || at.get("deny")?.is_some());
            if is_rule {
                return Err(at.error(POLICY_ELSEWHERE));
            }
            check_policy_elsewhere(&at)?;
        }
    } else if at.is_map() {
        for (name, at) in at.entries()? {
            if at.is_map() && nearest(&name, OWN).is_some() && at.get("rules")?.is_some() {
                return Err(at.key_error(POLICY_ELSEWHERE));
            }
            check_policy_elsewhere(&at)?;
        }
    }
    Ok(())
}

const POLICY_ELSEWHERE: &str =
    "a policy is not read here; write policy: at the top of the file, without spaces before it";

const EVERYWHERE_SAID: &str = "counts for all environments; write it at the top of the file";

fn check_section(name: &str, at: &At<'_>, warnings: &mut Warnings) -> Result<(), ConfigError> {
    let mut known: Vec<&str> = KEYS
        .iter()
        .filter(|key| key.section == name)
        .map(|key| key.name)
        .collect();
    if known.is_empty() && name != "auth" {
        return Ok(());
    }
    let entries = at.entries()?;
    if find(name).is_some_and(|section| !section.inherited) {
        if let Some((_, at)) = entries
            .iter()
            .find(|(key, _)| !known.contains(&key.as_str()))
        {
            return Err(at.key_error(format!("unknown key; {name} has {}", known.join(", "))));
        }
        return Ok(());
    }
    let aliases = ALIASES.iter().filter(|alias| alias.0 == name);
    known.extend(aliases.map(|alias| alias.1));
    if name == "auth" {
        known.push("use_instance_principals");
    }
    for (key, at) in &entries {
        let first = key.split('.').next().unwrap_or_default();
        if !known.contains(&key.as_str())
            && let Some(section) = nearest(first, OWN)
        {
            return Err(at.key_error(format!(
                "unknown key; did you mean {section}, at the top of the file and without spaces before it?"
            )));
        }
    }
    warnings.unknown_keys(entries.iter().map(|(key, at)| (key.as_str(), at)), &known);
    Ok(())
}
