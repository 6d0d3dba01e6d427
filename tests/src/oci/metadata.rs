//! The instance metadata service.

use serde_json::json;

use super::call::Call;
use super::instance::Instance;
use super::naming::{INSTANCE, REGION};
use super::refusal::Refusal;
use super::reply::Reply;
use super::route::Route;

/// Headers of a request that somebody passed on.
const PASSED_ON: [&str; 3] = ["forwarded", "x-forwarded-for", "x-forwarded-host"];

/// What is at a path. With which status a request without the header is refused is guessed.
pub(super) fn metadata(call: &Call, route: Route, instance: &Instance) -> Result<Reply, Refusal> {
    let is_passed_on = PASSED_ON
        .iter()
        .any(|name| call.headers.contains_key(*name));
    if call.header("authorization") != Some("Bearer Oracle") || is_passed_on {
        return Err(Refusal::new(401, "NotAuthenticated", "Unauthorized"));
    }
    Ok(match route {
        Route::MetadataRegion => Reply::text(&instance.region),
        Route::MetadataRegionInfo => Reply::json(&json!({
            "realmKey": "oc1", "realmDomainComponent": "oraclecloud.com",
            "regionKey": "PHX", "regionIdentifier": REGION,
        })),
        Route::MetadataInstanceId => Reply::text(INSTANCE),
        Route::MetadataCertificate => Reply::text(&instance.certificate_pem),
        Route::MetadataKey => Reply::text(&instance.key_pem),
        Route::MetadataIntermediate => Reply::text(&instance.intermediate_pem),
        _ => return Err(Refusal::no_such_path()),
    })
}
