//! Do files of before mean what they meant? The cases of the contract, counted by kind.
//!
//! `COMPAT_CASES` names another file of the same form. Where a case holds the name of a Python
//! exception, [`is_meant`] says which of our errors it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vault_backends::oci::AuthMethod;
use vault_proto::reference::{SecretRef, Selector};

use super::document::Wrong;
use super::wrapper_file;
use super::*;
use crate::command::catalogue;
use crate::service::Service;
use crate::setup::View;

/// Runs `check` on every case of `kind` and says how many there were.
fn each(kind: &str, check: impl Fn(&Value, &Value)) {
    let file = std::env::var_os("COMPAT_CASES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/compat-cases.json"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(&file).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let cases = all["cases"].as_array().unwrap();
    let cases: Vec<&Value> = cases.iter().filter(|case| case["kind"] == kind).collect();
    assert!(
        !cases.is_empty(),
        "no case of kind {kind} in {}",
        file.display()
    );
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        let run = std::panic::AssertUnwindSafe(|| check(&case["input"], &case["expected"]));
        assert!(std::panic::catch_unwind(run).is_ok(), "case {id}: {case}");
    }
    println!("{kind}: {} cases", cases.len());
}

/// Whether our kind of error is what a case means by a Python exception.
fn is_meant(expected: &Value, error: &ConfigError) -> bool {
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

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name).join("resolver.yaml")
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.0.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// Loads what the case's files hold. A daemon has no working directory: `./resolver.yaml` is a
    /// place of before that is not searched.
    fn load(&self, input: &Value, outside: &Outside) -> Result<Config, ConfigError> {
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
        load(&places, outside, nix::unistd::geteuid().as_raw())
    }

    /// Loads a configuration given as data.
    fn load_data(&self, config: &Value, outside: &Outside) -> Config {
        self.write("user/resolver.yaml", &config.to_string());
        let files = serde_json::json!({"files": {}, "explicit_config": false});
        self.load(&files, outside).unwrap()
    }
}

fn outside(variables: &Value) -> Outside {
    let mut outside = Outside::of_tests();
    for (name, value) in variables.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap().to_owned();
        outside.variables.insert(name.clone(), value);
    }
    outside
}

fn is_only_in_the_working_directory(input: &Value) -> bool {
    let files = input["files"].as_object().unwrap();
    input["explicit_config"] != true && files.keys().all(|name| name == "cwd")
}

fn expanded(text: &Value) -> Option<PathBuf> {
    let home = directories::BaseDirs::new().unwrap();
    let text = text.as_str()?;
    let below = text.strip_prefix("$HOME/").or(text.strip_prefix("~/"));
    Some(below.map_or_else(|| PathBuf::from(text), |below| home.home_dir().join(below)))
}

#[test]
fn compat_effective_settings() {
    each("effective_settings", |input, expected| {
        let home = Home::new();
        let config = match home.load(input, &outside(&input["env"])) {
            Ok(config) => config,
            Err(error) => {
                assert!(is_meant(expected, &error), "{error}");
                return;
            }
        };
        if is_only_in_the_working_directory(input) {
            // No file is a configuration, and its settings are the defaults.
            assert!(config.setup.path.is_none());
            return;
        }
        assert!(expected.get("error").is_none(), "an error was expected");
        compare(&config.setup, expected);
    });
}

/// Each setting of the case beside what is in force.
fn compare(setup: &Setup, expected: &Value) {
    let view = setup.view(None);
    let written = |key: &str| {
        let entry = view.effective.iter().find(|entry| entry.key == key);
        entry.unwrap().value.clone()
    };
    for (field, value) in expected.as_object().unwrap() {
        let text = |ours: Option<&str>| assert_eq!(ours, value.as_str(), "{field}");
        let number = |ours: u64| assert_eq!(Some(ours), value.as_u64(), "{field}");
        let flag = |ours: bool| assert_eq!(Some(ours), value.as_bool(), "{field}");
        match field.as_str() {
            "cache_dir" => {
                let ours = Value::String(written("cache.directory"));
                assert_eq!(expanded(&ours), expanded(value), "{field}");
            }
            "ttl" => number(view.freshness.ttl.as_secs()),
            "verbose" => flag(setup.logging.verbose),
            "use_instance_principals" => {
                flag(view.vault.auth_method == AuthMethod::InstancePrincipal);
            }
            "config_file" => {
                assert_eq!(
                    Some(view.vault.config_file.clone()),
                    expanded(value),
                    "{field}"
                );
            }
            "config_profile" => text(Some(&view.vault.config_profile)),
            "max_retries" => number(u64::from(setup.resilience.retry.max_retries)),
            "enable_circuit_breaker" => flag(setup.resilience.breaker.threshold != 0),
            "circuit_breaker_threshold" => {
                number(
                    written("resilience.circuit_breaker_threshold")
                        .parse()
                        .unwrap(),
                );
            }
            "default_compartment_id" => text(view.vault.compartment_id.as_deref()),
            "default_vault_id" => text(view.vault.vault_id.as_deref()),
            other => panic!("a field without a comparison: {other}"),
        }
    }
}

