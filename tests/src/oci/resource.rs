//! The exchange that makes a principal of a resource. Two requests: to its own service, then to auth; and the
//! same again for each resource that it is a part of.

use rsa::RsaPublicKey;
use serde_json::json;

use super::call::Call;
use super::federation::{public_key, token};
use super::fixture::tenancy;
use super::keys::{Keys, Purpose, Signer};
use super::refusal::Refusal;
use super::reply::Reply;

/// Where a resource that is a part of another asks; the level of the other follows.
const PARENTS: &str = "/20180711/parentResourcePrincipalToken";

/// What is known of the resource the caller runs in.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// How many resources it is inside of. What it may do, the outermost alone may.
    pub parents: usize,
    /// Whether the outermost names itself as the next, rather than none: both are an end.
    pub outermost_names_itself: bool,
    /// What version 2.1.2 must send in the header `security-context`.
    pub security_context: Option<String>,
}

impl Resources {
    /// Where the first half of the principal of a level is had; the leaf has level 0.
    pub fn parent_url(origin: &str, level: usize) -> String {
        format!("{origin}{PARENTS}/{level}")
    }

    /// The first half: two tokens that are good for the second alone.
    pub(super) fn tokens(
        &self,
        call: &Call,
        keys: &Keys,
        (key_id, signer): (&str, &Signer),
        origin: &str,
        now: u64,
    ) -> Result<Reply, Refusal> {
        let level = self.level(call, key_id, signer)?;
        let issue = || keys.issue_for(level, Purpose::Resource, signer.key.clone(), now);
        let reply = Reply::json(&json!({
            "resourcePrincipalToken": issue(),
            "servicePrincipalSessionToken": issue(),
        }));
        let next = match level {
            0 => return Ok(reply),
            level if level < self.parents => level + 1,
            level if self.outermost_names_itself => level,
            _ => return Ok(reply),
        };
        Ok(reply.with("opc-parent-rpt-url", Self::parent_url(origin, next)))
    }

    /// The level that a call asks for, if it is signed by whom it must be.
    fn level(&self, call: &Call, key_id: &str, signer: &Signer) -> Result<usize, Refusal> {
        let path = call.segments();
        let (kind, id) = (path[1].as_str(), path[2].as_str());
        let is_token = key_id.starts_with("ST$");
        let of_tenancy = |version: &str| format!("resource/{version}/{}/{id}", tenancy());
        let (is_right, level) = match kind {
            "resourcePrincipalToken" => (is_token, 0),
            "resourcePrincipalTokenV2" => {
                let forms = [format!("resource/v2.1/{id}"), of_tenancy("v2.1.1")];
                (forms.iter().any(|form| form == key_id), 0)
            }
            "parentResourcePrincipalToken" => {
                let level: usize = id.parse().map_err(|_| Refusal::not_found())?;
                let is_known = (1..=self.parents).contains(&level);
                is_known.then_some(()).ok_or_else(Refusal::not_found)?;
                (is_token && signer.level + 1 == level, level)
            }
            // That of 2.1.2, and what its variable for the path may say.
            _ => {
                let context = call.header("security-context");
                let is_in_context = self.security_context.as_deref() == context;
                (key_id == of_tenancy("v2.1.2") && is_in_context, 0)
            }
        };
        let is_right = is_right.then_some(level);
        is_right.ok_or_else(Refusal::wrong_credentials)
    }
}

/// The second half: a token for a key of the session, for whoever got the first half.
pub(super) fn session(
    call: &Call,
    keys: &Keys,
    signer: &RsaPublicKey,
    now: u64,
) -> Result<Reply, Refusal> {
    let body = call.object()?;
    let level_of = |name: &str| {
        let given = body[name].as_str().ok_or_else(|| Refusal::missing(name))?;
        let claims = keys.claims(given, Purpose::Resource, now);
        let claims = claims.filter(|claims| claims.key == *signer);
        let claims = claims.ok_or_else(Refusal::wrong_credentials)?;
        Ok(claims.level)
    };
    let level = level_of("resourcePrincipalToken")?;
    if level_of("servicePrincipalSessionToken")? != level {
        return Err(Refusal::wrong_credentials());
    }
    let key = public_key(&body["sessionPublicKey"])?;
    Ok(token(&keys.issue_for(level, Purpose::Principal, key, now)))
}
