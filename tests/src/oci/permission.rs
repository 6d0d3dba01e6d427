//! Permissions of whoever signed a call.

use super::call::Call;
use super::keys::Signer;
use super::refusal::Refusal;
use super::resource::Resources;
use super::signature::ON_BEHALF;

/// Refuses who may not read or change secrets, though the signature is good. The statuses are guessed.
pub(super) fn permit(
    call: &Call,
    key_id: &str,
    signer: &Signer,
    resources: &Resources,
    on_behalf: Option<&str>,
) -> Result<(), Refusal> {
    // A resource's own key is for the way to a token alone.
    if key_id.starts_with("resource/") {
        return Err(Refusal::wrong_credentials());
    }
    if on_behalf.is_some() && call.header(ON_BEHALF) != on_behalf {
        return Err(Refusal::wrong_credentials());
    }
    // A person or an instance has no part in the nesting of resources.
    if signer.is_principal && signer.level != resources.parents {
        return Err(Refusal::not_found());
    }
    Ok(())
}
