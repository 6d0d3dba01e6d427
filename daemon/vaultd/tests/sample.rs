//! Does the sample show every key, with the default that counts where there is no file?

use std::path::{Path, PathBuf};

use vaultd::config::files::Places;
use vaultd::config::process_inputs::ProcessInputs;
use vaultd::config::{Config, load, sample};
use vaultd::policy::{Action, Question};

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("resolver.sample.yaml")
}

#[test]
fn the_sample_is_made_from_the_table_of_keys() {
    let made = sample::text();
    if std::env::var_os("UPDATE_SAMPLE").is_some() {
        std::fs::write(file(), &made).unwrap();
    }
    let kept = std::fs::read_to_string(file()).unwrap();
    assert!(
        kept == made,
        "resolver.sample.yaml is out of date: UPDATE_SAMPLE=1 cargo test -p vaultd --test sample"
    );
}

/// The sample's settings and examples without their `#`; explanations have a blank after it.
fn uncommented() -> impl Iterator<Item = String> {
    let lines: Vec<String> = sample::text()
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.starts_with(' ') || line.starts_with("  "))
        .map(str::to_owned)
        .collect();
    lines.into_iter()
}

/// The settings alone: the sections without the examples of people's own keys.
fn settings() -> String {
    let mut skipped = false;
    let mut text = String::new();
    for line in uncommented() {
        if !line.starts_with(' ') {
            let examples = ["secrets:", "services:", "environments:", "policy:"];
            skipped = examples.contains(&line.as_str());
        }
        if !skipped {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn loaded(text: Option<&str>) -> Config {
    let room = tempfile::tempdir().expect("a room");
    let file = room.path().join("resolver.yaml");
    if let Some(text) = text {
        std::fs::write(&file, text).expect("written");
    }
    let places = Places {
        files: vec![file],
        required: text.is_some(),
        services: None,
    };
    load(
        &places,
        &ProcessInputs::default(),
        nix::unistd::geteuid().as_raw(),
    )
    .expect("the sample is a configuration")
}

#[test]
fn every_default_of_the_sample_is_the_one_that_counts_without_a_file() {
    let settings = settings();
    assert!(
        settings.contains("circuit_breaker_recovery: 60"),
        "{settings}"
    );
    let (with, without) = (loaded(Some(&settings)), loaded(None));
    assert_eq!(with.setup.warnings, Vec::<String>::new());
    assert_eq!(with.setup.base.targets, without.setup.base.targets);
    assert_eq!(with.setup.base.freshness, without.setup.base.freshness);
    assert_eq!(with.setup.resilience, without.setup.resilience);
    assert_eq!(with.setup.logging, without.setup.logging);
    assert_eq!(with.setup.audit, without.setup.audit);
    assert_eq!(with.memory, without.memory);
    assert_eq!(with.local, without.local);
    let values = |config: &Config| -> Vec<String> {
        let entries = config.setup.base.effective.iter();
        entries
            .map(|entry| format!("{}={}", entry.key, entry.value))
            .collect()
    };
    assert_eq!(values(&with).len(), values(&without).len());
}

#[test]
fn the_examples_of_the_sample_are_a_configuration() {
    let text = uncommented().collect::<Vec<_>>().join("\n");
    let setup = loaded(Some(&text)).setup;
    assert_eq!(setup.environments.len(), 1);
    assert_eq!(setup.base.services["github"].secrets.len(), 1);
    let decision = setup.policy.decide(&Question {
        uid: nix::unistd::geteuid().as_raw(),
        action: Action::Get,
        service: None,
        reference: Some(&"local://demo-token".parse().unwrap()),
        other_name: None,
        subject: None,
        written_by_default: true,
    });
    assert!(decision.allowed);
}
