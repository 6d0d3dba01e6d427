//! What became of the last launches: those that came to nothing, and the servers that still run.
//!
//! Both lists are bounded, and hold no value.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vault_backends::address::{Address, VersionSelector};

use crate::addresses::is_same_secret;
use crate::peer::Peer;

/// How many failures are kept.
const FAILURES: usize = 20;
/// How many servers are kept; each costs a file descriptor.
const SERVERS: usize = 128;

/// A launch that came to nothing.
#[derive(Clone, Debug)]
pub(crate) struct FailedLaunch {
    /// When, since 1970-01-01 UTC.
    pub(crate) time: Duration,
    /// The service, if what was asked for can be the name of one.
    pub(crate) service: Option<String>,
    /// The environment, if the configuration names it.
    pub(crate) environment: Option<String>,
    /// The program for which it was to be started.
    pub(crate) client: Option<String>,
    /// The process that asked.
    pub(crate) pid: i32,
    /// The stable word.
    pub(crate) kind: &'static str,
    /// For people.
    pub(crate) reason: String,
}

/// A process that was started as a service.
#[derive(Debug)]
pub(crate) struct RunningServer {
    /// The service.
    pub(crate) service: String,
    /// The process that asked, which became it.
    pub(crate) peer: Arc<Peer>,
    /// What it was given: where from, and which version.
    pub(crate) secrets: Vec<(Address, String)>,
}

/// The last launches.
#[derive(Debug, Default)]
pub(crate) struct History {
    failures: Mutex<VecDeque<FailedLaunch>>,
    servers: Mutex<VecDeque<RunningServer>>,
}

impl History {
    /// Remembers one that came to nothing.
    pub(crate) fn failed(&self, failure: FailedLaunch) {
        let mut failures = lock(&self.failures);
        failures.truncate(FAILURES - 1);
        failures.push_front(failure);
    }

    /// Remembers one that was given its secrets.
    pub(crate) fn started(&self, server: RunningServer) {
        let mut servers = lock(&self.servers);
        servers.retain(|server| server.peer.is_alive());
        servers.truncate(SERVERS - 1);
        servers.push_front(server);
    }

    /// Those that came to nothing, newest first.
    pub(crate) fn failures(&self) -> Vec<FailedLaunch> {
        lock(&self.failures).iter().cloned().collect()
    }

    /// Service and process id of those that still run with another version of a secret than this one.
    /// Who was given a version that its configuration names has what it is to have.
    pub(crate) fn with_another_version(&self, of: &Address, version: &str) -> Vec<(String, i32)> {
        let is_other = |(address, given): &(Address, String)| {
            is_same_secret(address, of)
                && address.version == VersionSelector::Current
                && given != version
        };
        let mut servers = lock(&self.servers);
        servers.retain(|server| server.peer.is_alive());
        let old = servers
            .iter()
            .filter(|one| one.secrets.iter().any(is_other));
        old.map(|server| (server.service.clone(), server.peer.pid))
            .collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