#[test]
fn compat_proxy_config_search() {
    each("proxy_config_search", |input, expected| {
        let home = Home::new();
        let config = match home.load(input, &Outside::of_tests()) {
            Ok(config) => config,
            Err(error) => {
                assert!(is_meant(expected, &error), "{error}");
                return;
            }
        };
        let Some(path) = &config.setup.path else {
            // No file is a configuration: the local store, and no example in its place.
            assert!(is_only_in_the_working_directory(input));
            return;
        };
        let marker = expected["marker"]
            .as_str()
            .expect("a file was not expected");
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.trim(), format!("marker: {marker}"));
        assert_eq!(expected["is_example"], false);
    });
}

/// The references of a service in an environment, by variable.
fn references(service: &Service, environment: Option<&str>) -> BTreeMap<String, String> {
    let (chosen, _) = service.choose(environment).unwrap();
    let pair = |one: crate::service::Chosen| (one.variable, one.reference.to_string());
    chosen.into_iter().map(pair).collect()
}

#[test]
fn compat_secret_mapping() {
    each("secret_mapping", |input, expected| {
        let mut config = input["config"].clone();
        // A service without a list gets all mappings.
        config["services"] = serde_json::json!({"all": {"command": ["env"]}});
        let mut outside = Outside::of_tests();
        if let Some(compartment) = input["compartment_id"].as_str() {
            let name = "OCI_VAULT_COMPARTMENT_ID".to_owned();
            outside.variables.insert(name, compartment.to_owned());
        }
        let expected = expected["references"].as_object().unwrap();
        let valid = |text: &Value| text.as_str().unwrap().parse::<SecretRef>().is_ok();
        let home = Home::new();
        if !expected.values().all(valid) {
            // What was no reference before is an error with its place now.
            home.write("user/resolver.yaml", &config.to_string());
            let files = serde_json::json!({"files": {}, "explicit_config": false});
            let error = home.load(&files, &outside).unwrap_err();
            assert!(error.key.starts_with("secrets."), "{error}");
            return;
        }
        let setup = home.load_data(&config, &outside).setup;
        let environment = input["environment"].as_str();
        let ours = references(&setup.view(environment).services["all"], environment);
        let theirs: BTreeMap<String, String> = expected
            .iter()
            .map(|(name, text)| (name.clone(), text.as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(ours, theirs);
    });
}

#[test]
fn compat_environment_selection() {
    each("environment_selection", |input, expected| {
        // What vault-run makes of its flags and its environment, and sends.
        let flags: Vec<&str> = input["flags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|flag| flag.as_str().unwrap())
            .collect();
        let flag = flags
            .iter()
            .position(|flag| matches!(*flag, "--env" | "--environment"));
        let variable = input["env"]["OCI_VAULT_ENVIRONMENT"].as_str();
        let asked = flag
            .map(|at| flags[at + 1])
            .filter(|name| !name.is_empty())
            .or(variable.filter(|name| !name.is_empty()));
        let home = Home::new();
        let setup = home.load_data(&input["config"], &Outside::of_tests()).setup;
        let view: &View = setup.view(asked);
        let theirs: Vec<&str> = expected["references"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap())
            .collect();
        let ours: Vec<String> = references(&view.services["svc"], asked)
            .into_values()
            .collect();
        assert_eq!(ours, theirs);
    });
}

/// Whether words are a command, found or not.
fn same_words(ours: &[String], theirs: &Value) -> bool {
    let theirs: Vec<&str> = theirs
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    let program = Path::new(&ours[0]).file_name();
    ours.len() == theirs.len()
        && program == Path::new(theirs[0]).file_name()
        && ours
            .iter()
            .zip(&theirs)
            .skip(1)
            .all(|(ours, theirs)| ours == theirs)
}

#[test]
fn compat_service_file() {
    each("service_file", |input, expected| {
        let home = Home::new();
        home.write("user/configs/svc.json", &input["config"].to_string());
        let files = serde_json::json!({"files": {}, "explicit_config": false});
        let loaded = home.load(&files, &Outside::of_tests());
        let environment = input["environment"].as_str();
        let chosen = loaded.map(|config| {
            let service = config.setup.view(environment).services["svc"].clone();
            let chosen = service.choose(environment);
            (service, chosen)
        });
        let (service, chosen, warnings) = match chosen {
            Err(error) => {
                let words = expected["error"].as_str().expect("no error was expected");
                assert!(error.to_string().contains(words), "{error}");
                return;
            }
            Ok((_, Err(error))) => {
                assert!(expected.get("error").is_some(), "{error}");
                return;
            }
            Ok((service, Ok((chosen, warnings)))) => (service, chosen, warnings),
        };
        assert!(expected.get("error").is_none(), "an error was expected");
        let theirs = expected["secrets"].as_object().unwrap();
        assert_eq!(chosen.len(), theirs.len());
        for one in &chosen {
            let wanted = &theirs[&one.variable];
            let name = SecretRef::parse_or_oci(wanted["name"].as_str().unwrap()).unwrap();
            assert_eq!(one.reference.place(), name.place());
            let version = match one.reference.selector() {
                Selector::Version(number) => Some(number.get()),
                _ => None,
            };
            assert_eq!(version, wanted["version"].as_u64());
        }
        if expected["argv"]
            .as_array()
            .is_some_and(|argv| !argv.is_empty())
        {
            assert!(same_words(service.command.words(), &expected["argv"]));
        }
        let theirs: BTreeMap<&str, &str> = expected["env_overrides"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let ours: BTreeMap<&str, &str> = service
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(ours, theirs);
        let theirs = expected["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), theirs.len(), "{warnings:?}");
        for (ours, theirs) in warnings.iter().zip(theirs) {
            assert!(ours.contains(theirs.as_str().unwrap()), "{ours}");
        }
    });
}

#[test]
fn compat_service_command() {
    each("service_command", |input, expected| {
        let name = input["service"].as_str().unwrap();
        if !input["command_flag"].is_null() {
            // Words on vault-run's command line stand for the configured ones; vault-run splits
            // them, and its own tests run these cases.
            return;
        }
        let mut config = input["config"].clone();
        let named = config["services"].get(name).is_some();
        if !named {
            // A name of the catalogue alone launches nothing: it must be configured.
            config = serde_json::json!({"services": {name: {}}});
        }
        let setup = Home::new().load_data(&config, &Outside::of_tests()).setup;
        let command = &setup.base.services[name].command;
        match expected.get("error") {
            None => assert!(same_words(command.words(), &expected["argv"])),
            Some(_) => {
                assert!(catalogue::command(name).is_none());
                assert_eq!(*command, crate::command::Command::Absent);
            }
        }
    });
}

#[test]
fn compat_wrapper_env_value() {
    each("wrapper_env_value", |input, expected| {
        let variables = input["process_env"].as_object().unwrap();
        let lookup = |name: &str| Some(variables.get(name)?.as_str()?.to_owned());
        let secrets = input["secrets"].as_object().unwrap();
        let value = wrapper_file::value(input["value"].as_str().unwrap(), &lookup).unwrap();
        let ours = match value {
            wrapper_file::Value::Text(text) => Some(text),
            wrapper_file::Value::Secret(reference) => {
                let held = secrets.iter().find(|(name, _)| {
                    SecretRef::parse_or_oci(name).is_ok_and(|named| named == reference)
                });
                held.map(|(_, text)| text.as_str().unwrap().to_owned())
            }
        };
        match expected.get("error") {
            None => assert_eq!(ours.as_deref(), expected["value"].as_str()),
            Some(_) => assert_eq!(ours, None, "nothing is there to be found"),
        }
    });
}
