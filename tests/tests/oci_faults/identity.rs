//! The identity that the tests ask as.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use vault_backends::error::BackendError;
use vault_backends::oci::identity::{Identities, Identity};
use vault_backends::oci::key::PrivateKey;
use vault_backends::oci::key_id::KeyId;
use vault_backends::oci::signature::Signer;
use vault_tests::oci::{REGION, api_key_id, private_key_pem};

/// The person of the golden vectors, who may get another token so many times.
pub(crate) struct FixedIdentity {
    identity: Arc<Identity>,
    renewals: AtomicUsize,
}

impl FixedIdentity {
    pub(crate) fn new(renewals: usize) -> Arc<Self> {
        Arc::new(Self {
            identity: Arc::new(identity()),
            renewals: AtomicUsize::new(renewals),
        })
    }
}

#[async_trait]
impl Identities for FixedIdentity {
    async fn current(&self) -> Result<Arc<Identity>, BackendError> {
        Ok(Arc::clone(&self.identity))
    }

    async fn renewed(&self, _: &Arc<Identity>) -> Result<Option<Arc<Identity>>, BackendError> {
        let less = |left: usize| left.checked_sub(1);
        let is_one_left = self
            .renewals
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        Ok(is_one_left.ok().map(|_| Arc::new(identity())))
    }

    fn hold(&self, _: &Arc<Identity>, _: &BackendError) {}
}

fn identity() -> Identity {
    let key = PrivateKey::from_pem(private_key_pem("pub2048").as_bytes(), None).unwrap();
    let key_id = KeyId::new(api_key_id()).unwrap();
    Identity {
        signer: Signer::new(Arc::new(key), key_id),
        delegation_token: None,
        region: Some(REGION.to_owned()),
        instance: None,
        principal: "profile VECTORS".to_owned(),
    }
}
