//! The identity of a profile of OCI's configuration file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use super::auth_service::AuthService;
use super::session::{Session, SessionFiles};
use super::source::{Obtained, Reason, Source};
use crate::error::{BackendError, Class};
use crate::findings::Finding;
use crate::oci::files::{Access, Files};
use crate::oci::findings::{bad, good};
use crate::oci::identity::Identity;
use crate::oci::key::{KeyError, PrivateKey};
use crate::oci::key_file::Readers;
use crate::oci::key_id::KeyId;
use crate::oci::off_thread::off_thread;
use crate::oci::profile::{ConfigFile, Profile, ProfileContext, ProfileError, locate};
use crate::oci::settings::AuthMethod;
use crate::oci::signature::Signer;
use crate::oci::token::SecurityToken;

/// A profile: an API key, a session, or an instance that acts for a user.
#[derive(Clone)]
pub(super) struct ProfileSource {
    auth: Arc<AuthService>,
    session: Arc<Session>,
    instance: Arc<dyn Delegated>,
}

/// The instance, for profiles that name no key but the token of a user.
#[async_trait]
pub(super) trait Delegated: Send + Sync {
    /// The instance, acting for a user.
    async fn acting(
        &self,
        on_behalf: OnBehalf,
        files: &Arc<Files>,
    ) -> Result<Obtained, BackendError>;
}

/// For whom an instance acts.
pub(super) struct OnBehalf {
    /// The file with the user's token.
    pub(super) token_file: PathBuf,
    /// The profile's own region; `None` for the instance's.
    pub(super) region: Option<String>,
}

/// What is in the files.
enum Loaded {
    ApiKey(Identity),
    Session(SessionFiles),
    Delegation(OnBehalf),
}

impl ProfileSource {
    pub(super) fn new(auth: Arc<AuthService>, instance: Arc<dyn Delegated>) -> Self {
        Self {
            session: Arc::new(Session::new(Arc::clone(&auth))),
            auth,
            instance,
        }
    }

    async fn loaded(&self, files: &Arc<Files>) -> Result<Loaded, BackendError> {
        let (source, files) = (self.clone(), Arc::clone(files));
        off_thread(move || source.load(&source.profile(&files)?, &files)).await
    }

    /// Reads the configuration file.
    fn profile(&self, files: &Files) -> Result<(PathBuf, Profile), BackendError> {
        let (settings, around) = (self.auth.settings(), self.auth.around());
        let variable = around.variable("OCI_CONFIG_FILE");
        let is_file = |path: &Path| files.is_file(path);
        let path = locate(&settings.config_file, &around.home, variable, &is_file);
        if !files.is_file(&path) {
            let message = format!(
                "read {}: there is no such file; make one with `oci setup config`, or name another one \
                 in vault.config_file",
                path.display()
            );
            return Err(BackendError::not_sent(
                Class::Credentials,
                "no_config_file",
                message,
            ));
        }
        let content = files.read(&path, Access::Configuration, around.euid)?;
        let config = ConfigFile::parse(&path, &content).map_err(unusable)?;
        let profile = config.profile(&settings.config_profile).map_err(unusable)?;
        Ok((path, profile))
    }

    /// What the profile stands for. Its token file decides, since other keys may be inherited.
    fn load(
        &self,
        (path, profile): &(PathBuf, Profile),
        files: &Files,
    ) -> Result<Loaded, BackendError> {
        let (settings, around) = (self.auth.settings(), self.auth.around());
        let is_file = |path: &Path| files.is_file(path);
        let region = settings.region.as_deref();
        let context = ProfileContext {
            home: &around.home,
            region: region.or_else(|| around.variable("OCI_REGION")),
            is_file: &is_file,
        };
        let name = &settings.config_profile;
        if settings.auth_method == AuthMethod::SessionToken || profile.is_session() {
            let session = profile.session(&context).map_err(unusable)?;
            let pass_phrase = session.pass_phrase.as_deref().map(String::as_str);
            let key = self.key(&session.key_file, pass_phrase, files)?;
            let token = files.read_text(&session.token_file, Access::Token, around.euid)?;
            let token = SecurityToken::read(&token).map_err(|error| {
                let message = format!("{error}: {}", session.token_file.display());
                BackendError::not_sent(Class::Credentials, error.kind(), message)
            })?;
            return Ok(Loaded::Session(SessionFiles {
                token,
                key: Arc::new(key),
                sign_in: format!(
                    "oci session authenticate --profile-name {name} --region {}",
                    session.region
                ),
                region: session.region,
                principal: format!("session of profile {name} of {}", path.display()),
            }));
        }
        if profile.value("authentication_type").is_some() {
            let on_behalf = OnBehalf {
                token_file: profile.delegation(&context).map_err(unusable)?,
                region: profile.value("region").map(str::to_owned),
            };
            return Ok(Loaded::Delegation(on_behalf));
        }
        let found = profile.api_key(&context).map_err(unusable)?;
        let pass_phrase = found.pass_phrase.as_deref().map(String::as_str);
        let key = self.key(&found.key_file, pass_phrase, files)?;
        let matched = key.check(found.fingerprint);
        matched.map_err(|error| self.unusable_key(&found.key_file, &error))?;
        let key_id = KeyId::api_key(&found.tenancy, &found.user, found.fingerprint);
        let key_id = key_id.map_err(|error| {
            BackendError::not_sent(Class::Credentials, "bad_key_id", error.to_string())
        })?;
        Ok(Loaded::ApiKey(Identity {
            signer: Signer::new(Arc::new(key), key_id),
            delegation_token: None,
            region: Some(found.region),
            instance: None,
            principal: format!("profile {name} of {}", path.display()),
        }))
    }

