//! A fake of OCI Vault, and short words for what is done with it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tempfile::TempDir;
use tonic::async_trait;
use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::changing::{
    Begins, ChangeTarget, NewVersion, Placement, VersionEntry, WritableBackend,
};
use vault_backends::error::{BackendError, Class};
use vault_backends::oci::OciSettings;
use vault_backends::oci::connection::Connection;
use vault_backends::oci::identity::{Identities, Identity};
use vault_backends::oci::key::PrivateKey;
use vault_backends::oci::key_id::KeyId;
use vault_backends::oci::signature::Signer;
use vault_backends::oci::vault::OciVault;
use vault_backends::process_context::ProcessContext;
use vault_backends::reading::Backend;
use vault_backends::wall_clock::SystemWallClock;
use vault_memory::{Preference, Shield};
use vault_tests::oci::{COMPARTMENT, FakeOci, REGION, Route, VAULT, api_key_id, private_key_pem};

/// The person of the golden vectors, with an API key, as long as there are tokens.
struct Person {
    identity: Arc<Identity>,
    left: AtomicUsize,
}

#[async_trait]
impl Identities for Person {
    async fn current(&self) -> Result<Arc<Identity>, BackendError> {
        let counted = |left: usize| left.checked_sub(1);
        let taken = self.left.fetch_update(Relaxed, Relaxed, counted);
        taken.map_err(|_| {
            BackendError::not_sent(
                Class::Outage,
                "token_deadline",
                "get a token: nobody answers",
            )
        })?;
        Ok(Arc::clone(&self.identity))
    }

    async fn renewed(
        &self,
        _refused: &Arc<Identity>,
    ) -> Result<Option<Arc<Identity>>, BackendError> {
        Ok(None)
    }

    fn hold(&self, _refused: &Arc<Identity>, _why: &BackendError) {}
}

/// What is meant by `ask.put(…)` and the like.
pub(crate) struct Cloud {
    pub(crate) fake: FakeOci,
    pub(crate) home: Placement,
    pub(crate) vault: OciVault,
    person: Arc<Person>,
    shield: Arc<Shield>,
    _files: TempDir,
}

impl Cloud {
    pub(crate) fn new() -> Self {
        let fake = FakeOci::start();
        let files = tempfile::tempdir().unwrap();
        let url = Some(fake.https_url());
        let settings = OciSettings {
            endpoint: url.clone(),
            management_endpoint: url.clone(),
            key_management_endpoint: url,
            ca_file: Some(written(files.path(), fake.ca_pem())),
            ..OciSettings::default_for(files.path())
        };
        let around = ProcessContext {
            home: files.path().to_owned(),
            variables: BTreeMap::new(),
            euid: nix::unistd::geteuid().as_raw(),
            clock: Arc::new(SystemWallClock),
        };
        let shield = Shield::new(Preference::Auto).unwrap();
        let person = Arc::new(Person {
            identity: Arc::new(identity()),
            left: AtomicUsize::new(usize::MAX),
        });
        let identities = Arc::clone(&person) as Arc<dyn Identities>;
        let connection = Connection::new(&settings, &around);
        let vault = OciVault::new(
            &settings,
            identities,
            &around,
            connection,
            Arc::clone(&shield),
        );
        Self {
            fake,
            home: Placement {
                compartment: Some(COMPARTMENT.to_owned()),
                vault: Some(VAULT.to_owned()),
                key: None,
            },
            vault,
            person,
            shield,
            _files: files,
        }
    }

    /// From now on there is no token after so many calls.
    pub(crate) fn ends_tokens_after(&self, calls: usize) {
        self.person.left.store(calls, Relaxed);
    }

    pub(crate) fn changes(&self) -> &dyn WritableBackend {
        self.vault.writable().unwrap()
    }

    /// `NAME` alone is in the vault, `CONTAINER/NAME` where it says.
    pub(crate) fn target(&self, text: &str) -> ChangeTarget {
        let (container, name) = match text.split_once('/') {
            Some((container, name)) => (Some(container), name),
            None if text.starts_with("ocid1.") => (None, text),
            None => (Some(VAULT), text),
        };
        let address = Address {
            kind: BackendKind::OCI,
            scope: String::new(),
            container: container.map(str::to_owned),
            name: name.to_owned(),
            version: VersionSelector::Current,
        };
        let home = self.home.clone();
        ChangeTarget {
            address,
            placement: home,
        }
    }

    pub(crate) async fn put(&self, name: &str, value: &str) -> Result<String, BackendError> {
        self.put_as(name, value.as_bytes(), NewVersion::default())
            .await
    }

    pub(crate) async fn put_as(
        &self,
        name: &str,
        value: &[u8],
        new: NewVersion,
    ) -> Result<String, BackendError> {
        let value = self.shield.shield(&mut value.to_vec()).unwrap();
        self.changes().put(&self.target(name), value, &new).await
    }

    pub(crate) async fn versions(&self, name: &str) -> Result<Vec<VersionEntry>, BackendError> {
        self.changes().versions(&self.target(name)).await
    }

    /// The value that the service would give out, of the current version.
    pub(crate) async fn value(&self, name: &str) -> String {
        let fetched = self.vault.fetch(&self.target(name).address).await.unwrap();
        let plain = fetched
            .field(None)
            .unwrap()
            .expose_secret(|plain| plain.to_vec());
        String::from_utf8(plain.unwrap()).unwrap()
    }

    /// What was asked, in order, since the start or the last time.
    pub(crate) fn asked(&self) -> Vec<Route> {
        self.fake.with(|world| {
            let seen = world.journal.seen().iter();
            let routes = seen.map(|seen| seen.route).collect();
            world.journal.clear();
            routes
        })
    }

    /// A header of the last call of a route.
    pub(crate) fn header(&self, route: Route, name: &str) -> Option<String> {
        self.fake.with(|world| {
            let seen = world.journal.seen().iter();
            let last = seen.rev().find(|seen| seen.route == route)?;
            Some(last.headers.get(name)?.to_str().unwrap().to_owned())
        })
    }
}

pub(crate) fn pending(name: Option<&str>) -> NewVersion {
    NewVersion {
        begins: Begins::WhenPromoted,
        name: name.map(str::to_owned),
    }
}

/// The stable word and the text of a failure.
pub(crate) fn failure_of<T>(result: Result<T, BackendError>) -> (&'static str, String) {
    match result {
        Ok(_) => panic!("it was done"),
        Err(error) => (error.kind(), error.to_string()),
    }
}

fn identity() -> Identity {
    let key = PrivateKey::from_pem(private_key_pem("pub2048").as_bytes(), None).unwrap();
    let key_id = KeyId::new(api_key_id()).unwrap();
    Identity {
        signer: Signer::new(Arc::new(key), key_id),
        delegation_token: None,
        region: Some(REGION.to_owned()),
        instance: None,
        principal: "profile DEFAULT".to_owned(),
    }
}

fn written(directory: &Path, text: &str) -> std::path::PathBuf {
    let path = directory.join("ca.pem");
    std::fs::write(&path, text).unwrap();
    path
}
