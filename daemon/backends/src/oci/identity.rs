//! Identities: a signer with region and name.

use std::sync::Arc;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::signature::Signer;
use crate::error::BackendError;

/// A principal with its key: one whole that is swapped at once, so that no token is ever used with
/// another one's key. It has no `Debug`.
pub struct Identity {
    /// The key and its name.
    pub signer: Signer,
    /// The token of the user on whose behalf requests are made.
    pub delegation_token: Option<Zeroizing<String>>,
    /// The region as the credential's source writes it; settings come before it.
    pub region: Option<String>,
    /// What the metadata of the instance says of its region: `/instance/regionInfo` as it came. It makes
    /// realms known that are newer than this program.
    pub instance: Option<String>,
    /// Who it is, for messages: "profile DEFAULT of /home/u/.oci/config", "the instance principal".
    pub principal: String,
}

/// Who gives identities. What asks OCI needs no more of credentials than this.
#[async_trait]
pub trait Identities: Send + Sync {
    /// The one that is good now. Immediate where it is at hand, whatever happens to its successor.
    ///
    /// # Errors
    /// [`BackendError`], mostly of class `Credentials`, that names file, key or service and what to do.
    async fn current(&self) -> Result<Arc<Identity>, BackendError>;

    /// Another one in place of `refused`, which OCI answered with 401; where one has come meanwhile, that.
    ///
    /// # Errors
    /// [`BackendError`]. `None` where there can be no other: an API key whose files are as they were.
    async fn renewed(&self, refused: &Arc<Identity>)
    -> Result<Option<Arc<Identity>>, BackendError>;

    /// Keeps `refused` from being used for a minute, or until its files change: [`Identities::current`]
    /// then says `why` without asking anybody.
    fn hold(&self, refused: &Arc<Identity>, why: &BackendError);
}
