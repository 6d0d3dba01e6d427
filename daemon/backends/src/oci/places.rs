//! At which hosts is a configured vault asked?

use std::path::Path;

use super::endpoint::{BadEndpoint, Endpoint, Service};
use super::files::{Access, Files};
use super::region::{Region, Resolved, Sources};
use super::settings::OciSettings;
use crate::error::{BackendError, Class};
use crate::process_context::ProcessContext;

/// Endpoints that are configured, and what is known of regions.
#[derive(Clone, Debug)]
pub struct Places {
    explicit: Vec<(Service, &'static str, String)>,
    /// The vault whose keys are asked for: its label among the hosts of the region.
    keys_label: Option<String>,
    region: Option<String>,
    regions_config: Option<String>,
    /// Why `~/.oci/regions-config.json` is there and not read.
    unreadable: Option<String>,
    metadata_variable: Option<String>,
    default_realm: Option<String>,
}

impl Places {
    /// What settings and surroundings say. Reads `~/.oci/regions-config.json`.
    pub fn new(settings: &OciSettings, around: &ProcessContext) -> Self {
        let configured = [
            (Service::Secrets, "vault.endpoint", &settings.endpoint),
            (
                Service::Vaults,
                "vault.management_endpoint",
                &settings.management_endpoint,
            ),
            (
                Service::Auth,
                "vault.auth_endpoint",
                &settings.auth_endpoint,
            ),
            (
                Service::Keys,
                "vault.key_management_endpoint",
                &settings.key_management_endpoint,
            ),
        ];
        let configured = configured.into_iter();
        let mut explicit: Vec<_> = configured
            .filter_map(|(service, key, url)| Some((service, key, url.clone()?)))
            .collect();
        // The SDK for Go has this variable.
        if let Some(url) = around.variable("OCI_SDK_AUTH_CLIENT_REGION_URL") {
            explicit.push((
                Service::Auth,
                "OCI_SDK_AUTH_CLIENT_REGION_URL",
                url.to_owned(),
            ));
        }
        let variable = |name| around.variable(name).map(str::to_owned);
        let regions_config = around.home.join(".oci/regions-config.json");
        let regions_config = regions_described_in(&regions_config, around.euid);
        let (regions_config, unreadable) = match regions_config {
            Ok(text) => (text, None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            explicit,
            keys_label: None,
            region: settings.region.clone(),
            regions_config,
            unreadable,
            metadata_variable: variable("OCI_REGION_METADATA"),
            default_realm: variable("OCI_DEFAULT_REALM"),
        }
    }

    /// The same places, where [`Service::Keys`] is that of one vault. Its OCID says where that is, as
    /// `ocid1.vault.REALM.REGION.LABEL.UNIQUE`, unless it is configured.
    ///
    /// # Errors
    /// [`BackendError`] of class `Request`, which says what to configure.
    pub fn with_keys_of(&self, vault: &str) -> Result<Self, BackendError> {
        let parts: Vec<&str> = vault.split('.').collect();
        let label = match parts.as_slice() {
            ["ocid1", "vault", _, _, label, _] if !label.is_empty() => Some((*label).to_owned()),
            _ => None,
        };
        let mut explicit = self.explicit.iter();
        if label.is_none() && !explicit.any(|(of, ..)| *of == Service::Keys) {
            let message = format!(
                "ask for the keys of vault {vault}: its OCID does not say where; set vault.key_id or \
                 vault.key_management_endpoint"
            );
            return Err(BackendError::not_sent(
                Class::Request,
                "no_key_endpoint",
                message,
            ));
        }
        Ok(Self {
            keys_label: label,
            ..self.clone()
        })
    }

    /// The endpoint of a service: the configured one, else that of the configured region, else that of
    /// `region`, the credential's own. `instance` is what the metadata of the instance says of regions.
    ///
    /// # Errors
    /// [`BackendError`] of class `Request`, which says what to configure.
    pub fn endpoint(
        &self,
        service: Service,
        region: Option<&str>,
        instance: Option<&str>,
    ) -> Result<Endpoint, BackendError> {
        let mut explicit = self.explicit.iter();
        if let Some((_, key, url)) = explicit.find(|(of, ..)| *of == service) {
            return Endpoint::explicit(service, url).map_err(|error| bad_endpoint(key, error));
        }
        let resolved = self.region(region, instance)?;
        match (service, &self.keys_label) {
            (Service::Keys, Some(label)) => Endpoint::of_keys(label, &resolved.region)
                .map_err(|error| bad_endpoint("the vault's OCID", error.into())),
            _ => Ok(Endpoint::of(service, &resolved.region)),
        }
    }

    /// The region that counts, with a warning where its realm is only assumed.
    ///
    /// # Errors
    /// [`BackendError`] of class `Request`.
    pub fn region(
        &self,
        region: Option<&str>,
        instance: Option<&str>,
    ) -> Result<Resolved, BackendError> {
        let sources = Sources {
            regions_config: self.regions_config.as_deref(),
            metadata_variable: self.metadata_variable.as_deref(),
            instance,
            default_realm: self.default_realm.as_deref(),
        };
        let Some(region) = self.region.as_deref().or(region) else {
            let message = "find the region: neither vault.region nor the credential names one";
            return Err(BackendError::not_sent(Class::Request, "no_region", message));
        };
        let resolved = Region::resolve(region, &sources).map_err(|error| {
            BackendError::not_sent(Class::Request, error.kind(), error.to_string())
        });
        // A file that may say where an unknown region is must not be passed over.
        let is_known = resolved.as_ref().is_ok_and(|found| found.warning.is_none());
        match &self.unreadable {
            Some(why) if !is_known => {
                let message = format!("find the region {region}: {why}");
                Err(BackendError::not_sent(
                    Class::Request,
                    "bad_regions_config",
                    message,
                ))
            }
            _ => resolved,
        }
    }
}

/// Nothing where there is no such file.
fn regions_described_in(path: &Path, euid: u32) -> Result<Option<String>, BackendError> {
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let text = Files::default().read_text(path, Access::Configuration, euid)?;
    Ok(Some(text.to_string()))
}

fn bad_endpoint(key: &str, error: BadEndpoint) -> BackendError {
    BackendError::not_sent(Class::Request, "bad_endpoint", format!("{key}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    use super::*;
    use crate::wall_clock::SystemWallClock;

    fn places(key_management_endpoint: Option<&str>) -> Places {
        let around = ProcessContext {
            home: "/nowhere".into(),
            variables: BTreeMap::new(),
            euid: 0,
            clock: Arc::new(SystemWallClock),
        };
        let settings = OciSettings {
            key_management_endpoint: key_management_endpoint.map(str::to_owned),
            ..OciSettings::default_for(Path::new("/nowhere"))
        };
        Places::new(&settings, &around)
    }

    fn keys_at(places: &Places, vault: &str) -> Result<String, BackendError> {
        let of_vault = places.with_keys_of(vault)?;
        let endpoint = of_vault.endpoint(Service::Keys, Some("us-phoenix-1"), None)?;
        Ok(endpoint.to_string())
    }

    #[test]
    fn a_file_of_regions_that_others_can_write_or_that_is_a_pipe_describes_none() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join(".oci/regions-config.json");
        fs::create_dir(home.path().join(".oci")).expect("made");
        let around = ProcessContext {
            home: home.path().to_owned(),
            variables: BTreeMap::new(),
            euid: nix::unistd::geteuid().as_raw(),
            clock: Arc::new(SystemWallClock),
        };
        let found = |region| {
            let places = Places::new(&OciSettings::default_for(home.path()), &around);
            let endpoint = places.endpoint(Service::Secrets, Some(region), None);
            endpoint.map(|endpoint| endpoint.to_string())
        };
        let described = r#"[{"realmKey": "oc99", "realmDomainComponent": "cloud.example",
            "regionKey": "XYZ", "regionIdentifier": "xx-new-1"}]"#;
        fs::write(&file, described).expect("written");
        let host = "https://secrets.vaults.xx-new-1.oci.cloud.example";
        assert_eq!(found("xx-new-1").expect("described"), host);
        let refused = |words: &str| {
            let error = found("xx-new-1").expect_err("not read");
            assert_eq!(
                (error.class(), error.kind()),
                (Class::Request, "bad_regions_config")
            );
            assert!(error.to_string().contains(words), "{error}");
            assert!(found("us-phoenix-1").is_ok(), "that one is built in");
        };
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("a mode");
        refused("chmod");
        fs::remove_file(&file).expect("removed");
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        refused("is not a file");
    }

    #[test]
    fn the_keys_of_a_vault_are_where_its_ocid_says_unless_that_is_configured() {
        let vault = "ocid1.vault.oc1.phx.b5label.unique";
        let (public, private) = (places(None), places(Some("https://keys.example")));
        let label = "https://b5label-management.kms.us-phoenix-1.oraclecloud.com";
        assert_eq!(keys_at(&public, vault).expect("a host"), label);
        for vault in [vault, "ocid1.vault.odd", "v"] {
            let explicit = keys_at(&private, vault).expect("a host");
            assert_eq!(explicit, "https://keys.example");
        }
        for vault in [
            "ocid1.vault.odd",
            "ocid1.vault.oc1.phx..u",
            "ocid1.key.oc1.phx.l.u",
        ] {
            let error = keys_at(&public, vault).expect_err("no host");
            assert_eq!(error.kind(), "no_key_endpoint");
            assert!(error.to_string().contains("vault.key_id"), "{error}");
        }
        let other_letters = keys_at(&public, "ocid1.vault.oc1.phx.a/b.u");
        assert_eq!(other_letters.expect_err("no host").kind(), "bad_endpoint");
    }
}
