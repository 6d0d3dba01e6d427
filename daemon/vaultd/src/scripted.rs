//! A backend that does what a test says, call by call.

mod weather;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::Semaphore;
use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::bundle::Bundle;
use vault_backends::error::{BackendError, Class};
use vault_backends::reading::Backend;
use vault_memory::{Preference, Shield};

pub(crate) use weather::{Weather, WeatherBackend};

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
            gate: Semaphore::new(10_000),
        })
    }

    pub(crate) fn then(&self, error: BackendError) -> &Self {
        self.script.lock().unwrap().push_back(Step::Fail(error));
        self
    }

    pub(crate) fn then_value(&self, value: &str) -> &Self {
        self.then_bytes(value.as_bytes())
    }

    pub(crate) fn then_bytes(&self, value: &[u8]) -> &Self {
        self.script
            .lock()
            .unwrap()
            .push_back(Step::Value(value.to_owned()));
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

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Backend for ScriptedBackend {
    fn kind(&self) -> BackendKind {
        self.kind
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
