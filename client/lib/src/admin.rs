//! Storing a value: the one call of administration that is more than a message.

use vault_proto::generated::{PutReply, PutRequest};
use zeroize::Zeroizing;

use crate::client::Client;
use crate::error::Error;
use crate::sealing::seal_for_daemon;

/// What is said of a version beside its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewVersion {
    /// Whether it waits until it is promoted.
    pub pending: bool,
    /// What it is called; empty for nothing.
    pub name: String,
}

impl Client {
    /// Stores `value` as a new version, sealed to the daemon that the connection leads to.
    ///
    /// # Errors
    /// As of [`Client::call`].
    pub async fn put(
        &mut self,
        reference: &str,
        value: Zeroizing<Vec<u8>>,
        new: NewVersion,
    ) -> Result<PutReply, Error> {
        self.call_with(|session| {
            let sealed = seal_for_daemon(session.daemon_key(), reference, value.clone())?;
            Ok(PutRequest {
                reference: reference.to_owned(),
                request_id: sealed.request_id,
                encapsulated_key: sealed.encapsulated_key,
                ciphertext: sealed.ciphertext,
                pending: new.pending,
                version_name: new.name.clone(),
            })
        })
        .await
    }
}
