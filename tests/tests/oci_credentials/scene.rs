//! A fake, the files and variables of its clients, and their clock.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use vault_backends::error::BackendError;
use vault_backends::oci::connection::Connection;
use vault_backends::oci::conversation::{Call, Conversation};
use vault_backends::oci::credential::Credential;
use vault_backends::oci::endpoint::Service;
use vault_backends::oci::identity::Identities;
use vault_backends::oci::places::Places;
use vault_backends::oci::signature::Method;
use vault_backends::oci::{AuthMethod, OciSettings};
use vault_backends::process_context::ProcessContext;
use vault_backends::wall_clock::WallClock;
use vault_tests::oci::{COMPARTMENT, Credentials, FakeOci, Fault, Route, Times, write_credentials};

/// A fake, and the files of every way to sign in.
pub(crate) struct Scene {
    pub(crate) fake: Arc<FakeOci>,
    pub(crate) files: Credentials,
    directory: TempDir,
}

/// Variables and their values.
pub(crate) type Variables = [(&'static str, String)];

/// The fake's own time, so that both clocks move as one.
struct CloudClock(Arc<FakeOci>);

impl WallClock for CloudClock {
    fn unix_seconds(&self) -> u64 {
        self.0.with(|world| world.clock.now())
    }
}

impl Scene {
    pub(crate) fn new() -> Self {
        let fake = Arc::new(FakeOci::start());
        let directory = tempfile::tempdir().unwrap();
        let files = write_credentials(&fake, directory.path()).unwrap();
        Self {
            fake,
            files,
            directory,
        }
    }

    pub(crate) fn settings(&self, auth_method: AuthMethod) -> OciSettings {
        let url = Some(self.fake.https_url());
        OciSettings {
            auth_method,
            config_file: self.files.config_file.clone(),
            config_profile: match auth_method {
                AuthMethod::SessionToken => "SESSION".to_owned(),
                _ => "DEFAULT".to_owned(),
            },
            ca_file: Some(self.files.ca_file.clone()),
            endpoint: url.clone(),
            management_endpoint: url.clone(),
            auth_endpoint: url,
            ..OciSettings::default_for(self.directory.path())
        }
    }

    pub(crate) fn around(&self, variables: &Variables) -> ProcessContext {
        let variables = variables.iter();
        ProcessContext {
            home: self.directory.path().to_owned(),
            variables: variables
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect::<BTreeMap<_, _>>(),
            euid: fs::metadata(self.directory.path()).unwrap().uid(),
            clock: Arc::new(CloudClock(Arc::clone(&self.fake))),
        }
    }

    pub(crate) fn credential(
        &self,
        settings: &OciSettings,
        variables: &Variables,
    ) -> Arc<Credential> {
        let around = self.around(variables);
        let connection = Connection::new(settings, &around);
        Arc::new(Credential::new(settings, &around, connection))
    }

    pub(crate) fn usual(&self, method: AuthMethod, variables: &Variables) -> Arc<Credential> {
        self.credential(&self.settings(method), variables)
    }

    /// Asks the fake something that every principal may, as this one.
    pub(crate) async fn ask(&self, credential: &Arc<Credential>) -> Result<(), BackendError> {
        let settings = self.settings(AuthMethod::ConfigFile);
        let around = self.around(&[]);
        let connection = Connection::new(&settings, &around);
        let identities: Arc<dyn Identities> = Arc::<Credential>::clone(credential);
        let places = Places::new(&settings, &around);
        let conversation = Conversation::new(identities, places, connection, around.clock);
        let call = Call {
            operation: "list",
            about: "secrets",
            service: Service::Vaults,
            method: Method::Get,
            segments: &["secrets"],
            parameters: &[("compartmentId", COMPARTMENT)],
            body: None,
            headers: vec![],
            max_reply_bytes: 100_000,
        };
        conversation.call(call).await.map(|_| ())
    }

    /// Asks, and says what the error was.
    pub(crate) async fn refused(&self, credential: &Arc<Credential>) -> BackendError {
        self.ask(credential).await.expect_err("an error")
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.fake.with(|world| world.clock.advance(seconds));
    }

    pub(crate) fn break_down(&self, route: Route) {
        self.fake
            .fail(route, status(503, "ServiceUnavailable"), Times::Always);
    }

    /// Writes a file that nobody else can read, in place of another one.
    pub(crate) fn write(&self, path: &Path, content: &str) {
        let next = self.path("next");
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(&next).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        fs::rename(next, path).unwrap();
        // Files are looked at once a second.
        self.pass(1);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// An error of the service's.
pub(crate) fn status(status: u16, code: &str) -> Fault {
    Fault::Status {
        status,
        code: code.to_owned(),
        message: "The words of the service.".to_owned(),
    }
}
