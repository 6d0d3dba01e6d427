//! A backend that is up or down as a test says, for as long as it says, and counts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use vault_backends::address::{Address, BackendKind};
use vault_backends::bundle::Bundle;
use vault_backends::error::{BackendError, Class};
use vault_backends::reading::Backend;
use vault_memory::{Preference, Shield};

/// What the backend does with every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Answers with a version that is one higher than that of the call before.
    Up,
    /// Cannot be asked.
    Down,
    /// Refuses the credential.
    Refused,
    /// Says that there is no such secret.
    NotFound,
    /// Does not answer.
    Hanging,
}

pub(crate) struct SwitchableBackend {
    kind: BackendKind,
    shield: Arc<Shield>,
    condition: Mutex<Condition>,
    takes: Duration,
    versions: AtomicU64,
    pub(crate) calls: AtomicU64,
    pub(crate) failed: AtomicU64,
    flying: Mutex<HashMap<Address, usize>>,
    /// How many calls were under way at once at most: to one address, and to all.
    most: Mutex<(usize, usize)>,
    asked: Mutex<Vec<String>>,
}

impl SwitchableBackend {
    /// One that takes so long for a call, whatever comes of it.
    pub(crate) fn new(kind: BackendKind, takes: Duration) -> Arc<Self> {
        Arc::new(Self {
            kind,
            shield: Shield::new(Preference::Auto).unwrap(),
            condition: Mutex::new(Condition::Up),
            takes,
            versions: AtomicU64::default(),
            calls: AtomicU64::default(),
            failed: AtomicU64::default(),
            flying: Mutex::default(),
            most: Mutex::default(),
            asked: Mutex::default(),
        })
    }

    pub(crate) fn set_condition(&self, condition: Condition) {
        *self.condition.lock().unwrap() = condition;
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// The version of the last call that was made.
    pub(crate) fn version(&self) -> u64 {
        self.versions.load(Ordering::SeqCst)
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::SeqCst)
    }

    pub(crate) fn most(&self) -> (usize, usize) {
        *self.most.lock().unwrap()
    }

    /// How many calls to a name are under way.
    pub(crate) fn under_way(&self, name: &str) -> usize {
        let flying = self.flying.lock().unwrap();
        let to_it = flying.iter().filter(|(address, _)| address.name == name);
        to_it.map(|(_, count)| count).sum()
    }

    /// The names asked for since the last look.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn take_off(&self, address: &Address) -> Flight<'_> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.asked.lock().unwrap().push(address.name.clone());
        let mut flying = self.flying.lock().unwrap();
        *flying.entry(address.clone()).or_default() += 1;
        let mut most = self.most.lock().unwrap();
        most.0 = most.0.max(flying[address]);
        most.1 = most.1.max(flying.values().sum());
        Flight(self, address.clone())
    }
}

/// A call under way; it ends also when it is given up.
struct Flight<'a>(&'a SwitchableBackend, Address);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut flying = self.0.flying.lock().unwrap();
        *flying.get_mut(&self.1).unwrap() -= 1;
    }
}

#[async_trait]
impl Backend for SwitchableBackend {
    fn kind(&self) -> BackendKind {
        self.kind
    }

    async fn fetch(&self, address: &Address) -> Result<Bundle, BackendError> {
        let _flight = self.take_off(address);
        // As of when it is asked: that the answer is late does not make it newer.
        let version = self.versions.fetch_add(1, Ordering::SeqCst) + 1;
        let condition = *self.condition.lock().unwrap();
        if condition == Condition::Hanging {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(self.takes).await;
        let class = match condition {
            Condition::Down | Condition::Hanging => Class::Outage,
            Condition::Refused => Class::Credentials,
            Condition::NotFound => Class::Answer,
            Condition::Up => {
                let mut value = version.to_string().into_bytes();
                return Ok(Bundle::plain(
                    self.shield.shield(&mut value).unwrap(),
                    version.to_string(),
                ));
            }
        };
        self.failed.fetch_add(1, Ordering::SeqCst);
        Err(BackendError::replied(
            class,
            "scripted",
            "the backend is down",
        ))
    }
}
