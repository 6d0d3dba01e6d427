//! Everything that is in the fake's cloud.

use super::clock::Clock;
use super::faults::Faults;
use super::fixture::public_key_pem;
use super::instance::Instance;
use super::journal::Journal;
use super::keys::Keys;
use super::naming::api_key_id;
use super::resource::Resources;
use super::secrets::Secrets;
use super::vaults::Vaults;
use super::workload::Cluster;

/// Everything a test may look at and change.
#[derive(Debug)]
pub struct World {
    /// What time it is there.
    pub clock: Clock,
    /// Who may sign.
    pub keys: Keys,
    /// The instance the caller runs on.
    pub instance: Instance,
    /// The resource the caller runs in.
    pub resources: Resources,
    /// The cluster the caller runs in.
    pub cluster: Cluster,
    /// The delegation token that every request about secrets must bear, if one must.
    pub on_behalf: Option<String>,
    /// The vaults and their keys.
    pub vaults: Vaults,
    /// The secrets.
    pub secrets: Secrets,
    /// Whether each connection is closed before a byte is said on it.
    pub hangs_up: bool,
    /// What goes wrong.
    pub faults: Faults,
    /// What was called.
    pub journal: Journal,
    /// Where all of it is.
    pub(super) origin: String,
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
            resources: Resources::default(),
            cluster: Cluster::default(),
            on_behalf: None,
            vaults: Vaults::default(),
            secrets: Secrets::default(),
            hangs_up: false,
            faults: Faults::default(),
            journal: Journal::default(),
            origin: String::new(),
        }
    }
}
