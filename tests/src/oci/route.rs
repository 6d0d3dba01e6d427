//! The operations that requests ask for.

use hyper::Method;

/// An operation of one of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// Secret Retrieval: a value by id.
    GetSecretBundle,
    /// Secret Retrieval: a value by name, a POST.
    GetSecretBundleByName,
    /// Secret Retrieval: the versions there are.
    ListSecretBundleVersions,
    /// Vaults: the secrets of a compartment.
    ListSecrets,
    /// Vaults: a new secret.
    CreateSecret,
    /// Vaults: one secret, without its value.
    GetSecret,
    /// Vaults: a new version, another current version, other words.
    UpdateSecret,
    /// Vaults: delete a secret, later.
    ScheduleSecretDeletion,
    /// Vaults: keep it after all.
    CancelSecretDeletion,
    /// Vaults: the versions of a secret.
    ListSecretVersions,
    /// Vaults: one version, without its value.
    GetSecretVersion,
    /// Vaults: delete a version, later.
    ScheduleSecretVersionDeletion,
    /// Vaults: keep it after all.
    CancelSecretVersionDeletion,
    /// Key management: the vaults of a compartment.
    ListVaults,
    /// Key management: one vault.
    GetVault,
    /// Key management: the keys of a compartment.
    ListKeys,
    /// Key management: one key.
    GetKey,
    /// Auth: a token for an instance.
    FederateInstance,
    /// Auth: the next token of a session.
    RefreshSession,
    /// A resource's service: the first half of a resource principal.
    ResourcePrincipalToken,
    /// Auth: the second half.
    ResourcePrincipalSession,
    /// A Kubernetes cluster: a token for a pod.
    WorkloadToken,
    /// Metadata: the region's key.
    MetadataRegion,
    /// Metadata: region and realm.
    MetadataRegionInfo,
    /// Metadata: the instance's id.
    MetadataInstanceId,
    /// Metadata: the instance's certificate.
    MetadataCertificate,
    /// Metadata: its key.
    MetadataKey,
    /// Metadata: who vouches for it.
    MetadataIntermediate,
    /// None of these.
    Unknown,
}

impl Route {
    /// Every one.
    pub const ALL: [Self; 29] = [
        Self::GetSecretBundle,
        Self::GetSecretBundleByName,
        Self::ListSecretBundleVersions,
        Self::ListSecrets,
        Self::CreateSecret,
        Self::GetSecret,
        Self::UpdateSecret,
        Self::ScheduleSecretDeletion,
        Self::CancelSecretDeletion,
        Self::ListSecretVersions,
        Self::GetSecretVersion,
        Self::ScheduleSecretVersionDeletion,
        Self::CancelSecretVersionDeletion,
        Self::ListVaults,
        Self::GetVault,
        Self::ListKeys,
        Self::GetKey,
        Self::FederateInstance,
        Self::RefreshSession,
        Self::ResourcePrincipalToken,
        Self::ResourcePrincipalSession,
        Self::WorkloadToken,
        Self::MetadataRegion,
        Self::MetadataRegionInfo,
        Self::MetadataInstanceId,
        Self::MetadataCertificate,
        Self::MetadataKey,
        Self::MetadataIntermediate,
        Self::Unknown,
    ];

    /// The operation of a method and the parts of a path.
    pub(super) fn of(method: &Method, path: &[String]) -> Self {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match (method.as_str(), path.as_slice()) {
            ("GET", ["20190301", "secretbundles", _]) => Self::GetSecretBundle,
            ("POST", ["20190301", "secretbundles", "actions", "getByName"]) => {
                Self::GetSecretBundleByName
            }
            ("GET", ["20190301", "secretbundles", _, "versions"]) => Self::ListSecretBundleVersions,
            (method, ["20180608", "secrets", rest @ ..]) => Self::of_management(method, rest),
            ("GET", ["20180608", "vaults"]) => Self::ListVaults,
            ("GET", ["20180608", "vaults", _]) => Self::GetVault,
            ("GET", ["20180608", "keys"]) => Self::ListKeys,
            ("GET", ["20180608", "keys", _]) => Self::GetKey,
            ("POST", ["v1", "x509"]) => Self::FederateInstance,
            ("POST", ["v1", "authentication", "refresh"]) => Self::RefreshSession,
            ("POST", ["v1", "resourcePrincipalSessionToken"]) => Self::ResourcePrincipalSession,
            // The word between is one of a version, or what a variable of the resource says.
            ("GET", ["20180711", _, _]) => Self::ResourcePrincipalToken,
            ("POST", ["resourcePrincipalSessionTokens"]) => Self::WorkloadToken,
            ("GET", ["opc", "v2", rest @ ..]) => Self::of_metadata(rest),
            _ => Self::Unknown,
        }
    }

    fn of_management(method: &str, rest: &[&str]) -> Self {
        match (method, rest) {
            ("GET", []) => Self::ListSecrets,
            ("POST", []) => Self::CreateSecret,
            ("GET", [_]) => Self::GetSecret,
            ("PUT", [_]) => Self::UpdateSecret,
            ("POST", [_, "actions", "scheduleDeletion"]) => Self::ScheduleSecretDeletion,
            ("POST", [_, "actions", "cancelDeletion"]) => Self::CancelSecretDeletion,
            ("GET", [_, "versions"]) => Self::ListSecretVersions,
            ("GET", [_, "version", _]) => Self::GetSecretVersion,
            ("POST", [_, "version", _, "actions", "scheduleDeletion"]) => {
                Self::ScheduleSecretVersionDeletion
            }
            ("POST", [_, "version", _, "actions", "cancelDeletion"]) => {
                Self::CancelSecretVersionDeletion
            }
            _ => Self::Unknown,
        }
    }

    fn of_metadata(rest: &[&str]) -> Self {
        match rest {
            ["instance", "region"] => Self::MetadataRegion,
            ["instance", "regionInfo"] => Self::MetadataRegionInfo,
            ["instance", "id"] => Self::MetadataInstanceId,
            ["identity", "cert.pem"] => Self::MetadataCertificate,
            ["identity", "key.pem"] => Self::MetadataKey,
            ["identity", "intermediate.pem"] => Self::MetadataIntermediate,
            _ => Self::Unknown,
        }
    }

    /// The operation of this name, as [`Debug`](std::fmt::Debug) writes it.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|route| format!("{route:?}") == name)
    }
}
