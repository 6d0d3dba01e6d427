//! Which address does a reference mean, and which reference an address? Pure.

use vault_backends::backend::{Address, BackendKind, Wanted};
use vault_backends::oci;
use vault_proto::reference::{Place, SecretRef, Selector};

/// Where a backend finds what a reference means to somebody who asks `vault` at OCI.
pub fn address(reference: &SecretRef, vault: &oci::Settings) -> Address {
    let wanted = match reference.selector() {
        Selector::Current => Wanted::Current,
        Selector::Version(number) => Wanted::Version(number.get()),
        Selector::Stage(stage) => Wanted::Stage(stage.as_str().to_owned()),
        Selector::VersionName(name) => Wanted::Named(name.clone()),
    };
    let (container, name) = match reference.place() {
        Place::Local { name } => (None, name),
        // No backend serves these yet; they are refused where they enter. A path has a slash, which
        // no name of the local store has.
        Place::Vault { path, .. } => (None, path),
        Place::OciSecret { ocid } => (None, ocid),
        Place::OciName { container, name } => {
            let container = container.as_deref().or_else(|| vault.container());
            (container.map(str::to_owned), name)
        }
    };
    let (kind, scope) = match reference.place() {
        Place::Local { .. } | Place::Vault { .. } => (BackendKind::Local, String::new()),
        _ => (BackendKind::Oci, vault.scope()),
    };
    Address {
        kind,
        scope,
        container,
        name: name.clone(),
        wanted,
    }
}

/// The other way to write a reference to a secret by its name: with the compartment or vault that a
/// bare name is in, or without it where it is that one.
pub fn other_name(reference: &SecretRef, vault: &oci::Settings) -> Option<SecretRef> {
    let Place::OciName { container, name } = reference.place() else {
        return None;
    };
    let implied = vault.container()?;
    let other = match container.as_deref() {
        None => format!("oci-vault://{implied}/{name}"),
        Some(written) if written == implied => format!("oci-vault://{name}"),
        Some(_) => return None,
    };
    let other: SecretRef = other.parse().ok()?;
    Some(other.with_selector(reference.selector().clone()))
}

/// Whether two addresses mean versions of one secret, whoever asks.
pub fn is_same_secret(left: &Address, right: &Address) -> bool {
    (left.kind, &left.container, &left.name) == (right.kind, &right.container, &right.name)
}

/// Whether a change at one address may be a change at the other: in OCI Vault a secret has a name, in a
/// vault and in a compartment, and an OCID, and which belong together is not known here.
pub fn may_be_same_secret(left: &Address, right: &Address) -> bool {
    let is_ocid = |address: &Address| address.container.is_none();
    is_same_secret(left, right)
        || (left.kind == BackendKind::Oci
            && right.kind == BackendKind::Oci
            && (is_ocid(left) != is_ocid(right) || (!is_ocid(left) && left.name == right.name)))
}

/// What a caller would write to mean an address: [`address`], the other way round.
pub fn reference_of(address: &Address) -> Option<SecretRef> {
    let scheme = match address.kind {
        BackendKind::Local => "local://",
        BackendKind::Oci => "oci-vault://",
    };
    let container = address.container.as_deref();
    let container = container.map_or(String::new(), |container| format!("{container}/"));
    let selector = match &address.wanted {
        Wanted::Current => String::new(),
        Wanted::Version(number) => format!("?version={number}"),
        Wanted::Stage(stage) => format!("?stage={stage}"),
        Wanted::Named(name) => format!("?version_name={name}"),
    };
    let text = format!("{scheme}{container}{}{selector}", address.name);
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn vault(compartment: Option<&str>) -> oci::Settings {
        oci::Settings {
            compartment_id: compartment.map(str::to_owned),
            ..oci::Settings::default_for(Path::new("/h"))
        }
    }

    fn parsed(text: &str) -> SecretRef {
        text.parse().unwrap()
    }

    #[test]
    fn a_bare_name_and_the_whole_one_are_one_address() {
        let vault = vault(Some("c"));
        for (text, other) in [
            ("oci-vault://n?version=2", Some("oci-vault://c/n?version=2")),
            ("oci-vault://c/n", Some("oci-vault://n")),
            ("oci-vault://d/n", None),
            ("oci-vault://ocid1.vaultsecret.oc1..x", None),
            ("local://n", None),
        ] {
            let reference = parsed(text);
            let named = other_name(&reference, &vault);
            assert_eq!(named, other.map(parsed), "{text}");
            if let Some(named) = named {
                assert_eq!(address(&named, &vault), address(&reference, &vault));
            }
        }
        assert_eq!(
            other_name(&parsed("oci-vault://n"), &self::vault(None)),
            None
        );
    }

    #[test]
    fn a_change_may_concern_every_other_kind_of_name() {
        let (vault, elsewhere) = (vault(Some("c")), vault(Some("v")));
        let at = |text: &str| address(&parsed(text), &vault);
        let name = at("oci-vault://n");
        let ocid = at("oci-vault://ocid1.vaultsecret.oc1..x");
        for (other, may) in [
            (name.clone(), true),
            (address(&parsed("oci-vault://n"), &elsewhere), true),
            (ocid.clone(), true),
            (at("oci-vault://m"), false),
            (at("local://n"), false),
        ] {
            assert_eq!(may_be_same_secret(&name, &other), may, "{other:?}");
            assert_eq!(may_be_same_secret(&other, &name), may, "{other:?}");
        }
        let another = at("oci-vault://ocid1.vaultsecret.oc1..y");
        assert!(!may_be_same_secret(&ocid, &another));
        let old = at("oci-vault://ocid1.vaultsecret.oc1..x?version=1");
        assert!(may_be_same_secret(&ocid, &old));
    }

    #[test]
    fn an_address_means_the_reference_it_was_made_from() {
        for text in [
            "local://x",
            "local://x?version=3",
            "local://x?stage=CURRENT",
            "oci-vault://n",
            "oci-vault://c/n?stage=PREVIOUS",
            "oci-vault://c/n?version_name=blue",
            "oci-vault://ocid1.vaultsecret.oc1..x?version=1",
        ] {
            let reference: SecretRef = text.parse().unwrap();
            assert_eq!(
                reference_of(&address(&reference, &vault(None))),
                Some(reference),
                "{text}"
            );
        }
    }
}
