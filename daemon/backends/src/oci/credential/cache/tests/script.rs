//! A scripted source of identities, and its clock.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::super::super::source::{Obtained, Reason, Source};
use super::super::{CredentialCache, in_flight};
use crate::error::{BackendError, Class};
use crate::findings::Finding;
use crate::oci::files::Files;
use crate::oci::identity::Identity;
use crate::oci::key::PrivateKey;
use crate::oci::key_id::KeyId;
use crate::oci::signature::Signer;
use crate::oci::token::Lifetime;
use crate::wall_clock::WallClock;

const VECTORS: &str = include_str!("../../../../../../../tests/cases/oci-vectors.json");
pub(super) const START: u64 = 1_000_000;
pub(super) const HOUR: u64 = 3_600;

pub(super) struct Clock(pub(super) AtomicU64);

impl WallClock for Clock {
    fn unix_seconds(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// What a source is to do next: a token of this name for an hour, the same without an end, or a failure.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Token(&'static str),
    Endless(&'static str),
    Ended(&'static str),
    Outage,
    Never,
}

pub(super) struct Script {
    pub(super) steps: Mutex<VecDeque<Step>>,
    pub(super) asked: AtomicUsize,
    pub(super) whys: Mutex<Vec<Reason>>,
    pub(super) gate: Semaphore,
    pub(super) file: Option<PathBuf>,
    pub(super) key: Arc<PrivateKey>,
    pub(super) clock: Arc<Clock>,
    pub(super) is_kept: bool,
}

#[async_trait]
impl Source for Script {
    fn principal(&self) -> String {
        "scripted one".to_owned()
    }

    async fn obtain(&self, why: Reason, files: &Arc<Files>) -> Result<Obtained, BackendError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.whys.lock().expect("a lock").push(why);
        if let Some(file) = &self.file {
            files.is_file(file);
        }
        let _passed = self.gate.acquire().await.expect("open");
        let step = self.steps.lock().expect("a lock").pop_front();
        let now = self.clock.unix_seconds();
        let (name, expires_at) = match step.expect("another step") {
            Step::Token(name) => (name, Some(now + HOUR)),
            Step::Endless(name) => (name, None),
            Step::Ended(name) => (name, Some(now - 5)),
            Step::Outage => {
                let words = "get a token: nobody is there";
                return Err(BackendError::not_sent(Class::Outage, "connect", words));
            }
            Step::Never => std::future::pending().await,
        };
        let key_id = KeyId::token(name).expect("a name");
        Ok(Obtained {
            identity: Identity {
                signer: Signer::new(Arc::clone(&self.key), key_id),
                delegation_token: None,
                region: Some("phx".to_owned()),
                instance: None,
                principal: "scripted".to_owned(),
            },
            life: expires_at.map(|expires_at| Lifetime {
                issued_at: now,
                expires_at,
            }),
        })
    }

    async fn is_kept_while_idle(&self) -> bool {
        self.is_kept
    }

    async fn examine(&self) -> Vec<Finding> {
        vec![]
    }
}

pub(super) struct Scene {
    pub(super) cache: CredentialCache,
    pub(super) script: Arc<Script>,
}

impl Scene {
    pub(super) fn new(steps: &[Step]) -> Self {
        Self::with(steps, None, false)
    }

    pub(super) fn with(steps: &[Step], file: Option<PathBuf>, is_kept: bool) -> Self {
        let vectors: serde_json::Value = serde_json::from_str(VECTORS).expect("JSON");
        let pem = vectors["keys"]["pub2048"]["pem"]["pkcs8"].as_str();
        let key = PrivateKey::from_pem(pem.expect("a key").as_bytes(), None).expect("a key");
        let clock = Arc::new(Clock(AtomicU64::new(START)));
        let script = Arc::new(Script {
            steps: Mutex::new(steps.iter().copied().collect()),
            asked: AtomicUsize::new(0),
            whys: Mutex::default(),
            gate: Semaphore::new(1),
            file,
            key: Arc::new(key),
            clock: Arc::clone(&clock),
            is_kept,
        });
        let source: Arc<dyn Source> = Arc::<Script>::clone(&script);
        let cache = CredentialCache::new(source, clock, || 0.5);
        Self { cache, script }
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.script.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(super) fn asked(&self) -> usize {
        self.script.asked.load(Ordering::SeqCst)
    }

    /// The name of the token, or the kind of the error.
    pub(super) async fn current(&self) -> String {
        named(self.cache.current().await)
    }

    pub(super) async fn identity(&self) -> Arc<Identity> {
        self.cache.current().await.expect("an identity")
    }

    /// Lets what goes on behind the scenes come to its end.
    pub(super) async fn settle(&self) {
        while in_flight(&self.cache.state()).is_some() {
            tokio::task::yield_now().await;
        }
    }
}

pub(super) fn named(found: Result<Arc<Identity>, BackendError>) -> String {
    found.map_or_else(
        |error| error.kind().to_owned(),
        |identity| identity.signer.key_id().as_str().replace("ST$", ""),
    )
}
