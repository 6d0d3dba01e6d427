//! A reader of the fake, over TLS.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use tempfile::NamedTempFile;
use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::bundle::Bundle;
use vault_backends::error::{BackendError, Class};
use vault_backends::oci::OciSettings;
use vault_backends::oci::connection::Connection;
use vault_backends::oci::vault::OciVault;
use vault_backends::process_context::ProcessContext;
use vault_backends::reading::Backend;
use vault_backends::wall_clock::{SystemWallClock, WallClock};
use vault_memory::{Preference, Shield};
use vault_tests::oci::{COMPARTMENT, FakeOci, Fault, Route, Times, VAULT, api_key_id};

use crate::identities::{InTurn, identity};

/// One per process, as in the daemon.
static SHIELD: LazyLock<Arc<Shield>> = LazyLock::new(|| Shield::new(Preference::Auto).unwrap());

pub(crate) struct Reader {
    pub(crate) fake: FakeOci,
    pub(crate) identities: Arc<InTurn>,
    pub(crate) clock: Arc<MovedClock>,
    pub(crate) vault: OciVault,
    pub(crate) ca_file: NamedTempFile,
}

/// The machine's clock, moved.
#[derive(Default)]
pub(crate) struct MovedClock {
    ahead_seconds: AtomicI64,
}

impl MovedClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.ahead_seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl WallClock for MovedClock {
    fn unix_seconds(&self) -> u64 {
        let ahead = self.ahead_seconds.load(Ordering::Relaxed);
        SystemWallClock.unix_seconds().saturating_add_signed(ahead)
    }
}

impl Reader {
    /// The person of the golden vectors.
    pub(crate) fn new() -> Self {
        Self::of(InTurn::new(vec![identity(&api_key_id(), "pub2048")]))
    }

    pub(crate) fn of(identities: Arc<InTurn>) -> Self {
        let fake = FakeOci::start();
        let ca_file = NamedTempFile::new().unwrap();
        std::fs::write(ca_file.path(), fake.ca_pem()).unwrap();
        let clock = Arc::new(MovedClock::default());
        let vault = vault(
            &fake,
            ca_file.path(),
            Arc::clone(&identities),
            Arc::clone(&clock),
        );
        Self {
            fake,
            identities,
            clock,
            vault,
            ca_file,
        }
    }

    /// The value and the version of a current one.
    pub(crate) async fn read(&self, container: Option<&str>, name: &str) -> Read {
        self.read_version(container, name, VersionSelector::Current)
            .await
    }

    pub(crate) async fn read_version(
        &self,
        container: Option<&str>,
        name: &str,
        wanted: VersionSelector,
    ) -> Read {
        let fetched = self.fetch(container, name, wanted).await;
        fetched.map(|fetched| (text_of(&fetched), fetched.version))
    }

    pub(crate) async fn fetch(
        &self,
        container: Option<&str>,
        name: &str,
        wanted: VersionSelector,
    ) -> Result<Bundle, BackendError> {
        fetch(&self.vault, container, name, wanted).await
    }

    /// The failure of reading by id while a fault is there.
    pub(crate) async fn with_fault(&self, id: &str, fault: Fault) -> BackendError {
        self.fake
            .fail(Route::GetSecretBundle, fault, Times::Next(1));
        self.read(None, id).await.unwrap_err()
    }
}

pub(crate) type Read = Result<(String, String), BackendError>;

/// What is expected of a good read.
pub(crate) fn value(value: &str, version: &str) -> (String, String) {
    (value.to_owned(), version.to_owned())
}

pub(crate) fn text_of(fetched: &Bundle) -> String {
    let plain = |plain: &mut [u8]| String::from_utf8_lossy(plain).into_owned();
    fetched.field(None).unwrap().expose_secret(plain).unwrap()
}

/// Class and word of a failure, whose text must hold all of these.
#[track_caller]
pub(crate) fn check(error: &BackendError, class: Class, kind: &str, parts: &[&str]) {
    let text = error.to_string();
    assert_eq!((error.class(), error.kind()), (class, kind), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

pub(crate) const IN_COMPARTMENT: Option<&str> = Some(COMPARTMENT);
pub(crate) const IN_VAULT: Option<&str> = Some(VAULT);

pub(crate) async fn fetch(
    vault: &OciVault,
    container: Option<&str>,
    name: &str,
    wanted: VersionSelector,
) -> Result<Bundle, BackendError> {
    let address = Address {
        kind: BackendKind::OCI,
        scope: String::new(),
        container: container.map(str::to_owned),
        name: name.to_owned(),
        version: wanted,
    };
    vault.fetch(&address).await
}

/// The fake as a vault, if it is vouched for by this authority.
pub(crate) fn vault(
    fake: &FakeOci,
    ca_file: &Path,
    identities: Arc<InTurn>,
    clock: Arc<MovedClock>,
) -> OciVault {
    let settings = OciSettings {
        endpoint: Some(fake.https_url()),
        management_endpoint: Some(fake.https_url()),
        ca_file: Some(ca_file.to_owned()),
        ..OciSettings::default_for(Path::new("/nonexistent"))
    };
    let around = ProcessContext {
        home: "/nonexistent".into(),
        variables: BTreeMap::new(),
        euid: nix::unistd::geteuid().as_raw(),
        clock,
    };
    let connection = Connection::new(&settings, &around);
    OciVault::new(
        &settings,
        identities,
        &around,
        connection,
        Arc::clone(&SHIELD),
    )
}
