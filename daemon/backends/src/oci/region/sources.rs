//! Sources of regions besides the built-in table.

use serde::Deserialize;

use super::known::{REALMS, Realm};
use super::labels::is_domain;

/// Where regions are described that are newer than this program. Texts, since to read them is another
/// question. What an earlier one says, and what is built in, a later one cannot change.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sources<'a> {
    /// `~/.oci/regions-config.json`: an array of descriptions.
    pub regions_config: Option<&'a str>,
    /// The variable `OCI_REGION_METADATA`: one description.
    pub metadata_variable: Option<&'a str>,
    /// `/instance/regionInfo` of the instance metadata service: one description.
    pub instance: Option<&'a str>,
    /// The variable `OCI_DEFAULT_REALM`. Its value is a domain, not a realm's key.
    pub default_realm: Option<&'a str>,
}

impl<'a> Sources<'a> {
    /// The domain of unknown regions, where somebody said so.
    pub(super) fn default_realm(&self) -> Option<&'a str> {
        self.default_realm.filter(|domain| !domain.is_empty())
    }
}

/// Regions and realms, those of the sources after the built-in ones.
pub(super) struct Table {
    added: Vec<Description>,
    tried: Vec<String>,
}

impl Table {
    /// What the sources say.
    pub(super) fn read(sources: &Sources<'_>) -> Self {
        let mut table = Self {
            added: Vec::new(),
            tried: vec!["the built-in regions".to_owned()],
        };
        let all = [
            (
                "~/.oci/regions-config.json",
                sources.regions_config,
                Form::Array,
            ),
            ("OCI_REGION_METADATA", sources.metadata_variable, Form::One),
            ("the metadata of the instance", sources.instance, Form::One),
        ];
        for (name, text, form) in all {
            let text = text.filter(|text| !text.trim().is_empty());
            let outcome = match text.map(|text| descriptions(text, form)) {
                None => " (not there)",
                Some(None) => " (not readable)",
                Some(Some(found)) => {
                    table.added.extend(found);
                    ""
                }
            };
            table.tried.push(format!("{name}{outcome}"));
        }
        table
    }

    /// Where it was looked, in words.
    pub(super) fn tried(&self) -> &[String] {
        &self.tried
    }

    /// The identifier of the region with this key.
    pub(super) fn identifier(&self, key: &str) -> Option<&str> {
        let mut built_in = REALMS.iter().flat_map(|realm| realm.regions);
        let built_in = built_in.find(|(found, _)| *found == key);
        let added = || self.added.iter().find(|added| added.key == key);
        built_in
            .map(|(_, identifier)| *identifier)
            .or_else(|| Some(added()?.identifier.as_str()))
    }

    /// The domain of the region with this identifier.
    pub(super) fn domain(&self, identifier: &str) -> Option<&str> {
        let has = |realm: &&Realm| realm.regions.iter().any(|(_, found)| *found == identifier);
        let built_in = REALMS.iter().find(has);
        let added = || {
            self.added
                .iter()
                .find(|added| added.identifier == identifier)
        };
        built_in
            .map(|realm| realm.domain)
            .or_else(|| self.domain_of_realm(&added()?.realm))
    }

    /// What is known of a realm already counts more than what comes with a region.
    fn domain_of_realm(&self, key: &str) -> Option<&str> {
        let built_in = REALMS.iter().find(|realm| realm.key == key);
        let added = || self.added.iter().find(|added| added.realm == key);
        built_in
            .map(|realm| realm.domain)
            .or_else(|| Some(added()?.domain.as_str()))
    }
}

/// One region as its owner describes it.
struct Description {
    realm: String,
    domain: String,
    key: String,
    identifier: String,
}

/// What a source consists of. Another form is not read, as in the SDKs.
#[derive(Clone, Copy)]
enum Form {
    Array,
    One,
}

/// Descriptions that lack something are left out, as in the SDKs.
fn descriptions(text: &str, form: Form) -> Option<Vec<Description>> {
    let all: Vec<serde_json::Value> = match form {
        Form::Array => serde_json::from_str(text).ok()?,
        Form::One => vec![serde_json::from_str(text).ok()?],
    };
    Some(all.into_iter().filter_map(description).collect())
}

fn description(value: serde_json::Value) -> Option<Description> {
    let written = Written::deserialize(value).ok()?;
    let parts = [
        written.realm_key,
        written.realm_domain_component,
        written.region_key,
        written.region_identifier,
    ];
    // The two last become parts of host names; what cannot be one is no description.
    if parts.iter().any(String::is_empty) || !is_domain(&parts[1]) || !is_domain(&parts[3]) {
        return None;
    }
    let [realm, domain, key, identifier] = parts.map(|part| part.to_lowercase());
    Some(Description {
        realm,
        domain,
        key,
        identifier,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    realm_key: String,
    realm_domain_component: String,
    region_key: String,
    region_identifier: String,
}
