//! A resolver.yaml of before sets what it set, and maps the secrets it mapped.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use vault_backends::oci::AuthMethod;
use vault_proto::reference::SecretRef;

use super::compat_cases::{Home, inputs, is_meant};
use super::process_inputs::ProcessInputs;
use crate::compat::each;
use crate::service::Service;
use crate::setup::{Setup, View};

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
        let config = match home.load(input, &inputs(&input["env"])) {
            Ok(config) => config,
            // A bare name is refused where no vault is configured that it could be in.
            Err(error) if error.message.starts_with("a bare name") => return,
            Err(error) => {
                assert!(is_meant(expected, &error), "{error}");
                return;
            }
        };
        if is_empty(input) {
            assert!(config.setup.path.is_some());
            return;
        }
        if is_only_in_the_working_directory(input) {
            // No file is a configuration, and its settings are the defaults.
            assert!(config.setup.path.is_none());
            return;
        }
        assert!(expected.get("error").is_none(), "an error was expected");
        compare(&config.setup, expected);
    });
}

/// Whether a case's file is an empty one: that is a configuration now, as one of comments alone is.
fn is_empty(input: &Value) -> bool {
    input["files"]["user"].as_str().is_some_and(str::is_empty)
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
                flag(view.targets.oci().auth_method == AuthMethod::InstancePrincipal);
            }
            "config_file" => {
                assert_eq!(
                    Some(view.targets.oci().config_file.clone()),
                    expanded(value),
                    "{field}"
                );
            }
            "config_profile" => text(Some(&view.targets.oci().config_profile)),
            "max_retries" => number(u64::from(setup.resilience.retry.max_retries)),
            "enable_circuit_breaker" => flag(setup.resilience.breaker.threshold != 0),
            "circuit_breaker_threshold" => {
                number(
                    written("resilience.circuit_breaker_threshold")
                        .parse()
                        .unwrap(),
                );
            }
            "default_compartment_id" => text(view.targets.oci().compartment_id.as_deref()),
            "default_vault_id" => text(view.targets.oci().vault_id.as_deref()),
            other => panic!("a field without a comparison: {other}"),
        }
    }
}

#[test]
fn compat_proxy_config_search() {
    each("proxy_config_search", |input, expected| {
        let home = Home::new();
        let config = match home.load(input, &ProcessInputs::of_tests()) {
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
        if is_empty(input) {
            return;
        }
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
        let mut inputs = ProcessInputs::of_tests();
        if let Some(compartment) = input["compartment_id"].as_str() {
            let name = "OCI_VAULT_COMPARTMENT_ID".to_owned();
            inputs.variables.insert(name, compartment.to_owned());
        }
        let none = serde_json::Map::new();
        let is_error = expected.get("error").is_some();
        let expected = expected["references"].as_object().unwrap_or(&none);
        let valid = |text: &Value| text.as_str().unwrap().parse::<SecretRef>().is_ok();
        let home = Home::new();
        if is_error || !expected.values().all(valid) {
            // What was no reference before is an error with its place now.
            home.write("user/resolver.yaml", &config.to_string());
            let files = serde_json::json!({"files": {}, "explicit_config": false});
            let error = home.load(&files, &inputs).unwrap_err();
            assert!(error.key.starts_with("secrets."), "{error}");
            return;
        }
        let setup = home.load_data(&config, &inputs).setup;
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
        let setup = home
            .load_data(&input["config"], &ProcessInputs::of_tests())
            .setup;
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
