//! The place of the configuration file.

use std::path::{Path, PathBuf};

/// The file to read where `configured` is. As in Oracle's SDKs, the variable `OCI_CONFIG_FILE` and
/// the name of older versions count only where the usual file is configured and not there. The last
/// resort is the usual name, for the message that says what is missing.
pub fn locate(
    configured: &Path,
    home: &Path,
    variable: Option<&str>,
    is_file: &dyn Fn(&Path) -> bool,
) -> PathBuf {
    let usual = home.join(".oci/config");
    let older = home.join(".oraclebmc/config");
    let named = variable.filter(|path| !path.is_empty());
    let configured = expanded(&configured.to_string_lossy(), home);
    if configured != usual || is_file(&usual) {
        configured
    } else if let Some(path) = named {
        expanded(path, home)
    } else if is_file(&older) {
        older
    } else {
        usual
    }
}

/// The path with the home in place of `~` at its beginning.
pub(super) fn expanded(path: &str, home: &Path) -> PathBuf {
    match path.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(configured: &str, variable: Option<&str>, there: &[&str]) -> String {
        let is_file = |path: &Path| there.iter().any(|file| Path::new(file) == path);
        let path = locate(Path::new(configured), Path::new("/h"), variable, &is_file);
        path.display().to_string()
    }

    #[test]
    fn a_configured_file_wins_and_the_variable_counts_last() {
        let (usual, older) = ("/h/.oci/config", "/h/.oraclebmc/config");
        for (configured, variable, there, path) in [
            ("/else", Some("/variable"), &[usual, older][..], "/else"),
            ("~/else", None, &[], "/h/else"),
            (usual, Some("/variable"), &[usual, older], usual),
            ("~/.oci/config", Some("/variable"), &[older], "/variable"),
            (usual, Some("~/variable"), &[], "/h/variable"),
            (usual, Some(""), &[older], older),
            (usual, None, &[older], older),
            (usual, None, &[], usual),
        ] {
            assert_eq!(located(configured, variable, there), path);
        }
    }

    #[test]
    fn only_the_own_home_is_expanded() {
        for (path, expected) in [
            ("~", "/h"),
            ("~/a", "/h/a"),
            ("~//a", "/h/a"),
            ("~other/a", "~other/a"),
            ("a/~", "a/~"),
        ] {
            assert_eq!(expanded(path, Path::new("/h")), Path::new(expected));
        }
    }
}
