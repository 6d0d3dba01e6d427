//! Delegation tokens: the user on whose behalf requests are made.

use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::auth_service::AuthService;
use super::profile_source::readers;
use crate::error::BackendError;
use crate::oci::files::{Access, Files};
use crate::oci::off_thread::off_thread;

/// The token of the user that the settings name, if they name one.
pub(super) async fn configured(
    auth: &AuthService,
    files: &Arc<Files>,
) -> Result<Option<Zeroizing<String>>, BackendError> {
    match &auth.settings().delegation_token_file {
        None => Ok(None),
        Some(file) => token(auth, file.clone(), files).await.map(Some),
    }
}

/// The token in a file. Whoever has it can act for the user from the same machine, so it is as private as
/// a key.
pub(super) async fn token(
    auth: &AuthService,
    file: PathBuf,
    files: &Arc<Files>,
) -> Result<Zeroizing<String>, BackendError> {
    let access = Access::Key(readers(auth.settings().allow_readable_keys));
    let (euid, files) = (auth.around().euid, Arc::clone(files));
    off_thread(move || files.read_text(&file, access, euid)).await
}
