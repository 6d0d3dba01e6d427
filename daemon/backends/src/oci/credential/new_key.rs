//! New key pairs for tokens.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{BackendError, Class};
use crate::oci::key::PrivateKey;
use crate::oci::off_thread::off_thread;

/// A new one. To find its numbers takes up to a second: it is begun at once, so that other things can be
/// done meanwhile.
pub(super) fn new_key() -> impl Future<Output = Result<Arc<PrivateKey>, BackendError>> + Send {
    let found = tokio::spawn(off_thread(|| {
        let key = PrivateKey::generate();
        key.map(Arc::new).map_err(|error| {
            BackendError::not_sent(Class::Credentials, error.kind(), error.to_string())
        })
    }));
    async {
        found.await.unwrap_or_else(|_| {
            let words = "make a new private key: it was stopped";
            Err(BackendError::not_sent(Class::Outage, "stopped", words))
        })
    }
}

/// Its public half as OCI's services take it: base64 of its DER form, in one line.
pub(super) fn base64(key: &PrivateKey) -> String {
    STANDARD.encode(key.public_key_der())
}
