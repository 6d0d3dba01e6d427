//! Profiles of OCI's configuration file.
//!
//! `~/.oci/config`, as Oracle's SDK for Python and its command line read it; the SDKs for Java and Go
//! read less. Nothing here opens a file.

mod credential;
mod entries;
mod error;
mod ini;
mod location;

use std::path::{Path, PathBuf};

pub use credential::{ApiKeyProfile, ProfileContext, SessionProfile};
pub use entries::Profile;
pub use error::{Problem, ProblemKind, ProfileError, SyntaxProblem, SyntaxProblemKind};
pub use location::locate;

use ini::{DEFAULTS, Document};

/// A configuration file that could be read. It may hold pass phrases: no `Debug`.
pub struct ConfigFile {
    path: PathBuf,
    document: Document,
}

impl ConfigFile {
    /// Reads the content of a file; the path is for messages.
    ///
    /// # Errors
    /// [`ProfileError::NotText`], and [`ProfileError::Syntax`] with everything that is wrong.
    pub fn parse(path: &Path, content: &[u8]) -> Result<Self, ProfileError> {
        let path = path.to_owned();
        let Ok(text) = std::str::from_utf8(content) else {
            return Err(ProfileError::NotText { path });
        };
        match ini::parse(text) {
            Ok(document) => Ok(Self { path, document }),
            Err(problems) => Err(ProfileError::Syntax { path, problems }),
        }
    }

    /// The profile with this name, which is case-sensitive. It has what `[DEFAULT]` says and it does
    /// not; `DEFAULT` itself is always there.
    ///
    /// # Errors
    /// [`ProfileError::NoProfile`].
    pub fn profile(&self, name: &str) -> Result<Profile, ProfileError> {
        let own = self.document.sections.get(name);
        if own.is_none() && name != DEFAULTS {
            let others = self.document.sections.keys().map(String::as_str);
            return Err(ProfileError::NoProfile {
                path: self.path.clone(),
                profile: name.to_owned(),
                names: [DEFAULTS]
                    .into_iter()
                    .chain(others)
                    .map(str::to_owned)
                    .collect(),
            });
        }
        let mut entries = self.document.defaults.clone();
        entries.extend(own.cloned().unwrap_or_default());
        Ok(Profile::new(self.path.clone(), name.to_owned(), entries))
    }
}

#[cfg(test)]
mod tests;
