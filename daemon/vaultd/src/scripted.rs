//! A backend that does what a test says, call by call.

mod switchable;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::bundle::Bundle;
use vault_backends::error::{BackendError, Class};
use vault_backends::reading::{Backend, FetchEffect};
use vault_memory::{Preference, Shield};

pub(crate) use switchable::{Condition, SwitchableBackend};

enum Step {
    Fail(BackendError),
    Value(Vec<u8>),
    Hang,
    Panic,
}

/// See the module's words. An empty script is a panic: a test knows how many calls it makes.
pub(crate) struct ScriptedBackend {
    kind: BackendKind,
    shield: Arc<Shield>,
    script: Mutex<VecDeque<Step>>,
    calls: AtomicU64,
    forgets: AtomicU64,
    upkeeps: AtomicU64,
    /// Whether each fetch makes something new.
    pub(crate) creates: AtomicBool,
    /// Whether upkeep never ends.
    pub(crate) hangs_in_upkeep: AtomicBool,
    /// Each call takes one; tests that hold calls back start with none.
    pub(crate) gate: Semaphore,
}

impl ScriptedBackend {
    pub(crate) fn new(kind: BackendKind) -> Arc<Self> {
        Arc::new(Self {
            kind,
            shield: Shield::new(Preference::Auto).unwrap(),
            script: Mutex::default(),
            calls: AtomicU64::default(),
            forgets: AtomicU64::default(),
            upkeeps: AtomicU64::default(),
            creates: AtomicBool::default(),
            hangs_in_upkeep: AtomicBool::default(),
            gate: Semaphore::new(10_000),
        })
    }

    pub(crate) fn then(&self, error: BackendError) -> &Self {
        self.script.lock().unwrap().push_back(Step::Fail(error));
        self
    }

    pub(crate) fn then_value(&self, value: &str) -> &Self {
        let step = Step::Value(value.as_bytes().to_owned());
        self.script.lock().unwrap().push_back(step);
        self
    }

    pub(crate) fn then_hang(&self) -> &Self {
        self.script.lock().unwrap().push_back(Step::Hang);
        self
    }

    pub(crate) fn then_panic(&self) -> &Self {
        self.script.lock().unwrap().push_back(Step::Panic);
        self
    }

    /// Takes a step off the script that was not needed; whether there was one.
    pub(crate) fn skip(&self) -> bool {
        self.script.lock().unwrap().pop_front().is_some()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// How often it was to forget what names mean.
    pub(crate) fn forgets(&self) -> u64 {
        self.forgets.load(Ordering::SeqCst)
    }

    pub(crate) fn upkeeps(&self) -> u64 {
        self.upkeeps.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Backend for ScriptedBackend {
    fn kind(&self) -> BackendKind {
        self.kind
    }

    fn effect(&self, _address: &Address) -> FetchEffect {
        if self.creates.load(Ordering::SeqCst) {
            FetchEffect::Creates
        } else {
            FetchEffect::Reads
        }
    }

    fn forget(&self) {
        self.forgets.fetch_add(1, Ordering::SeqCst);
    }

    async fn upkeep(&self) -> Duration {
        self.upkeeps.fetch_add(1, Ordering::SeqCst);
        if self.hangs_in_upkeep.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Duration::from_hours(1)
    }

    async fn fetch(&self, _address: &Address) -> Result<Bundle, BackendError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        let step = self
            .script
            .lock()
            .unwrap()
            .pop_front()
            .expect("the script has this call");
        match step {
            Step::Fail(error) => Err(error),
            Step::Hang => std::future::pending().await,
            Step::Panic => panic!("as the script says"),
            Step::Value(mut value) => Ok(Bundle::plain(
                self.shield.shield(&mut value).unwrap(),
                "1".to_owned(),
            )),
        }
    }
}

pub(crate) fn outage() -> BackendError {
    BackendError::no_reply("outage", "the scripted backend is out")
}

pub(crate) fn unsent(class: Class) -> BackendError {
    BackendError::not_sent(class, "unsent", "a file cannot be read")
}

pub(crate) fn broken() -> BackendError {
    BackendError::replied(Class::Outage, "server_error", "the server is broken")
}

pub(crate) fn answer() -> BackendError {
    BackendError::replied(Class::Answer, "not_found", "there is no such secret")
}

pub(crate) fn request() -> BackendError {
    BackendError::replied(Class::Request, "bad_request", "asked wrongly")
}

pub(crate) fn address(kind: BackendKind, name: &str) -> Address {
    Address {
        kind,
        scope: String::new(),
        container: None,
        name: name.to_owned(),
        version: VersionSelector::Current,
    }
}
