//! Who asks, and which service answers?

use super::authorization::Authorization;
use super::call::Call;
use super::refusal::Refusal;
use super::reply::Reply;
use super::route::Route;
use super::signature::{Signed, verify};
use super::world::World;
use super::{federation, management, metadata, resource, retrieval, updates, versions, workload};

/// What time it is for a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// For dates.
    pub(super) service: u64,
    /// For tokens.
    pub(super) tokens: u64,
}

/// The right answer to a call, or the right refusal.
pub(super) fn answer(
    world: &mut World,
    call: &Call,
    route: Route,
    now: Now,
) -> Result<Reply, Refusal> {
    let World {
        keys,
        instance,
        secrets,
        ..
    } = world;
    match route {
        Route::FederateInstance => {
            return federation::federate(call, instance, keys, now.service);
        }
        Route::WorkloadToken => return workload::pod_token(call, keys, now.tokens),
        Route::MetadataRegion
        | Route::MetadataRegionInfo
        | Route::MetadataInstanceId
        | Route::MetadataCertificate
        | Route::MetadataKey
        | Route::MetadataIntermediate => return metadata::metadata(call, route, instance),
        _ => {}
    }
    let authorization = Authorization::of(call.header("authorization"))?;
    let key = keys.of(&authorization.key_id, now.tokens);
    verify(
        call,
        &authorization,
        Signed::WithHost,
        key.as_ref(),
        now.service,
    )?;
    // Verified, so there is one.
    let signer = key.ok_or_else(Refusal::wrong_credentials)?;
    let path = call.segments();
    let part = |place: usize| path.get(place).map_or("", String::as_str);
    let (id, number, time) = (part(2), part(4), now.service);
    match route {
        Route::GetSecretBundle => retrieval::bundle(call, secrets, id, time),
        Route::GetSecretBundleByName => retrieval::bundle_by_name(call, secrets, time),
        Route::ListSecretBundleVersions => retrieval::versions(call, secrets, id),
        Route::ListSecrets => management::list(call, secrets),
        Route::CreateSecret => updates::create(call, secrets, time),
        Route::GetSecret => management::secret(secrets, id),
        Route::UpdateSecret => updates::update(call, secrets, id, time),
        Route::ScheduleSecretDeletion => management::schedule_deletion(call, secrets, id, time),
        Route::CancelSecretDeletion => management::cancel_deletion(call, secrets, id),
        Route::ListSecretVersions => versions::list(call, secrets, id),
        Route::GetSecretVersion => versions::version(secrets, id, number),
        Route::ScheduleSecretVersionDeletion => {
            versions::schedule_deletion(call, secrets, id, number, time)
        }
        Route::CancelSecretVersionDeletion => versions::cancel_deletion(call, secrets, id, number),
        Route::RefreshSession => federation::refresh(call, &authorization.key_id, keys, time),
        Route::ResourcePrincipalToken => Ok(resource::resource_tokens(keys, &signer, time)),
        Route::ResourcePrincipalSession => resource::session(call, keys, now.tokens),
        _ => Err(Refusal::no_such_path()),
    }
}
