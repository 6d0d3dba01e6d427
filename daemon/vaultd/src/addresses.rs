//! Which address a reference means, and which reference an address. Pure.

use vault_backends::address::{Address, VersionSelector};
use vault_proto::reference::{Place, SecretRef, Selector};

use crate::backend_kinds::BackendKinds;
use crate::targets::Targets;

/// Where a backend finds what a reference means to somebody with these targets.
pub fn address(reference: &SecretRef, targets: &Targets) -> Address {
    let version = match reference.selector() {
        Selector::Current => VersionSelector::Current,
        Selector::Version(number) => VersionSelector::Version(number.get()),
        Selector::Stage(stage) => VersionSelector::Stage(stage.as_str().to_owned()),
        Selector::VersionName(name) => VersionSelector::Named(name.clone()),
    };
    let place = reference.place();
    let kind = targets.kinds().by_scheme(place.scheme());
    let target = targets.of(kind);
    let stands_alone = matches!(place, Place::OciName { .. } | Place::Vault { .. });
    let implied = target.and_then(|target| target.container());
    let implied = implied.filter(|_| stands_alone);
    Address {
        kind,
        scope: target.map(|target| target.scope()).unwrap_or_default(),
        container: place.container().or(implied).map(str::to_owned),
        name: place.name().to_owned(),
        version,
    }
}

/// The other way to write a reference to a secret by its name: with the container that a bare name is in,
/// or without it where it is that one.
pub fn other_name(reference: &SecretRef, targets: &Targets) -> Option<SecretRef> {
    let Place::OciName { container, name } = reference.place() else {
        return None;
    };
    let scheme = reference.place().scheme();
    let target = targets.of(targets.kinds().by_scheme(scheme))?;
    let implied = target.container()?;
    let other = match container.as_deref() {
        None => format!("{scheme}://{implied}/{name}"),
        Some(written) if written == implied => format!("{scheme}://{name}"),
        Some(_) => return None,
    };
    let other: SecretRef = other.parse().ok()?;
    Some(other.with_selector(reference.selector().clone()))
}

/// Whether two addresses mean versions of one secret, whoever asks.
pub fn is_same_secret(left: &Address, right: &Address) -> bool {
    (left.kind, &left.container, &left.name) == (right.kind, &right.container, &right.name)
}

/// Whether a change at one address may be a change at the other: where secrets have several names, in
/// OCI Vault one in a vault, one in a compartment and an OCID, it is not known here which belong together.
pub fn may_be_same_secret(left: &Address, right: &Address, kinds: BackendKinds) -> bool {
    let is_identifier = |address: &Address| address.container.is_none();
    is_same_secret(left, right)
        || (left.kind == right.kind
            && kinds.policy(left.kind).has_aliases
            && (is_identifier(left) != is_identifier(right)
                || (!is_identifier(left) && left.name == right.name)))
}

/// What a caller would write to mean an address: [`address`], the other way round.
pub fn reference_of(address: &Address, kinds: BackendKinds) -> Option<SecretRef> {
    let scheme = kinds.policy(address.kind).scheme;
    let (mut container, mut parameters) = (String::new(), Vec::new());
    match (&address.container, Place::container_parameter(scheme)) {
        (Some(named), Some(parameter)) => parameters.push(format!("{parameter}={named}")),
        (Some(named), None) => container = format!("{named}/"),
        (None, _) => {}
    }
    parameters.extend(match &address.version {
        VersionSelector::Current => None,
        VersionSelector::Version(number) => Some(format!("version={number}")),
        VersionSelector::Stage(stage) => Some(format!("stage={stage}")),
        VersionSelector::Named(name) => Some(format!("version_name={name}")),
    });
    let mark = if parameters.is_empty() { "" } else { "?" };
    let parameters = parameters.join("&");
    let text = format!("{scheme}://{container}{}{mark}{parameters}", address.name);
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use vault_backends::oci::OciSettings;

    use super::*;

    const KINDS: BackendKinds = BackendKinds::SHIPPED;

    fn vault(compartment: Option<&str>) -> Targets {
        let oci = OciSettings {
            compartment_id: compartment.map(str::to_owned),
            ..OciSettings::default_for(Path::new("/h"))
        };
        Targets::default().with(oci)
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
            assert_eq!(may_be_same_secret(&name, &other, KINDS), may, "{other:?}");
            assert_eq!(may_be_same_secret(&other, &name, KINDS), may, "{other:?}");
        }
        let another = at("oci-vault://ocid1.vaultsecret.oc1..y");
        assert!(!may_be_same_secret(&ocid, &another, KINDS));
        let old = at("oci-vault://ocid1.vaultsecret.oc1..x?version=1");
        assert!(may_be_same_secret(&ocid, &old, KINDS));
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
                reference_of(&address(&reference, &vault(None)), KINDS),
                Some(reference),
                "{text}"
            );
        }
    }
}
