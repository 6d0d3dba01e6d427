//! Regions and their realms.
//!
//! A region decides to whom signed requests go. So unlike the SDKs, which take any text for a region
//! of the commercial realm, only what looks like a region's identifier is given the benefit of the
//! doubt, and with a warning.

mod known;
mod labels;
mod sources;

use std::fmt;

pub use sources::Sources;

use labels::{is_domain, is_identifier};
use sources::Table;

/// A region and the domain below which its services are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Region {
    identifier: String,
    domain: String,
}

impl Region {
    /// What `text` means: a region's identifier or its short key, in any case. Known ones first, then
    /// those of the sources in their order; an unknown one is in the realm that the sources assume,
    /// else in `oc1`.
    ///
    /// # Errors
    /// [`UnknownRegion`].
    pub fn resolve(text: &str, sources: &Sources<'_>) -> Result<Resolved, UnknownRegion> {
        let description = text.trim().to_lowercase();
        let table = Table::read(sources);
        let identifier = table
            .identifier(&description)
            .unwrap_or(&description)
            .to_owned();
        if identifier.contains('.') {
            return Err(UnknownRegion::Dotted);
        }
        let tried = || table.tried().join(", ");
        let (domain, warning) = match (table.domain(&identifier), sources.default_realm()) {
            (Some(known), _) => (known, None),
            (None, _) if !is_identifier(&identifier) => {
                return Err(UnknownRegion::Nowhere { tried: tried() });
            }
            (None, Some(domain)) if is_domain(domain) => (domain, None),
            (None, Some(_)) => return Err(UnknownRegion::DefaultRealm),
            (None, None) => {
                let (region, tried) = (identifier.clone(), tried());
                (COMMERCIAL, Some(AssumedRealm { region, tried }))
            }
        };
        let domain = domain.to_owned();
        let region = Self { identifier, domain };
        Ok(Resolved { region, warning })
    }

    /// The identifier: `us-phoenix-1`.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The second-level domain of its realm: `oraclecloud.com`.
    pub fn domain(&self) -> &str {
        &self.domain
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.identifier)
    }
}

/// A region, and what to tell the person who named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The region.
    pub region: Region,
    /// Whether its realm is only assumed.
    pub warning: Option<AssumedRealm>,
}

/// Nobody knows the region: it was taken for one of the commercial realm. If it is none, its hosts do
/// not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumedRealm {
    region: String,
    tried: String,
}

impl fmt::Display for AssumedRealm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, tried } = self;
        write!(
            f,
            "region {region} is not known, and taken for one of the realm oc1 ({COMMERCIAL}); \
             looked into {tried}"
        )
    }
}

/// Why a text means no region. The text is not repeated: it may be anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownRegion {
    /// A domain, which the SDKs for Python and Go take for two different hosts.
    #[error("a region with a dot needs an explicit endpoint")]
    Dotted,
    /// A variable that would lead nowhere.
    #[error("it is not known, and OCI_DEFAULT_REALM is no domain such as oraclecloud17.com")]
    DefaultRealm,
    /// Neither known nor like the identifier of a region.
    #[error("it is not known and no identifier such as us-phoenix-1; looked into {tried}")]
    Nowhere {
        /// Where it was looked for.
        tried: String,
    },
}

impl UnknownRegion {
    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dotted => "dotted_region",
            Self::DefaultRealm => "bad_default_realm",
            Self::Nowhere { .. } => "unknown_region",
        }
    }
}

/// The domain of the realm `oc1`.
const COMMERCIAL: &str = "oraclecloud.com";

#[cfg(test)]
mod tests {
    use super::*;

