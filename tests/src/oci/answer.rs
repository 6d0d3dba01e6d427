//! Dispatch of a request to the service that answers it.

use super::authorization::Authorization;
use super::call::Call;
use super::refusal::Refusal;
use super::reply::Reply;
use super::route::Route;
use super::signature::{Signed, verify};
use super::world::World;
use super::{
    federation, management, metadata, permission, resource, retrieval, updates, versions, workload,
};

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
        vaults,
        resources,
        cluster,
        on_behalf,
        origin,
        ..
    } = world;
    match route {
        Route::FederateInstance => {
            return federation::federate(call, instance, keys, now.service);
        }
        Route::WorkloadToken => return workload::pod_token(call, *cluster, keys, now.tokens),
        Route::MetadataRegion
        | Route::MetadataRegionInfo
        | Route::MetadataInstanceId
        | Route::MetadataCertificate
        | Route::MetadataKey
        | Route::MetadataIntermediate => return metadata::metadata(call, route, instance),
        _ => {}
    }
    let authorization = Authorization::of(call.header("authorization"))?;
    let key_id = &authorization.key_id;
    let signer = keys.of(key_id, now.tokens);
    verify(
        call,
        &authorization,
        Signed::WithHost,
        signer.as_ref().map(|signer| &signer.key),
        now.service,
    )?;
    // Verified, so there is one.
    let signer = signer.ok_or_else(Refusal::wrong_credentials)?;
    match route {
        Route::RefreshSession => return federation::refresh(call, key_id, keys, now.service),
        Route::ResourcePrincipalToken => {
            return resources.tokens(call, keys, (key_id, &signer), origin, now.service);
        }
        Route::ResourcePrincipalSession => {
            return resource::session(call, keys, &signer.key, now.tokens);
        }
        _ => permission::permit(call, key_id, &signer, resources, on_behalf.as_deref())?,
    }
    let paging = secrets.paging;
    let path = call.segments();
    let part = |place: usize| path.get(place).map_or("", String::as_str);
    let (id, number, time) = (part(2), part(4), now.service);
    match route {
        Route::GetSecretBundle => retrieval::bundle(call, secrets, vaults, id, time),
        Route::GetSecretBundleByName => retrieval::bundle_by_name(call, secrets, vaults, time),
        Route::ListSecretBundleVersions => retrieval::versions(call, secrets, id),
        Route::ListSecrets => management::list(call, secrets),
        Route::CreateSecret => updates::create(call, secrets, vaults, time),
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
        Route::ListVaults => vaults.list(call, origin, paging),
        Route::GetVault => vaults.vault(id, origin),
        Route::ListKeys => vaults.list_keys(call, paging),
        Route::GetKey => vaults.key_of(id),
        _ => Err(Refusal::no_such_path()),
    }
}
