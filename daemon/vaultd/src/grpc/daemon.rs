//! The rooms below, as the services see them.

use std::sync::Arc;

use crate::audit::Audit;
use crate::cache::{Cache, CacheEntry};
use crate::clock::{Clock, Moment};
use crate::health;
use crate::launch::Launch;
use crate::logging::Log;
use crate::maintenance::Maintenance;
use crate::refresher::Refresher;
use crate::resolver::Resolver;
use crate::setup::{Current, Setup};
use crate::snapshot::Snapshot;
use crate::upstream::{Health, Upstream};
use crate::writer::Writer;

/// Reads the configuration again; the word for it is here so that nothing below knows of files.
#[tonic::async_trait]
pub trait Reload: Send + Sync + 'static {
    /// Reads it, all of it or none, after whoever reads it already.
    ///
    /// # Errors
    /// What is wrong, in words for a person.
    async fn reload(&self) -> Result<Reloaded, String>;
}

/// What was read.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// How many configurations there have been.
    pub generation: u64,
}

/// The rooms below, as the services see them.
#[derive(Clone)]
pub struct Daemon {
    /// The configuration in force.
    pub current: Arc<Current>,
    /// Launches.
    pub launch: Arc<Launch>,
    /// Reads.
    pub resolver: Arc<Resolver>,
    /// Changes.
    pub writer: Arc<Writer>,
    /// Held values.
    pub cache: Arc<Cache>,
    /// What flush and refresh mean.
    pub maintenance: Arc<Maintenance>,
    /// What renews them.
    pub refresher: Arc<Refresher>,
    /// What outlives a restart.
    pub snapshot: Arc<Snapshot>,
    /// Backends.
    pub upstream: Arc<Upstream>,
    /// The audit record.
    pub audit: Arc<Audit>,
    /// The clock of ages.
    pub clock: Arc<dyn Clock>,
    /// Reads the configuration again.
    pub reload: Arc<dyn Reload>,
    /// The log.
    pub log: Log,
    /// What does not change while the daemon runs.
    pub facts: Arc<StartFacts>,
}

impl Daemon {
    /// Whether all is well, as the metrics say it; status looks at each service, too.
    pub(super) fn is_healthy(
        &self,
        setup: &Setup,
        health: &[Health],
        entries: &[CacheEntry],
    ) -> bool {
        let others = setup.view(None).freshness;
        let (current, audit, snapshot) = (&self.current, &self.audit, &self.snapshot);
        health::is_healthy(current, audit, snapshot, health, entries, &others)
    }
}

/// What does not change while the daemon runs.
#[derive(Clone, Debug)]
pub struct StartFacts {
    /// When it started.
    pub started: Moment,
    /// How memory is protected.
    pub memory_protection: String,
    /// What a person should know of the machine.
    pub warnings: Vec<String>,
    /// Where it listens.
    pub socket: String,
    /// The local store's file.
    pub store: String,
}