    const MARS: &str = r#"{"realmKey": "OC99", "realmDomainComponent": "OracleCloud99.com",
        "regionKey": "MRS9", "regionIdentifier": "ap-mars-1"}"#;

    fn resolved(text: &str, sources: &Sources<'_>) -> (String, String, bool) {
        let Resolved { region, warning } = Region::resolve(text, sources).expect(text);
        (region.identifier, region.domain, warning.is_some())
    }

    fn region(identifier: &str, domain: &str) -> (String, String, bool) {
        (identifier.to_owned(), domain.to_owned(), false)
    }

    #[test]
    fn every_known_region_is_found_by_its_key_and_its_identifier() {
        let none = Sources::default();
        let mut regions = 0;
        for realm in known::REALMS {
            for (key, identifier) in realm.regions {
                let expected = region(identifier, realm.domain);
                assert_eq!(resolved(key, &none), expected);
                assert_eq!(
                    resolved(&format!(" {}\n", key.to_uppercase()), &none),
                    expected
                );
                assert_eq!(resolved(identifier, &none), expected);
                assert!(is_identifier(identifier), "{identifier}");
                regions += 1;
            }
        }
        assert_eq!((known::REALMS.len(), regions), (20, 85));
    }

    #[test]
    fn an_instance_knows_its_own_region() {
        let sources = Sources {
            instance: Some(MARS),
            ..Sources::default()
        };
        let mars = region("ap-mars-1", "oraclecloud99.com");
        assert_eq!(resolved("mrs9", &sources), mars);
        assert_eq!(resolved("AP-Mars-1", &sources), mars);
    }

    #[test]
    fn a_description_that_is_no_host_is_none() {
        let evil = MARS.replace("OracleCloud99.com", "example.com/x");
        let sources = Sources {
            metadata_variable: Some(&evil),
            ..Sources::default()
        };
        let (_, domain, assumed) = resolved("ap-mars-1", &sources);
        assert_eq!((domain.as_str(), assumed), (COMMERCIAL, true));
    }

    #[test]
    fn an_unknown_region_is_commercial_with_a_warning_that_says_where_was_looked() {
        let sources = Sources {
            regions_config: Some("["),
            metadata_variable: Some(MARS),
            ..Sources::default()
        };
        let found = Region::resolve("xx-nowhere-9", &sources).expect("a region");
        assert_eq!(found.region.domain(), "oraclecloud.com");
        assert_eq!(
            found.warning.expect("a warning").to_string(),
            "region xx-nowhere-9 is not known, and taken for one of the realm oc1 (oraclecloud.com); \
             looked into the built-in regions, ~/.oci/regions-config.json (not readable), \
             OCI_REGION_METADATA, the metadata of the instance (not there)"
        );
    }

    #[test]
    fn a_realm_that_somebody_named_is_no_assumption() {
        let sources = Sources {
            default_realm: Some("oraclecloud17.com"),
            ..Sources::default()
        };
        let expected = region("xx-nowhere-9", "oraclecloud17.com");
        assert_eq!(resolved("xx-nowhere-9", &sources), expected);
        let sources = Sources {
            default_realm: Some("https://x"),
            ..Sources::default()
        };
        let refused = Region::resolve("xx-nowhere-9", &sources);
        assert_eq!(refused, Err(UnknownRegion::DefaultRealm));
    }

    #[test]
    fn what_is_neither_known_nor_like_a_region_is_refused() {
        let none = Sources::default();
        for text in [
            "",
            "zzz",
            "phoenix",
            "us-phoenix",
            "us-phoenix-1 # home",
            "-1",
            "a--1",
            "a-b-1/",
        ] {
            let refused = Region::resolve(text, &none).expect_err(text);
            assert_eq!(refused.kind(), "unknown_region", "{text}");
            let message = refused.to_string();
            assert!(
                message.contains("OCI_REGION_METADATA (not there)"),
                "{message}"
            );
        }
        let long = format!("{}-a-1", "a".repeat(60));
        assert!(Region::resolve(&long, &none).is_err());
        let dotted = Region::resolve("us-phoenix-1.oraclecloud.example", &none);
        assert_eq!(dotted, Err(UnknownRegion::Dotted));
    }
}
