//! What does resolver.yaml say?

use std::path::Path;
use std::time::Duration;

use vault_memory::Preference;

use super::document::{At, ConfigError, Document};
use super::service_file::{self, Shared};
use super::warnings::Warnings;
use crate::audit::{self, OnFailure};
use crate::cache::freshness::Freshness;
use crate::policy::{Action, Actions, Policy, Rule, Verdict};
use crate::service::Service;

/// Sections that people's files have, and that mean something to parts not in this version.
const LATER: &[&str] = &[
    "version",
    "vault",
    "auth",
    "resilience",
    "logging",
    "environments",
];
/// Sections that mean something.
const NOW: &[&str] = &["secrets", "services", "cache", "policy", "audit", "memory"];

/// A resolver.yaml, as it is meant.
#[derive(Clone, Debug)]
pub(super) struct ResolverFile {
    pub(super) services: Vec<Service>,
    pub(super) freshness: Freshness,
    pub(super) policy: Policy,
    pub(super) audit: audit::Settings,
    pub(super) memory: Preference,
    pub(super) shared: Shared,
}

impl ResolverFile {
    /// What holds where there is no file.
    pub(super) fn absent(own_uid: u32) -> Self {
        Self {
            services: vec![],
            freshness: Freshness::default(),
            policy: Policy::default_for(own_uid),
            audit: audit::Settings::default(),
            memory: Preference::default(),
            shared: Shared::new(),
        }
    }

    /// Reads `text`, which came from `file`.
    pub(super) fn read(
        file: &Path,
        text: &str,
        own_uid: u32,
        warnings: &mut Warnings,
    ) -> Result<Self, ConfigError> {
        let document = Document::parse(file, text)?;
        let root = document.root();
        if !root.is_map() {
            return Err(root.error("must be a map of sections; an empty file is none"));
        }
        let mut read = Self::absent(own_uid);
        let sections = root.entries()?;
        let known: Vec<&str> = NOW.iter().chain(LATER).copied().collect();
        warnings.unknown_keys(sections.iter().map(|(key, at)| (key.as_str(), at)), &known);
        let present = |name: &str| {
            sections
                .iter()
                .find(|(key, at)| key == name && !at.is_null())
                .map(|(_, at)| at)
        };
        for (name, at) in &sections {
            if LATER.contains(&name.as_str()) && name != "version" && !at.is_null() {
                warnings.push(at.key_error("not used by this version").to_string());
            }
        }
        if let Some(at) = present("secrets") {
            read.shared = service_file::shared(at)?;
        }
        if let Some(at) = present("services") {
            for (name, at) in at.entries()? {
                let source = file.to_owned();
                let service = service_file::read(&name, source, &at, &read.shared, warnings)?;
                read.services.push(service);
            }
        }
        if let Some(at) = present("cache") {
            read.freshness = freshness(at, warnings)?;
        }
        if let Some(at) = present("policy") {
            read.policy = Policy::new(own_uid, rules(at)?);
        }
        if let Some(at) = present("audit") {
            read.audit = audit(at)?;
        }
        if let Some(at) = present("memory") {
            let wrong = |_| at.error("must be auto, secretmem or mlock");
            read.memory = at.text()?.parse().map_err(wrong)?;
        }
        Ok(read)
    }
}

