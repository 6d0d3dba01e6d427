//! The identity or passphrase that opens the local store.

use std::path::{Path, PathBuf};

use anyhow::Context;
use secrecy::SecretString;
use vault_backends::local::LocalSettings;

use crate::arguments::Arguments;

/// The store in `directory`, with what may unlock it.
///
/// # Errors
/// A passphrase that is to be had and cannot be.
pub(super) fn settings(directory: &Path, arguments: &Arguments) -> anyhow::Result<LocalSettings> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let passphrase = passphrase(credentials.as_deref(), arguments.ask_passphrase)?;
    Ok(LocalSettings {
        directory: directory.to_owned(),
        credentials_directory: credentials,
        passphrase,
    })
}

fn passphrase(credentials: Option<&Path>, ask: bool) -> anyhow::Result<Option<SecretString>> {
    if ask {
        let typed = rpassword::prompt_password("Passphrase of the local store: ")
            .context("cannot ask for the passphrase: this is no terminal")?;
        return Ok(Some(SecretString::from(typed)));
    }
    let Some(file) = credentials.map(|directory| directory.join("vaultd.passphrase")) else {
        return Ok(None);
    };
    match std::fs::read_to_string(&file) {
        Ok(mut text) => {
            let length = text.trim_end_matches('\n').len();
            text.truncate(length);
            Ok(Some(SecretString::from(text)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}