    fn key(
        &self,
        path: &Path,
        pass_phrase: Option<&str>,
        files: &Files,
    ) -> Result<PrivateKey, BackendError> {
        let readers = readers(self.auth.settings().allow_readable_keys);
        let pem = files.read(path, Access::Key(readers), self.auth.around().euid)?;
        PrivateKey::from_pem(&pem, pass_phrase).map_err(|error| self.unusable_key(path, &error))
    }

    fn unusable_key(&self, path: &Path, error: &KeyError) -> BackendError {
        let remedy = match error {
            KeyError::OtherFingerprint { .. } => {
                "put the key's own fingerprint into the profile, or name the key that was uploaded in \
                 its key_file"
            }
            KeyError::NoPassphrase | KeyError::WrongPassphrase => {
                "set pass_phrase in the profile, or name another key in its key_file"
            }
            _ => "name an RSA key in the profile's key_file",
        };
        let message = format!(
            "use {} of {}: {error}; {remedy}",
            path.display(),
            self.principal()
        );
        BackendError::not_sent(Class::Credentials, error.kind(), message)
    }
}

#[async_trait]
impl Source for ProfileSource {
    fn principal(&self) -> String {
        let settings = self.auth.settings();
        let (name, path) = (&settings.config_profile, settings.config_file.display());
        match settings.auth_method {
            AuthMethod::SessionToken => format!("session of profile {name} of {path}"),
            _ => format!("profile {name} of {path}"),
        }
    }

    async fn obtain(&self, why: Reason, files: &Arc<Files>) -> Result<Obtained, BackendError> {
        match self.loaded(files).await? {
            Loaded::ApiKey(identity) => Ok(Obtained {
                identity,
                life: None,
            }),
            Loaded::Session(found) => self.session.obtain(found, why).await,
            Loaded::Delegation(on_behalf) => self.instance.acting(on_behalf, files).await,
        }
    }

    /// Whether it is a session.
    async fn is_kept_while_idle(&self) -> bool {
        let source = self.clone();
        let is_session = off_thread(move || {
            let (_, profile) = source.profile(&Files::default())?;
            Ok(profile.is_session())
        });
        is_session.await.unwrap_or(false)
    }

    async fn examine(&self) -> Vec<Finding> {
        let source = self.clone();
        let findings = off_thread(move || {
            let files = Files::default();
            let name = &source.auth.settings().config_profile;
            let found = match source.profile(&files) {
                Ok(found) => found,
                Err(error) => return Ok(vec![bad("configuration", &error)]),
            };
            let place = format!("profile {name} of {}", found.0.display());
            Ok(match source.load(&found, &files) {
                Err(error) if error.kind() == "profile_problems" => {
                    vec![bad("configuration", &error)]
                }
                loaded => vec![good("configuration", place), key_finding(loaded)],
            })
        });
        let findings = findings.await;
        findings.unwrap_or_else(|error| vec![bad("configuration", &error)])
    }
}

fn key_finding(loaded: Result<Loaded, BackendError>) -> Finding {
    match loaded {
        Ok(Loaded::ApiKey(identity)) => {
            let key = identity.signer.key();
            let (bits, print) = (key.bits(), key.fingerprint());
            good(
                "key",
                format!("{bits} bits, with the profile's fingerprint {print}"),
            )
        }
        Ok(Loaded::Session(files)) => {
            let bits = files.key.bits();
            good("key", format!("{bits} bits, of a session"))
        }
        Ok(Loaded::Delegation(on_behalf)) => good(
            "key",
            format!(
                "the instance's, for the user of {}",
                on_behalf.token_file.display()
            ),
        ),
        Err(error) => bad("key", &error),
    }
}

/// Who may read a key.
pub(super) fn readers(allow: bool) -> Readers {
    if allow {
        Readers::Anybody
    } else {
        Readers::Owner
    }
}

fn unusable(error: ProfileError) -> BackendError {
    BackendError::not_sent(Class::Credentials, error.kind(), error.to_string())
}