fn freshness(at: &At<'_>, warnings: &mut Warnings) -> Result<Freshness, ConfigError> {
    let mut freshness = Freshness::default();
    let entries = at.entries()?;
    let known = ["directory", "ttl", "max_stale", "enable_stale_fallback"];
    warnings.unknown_keys(entries.iter().map(|(key, at)| (key.as_str(), at)), &known);
    let mut bounded = None;
    for (key, at) in entries.iter().filter(|(_, at)| !at.is_null()) {
        match key.as_str() {
            "ttl" => freshness.ttl = Duration::from_secs(at.whole_number()?),
            "max_stale" => {
                freshness.max_stale = Duration::from_secs(at.whole_number()?);
                bounded = Some(at);
            }
            "enable_stale_fallback" => freshness.stale_fallback = at.boolean()?,
            "directory" => warnings.push(
                at.key_error("not used: vaultd keeps values in memory only")
                    .to_string(),
            ),
            _ => {}
        }
    }
    if freshness.ttl > freshness.max_stale {
        let at = bounded.unwrap_or(at);
        return Err(at.error(format!(
            "cache.ttl ({} s) is longer than cache.max_stale ({} s)",
            freshness.ttl.as_secs(),
            freshness.max_stale.as_secs()
        )));
    }
    Ok(freshness)
}

fn audit(at: &At<'_>) -> Result<audit::Settings, ConfigError> {
    let mut settings = audit::Settings::default();
    for (key, at) in at.entries()? {
        match key.as_str() {
            "sync" => settings.sync = at.boolean()?,
            "on_failure" => {
                settings.on_failure = match at.text()? {
                    "refuse" => OnFailure::Refuse,
                    "serve" => OnFailure::Serve,
                    _ => return Err(at.error("must be refuse or serve")),
                }
            }
            "max_bytes" => settings.max_bytes = at.whole_number()?,
            "keep" => {
                let many = |_| at.error("must be at most 1000");
                settings.keep = u32::try_from(at.whole_number()?.min(1001)).map_err(many)?;
                if settings.keep > 1000 {
                    return Err(at.error("must be at most 1000"));
                }
            }
            _ => {
                return Err(
                    at.key_error("unknown key; audit has sync, on_failure, max_bytes, keep")
                );
            }
        }
    }
    Ok(settings)
}

fn rules(at: &At<'_>) -> Result<Vec<Rule>, ConfigError> {
    let mut rules = Vec::new();
    for (key, at) in at.entries()? {
        if key != "rules" {
            return Err(at.key_error("unknown key; policy has rules"));
        }
        for at in at.items()? {
            rules.push(rule(&at)?);
        }
    }
    Ok(rules)
}

fn rule(at: &At<'_>) -> Result<Rule, ConfigError> {
    let mut verdict = None;
    let mut rule = Rule {
        verdict: Verdict::Deny,
        actions: vec![],
        services: None,
        references: None,
        uids: None,
        place: format!("rule at {}", at.place()),
    };
    for (key, at) in at.entries()? {
        match key.as_str() {
            "allow" | "deny" if verdict.is_some() => {
                return Err(at.key_error("a rule either allows or denies"));
            }
            "allow" | "deny" => {
                verdict = Some(if key == "allow" {
                    Verdict::Allow
                } else {
                    Verdict::Deny
                });
                rule.actions = at.items()?.iter().map(actions).collect::<Result<_, _>>()?;
            }
            "services" => rule.services = Some(at.texts()?),
            "references" => rule.references = Some(at.texts()?),
            "uids" => {
                let uid = |at: &At<'_>| {
                    let wrong = |_| at.error("must be a uid");
                    u32::try_from(at.whole_number()?).map_err(wrong)
                };
                rule.uids = Some(at.items()?.iter().map(uid).collect::<Result<_, _>>()?);
            }
            _ => {
                return Err(at.key_error(
                    "unknown key; a rule has allow or deny, services, references, uids",
                ));
            }
        }
    }
    rule.verdict = verdict.ok_or_else(|| at.error("a rule needs allow or deny"))?;
    Ok(rule)
}

fn actions(at: &At<'_>) -> Result<Actions, ConfigError> {
    match at.text()? {
        "all" => Ok(Actions::All),
        "default" => Ok(Actions::Default),
        word => Action::from_word(word).map(Actions::One).ok_or_else(|| {
            let words: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
            at.error(format!(
                "unknown action; there are default, all, {}",
                words.join(", ")
            ))
        }),
    }
}
