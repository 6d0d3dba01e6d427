//! Service files of before choose what they chose, and start what they started.
//!
//! A rule for all cases: an environment that nothing names is refused today, and they were written when it
//! meant the default with a warning. They are read with `environment_fallback: warn`, which is that.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use vault_proto::reference::{SecretRef, Selector};

use super::compat_cases::{Home, inputs, is_meant};
use super::process_inputs::ProcessInputs;
use super::wrapper_file;
use crate::command::{Command, catalogue};
use crate::compat::each;
use crate::setup::{AskedEnvironment, EnvironmentOrigin};

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

/// Whether our error is about what a case's words are about: the table of keys that words name.
fn is_about(words: &str, reason: &str) -> bool {
    let keys = ["version", "target_command", "env_overrides", "secrets"];
    let named = keys.into_iter().find(|key| words.contains(key));
    named.is_none_or(|key| reason.contains(key))
}

/// A bare name needs a vault that it is in; the predecessor looked for one only at the launch.
const COMPARTMENT: &str = "C";

#[test]
fn compat_service_file() {
    each("service_file", |input, expected| {
        let home = Home::new();
        home.write("user/configs/svc.json", &input["config"].to_string());
        home.write("user/resolver.yaml", "environment_fallback: warn\n");
        let files = serde_json::json!({"files": {}, "explicit_config": false});
        let inputs = inputs(&serde_json::json!({"OCI_COMPARTMENT_ID": COMPARTMENT}));
        let setup = home.load(&files, &inputs).unwrap().setup;
        let environment = input["environment"].as_str();
        let asked = environment.map(|name| AskedEnvironment {
            name: name.to_owned(),
            origin: EnvironmentOrigin::Asked,
        });
        let view = setup.view(environment);
        let chosen = view.services.get("svc").map(|service| {
            let environment = setup.environment_of(service, asked.as_ref());
            let environment = environment.expect("none is refused");
            let chosen = service.choose(environment.name());
            (service.clone(), chosen)
        });
        let (service, chosen, warnings) = match chosen.ok_or_else(|| &view.refused["svc"]) {
            Err(refused) => {
                let words = expected["error"].as_str().expect("no error was expected");
                assert!(is_about(words, &refused.reason), "{}", refused.reason);
                return;
            }
            Ok((_, Err(error))) => {
                assert!(expected.get("error").is_some(), "{error}");
                return;
            }
            // Without a command the file is read, and each launch is refused.
            Ok((service, _)) if service.command == Command::Absent => {
                assert!(expected.get("error").is_some(), "a command was expected");
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
            let name = name.within(COMPARTMENT);
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
        let home = Home::new();
        home.write("user/resolver.yaml", &config.to_string());
        let none = serde_json::json!({"files": {}, "explicit_config": false});
        let setup = match home.load(&none, &ProcessInputs::of_tests()) {
            Ok(config) => config.setup,
            Err(error) => {
                assert!(is_meant(expected, &error), "{error}");
                return;
            }
        };
        let command = &setup.base.services[name].command;
        match expected.get("error") {
            None => assert!(same_words(command.words(), &expected["argv"])),
            Some(_) => {
                assert!(catalogue::command(name).is_none());
                assert_eq!(*command, Command::Absent);
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
