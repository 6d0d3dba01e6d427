//! How are the services of OCI reached?
//!
//! By one client for everything that one set of settings leads to. It is made at the first call, and
//! anew where whom it believes may have changed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

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
        }))
    }

    /// The client of now.
    ///
    /// # Errors
    /// [`BackendError`] of class `Request`, where there is no certificate to believe, or the proxy is none.
    pub async fn client(&self) -> Result<Client, BackendError> {
        let shared = Arc::clone(&self.0);
        off_thread(move || shared.client()).await
    }
}

impl Shared {
    /// A file that has become unusable is not used as it was: who takes an authority away means it.
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
        *made = None;
        let files = Files::default();
        let client = self.made_of(&files)?;
        Ok(made
            .insert(Made {
                client,
                files,
                hour,
            })
            .client
            .clone())
    }

    fn made_of(&self, files: &Files) -> Result<Client, BackendError> {
        let unusable = |kind, words| {
            let message = format!("use vault.ca_file or the system's certificates: {words}");
            BackendError::not_sent(Class::Request, kind, message)
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
