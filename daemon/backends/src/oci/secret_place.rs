//! The three ways to name a secret.

use crate::address::Address;
use crate::error::{BackendError, Class};

/// The three ways to name a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPlace<'a> {
    /// By its own OCID.
    Id(&'a str),
    /// By its name in a vault.
    Vault {
        /// The vault's OCID.
        vault: &'a str,
        /// The secret's name.
        name: &'a str,
    },
    /// By its name in a compartment, in whatever vault.
    Compartment {
        /// The compartment's OCID, or the tenancy's. Anything that is no vault is taken for one.
        compartment: &'a str,
        /// The secret's name.
        name: &'a str,
    },
}

impl<'a> SecretPlace<'a> {
    /// What an address means.
    ///
    /// # Errors
    /// [`BackendError`] of class `Request`, where it says a name and not where.
    pub fn of(address: &'a Address) -> Result<Self, BackendError> {
        let name = address.name.as_str();
        match address.container.as_deref() {
            None if is_secret_ocid(name) => Ok(Self::Id(name)),
            None => Err(BackendError::not_sent(
                Class::Request,
                "no_container",
                format!(
                    "read secret {name:?}: no compartment specified for secret name; set \
                     vault.compartment_id or vault.vault_id, or write oci-vault://COMPARTMENT/NAME \
                     with the OCID of a compartment or vault"
                ),
            )),
            Some(vault) if vault.starts_with("ocid1.vault.") => Ok(Self::Vault { vault, name }),
            Some(compartment) => Ok(Self::Compartment { compartment, name }),
        }
    }

    /// In words, for messages.
    pub fn described(&self) -> String {
        match self {
            Self::Id(id) => format!("secret {id}"),
            Self::Vault { vault, name } => format!("secret {name:?} in vault {vault}"),
            Self::Compartment { compartment, name } => {
                format!("secret {name:?} in compartment {compartment}")
            }
        }
    }
}

fn is_secret_ocid(name: &str) -> bool {
    ["ocid1.vaultsecret.", "ocid1.secret."]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{BackendKind, VersionSelector};

    fn address(container: Option<&str>, name: &str) -> Address {
        Address {
            kind: BackendKind::OCI,
            scope: String::new(),
            container: container.map(str::to_owned),
            name: name.to_owned(),
            version: VersionSelector::Current,
        }
    }

    #[test]
    fn the_container_decides_what_a_name_means() {
        for (container, name, described) in [
            (
                None,
                "ocid1.vaultsecret.oc1.phx.a",
                "secret ocid1.vaultsecret.oc1.phx.a",
            ),
            (
                None,
                "ocid1.secret.oc1.phx.a",
                "secret ocid1.secret.oc1.phx.a",
            ),
            (
                Some("ocid1.vault.oc1.phx.v"),
                "db",
                "secret \"db\" in vault ocid1.vault.oc1.phx.v",
            ),
            (
                Some("ocid1.compartment.oc1..c"),
                "db",
                "secret \"db\" in compartment ocid1.compartment.oc1..c",
            ),
            (
                Some("ocid1.tenancy.oc1..t"),
                "db",
                "secret \"db\" in compartment ocid1.tenancy.oc1..t",
            ),
            (
                Some("ocid1.vaultsecret.oc1..x"),
                "db",
                "secret \"db\" in compartment ocid1.vaultsecret.oc1..x",
            ),
        ] {
            let address = address(container, name);
            let place = SecretPlace::of(&address).expect("a place");
            assert_eq!(place.described(), described);
        }
    }

    #[test]
    fn a_name_alone_is_refused_with_what_to_set() {
        let error = SecretPlace::of(&address(None, "db"))
            .expect_err("no container")
            .to_string();
        assert!(
            error.contains("no compartment specified for secret name"),
            "{error}"
        );
        assert!(error.contains("vault.compartment_id"), "{error}");
    }
}
