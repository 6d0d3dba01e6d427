//! The identities that the tests ask as.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use vault_backends::error::BackendError;
use vault_backends::oci::identity::{Identities, Identity};
use vault_backends::oci::key::PrivateKey;
use vault_backends::oci::key_id::KeyId;
use vault_backends::oci::signature::Signer;
use vault_tests::oci::{REGION, private_key_pem};
use zeroize::Zeroizing;

/// Identities in the order in which they are given out, each in place of the one before.
pub(crate) struct InTurn {
    identities: Vec<Arc<Identity>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: usize,
    renewals: usize,
    held: Vec<String>,
}

impl InTurn {
    pub(crate) fn new(identities: Vec<Identity>) -> Arc<Self> {
        Arc::new(Self {
            identities: identities.into_iter().map(Arc::new).collect(),
            state: Mutex::default(),
        })
    }

    /// How often another one was asked for.
    pub(crate) fn renewals(&self) -> usize {
        self.state.lock().unwrap().renewals
    }

    /// Why identities were taken out of use.
    pub(crate) fn held(&self) -> Vec<String> {
        self.state.lock().unwrap().held.clone()
    }
}

#[async_trait]
impl Identities for InTurn {
    async fn current(&self) -> Result<Arc<Identity>, BackendError> {
        let current = self.state.lock().unwrap().current;
        Ok(Arc::clone(&self.identities[current]))
    }

    async fn renewed(
        &self,
        refused: &Arc<Identity>,
    ) -> Result<Option<Arc<Identity>>, BackendError> {
        let mut state = self.state.lock().unwrap();
        state.renewals += 1;
        assert!(Arc::ptr_eq(refused, &self.identities[state.current]));
        let next = self.identities.get(state.current + 1).map(Arc::clone);
        state.current += usize::from(next.is_some());
        Ok(next)
    }

    fn hold(&self, refused: &Arc<Identity>, why: &BackendError) {
        let mut state = self.state.lock().unwrap();
        assert!(Arc::ptr_eq(refused, &self.identities[state.current]));
        state.held.push(format!("{}: {why}", why.kind()));
    }
}

/// Whoever has this key of the golden vectors and calls themselves so.
pub(crate) fn identity(key_id: &str, key: &str) -> Identity {
    let key = PrivateKey::from_pem(private_key_pem(key).as_bytes(), None).unwrap();
    let key_id = KeyId::new(key_id.to_owned()).unwrap();
    Identity {
        signer: Signer::new(Arc::new(key), key_id),
        delegation_token: None,
        region: Some(REGION.to_owned()),
        instance: None,
        principal: "profile VECTORS".to_owned(),
    }
}

/// The same on behalf of somebody.
pub(crate) fn on_behalf(key_id: &str, key: &str, token: &str) -> Identity {
    Identity {
        delegation_token: Some(Zeroizing::new(token.to_owned())),
        ..identity(key_id, key)
    }
}
