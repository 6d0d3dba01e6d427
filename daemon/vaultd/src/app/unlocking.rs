//! The identity or passphrase that opens the local store.

use std::path::{Path, PathBuf};

use anyhow::Context;
use secrecy::SecretString;
use vault_backends::local::LocalSettings;

/// The store in `directory`, with what may unlock it: a passphrase that was typed, or a credential.
///
/// # Errors
/// A passphrase that is to be had and cannot be.
pub(super) fn settings(
    directory: &Path,
    typed: Option<SecretString>,
) -> anyhow::Result<LocalSettings> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let passphrase = match typed {
        Some(typed) => Some(typed),
        None => of_credentials(credentials.as_deref())?,
    };
    Ok(LocalSettings {
        directory: directory.to_owned(),
        credentials_directory: credentials,
        passphrase,
    })
}

/// What a person types.
///
/// # Errors
/// There is no terminal.
pub(super) fn typed() -> anyhow::Result<SecretString> {
    let typed = rpassword::prompt_password("Passphrase of the local store: ");
    let typed = typed.context("cannot ask for the passphrase: this is no terminal")?;
    Ok(SecretString::from(typed))
}

fn of_credentials(credentials: Option<&Path>) -> anyhow::Result<Option<SecretString>> {
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
