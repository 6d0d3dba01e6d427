//! The daemon's own environment and command line, taken once, at its start.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::document::{Mark, Node, Origin};
use crate::arguments::Arguments;
use crate::backend_kinds::BackendKinds;
use crate::command;

/// The variables that set a key, after all files. Where two set the same, the first counts.
const VARIABLES: &[(&str, &str, &str)] = &[
    ("OCI_VAULT_ID", "vault", "vault_id"),
    ("OCI_VAULT_COMPARTMENT_ID", "vault", "compartment_id"),
    ("OCI_COMPARTMENT_ID", "vault", "compartment_id"),
    ("OCI_REGION", "vault", "region"),
    ("OCI_CONFIG_FILE", "vault", "config_file"),
    ("OCI_CONFIG_PROFILE", "vault", "config_profile"),
    ("OCI_VAULT_CACHE_DIR", "cache", "directory"),
    ("OCI_VAULT_CACHE_TTL", "cache", "ttl"),
];
/// The variables that switch instance principals on or off.
const PRINCIPALS: [&str; 2] = ["OCI_USE_INSTANCE_PRINCIPALS", "OCI_USE_INSTANCE_PRINCIPAL"];
/// The variable that names the environment where a caller names none.
const ENVIRONMENT: &str = "OCI_VAULT_ENVIRONMENT";

/// Everything that counts beside the files. The variables may hold keys and tokens: no `Debug`.
#[derive(Clone, Default)]
pub struct ProcessInputs {
    /// The kinds of vaults there are.
    pub kinds: BackendKinds,
    /// The process's variables.
    pub variables: BTreeMap<String, String>,
    /// `--config-file`.
    pub config_file: Option<String>,
    /// `--profile`.
    pub config_profile: Option<String>,
    /// `--instance-principals`.
    pub instance_principals: bool,
}

impl ProcessInputs {
    /// What this process was started with. A variable that is not UTF-8 is none.
    pub fn of_process(arguments: &Arguments, kinds: BackendKinds) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            kinds,
            variables: std::env::vars_os().filter_map(text).collect(),
            config_file: arguments.config_file.clone(),
            config_profile: arguments.profile.clone(),
            instance_principals: arguments.instance_principals,
        }
    }

    /// A process with nothing but a `PATH`.
    #[cfg(test)]
    pub(super) fn of_tests() -> Self {
        let path = std::env::var("PATH").unwrap_or_default();
        Self {
            variables: BTreeMap::from([("PATH".to_owned(), path)]),
            ..Self::default()
        }
    }

    /// The value of a variable; an empty one is none.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name)?;
        (!value.is_empty()).then_some(value)
    }

    /// The environment that counts where a caller names none.
    pub fn environment(&self) -> Option<&str> {
        self.variable(ENVIRONMENT)
    }

    /// The directories that programs are looked for in.
    pub fn path(&self) -> Vec<PathBuf> {
        command::directories(self.variable("PATH").map(AsRef::as_ref))
    }

    /// `tree`, with what the environment and the command line say laid over it.
    pub(super) fn over(&self, mut tree: Node) -> Node {
        let mut above = Node::empty();
        let put = |above: &mut Node, section: &str, key: &str, node: Node| {
            let mut below = above.take(section).unwrap_or_else(Node::empty);
            below.put(key, node);
            above.put(section, below);
        };
        for (name, section, key) in VARIABLES.iter().rev() {
            if let Some(value) = self.variable(name) {
                put(&mut above, section, key, Node::text(value, variable(name)));
            }
        }
        if let Some((name, on)) = self.principals() {
            let method = tree.get("vault").and_then(|vault| vault.get("auth_method"));
            let is_on = method.is_some_and(|method| method.says("instance_principal"));
            if on || is_on {
                let word = if on {
                    "instance_principal"
                } else {
                    "config_file"
                };
                put(
                    &mut above,
                    "vault",
                    "auth_method",
                    Node::text(word, variable(name)),
                );
            }
        }
        let argument = |name| Mark {
            origin: Origin::Argument(name),
            ..Mark::default()
        };
        if let Some(file) = &self.config_file {
            put(
                &mut above,
                "vault",
                "config_file",
                Node::text(file, argument("--config-file")),
            );
        }
        if let Some(profile) = &self.config_profile {
            put(
                &mut above,
                "vault",
                "config_profile",
                Node::text(profile, argument("--profile")),
            );
        }
        if self.instance_principals {
            let node = Node::text("instance_principal", argument("--instance-principals"));
            put(&mut above, "vault", "auth_method", node);
        }
        if tree.is_null() {
            tree = Node::empty();
        }
        tree.under(above)
    }

    /// Which variable switches instance principals, and how: `true` in any case is on, `false` and
    /// `0` are off, anything else says nothing.
    fn principals(&self) -> Option<(&'static str, bool)> {
        let said = |name| Some((name, self.variable(name)?.to_ascii_lowercase()));
        let (name, word) = PRINCIPALS.into_iter().find_map(said)?;
        match word.as_str() {
            "true" => Some((name, true)),
            "false" | "0" => Some((name, false)),
            _ => None,
        }
    }
}

fn variable(name: &'static str) -> Mark {
    Mark {
        origin: Origin::Variable(name),
        ..Mark::default()
    }
}
