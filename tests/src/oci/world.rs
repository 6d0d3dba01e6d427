//! What is there in the fake's cloud?

use super::clock::Clock;
use super::faults::Faults;
use super::fixture::public_key_pem;
use super::instance::Instance;
use super::journal::Journal;
use super::keys::Keys;
use super::naming::api_key_id;
use super::secrets::Secrets;

/// Everything a test may look at and change.
#[derive(Debug)]
pub struct World {
    /// What time it is there.
    pub clock: Clock,
    /// Who may sign.
    pub keys: Keys,
    /// The instance the caller runs on.
    pub instance: Instance,
    /// The secrets.
    pub secrets: Secrets,
    /// What goes wrong.
    pub faults: Faults,
    /// What was called.
    pub journal: Journal,
}

impl World {
    /// No secrets, no faults, the right time, and one API key: that of the golden vectors.
    pub(super) fn new() -> Self {
        let mut keys = Keys::new();
        keys.register(&api_key_id(), public_key_pem("pub2048"));
        Self {
            clock: Clock::default(),
            keys,
            instance: Instance::new(),
            secrets: Secrets::default(),
            faults: Faults::default(),
            journal: Journal::default(),
        }
    }
}
