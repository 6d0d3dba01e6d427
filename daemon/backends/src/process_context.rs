//! The process as its backends see it: home directory, variables, owner and date.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::wall_clock::WallClock;

/// What is read besides settings and files, taken once at the daemon's start.
#[derive(Clone)]
pub struct ProcessContext {
    /// The home directory, for `~` and `~/.oci`.
    pub home: PathBuf,
    /// The daemon's own variables. They may hold keys and tokens: no `Debug`.
    pub variables: BTreeMap<String, String>,
    /// Whose files are believed.
    pub euid: u32,
    /// The date.
    pub clock: Arc<dyn WallClock>,
}

impl ProcessContext {
    /// The value of a variable; an empty or blank one is none.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name).map(String::as_str);
        value.filter(|value| !value.trim().is_empty())
    }
}
