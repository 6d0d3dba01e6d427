//! The connection to OCI's services: one client for everything that one set of settings leads to.
//!
//! It is made at the first call, and anew where whom it believes may have changed. While the certificates
//! cannot be read no new connection is made, not even by the old ones: who takes an authority away means it,
//! and a file that is missing may be one that was removed. So the old trust lasts no second longer than its
//! file. The failure is one of this side, of class `Credentials`: values that are held are served meanwhile,
//! within their bound, it is a notice in `status`, and it neither counts for a breaker nor heals one.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::files::{Access, Files};
use super::off_thread::off_thread;
use super::settings::OciSettings;
use crate::error::{BackendError, Class};
use crate::http::{BadProxy, Client, Trust, with_causes};
use crate::process_context::ProcessContext;
use crate::wall_clock::WallClock;

/// The way to the services: whom to believe, and through which proxy. Clones share the client.
#[derive(Clone)]
pub struct Connection(Arc<Shared>);

struct Shared {
    ca_file: Option<PathBuf>,
    proxy: Option<String>,
    euid: u32,
    clock: Arc<dyn WallClock>,
    made: Mutex<Option<Made>>,
    /// Why the last attempt to make a client failed. Apart, so that whoever looks at it waits for no file.
    failure: Mutex<Option<String>>,
}

struct Made {
    client: Client,
    /// The `ca_file` as it was.
    files: Files,
    hour: u64,
}

impl Connection {
    /// What the settings say. Nothing is read yet.
    pub fn new(settings: &OciSettings, around: &ProcessContext) -> Self {
        Self(Arc::new(Shared {
            ca_file: settings.ca_file.clone(),
            proxy: settings.proxy.clone(),
            euid: around.euid,
            clock: Arc::clone(&around.clock),
            made: Mutex::default(),
            failure: Mutex::default(),
        }))
    }

    /// The client of now.
    ///
    /// # Errors
    /// [`BackendError`] of class `Credentials` where there is no certificate to believe, and of class
    /// `Request` where the proxy is none. Nothing was sent.
    pub async fn client(&self) -> Result<Client, BackendError> {
        let shared = Arc::clone(&self.0);
        off_thread(move || shared.client()).await
    }

    /// Why no connection could be made the last time, where that was the fault of this side.
    pub fn failure(&self) -> Option<String> {
        self.0.failure().clone()
    }
}

impl Shared {
    fn client(&self) -> Result<Client, BackendError> {
        let hour = self.clock.unix_seconds() / 3_600;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // The system's authorities are many files; they are read once in an hour.
        let is_good = |made: &&Made| match self.ca_file {
            Some(_) => !made.files.have_changed(),
            None => made.hour == hour,
        };
        if let Some(made) = made.as_ref().filter(is_good) {
            return Ok(made.client.clone());
        }
        let files = Files::default();
        let client = self.made_of(&files);
        *self.failure() = client.as_ref().err().map(ToString::to_string);
        *made = client.as_ref().ok().map(|client| Made {
            client: client.clone(),
            files,
            hour,
        });
        client
    }

    fn failure(&self) -> MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made_of(&self, files: &Files) -> Result<Client, BackendError> {
        let unusable = |kind, words| {
            let message = match &self.ca_file {
                Some(_) => format!("use vault.ca_file: {words}; put the file in order"),
                None => format!(
                    "use the system's certificates: {words}; install ca-certificates, or name a file in \
                     vault.ca_file"
                ),
            };
            BackendError::not_sent(Class::Credentials, kind, message)
        };
        let trust = match &self.ca_file {
            None => Trust::System,
            Some(path) => {
                let pem = files.read(path, Access::Authorities, self.euid);
                let pem = pem.map_err(|error| unusable("bad_ca_file", error.to_string()))?;
                let (path, pem) = (path.clone(), pem.to_vec());
                Trust::Pem { path, pem }
            }
        };
        let client =
            Client::new(&trust).map_err(|error| unusable(error.kind(), with_causes(&error)))?;
        let Some(proxy) = &self.proxy else {
            return Ok(client);
        };
        let proxy = proxy.parse().map_err(|error: BadProxy| {
            let message = format!("vault.proxy: {error}");
            BackendError::not_sent(Class::Request, "bad_proxy", message)
        })?;
        Ok(client.through(proxy))
    }
}
