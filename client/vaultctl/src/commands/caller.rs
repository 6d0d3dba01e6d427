//! How does a command reach the daemon?

use std::time::Duration;

use vault_client::{Client, connect};

use crate::failure::Failure;

/// What this program calls itself.
pub(super) const AGENT: &str = concat!("vaultctl/", env!("CARGO_PKG_VERSION"));

/// What is needed to call.
#[derive(Debug)]
pub(super) struct Caller {
    deadline: Duration,
}

impl Caller {
    /// One whose every connection has so long for all of its calls.
    pub(super) fn new(deadline: Duration) -> Self {
        Self { deadline }
    }

    /// A connection.
    pub(super) async fn client(&self) -> Result<Client, Failure> {
        Ok(connect(AGENT, self.deadline).await?)
    }
}
