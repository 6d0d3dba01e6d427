//! Names and OCIDs of the fake.

use super::fixture::{tenancy, text, user};

/// The region it says it is.
pub const REGION: &str = "us-phoenix-1";
/// The compartment that secrets are put into.
pub const COMPARTMENT: &str =
    "ocid1.compartment.oc1..aaaaaaaavectorcompartment0000000000000000000000000000000000";
/// The vault that secrets are put into.
pub const VAULT: &str = "ocid1.vault.oc1.phx.fakevault.abyhqljrfakevault";
/// The key of that vault.
pub const ENCRYPTION_KEY: &str = "ocid1.key.oc1.phx.fakevault.abyhqljrfakekey";
/// The resource that has a key of its own.
pub(super) const RESOURCE: &str = "ocid1.resource.oc1.phx.fakeresource";
/// The instance that the metadata service speaks of.
pub(super) const INSTANCE: &str = "ocid1.instance.oc1.phx.fakeinstance";

/// The keyId of the vectors' user with their key `pub2048`.
pub fn api_key_id() -> String {
    let fingerprint = text("/keys/pub2048/fingerprint");
    format!("{}/{}/{fingerprint}", tenancy(), user())
}

/// The id of the secret that is the `number`th one made.
pub(super) fn secret_id(number: u64) -> String {
    format!("ocid1.vaultsecret.oc1.phx.amaaaaaafake{number:032}")
}
