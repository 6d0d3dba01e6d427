//! Which address does a reference mean, and which reference an address? Pure.

use vault_backends::backend::{Address, BackendKind, Wanted};
use vault_proto::reference::{Place, SecretRef, Selector};

/// Where a backend finds what a reference means.
pub fn address(reference: &SecretRef) -> Address {
    let wanted = match reference.selector() {
        Selector::Current => Wanted::Current,
        Selector::Version(number) => Wanted::Version(number.get()),
        Selector::Stage(stage) => Wanted::Stage(stage.as_str().to_owned()),
    };
    let (kind, container, name) = match reference.place() {
        Place::Local { name } => (BackendKind::Local, None, name),
        Place::OciSecret { ocid } => (BackendKind::Oci, None, ocid),
        Place::OciName { container, name } => (BackendKind::Oci, container.clone(), name),
    };
    Address {
        kind,
        scope: String::new(),
        container,
        name: name.clone(),
        wanted,
    }
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
    };
    let text = format!("{scheme}{container}{}{selector}", address.name);
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_means_the_reference_it_was_made_from() {
        for text in [
            "local://x",
            "local://x?version=3",
            "local://x?stage=CURRENT",
            "oci-vault://n",
            "oci-vault://c/n?stage=PREVIOUS",
            "oci-vault://ocid1.vaultsecret.oc1..x?version=1",
        ] {
            let reference: SecretRef = text.parse().unwrap();
            assert_eq!(
                reference_of(&address(&reference)),
                Some(reference),
                "{text}"
            );
        }
    }
}
