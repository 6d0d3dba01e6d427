//! One fake, one reader of it, and the daemon's cache before them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use tempfile::NamedTempFile;
use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::bundle::Bundle;
use vault_backends::error::BackendError;
use vault_backends::oci::OciSettings;
use vault_backends::oci::connection::Connection;
use vault_backends::oci::vault::OciVault;
use vault_backends::process_context::ProcessContext;
use vault_backends::reading::Backend;
use vault_backends::registry::Backends;
use vault_backends::wall_clock::SystemWallClock;
use vault_memory::{Preference, Shield};
use vault_tests::oci::{COMPARTMENT, FakeOci, VAULT};
use vaultd::cache::freshness::Freshness;
use vaultd::cache::held::Held;
use vaultd::cache::{Cache, Served};
use vaultd::clock::ScriptedClock;
use vaultd::upstream::{self, Upstream, UpstreamError, backoff};

use crate::identity::FixedIdentity;

/// What is held before anything goes wrong, and what a reader gets after.
pub(crate) const OLD: &str = "old-hunter2";
pub(crate) const NEW: &str = "new-hunter3";
/// Longer than any test takes.
pub(crate) const LONG: Duration = Duration::from_secs(30);

const NAME: &str = "db";
/// One per process, as in the daemon.
pub(crate) static SHIELD: LazyLock<Arc<Shield>> =
    LazyLock::new(|| Shield::new(Preference::Auto).unwrap());

/// How a secret is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    ById,
    InVault,
    InCompartment,
}

/// Everything between a caller and the fake.
pub(crate) struct Fixture {
    pub(crate) fake: Arc<FakeOci>,
    pub(crate) id: String,
    pub(crate) clock: Arc<ScriptedClock>,
    pub(crate) upstream: Arc<Upstream>,
    cache: Arc<Cache>,
    address: Address,
    way: Arc<Way>,
}

/// The reader, and another one that takes its place.
struct Way {
    usual: OciVault,
    detour: Option<OciVault>,
    takes_detour: AtomicBool,
    _ca_file: Option<NamedTempFile>,
}

#[async_trait]
impl Backend for Way {
    fn kind(&self) -> BackendKind {
        BackendKind::OCI
    }

    async fn fetch(&self, address: &Address) -> Result<Bundle, BackendError> {
        match &self.detour {
            Some(detour) if self.takes_detour.load(Ordering::Relaxed) => {
                detour.fetch(address).await
            }
            _ => self.usual.fetch(address).await,
        }
    }
}

/// Other settings than those that lead to the fake.
pub(crate) type Detour = fn(&FakeOci, &mut OciSettings);

impl Fixture {
    pub(crate) fn new(
        named: Named,
        wanted: VersionSelector,
        renewals: usize,
        detour: Option<Detour>,
    ) -> Self {
        let fake = Arc::new(FakeOci::start());
        let ca_file = NamedTempFile::new().unwrap();
        std::fs::write(ca_file.path(), fake.ca_pem()).unwrap();
        let settings = OciSettings {
            endpoint: Some(fake.https_url()),
            management_endpoint: Some(fake.https_url()),
            ca_file: Some(ca_file.path().to_owned()),
            ..OciSettings::default_for(Path::new("/nonexistent"))
        };
        let way = Way {
            usual: reader(&settings, renewals),
            detour: detour.map(|detour| {
                let mut settings = settings.clone();
                detour(&fake, &mut settings);
                reader(&settings, renewals)
            }),
            takes_detour: AtomicBool::new(false),
            _ca_file: Some(ca_file),
        };
        Self::before(fake, way, named, wanted)
    }

    /// Before a reader of the fake with other identities, which reads by id.
    pub(crate) fn of(fake: Arc<FakeOci>, usual: OciVault) -> Self {
        let way = Way {
            usual,
            detour: None,
            takes_detour: AtomicBool::new(false),
            _ca_file: None,
        };
        Self::before(fake, way, Named::ById, VersionSelector::Current)
    }

