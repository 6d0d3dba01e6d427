//! The names by which this program is called.
//!
//! People have started servers with other programs before; a link with one of their names leads
//! here, and the usage shows that name. Nothing else depends on it.

use std::ffi::{OsStr, OsString};
use std::path::Path;

const NAME: &str = "vault-run";
const OLD_NAMES: [&str; 2] = ["mcp-launch", "mcp_vault_proxy.py"];

/// One of the names this program knows itself by, whatever the caller wrote.
pub(crate) fn known(called: Option<OsString>) -> &'static str {
    let called = called.unwrap_or_default();
    let last = Path::new(&called).file_name();
    OLD_NAMES
        .into_iter()
        .find(|name| last == Some(OsStr::new(name)))
        .unwrap_or(NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_are_answered_to() {
        for (called, expected) in [
            (
                "/home/you/.local/bin/mcp_vault_proxy.py",
                "mcp_vault_proxy.py",
            ),
            ("mcp-launch", "mcp-launch"),
            ("/usr/bin/vault-run", "vault-run"),
            ("hunter2", "vault-run"),
            ("", "vault-run"),
        ] {
            assert_eq!(known(Some(called.into())), expected);
        }
        assert_eq!(known(None), "vault-run");
    }
}
