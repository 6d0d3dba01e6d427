//! Settings of a vault of OCI.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// What the `vault:` section says: the credential, the place, and what a bare name means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OciSettings {
    /// Where the credential comes from.
    pub auth_method: AuthMethod,
    /// The OCI configuration file, for the methods that read one.
    pub config_file: PathBuf,
    /// The profile in that file.
    pub config_profile: String,
    /// The region; `None` for the credential's own.
    pub region: Option<String>,
    /// The compartment that bare names are in.
    pub compartment_id: Option<String>,
    /// The vault that bare names are in, where no compartment is given.
    pub vault_id: Option<String>,
    /// The endpoint of Secret Retrieval in place of the region's.
    pub endpoint: Option<String>,
    /// The endpoint of Vaults in place of the region's.
    pub management_endpoint: Option<String>,
    /// The endpoint of the auth service in place of the region's.
    pub auth_endpoint: Option<String>,
    /// The endpoint of the vault's keys in place of the one its OCID leads to.
    pub key_management_endpoint: Option<String>,
    /// The key that new secrets are encrypted with; `None` to find one.
    pub key_id: Option<String>,
    /// The only certificate authorities that are believed; `None` for the system's.
    pub ca_file: Option<PathBuf>,
    /// The HTTP proxy that tunnels connections, `http://HOST:PORT`. Never for instance metadata.
    pub proxy: Option<String>,
    /// The file with the token of the user on whose behalf requests are made.
    pub delegation_token_file: Option<PathBuf>,
    /// Whether key files may be readable by others.
    pub allow_readable_keys: bool,
}

impl OciSettings {
    /// What holds where nothing is configured, for a user with this home.
    pub fn default_for(home: &std::path::Path) -> Self {
        Self {
            auth_method: AuthMethod::default(),
            config_file: home.join(".oci/config"),
            config_profile: "DEFAULT".to_owned(),
            region: None,
            compartment_id: None,
            vault_id: None,
            endpoint: None,
            management_endpoint: None,
            auth_endpoint: None,
            key_management_endpoint: None,
            key_id: None,
            ca_file: None,
            proxy: None,
            delegation_token_file: None,
            allow_readable_keys: false,
        }
    }
}

/// Where a credential comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthMethod {
    /// An API key of a profile in the configuration file.
    #[default]
    ConfigFile,
    /// A session token of a profile in the configuration file.
    SessionToken,
    /// The instance this runs on.
    InstancePrincipal,
    /// The function or job this runs in.
    ResourcePrincipal,
    /// The OKE pod this runs in.
    WorkloadIdentity,
}

impl AuthMethod {
    /// Every method.
    pub const ALL: [Self; 5] = [
        Self::ConfigFile,
        Self::SessionToken,
        Self::InstancePrincipal,
        Self::ResourcePrincipal,
        Self::WorkloadIdentity,
    ];

    /// The method's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfigFile => "config_file",
            Self::SessionToken => "session_token",
            Self::InstancePrincipal => "instance_principal",
            Self::ResourcePrincipal => "resource_principal",
            Self::WorkloadIdentity => "workload_identity",
        }
    }
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is none of the methods'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be config_file, session_token, instance_principal, resource_principal or \
     workload_identity"
)]
pub struct UnknownAuthMethod;

impl FromStr for AuthMethod {
    type Err = UnknownAuthMethod;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|method| method.as_str() == word)
            .ok_or(UnknownAuthMethod)
    }
}
