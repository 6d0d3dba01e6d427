//! Files and variables that make a client of the fake.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::fake::FakeOci;
use super::fixture::{private_key_pem, public_key_pem, tenancy, text, user};
use super::naming::{REGION, RESOURCE};

/// Where they are, by the way in which one may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The authority behind the HTTPS port.
    pub ca_file: PathBuf,
    /// An OCI configuration with the profiles `DEFAULT` (an API key) and `SESSION` (a token).
    pub config_file: PathBuf,
    /// The token of the profile `SESSION`.
    pub session_token_file: PathBuf,
    /// Variables for an instance: where the metadata service is.
    pub instance: Vec<(&'static str, String)>,
    /// Variables for a function: its token and key.
    pub resource: Vec<(&'static str, String)>,
    /// Variables for a resource with a key of its own, of version 2.1.1.
    pub resource_with_key: Vec<(&'static str, String)>,
    /// Variables for a resource on an instance, of version 1.1; those for an instance are needed too.
    pub resource_on_instance: Vec<(&'static str, String)>,
    /// Variables for a resource inside of another, of version 3.0. Its leaf is the function above; the
    /// other is one of [`Resources::parents`](super::Resources::parents).
    pub resource_nested: Vec<(&'static str, String)>,
    /// Variables for a pod: its cluster and service account.
    pub workload: Vec<(&'static str, String)>,
}

/// Writes the files of every way to sign in into a directory, readable for their owner alone.
///
/// # Errors
/// Where they cannot be written.
pub fn write_credentials(fake: &FakeOci, directory: &Path) -> io::Result<Credentials> {
    let file = |name: &str, content: &str| {
        let path = directory.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&path)?.write_all(content.as_bytes())?;
        Ok::<_, io::Error>(path)
    };
    let key = public_key_pem("pubsession2048");
    let (session, resource, account) = fake.with(|world| {
        let now = world.clock.now();
        let keys = &mut world.keys;
        keys.register(
            &format!("resource/v2.1.1/{}/{RESOURCE}", tenancy()),
            public_key_pem("pub2048"),
        );
        let session = keys.session_token(key, now);
        let resource = keys.resource_token(key, now);
        (session, resource, keys.service_account_token(now))
    });
    let ca_file = file("ca.pem", fake.ca_pem())?;
    let key_file = file("key.pem", private_key_pem("pub2048"))?;
    let session_key_file = file("session_key.pem", private_key_pem("pubsession2048"))?;
    let session_token_file = file("session_token", &session)?;
    let resource_file = file("resource_token", &resource)?;
    let account_file = file("service_account_token", &account)?;
    let config = config(&key_file, &session_key_file, &session_token_file);
    let shown = |path: &Path| path.display().to_string();
    Ok(Credentials {
        config_file: file("config", &config)?,
        session_token_file,
        instance: vec![(
            "OCI_METADATA_BASE_URL",
            format!("{}/opc/v2", fake.http_url()),
        )],
        resource_with_key: vec![
            ("OCI_RESOURCE_PRINCIPAL_VERSION", "2.1.1".to_owned()),
            ("OCI_RESOURCE_PRINCIPAL_RPT_ENDPOINT", fake.https_url()),
            ("OCI_RESOURCE_PRINCIPAL_RPST_ENDPOINT", fake.https_url()),
            ("OCI_RESOURCE_PRINCIPAL_RESOURCE_ID", RESOURCE.to_owned()),
            ("OCI_RESOURCE_PRINCIPAL_TENANCY_ID", tenancy().to_owned()),
            ("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM", shown(&key_file)),
            ("OCI_RESOURCE_PRINCIPAL_REGION", REGION.to_owned()),
        ],
        resource_on_instance: vec![
            ("OCI_RESOURCE_PRINCIPAL_VERSION", "1.1".to_owned()),
            ("OCI_RESOURCE_PRINCIPAL_RPT_ENDPOINT", fake.https_url()),
            ("OCI_RESOURCE_PRINCIPAL_RPST_ENDPOINT", fake.https_url()),
        ],
        resource_nested: vec![
            ("OCI_RESOURCE_PRINCIPAL_VERSION", "3.0".to_owned()),
            (
                "OCI_RESOURCE_PRINCIPAL_VERSION_FOR_LEAF_RESOURCE",
                "2.2".to_owned(),
            ),
            (
                "OCI_RESOURCE_PRINCIPAL_RPST_FOR_LEAF_RESOURCE",
                shown(&resource_file),
            ),
            (
                "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_FOR_LEAF_RESOURCE",
                shown(&session_key_file),
            ),
            (
                "OCI_RESOURCE_PRINCIPAL_REGION_FOR_LEAF_RESOURCE",
                REGION.to_owned(),
            ),
            (
                "OCI_RESOURCE_PRINCIPAL_RPT_URL_FOR_PARENT_RESOURCE",
                fake.parent_url(1),
            ),
            (
                "OCI_RESOURCE_PRINCIPAL_RPST_ENDPOINT_FOR_PARENT_RESOURCE",
                fake.https_url(),
            ),
        ],
        resource: vec![
            ("OCI_RESOURCE_PRINCIPAL_VERSION", "2.2".to_owned()),
            ("OCI_RESOURCE_PRINCIPAL_RPST", shown(&resource_file)),
            (
                "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM",
                shown(&session_key_file),
            ),
            ("OCI_RESOURCE_PRINCIPAL_REGION", REGION.to_owned()),
        ],
        workload: vec![
            ("KUBERNETES_SERVICE_HOST", fake.cluster_host()),
            ("OCI_RESOURCE_PRINCIPAL_VERSION", "2.2".to_owned()),
            ("OCI_RESOURCE_PRINCIPAL_REGION", REGION.to_owned()),
            ("OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH", shown(&ca_file)),
            (
                "OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH",
                shown(&account_file),
            ),
        ],
        ca_file,
    })
}

fn config(key: &Path, session_key: &Path, session_token: &Path) -> String {
    let profile = |name: &str, key: &str, file: &Path| {
        let fingerprint = text(&format!("/keys/{key}/fingerprint"));
        format!(
            "[{name}]\ntenancy={}\nregion={REGION}\nfingerprint={fingerprint}\nkey_file={}\n",
            tenancy(),
            file.display()
        )
    };
    // A person's `user` would be inherited from DEFAULT by SESSION.
    format!(
        "{}user={}\n\n{}security_token_file={}\n",
        profile("DEFAULT", "pub2048", key),
        user(),
        profile("SESSION", "pubsession2048", session_key),
        session_token.display()
    )
}
