//! The hosts that a configured vault is asked at.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::endpoint::{BadEndpoint, Endpoint, Service};
use super::files::{Access, Files};
use super::off_thread::off_thread;
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
    regions_config: Arc<RegionsConfig>,
    metadata_variable: Option<String>,
    default_realm: Option<String>,
}

/// `~/.oci/regions-config.json`.
#[derive(Debug)]
struct RegionsConfig {
    path: PathBuf,
    euid: u32,
    /// What is in it, or why it is there and not read.
    text: Mutex<Result<Option<String>, String>>,
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
        let path = around.home.join(".oci/regions-config.json");
        Self {
            explicit,
            keys_label: None,
            region: settings.region.clone(),
            regions_config: Arc::new(RegionsConfig::read(path, around.euid)),
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

    /// Reads again what could not be read: it may have been so for a moment only.
    pub(crate) async fn read_again(&self) {
        if self.regions_config.text().is_err() {
            let regions_config = Arc::clone(&self.regions_config);
            // What is wrong is said where a region is looked for.
            let _ = off_thread(move || {
                regions_config.read_again();
                Ok(())
            })
            .await;
        }
    }

    /// The region that counts, with a warning where its realm is only assumed.
    ///
    /// # Errors
    /// [`BackendError`] of class `Request`, or of class `Credentials` where the file that may describe it
    /// cannot be read.
    pub fn region(
        &self,
        region: Option<&str>,
        instance: Option<&str>,
    ) -> Result<Resolved, BackendError> {
        let described = self.regions_config.text().clone();
        let sources = Sources {
            regions_config: described.as_ref().ok().and_then(Option::as_deref),
            metadata_variable: self.metadata_variable.as_deref(),
            instance,
            default_realm: self.default_realm.as_deref(),
        };
        let Some(region) = self.region.as_deref().or(region) else {
            let message = "find the region: neither vault.region nor the credential names one";
            return Err(BackendError::not_sent(Class::Request, "no_region", message));
        };
        let resolved = Region::resolve(region, &sources).map_err(|error| {
            let message = format!("find the region {}: {error}", shown(region));
            BackendError::not_sent(Class::Request, error.kind(), message)
        });
        // A file that may say where an unknown region is must not be passed over.
        let is_known = resolved.as_ref().is_ok_and(|found| found.warning.is_none());
        match described {
            Err(why) if !is_known => {
                let message = format!("find the region {}: {why}", shown(region));
                // As any other file of the credential's: what is held is served until it is in order.
                Err(BackendError::not_sent(
                    Class::Credentials,
                    "bad_regions_config",
                    message,
                ))
            }
            _ => resolved,
        }
    }
}

impl RegionsConfig {
    fn read(path: PathBuf, euid: u32) -> Self {
        let text = Mutex::new(regions_described_in(&path, euid));
        Self { path, euid, text }
    }

    /// The file is read first, so that nobody waits for it who only wants to know what is in it.
    fn read_again(&self) {
        let text = regions_described_in(&self.path, self.euid);
        *self.text() = text;
    }

    fn text(&self) -> MutexGuard<'_, Result<Option<String>, String>> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As it is written somewhere, in one line of a bearable length.
fn shown(region: &str) -> String {
    let region: String = region.chars().take(LONGEST_SHOWN).collect();
    format!("{region:?}")
}

const LONGEST_SHOWN: usize = 80;

/// Nothing where there is no such file.
fn regions_described_in(path: &Path, euid: u32) -> Result<Option<String>, String> {
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let text = Files::default().read_text(path, Access::Configuration, euid);
    let text = text.map_err(|error| error.to_string())?;
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
                (Class::Credentials, "bad_regions_config")
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

    #[tokio::test]
    async fn a_file_of_regions_that_could_not_be_read_is_read_again() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join(".oci/regions-config.json");
        fs::create_dir(home.path().join(".oci")).expect("made");
        fs::write(&file, "[]").expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("a mode");
        let around = ProcessContext {
            home: home.path().to_owned(),
            variables: BTreeMap::new(),
            euid: nix::unistd::geteuid().as_raw(),
            clock: Arc::new(SystemWallClock),
        };
        let places = Places::new(&OciSettings::default_for(home.path()), &around);
        let region = || places.region(Some("xx-new-1"), None);
        assert_eq!(region().expect_err("unread").class(), Class::Credentials);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("a mode");
        places.read_again().await;
        assert!(region().is_ok());
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
