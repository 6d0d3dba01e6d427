//! The home in which each case of the contract with files of before is tried.
//!
//! Where a case holds the name of a Python exception, [`is_meant`] says which of our errors it is.

use std::path::PathBuf;

use serde_json::Value;

use super::document::{ConfigError, Wrong};
use super::files::Places;
use super::process_inputs::ProcessInputs;
use super::{Config, load};

/// Whether our kind of error is what a case means by a Python exception.
pub(super) fn is_meant(expected: &Value, error: &ConfigError) -> bool {
    match expected["error"].as_str() {
        Some("ParserError" | "ScannerError" | "ComposerError" | "YAMLError") => {
            error.kind == Wrong::Syntax
        }
        Some("ConfigurationError") => true,
        Some("ValueError" | "TypeError" | "AttributeError" | "KeyError") => {
            error.kind == Wrong::Content
        }
        _ => false,
    }
}

pub(super) struct Home(tempfile::TempDir);

impl Home {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name).join("resolver.yaml")
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let file = self.0.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// Loads what the case's files hold. A daemon has no working directory: `./resolver.yaml` is a
    /// place of before that is not searched.
    pub(super) fn load(
        &self,
        input: &Value,
        inputs: &ProcessInputs,
    ) -> Result<Config, ConfigError> {
        for (name, text) in input["files"].as_object().unwrap() {
            self.write(&format!("{name}/resolver.yaml"), text.as_str().unwrap());
        }
        let places = if input["explicit_config"] == true {
            Places::named(self.file("explicit"))
        } else {
            Places {
                files: vec![self.file("user"), self.file("system")],
                required: false,
                services: None,
            }
        };
        load(&places, inputs, nix::unistd::geteuid().as_raw())
    }

    /// Loads a configuration given as data.
    pub(super) fn load_data(&self, config: &Value, inputs: &ProcessInputs) -> Config {
        self.write("user/resolver.yaml", &config.to_string());
        let files = serde_json::json!({"files": {}, "explicit_config": false});
        self.load(&files, inputs).unwrap()
    }
}

pub(super) fn inputs(variables: &Value) -> ProcessInputs {
    let mut inputs = ProcessInputs::of_tests();
    for (name, value) in variables.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap().to_owned();
        inputs.variables.insert(name.clone(), value);
    }
    inputs
}
