//! Whether services get a secret. Pure.

use vault_proto::reference::SecretRef;

use crate::service::Service;
use crate::setup::Setup;

/// Whether a launch can ask for it, version included, in whatever environment.
pub(super) fn is_used(setup: &Setup, reference: &SecretRef) -> bool {
    setup.views().any(|view| {
        let mut services = view.services.values();
        services.any(|service| gets(service, reference))
    })
}

fn gets(service: &Service, reference: &SecretRef) -> bool {
    let in_environment = |environment: Option<&str>| {
        let chosen = service.choose(environment);
        chosen.is_ok_and(|(chosen, _)| chosen.iter().any(|one| one.reference == *reference))
    };
    let named = service.environments();
    in_environment(None) || named.iter().any(|name| in_environment(Some(name)))
}
