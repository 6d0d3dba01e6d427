//! The predecessor's program names, which mean `vaultctl resolve`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

const OLD_NAMES: [&str; 2] = ["oci_vault_resolver.py", "oci-vault-resolve"];

/// The command line as it is meant.
pub(crate) fn as_meant(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    let name = words.first().and_then(|name| Path::new(name).file_name());
    let is_old = OLD_NAMES.iter().any(|old| name == Some(OsStr::new(old)));
    if is_old {
        words.splice(..1, ["vaultctl".into(), "resolve".into()]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_names_mean_resolve() {
        let meant = |words: &[&str]| {
            let words = as_meant(words.iter().map(OsString::from));
            words.join(OsStr::new(" ")).into_string().expect("UTF-8")
        };
        assert_eq!(meant(&["oci-vault-resolve", "-v"]), "vaultctl resolve -v");
        assert_eq!(
            meant(&["/usr/bin/oci_vault_resolver.py"]),
            "vaultctl resolve"
        );
        assert_eq!(
            meant(&["/oci-vault-resolve/vaultctl", "status"]),
            "/oci-vault-resolve/vaultctl status"
        );
        assert_eq!(meant(&[]), "");
    }
}