    fn before(fake: Arc<FakeOci>, way: Way, named: Named, wanted: VersionSelector) -> Self {
        let (id, way) = (fake.put(NAME, OLD), Arc::new(way));
        let clock = Arc::new(ScriptedClock::default());
        let backend: Arc<dyn Backend> = Arc::<Way>::clone(&way);
        let upstream = Arc::new(Upstream::new(
            Backends::from_iter([backend]),
            Arc::<ScriptedClock>::clone(&clock),
        ));
        let cache = Cache::new(Arc::clone(&upstream), Arc::<ScriptedClock>::clone(&clock));
        let (container, name) = match named {
            Named::ById => (None, id.clone()),
            Named::InVault => (Some(VAULT), NAME.to_owned()),
            Named::InCompartment => (Some(COMPARTMENT), NAME.to_owned()),
        };
        let fixture = Self {
            address: Address {
                kind: BackendKind::OCI,
                scope: String::new(),
                container: container.map(str::to_owned),
                name,
                version: wanted,
            },
            fake,
            id,
            clock,
            upstream,
            cache,
            way,
        };
        fixture.repeat(0);
        fixture
    }

    /// Failed calls are made again so many times, at once.
    pub(crate) fn repeat(&self, max_retries: u32) {
        self.upstream.configure(upstream::ResilienceSettings {
            retry: backoff::BackoffSettings {
                max_retries,
                base: Duration::ZERO,
                jitter: false,
            },
            ..upstream::ResilienceSettings::default()
        });
    }

    /// The breaker is open: others have asked, and nobody replied.
    pub(crate) async fn open_breaker(&self) {
        let other = Address {
            name: format!("{}x", self.address.name),
            ..self.address.clone()
        };
        let third = Address {
            name: format!("{}y", self.address.name),
            ..self.address.clone()
        };
        for address in [&other, &third, &other, &third, &other] {
            assert!(self.upstream.fetch(address, LONG).await.is_err());
        }
    }

    pub(crate) async fn get(&self, time: Duration) -> Result<Served, Arc<UpstreamError>> {
        let freshness = Freshness::default();
        let reference = "oci-vault://reference";
        self.cache
            .get(&self.address, reference, &freshness, time)
            .await
    }

    /// The value is held, and has been changed since.
    pub(crate) async fn hold(&self) {
        let served = self.get(LONG).await.unwrap();
        assert_eq!(text(&served.held), OLD);
        self.change();
    }

    /// There is a newer value now.
    pub(crate) fn change(&self) {
        self.fake.put(NAME, NEW);
    }

    /// Nothing is held.
    pub(crate) fn forget(&self) {
        self.cache.flush(|_| true);
    }

    /// What is held is past its time.
    pub(crate) fn age(&self) {
        self.clock.advance(Freshness::default().ttl);
    }

    /// The reader with other settings is asked from now on, or no more.
    pub(crate) fn take_detour(&self, takes: bool) {
        self.way.takes_detour.store(takes, Ordering::Relaxed);
    }

    /// How many calls reached the fake since the last time.
    pub(crate) fn calls(&self) -> usize {
        self.fake.with(|world| {
            let calls = world.journal.seen().len();
            world.journal.clear();
            calls
        })
    }
}

pub(crate) fn text(held: &Held) -> String {
    let plain = |plain: &mut [u8]| String::from_utf8_lossy(plain).into_owned();
    held.bundle
        .field(None)
        .unwrap()
        .expose_secret(plain)
        .unwrap()
}

fn reader(settings: &OciSettings, renewals: usize) -> OciVault {
    let around = ProcessContext {
        home: "/nonexistent".into(),
        variables: BTreeMap::new(),
        euid: nix::unistd::geteuid().as_raw(),
        clock: Arc::new(SystemWallClock),
    };
    let identities = FixedIdentity::new(renewals);
    let connection = Connection::new(settings, &around);
    OciVault::new(
        settings,
        identities,
        &around,
        connection,
        Arc::clone(&SHIELD),
    )
}
