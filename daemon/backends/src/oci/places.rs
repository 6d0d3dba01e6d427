//! At which hosts is a configured vault asked?

use std::fs;

use super::endpoint::{BadEndpoint, Endpoint, Service};
use super::region::{Region, Resolved, Sources};
use super::settings::Settings;
use super::surroundings::Surroundings;
use crate::backend::{BackendError, Class};

/// Endpoints that are configured, and what is known of regions.
#[derive(Clone, Debug)]
pub struct Places {
    explicit: Vec<(Service, &'static str, String)>,
    region: Option<String>,
    regions_config: Option<String>,
    metadata_variable: Option<String>,
    default_realm: Option<String>,
}

impl Places {
    /// What settings and surroundings say. Reads `~/.oci/regions-config.json`.
    pub fn new(settings: &Settings, around: &Surroundings) -> Self {
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
        Self {
            explicit,
            region: settings.region.clone(),
            regions_config: fs::read_to_string(around.home.join(".oci/regions-config.json")).ok(),
            metadata_variable: variable("OCI_REGION_METADATA"),
            default_realm: variable("OCI_DEFAULT_REALM"),
        }
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
        Ok(Endpoint::of(service, &resolved.region))
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
            return Err(BackendError::new(Class::Request, "no_region", message));
        };
        Region::resolve(region, &sources)
            .map_err(|error| BackendError::new(Class::Request, error.kind(), error.to_string()))
    }
}

fn bad_endpoint(key: &str, error: BadEndpoint) -> BackendError {
    BackendError::new(Class::Request, "bad_endpoint", format!("{key}: {error}"))
}
